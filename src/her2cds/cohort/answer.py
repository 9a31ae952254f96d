"""One patient's decision as rows of the result tables. Selection only: nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from her2cds.evaluation import Case, KnowledgeBase
from her2cds.facts.truth import TRUE, UNKNOWN
from her2cds.facts.values import Fact, ScalarFact
from her2cds.recommendation.candidates import Candidate, Exclusion
from her2cds.recommendation.order import Ranked
from her2cds.report.context import ReportContext
from her2cds.report.therapies import TherapyParts
from her2cds.report.unsettled import hanging

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """One thing that missing facts leave open: what it is, and the facts."""

    kind: str
    missing: tuple[str, ...]


class AnswerRows:
    """The rows of one patient, in the order of the columns; `who` are the values of the first three."""

    def __init__(self, who: Row, case: Case, knowledge: KnowledgeBase) -> None:
        self._who = who
        self._case = case
        self._decision = case.decision
        self._categories = knowledge.knowledge.data.ranking.categories
        self._context = ReportContext(knowledge.knowledge, case.decision, case.chart, knowledge.registry)
        self._parts = TherapyParts(self._context)
        self._open: list[Decided] = []

    def tables(self) -> dict[str, list[Row]]:
        """The rows by table."""
        candidates = [self._who + row for row in self._candidates()]
        trials = [self._who + row for row in self._trials()]
        questions = [self._who + row for row in self._questions()]
        return {
            "patients": [self._who + self._patient()],
            "candidates": candidates,
            "trials": trials,
            "questions": questions,
        }

    def _patient(self) -> Row:
        decision, profile = self._decision, self._case.chart.profile
        trials = [one.verdict for one in decision.matches if one.fits and not one.closed]
        lines = self._fact("lines.metastatic")
        return (
            profile.date.isoformat() if profile.date else None,
            profile.disease.setting,
            int(lines.value) if isinstance(lines, ScalarFact) and isinstance(lines.value, float | int) else None,
            words_of(self._fact("her2.class")),
            words_of(self._fact("hr.status")),
            value if isinstance(value := getattr(self._fact("her2.mutated"), "value", None), bool) else None,
            words_of(self._fact("brain.status")),
            "deferred" if decision.deferred else "ranked" if decision.ranked else "none",
            [one.candidate.regimen.id for one in decision.ranked if one.rank == 1],
            len(decision.ranked),
            len(decision.gathered.excluded),
            trials.count(TRUE),
            trials.count(UNKNOWN),
            len(self._case.chart.notices),
        )

    def _fact(self, name: str) -> Fact | None:
        return self._decision.outcome.facts.get(name)

    # --- Candidates ----------------------------------------------------------------------------------------

    def _candidates(self) -> Iterator[Row]:
        for one in self._decision.ranked:
            yield self._candidate("ranked", one.candidate, one)
        for candidate in self._decision.gathered.excluded:
            yield self._candidate("ruled_out", candidate)
        for candidate in self._decision.gathered.investigational:
            yield self._candidate("investigational", candidate)

    def _candidate(self, group: str, candidate: Candidate, ranked: Ranked | None = None) -> Row:
        conditional = checks = ()  # type: tuple[str, ...]
        if group != "ruled_out":
            conditional = self._parts.conditional_on(candidate)
            self._open.append(Decided("regimens", conditional))
        if ranked:
            found = self._parts.open_checks(candidate)
            self._open += [Decided("checks", one.missing) for one in found]
            checks = tuple(dict.fromkeys(fact for one in found for fact in one.missing))
        return (
            candidate.regimen.id,
            group,
            ranked.rank if ranked else None,
            bool(ranked and ranked.tied),
            candidate.best_category(self._categories),
            bool(candidate.steps_down),
            candidate.determined,
            [rule.id for rule in candidate.offers],
            [one.rule.id for one in candidate.cautions] + [f"intolerance:{one.drug}" for one in candidate.intolerances],
            list(dict.fromkeys(map(self._ruled_out_by, candidate.exclusions))),
            list(conditional),
            list(checks),
        )

    def _ruled_out_by(self, exclusion: Exclusion) -> str:
        if exclusion.rule:
            return exclusion.rule.id
        ranking = self._context.knowledge.data.ranking
        kinds = {ranking.hypersensitivity: "hypersensitivity", ranking.unsuitable: "unsuitable"}
        return f"{kinds.get(exclusion.because, 'progression')}:{exclusion.drug}"

    # --- Trials and questions --------------------------------------------------------------------------------

    def _trials(self) -> Iterator[Row]:
        for one in self._decision.matches:
            if not one.fits:
                continue
            missing = self._context.missing.of(one.trial.id) if one.verdict is UNKNOWN else ()
            if not one.closed:
                self._open.append(Decided("trials", missing))
            eligibility = "eligible" if one.verdict is TRUE else "possible"
            yield (one.trial.id, eligibility, one.closed, one.trial.strategy, len(one.answers), list(missing))

    def _questions(self) -> Iterator[Row]:
        """The missing facts of all that the rows before left open, in the order of their names."""
        deferred = self._decision.deferred
        for hangs in hanging(self._context):
            self._open += [Decided("regimens", hangs.facts)] * len(hangs.regimens)
            self._open += [Decided("trials", hangs.facts)] * len(hangs.trials)
        for fact in sorted({*deferred, *(fact for one in self._open for fact in one.missing)}):
            kinds = [one.kind for one in self._open if fact in one.missing]
            settles = sum(one.missing == (fact,) for one in self._open)
            counts = (kinds.count("regimens"), kinds.count("checks"), kinds.count("trials"))
            yield (fact, fact in deferred, *counts, settles)


def words_of(fact: Fact | None) -> str | None:
    """The values that a scalar fact can have, joined by ' or '; None where that is open or does not apply."""
    if not isinstance(fact, ScalarFact) or not fact.candidates:
        return None
    return " or ".join(str(one) for one in fact.candidates)
