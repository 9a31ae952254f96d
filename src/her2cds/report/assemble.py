"""Assembles the report from ranked candidates and verdicts. Selection and wording only: nothing is decided here."""

from __future__ import annotations

from her2cds.engine.explain import shown
from her2cds.facts.truth import TRUE
from her2cds.facts.values import ScalarFact
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.catalogue import Discrepancy
from her2cds.knowledge.rules import Rule
from her2cds.profile.normalise import Chart
from her2cds.recommendation.decide import Decision
from her2cds.registry.record import RegistryOverlay
from her2cds.report.context import ReportContext
from her2cds.report.history import history
from her2cds.report.model import (
    SCHEMA_VERSION,
    Classified,
    Notice,
    NotRecommended,
    Question,
    Report,
    SourceShown,
    TestToRequest,
    Therapy,
    TrialListing,
)
from her2cds.report.statement import statement_for
from her2cds.report.therapies import TherapyParts
from her2cds.report.trial_model import TrialGroup
from her2cds.report.trials import TrialParts
from her2cds.report.unsettled import hanging
from her2cds.version import __version__


class ReportAssembler:
    """Puts one report together."""

    def __init__(
        self, chart: Chart, knowledge: Knowledge, decision: Decision, registry: RegistryOverlay | None = None
    ) -> None:
        self._chart = chart
        self._decision = decision
        self._context = ReportContext(knowledge, decision, chart, registry)
        self._therapies = TherapyParts(self._context)

    def report(self) -> Report:
        """The report."""
        knowledge = self._context.knowledge
        therapies, not_recommended = self.therapies(), self.not_recommended()
        investigational = tuple(self._therapies.investigational(one) for one in self._decision.gathered.investigational)
        trial_parts = TrialParts(self._context)
        trials = tuple(trial_parts.groups(self._decision.matches))
        findings = tuple(self._therapies.finding(rule) for rule in self._context.satisfied("biomarker"))
        tests = tuple(self._test(rule) for rule in self._context.satisfied("request"))
        profile = self._chart.profile
        # Every field is made by typed code of our own: building the validators would only cost start-up time.
        report = Report.model_construct(
            schema_version=SCHEMA_VERSION,
            patient_id=profile.id,
            profile_date=profile.date.isoformat() if profile.date else None,
            software_version=__version__,
            knowledge=self._context.identity,
            intended_use=knowledge.data.manifest.intended_use,
            statement=self._statement(),
            classification=self.classification(),
            history=tuple(history(self._chart, knowledge)),
            therapies=therapies,
            not_recommended=not_recommended,
            investigational=investigational,
            trials=trials,
            trials_ruled_out=tuple(trial_parts.ruled_out_by_reason(self._decision.matches)),
            findings=findings,
            tests_to_request=tests,
            questions=self._questions(trials),
            notices=self._notices(),
            discrepancies=self._discrepancies(),
            sources=self._sources(),
        )
        return self._with_overlay(report)

    def therapies(self) -> tuple[Therapy, ...]:
        """The ranked candidates."""
        return tuple(self._therapies.therapy(one) for one in self._decision.ranked)

    def not_recommended(self) -> tuple[NotRecommended, ...]:
        """What is ruled out, with the reasons."""
        return tuple(self._therapies.not_recommended(one) for one in self._decision.gathered.excluded)

    def trial_listing(self) -> TrialListing:
        """All trials, those that are not for this patient included."""
        parts = TrialParts(self._context)
        groups, deferred = tuple(parts.groups(self._decision.matches, most=None)), self._decision.deferred
        return TrialListing.model_construct(
            schema_version=SCHEMA_VERSION,
            patient_id=self._chart.profile.id,
            knowledge=self._context.identity,
            intended_use=self._context.knowledge.data.manifest.intended_use,
            statement=self._statement() if deferred else None,
            groups=groups,
            ruled_out=tuple(parts.ruled_out(self._decision.matches)),
            closed=tuple(parts.closed(self._decision.matches)),
            not_eligible=tuple(parts.not_eligible(self._decision.matches)),
            never_suggested=tuple(parts.never_suggested()),
            questions=tuple(
                one for one in self._questions(groups) if one.trials or one.fact in self._decision.deferred
            ),
        )

    def _statement(self) -> str | None:
        return statement_for(self._context.knowledge, self._decision, self._context.tests)

    # --- Classification ---------------------------------------------------------------------------

    def classification(self) -> tuple[Classified, ...]:
        """The derived facts, each with its trace."""
        knowledge, outcome = self._context.knowledge, self._context.outcome
        result = []
        for fact, rules in sorted(knowledge.derivers.items()):
            value = outcome.facts[fact]
            satisfied = tuple([rule for rule in rules if outcome.verdicts[rule] is TRUE])
            because = "; ".join([knowledge.rules[rule].title for rule in satisfied])
            if not because and isinstance(value, ScalarFact) and not value.is_known:
                because = "facts are missing"
            result.append(
                Classified(
                    fact=fact,
                    meaning=knowledge.facts[fact].meaning,
                    value=shown(value),
                    because=because or "no classification rule applies",
                    rules=satisfied,
                )
            )
        return tuple(result)

    # --- Tests, questions, notices, sources ---------------------------------------------------------

    def _test(self, rule: Rule) -> TestToRequest:
        request = rule.request
        assert request is not None
        return TestToRequest(
            rule=rule.id,
            test=request.test,
            because=request.because,
            for_trials_only=request.for_trials_only,
            answers=request.answers,
            citations=self._context.cite(rule.cites),
        )

    def _questions(self, trials: tuple[TrialGroup, ...]) -> tuple[Question, ...]:
        """The missing facts: those that decide on most regimens first, then safety, then trials."""
        decides: dict[str, set[str]] = {fact: set() for fact in self._decision.deferred}
        safety: dict[str, set[str]] = {}
        opens: dict[str, set[str]] = {}
        ranked = [one.candidate for one in self._decision.ranked]
        investigational = self._decision.gathered.investigational
        for one in ranked:
            for fact in self._therapies.conditional_on(one):
                decides.setdefault(fact, set()).add(one.regimen.id)
        for one in (*ranked, *investigational):
            for check in self._therapies.open_checks(one):
                for fact in check.missing:
                    safety.setdefault(fact, set()).add(one.regimen.id)
        for one in investigational:  # never offered as care: what it depends on opens its trials
            for fact in self._therapies.conditional_on(one):
                trials_of = (trial for rule in one.offers for trial in rule.see_trials)
                opens.setdefault(fact, set()).update(self._context.trials_that_fit(trials_of))
        for trial in (one for group in trials for one in group.trials):
            for fact in trial.unknown:
                opens.setdefault(fact, set()).add(trial.id)
        for hangs in hanging(self._context):
            for fact in hangs.facts:
                decides.setdefault(fact, set()).update(hangs.regimens)
                opens.setdefault(fact, set()).update(hangs.trials)
        effects = (decides, safety, opens)
        order = sorted(
            {*decides, *safety, *opens}, key=lambda fact: (*(-len(one.get(fact, ())) for one in effects), fact)
        )
        return tuple(self._question(fact, *(one.get(fact, set()) for one in effects)) for fact in order)

    def _question(self, fact: str, decides: set[str], safety: set[str], opens: set[str]) -> Question:
        definition = self._context.knowledge.facts[fact]
        return Question(
            fact=fact,
            question=definition.ask or f"{definition.meaning}?",
            obtain=definition.obtain,
            decides=tuple(sorted(decides)),
            safety_of=tuple(sorted(safety)),
            trials=tuple(sorted(opens)),
        )

    def _with_overlay(self, report: Report) -> Report:
        """The report with what a site's overlay did to it, where there is one."""
        applied = self._context.knowledge.overlay
        if applied is None:
            return report
        from her2cds.report.local import overlay_shown  # imported late: most reports have no overlay

        shown = overlay_shown(applied, report, self._context)
        return report.model_copy(update={"overlay": shown, "sources": self._sources()})

    def _notices(self) -> tuple[Notice, ...]:
        notices = [Notice(text=text, rule="", citations=()) for text in self._chart.notices]
        verdicts = self._context.outcome.verdicts
        for rule in self._context.knowledge.rules_with_notice:
            if rule.notice and verdicts[rule.id] is TRUE:
                notices.append(Notice(text=rule.notice, rule=rule.id, citations=self._context.cite(rule.cites)))
        return tuple(notices)

    def _discrepancies(self) -> tuple[Discrepancy, ...]:
        knowledge = self._context.knowledge
        places = sorted([knowledge.places_of_discrepancies[one] for one in self._context.touched])
        return tuple([knowledge.data.discrepancies[place] for place in places])

    def _sources(self) -> tuple[SourceShown, ...]:
        return tuple(
            SourceShown(id=one.id, citation=one.citation, doi=one.doi, reliability=one.reliability)
            for one in self._context.knowledge.data.sources
            if one.id in self._context.cited
        )
