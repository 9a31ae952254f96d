"""The trial part of a report, and the whole list of trials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from her2cds.facts.truth import FALSE, TRUE, UNKNOWN, Truth
from her2cds.knowledge.rules import Trial
from her2cds.recommendation.trial_drugs import DrugNote, TrialEffect
from her2cds.recommendation.trials import Match
from her2cds.report.context import ReportContext
from her2cds.report.therapies import failed_tests
from her2cds.report.trial_model import Eligibility, TrialDrugNote, TrialGroup, TrialKeptOut, TrialShown, TrialsRuledOut

TRIALS_PER_STRATEGY = 3
VERIFY = "verify it in the registry"
_ELIGIBILITY: dict[Truth, Eligibility] = {
    TRUE: "eligible on what is known",
    UNKNOWN: "possibly eligible",
    FALSE: "not eligible",
}
_RULED_OUT: Eligibility = "a drug of it is ruled out for this patient"
_EFFECTS: dict[TrialEffect, Literal["ruled out", "a specialist decides", "progressed on before"]] = {
    "exclude": "ruled out",
    "conditional": "a specialist decides",
    "progressed": "progressed on before",
}
_NEVER = {
    "other": "for other tumours only",
    "reference": "known from a reference list only",
}


class TrialParts:
    """Words matches for the reader."""

    def __init__(self, context: ReportContext) -> None:
        self._context = context

    def groups(self, matches: Iterable[Match], most: int | None = TRIALS_PER_STRATEGY) -> Iterator[TrialGroup]:
        """The trials that take patients, by strategy, in the order of each group's best trial; at most `most` each."""
        groups: dict[str, list[Match]] = {}
        for match in matches:
            if not match.closed and match.fits:
                groups.setdefault(match.trial.strategy, []).append(match)
        for strategy, members in groups.items():
            shown = tuple(self.trial(match) for match in members[:most])
            yield TrialGroup(strategy=strategy, trials=shown, more=len(members) - len(shown))

    def closed(self, matches: Iterable[Match]) -> Iterator[TrialShown]:
        """The trials that would fit and take no new patients."""
        return (self.trial(match) for match in matches if match.closed and match.fits)

    def ruled_out(self, matches: Iterable[Match]) -> Iterator[TrialShown]:
        """The trials that would fit, were it not for a drug that is ruled out for this patient."""
        return (self.trial(match) for match in matches if match.ruled_out and not match.closed)

    def ruled_out_by_reason(self, matches: Iterable[Match]) -> Iterator[TrialsRuledOut]:
        """The same trials, by what rules their drugs out."""
        found: dict[tuple[str, str], list[tuple[DrugNote, str]]] = {}
        for match in matches:
            if match.ruled_out and not match.closed:
                for note in match.notes:
                    if note.effect == "exclude":
                        reason = note.because, note.rule.id if note.rule else ""
                        found.setdefault(reason, []).append((note, match.trial.id))
        for (because, rule), notes in found.items():
            first = notes[0][0]
            yield TrialsRuledOut(
                because=because,
                drugs=tuple(dict.fromkeys(note.drug for note, _ in notes)),
                trials=tuple(dict.fromkeys(trial for _, trial in notes)),
                rule=rule,
                origin=first.origin,
                citations=self._context.cite(first.rule.cites) if first.rule else (),
            )

    def not_eligible(self, matches: Iterable[Match]) -> Iterator[TrialShown]:
        """The trials that do not fit."""
        return (self.trial(match) for match in matches if match.verdict is FALSE)

    def trial(self, match: Match) -> TrialShown:
        """One trial with the criteria that hold, those that fail, and the facts that are missing."""
        trial = match.trial
        condition = self._context.knowledge.conditions[trial.id]
        return TrialShown(
            id=trial.id,
            acronym=trial.acronym,
            title=trial.title,
            arms=trial.arms,
            strategy=trial.strategy,
            phase=trial.phase,
            population=trial.population,
            eligibility=_RULED_OUT if match.ruled_out else _ELIGIBILITY[match.verdict],
            answers=match.answers,
            linked_rules=self._context.knowledge.rules_by_trial.get(trial.id, ()),
            met=tuple(dict.fromkeys(map(str, self._context.tests.true_ones(condition)))),
            missed=failed_tests(self._context.explain(condition)) if match.verdict is FALSE else (),
            unknown=self._context.missing.of(trial.id) if match.verdict is UNKNOWN else (),
            inferred=trial.inferred,
            status=trial.status,
            registry=self._context.registry.get(trial.id),
            closed=match.closed,
            status_words=self._status_words(trial),
            caveats=trial.caveats,
            drug_notes=tuple([self._drug_note(note) for note in match.notes]) if match.fits or match.ruled_out else (),
            discrepancies=self._context.discrepancies(trial.id),
            citations=self._context.cite(trial.cites),
        )

    def _drug_note(self, note: DrugNote) -> TrialDrugNote:
        return TrialDrugNote(
            drug=note.drug,
            effect=_EFFECTS[note.effect],
            because=note.because,
            rule=note.rule.id if note.rule else "",
            origin=note.origin,
            citations=self._context.cite(note.rule.cites) if note.rule else (),
        )

    def never_suggested(self) -> Iterator[TrialKeptOut]:
        """The trials that are kept and never suggested, with the reason."""
        for trial in self._context.knowledge.data.trials:
            because = trial.blocked_because or _NEVER.get(trial.scope)
            if because:
                yield TrialKeptOut(trial.id, trial.title, because, self._context.cite(trial.cites))

    def _status_words(self, trial: Trial) -> str:
        """The status with its source and age; the registry's first where it is at hand."""
        record = self._context.registry.get(trial.id)
        parts = [f"{record.status_words} according to the registry, updated {record.updated}"] if record else []
        parts += [
            f"{one.status} as reported in {one.as_of} by {one.cites[0].source}{self._age(one.as_of)}"
            for one in trial.status
        ]
        if not trial.status:
            parts.append("not reported by the reviews")
        return "; ".join(parts) + ("" if record else f": {VERIFY}")

    def _age(self, as_of: str) -> str:
        """How old a status was on the day of the profile."""
        day = self._context.chart.profile.date
        if day is None:
            return ""
        year, month = (int(part) for part in as_of.split("-")[:2])
        months = (day.year - year) * 12 + day.month - month
        return f", {months} months before this profile" if months > 0 else ""
