"""The therapy part of a report: candidates, what is ruled out, what is investigational, and findings."""

from __future__ import annotations

from collections.abc import Iterator

from her2cds.engine.explain import Explanation, origin_of, shown
from her2cds.facts.truth import FALSE, TRUE, UNKNOWN
from her2cds.facts.values import Fact, SetFact
from her2cds.knowledge.conditions import Leaf
from her2cds.knowledge.rules import Rule
from her2cds.recommendation.candidates import AppliedCaution, Candidate, Exclusion
from her2cds.recommendation.order import Ranked, ranks
from her2cds.report.context import ReportContext
from her2cds.report.model import (
    DrugShown,
    EvidenceShown,
    Investigational,
    Modifier,
    NotRecommended,
    OpenCheck,
    Reason,
    Regulatory,
    RuledOutReason,
    Therapy,
    Warning,
)
from her2cds.report.trial_model import FactShown

_HYPERSENSITIVITY = "health.hypersensitivity"
_EFFECT_ORDER = ("conditional", "demote", "warn", "monitor")


class TherapyParts:
    """Words candidates for the reader. Selection and wording only: nothing is decided here."""

    def __init__(self, context: ReportContext) -> None:
        self._context = context
        self._open_checks: dict[str, tuple[OpenCheck, ...]] = {}

    def therapy(self, ranked: Ranked) -> Therapy:
        """One ranked candidate with everything that speaks for and against it."""
        candidate = ranked.candidate
        offers = candidate.offer_parts
        evidence = self.evidence(candidate)
        category = candidate.best_category(self._context.knowledge.data.ranking.categories)
        return Therapy(
            rank=ranked.rank,
            tied=ranked.tied,
            regimen=candidate.regimen.id,
            name=candidate.regimen.name,
            drugs=self._drugs(candidate),
            category=category,
            lowered_for_safety=bool(candidate.steps_down),
            status="determined" if candidate.determined else "conditional",
            conditional_on=self.conditional_on(candidate),
            because=tuple(self._reason(rule) for rule in candidate.offers),
            above_the_next_because=ranked.above_next,
            rechallenge=tuple(
                dict.fromkeys(
                    offer.despite_progression_because for offer in offers if offer.despite_progression_because
                )
            ),
            evidence=evidence,
            modifiers=tuple(self._modifier(one.rule, one.drugs) for one in candidate.modifiers),
            warnings=self._warnings(candidate),
            open_checks=self.open_checks(candidate),
            options_ruled_out=self._options_ruled_out(candidate),
            regulatory=self._regulatory(candidate),
            caveats=self._caveats(candidate),
            discrepancies=self._context.discrepancies(
                candidate.regimen.id, *candidate.drugs, *(rule.id for rule in candidate.offers)
            ),
        )

    def _drug_name(self, drug: str) -> str:
        entry = self._context.knowledge.drugs.get(drug)
        return entry.name if entry else drug

    def _drugs(self, candidate: Candidate) -> tuple[DrugShown, ...]:
        return tuple(
            DrugShown(options=part, names=tuple(self._drug_name(drug) for drug in part))
            for part in candidate.components
        )

    def _options_ruled_out(self, candidate: Candidate) -> tuple[RuledOutReason, ...]:
        return tuple(dict.fromkeys(self._exclusion(one) for one in candidate.dropped_options))

    def _caveats(self, candidate: Candidate) -> tuple[str, ...]:
        notes = [candidate.regimen.note] if candidate.regimen.note else []
        return tuple(dict.fromkeys([*(text for offer in candidate.offer_parts for text in offer.caveats), *notes]))

    def conditional_on(self, candidate: Candidate) -> tuple[str, ...]:
        """The facts on which the candidate depends; none for a determined one."""
        if candidate.determined:
            return ()
        facts = [fact for rule in candidate.offers for fact in self._context.missing.of(rule.id)]
        if candidate.unclear_progression:
            facts.append("prior.progressed_on")
        return tuple(dict.fromkeys(facts))

    def _reason(self, rule: Rule) -> Reason:
        assert rule.offer is not None
        return Reason(
            rule=rule.id,
            title=rule.title,
            because=rule.offer.because,
            facts=self._true_facts(rule.id),
            citations=self._context.cite(rule.cites),
        )

    def _true_facts(self, rule: str) -> tuple[FactShown, ...]:
        """The tests that make a rule true; for an undetermined one the true ones, and those that leave it open."""
        condition, facts = self._context.knowledge.conditions[rule], self._context.outcome.facts
        if self._context.outcome.verdicts[rule] is TRUE:
            tests = self._context.tests.responsible(condition, TRUE)
        else:
            open_ones = self._context.tests.responsible(condition, UNKNOWN)
            tests = [*self._context.tests.true_ones(condition), *open_ones]
        unique = {str(test): test for test in tests}
        return tuple([_fact_shown(test, says, facts.get(test.fact)) for says, test in unique.items()])

    def evidence(self, candidate: Candidate) -> tuple[EvidenceShown, ...]:
        """The studies that the candidate's offers rest on."""
        ids = dict.fromkeys(one for rule in candidate.offers for one in rule.evidence)
        entries = [self._context.knowledge.evidence[one] for one in ids]
        for entry in entries:
            self._context.cite(entry.citations)
        return tuple(
            EvidenceShown(study=entry, discrepancies=self._context.discrepancies(entry.id)) for entry in entries
        )

    def _modifier(self, rule: Rule, drugs: tuple[str, ...]) -> Modifier:
        modifies = rule.modifies
        assert modifies is not None
        self._context.discrepancies(rule.id)
        return Modifier(
            rule=rule.id,
            marker=modifies.marker,
            drugs=drugs,
            effect=modifies.effect,
            kind=modifies.kind,
            level=modifies.level,
            changes_rank=ranks(modifies),
            because=modifies.because,
            see_trials=self._context.trials_that_fit(rule.see_trials),
            conflicts_with=rule.conflicts_with,
            citations=self._context.cite(rule.cites),
        )

    def finding(self, rule: Rule) -> Modifier:
        """A satisfied biomarker rule, on its own."""
        assert rule.modifies is not None
        target = rule.modifies.on
        return self._modifier(rule, (*target.drugs, *target.classes, *target.regimens))

    def _warnings(self, candidate: Candidate) -> tuple[Warning, ...]:
        warnings = [self._warning(one) for one in candidate.cautions]
        for one in candidate.intolerances:
            warnings.append(
                Warning(
                    rule="",
                    title=f"{self._drug_name(one.drug)} was stopped for toxicity before",
                    effect="conditional",
                    drugs=(one.drug,),
                    because=self._context.knowledge.data.ranking.intolerance,
                    action=None,
                    origin=one.origin,
                    citations=(),
                )
            )
        return tuple(sorted(warnings, key=lambda one: (_EFFECT_ORDER.index(one.effect), one.rule, one.drugs)))

    def _warning(self, applied: AppliedCaution) -> Warning:
        caution = applied.rule.caution
        assert caution is not None
        assert caution.effect != "exclude"
        return Warning(
            rule=applied.rule.id,
            title=applied.rule.title,
            effect=caution.effect,
            drugs=applied.drugs,
            because=caution.because,
            action=caution.action,
            origin="",
            citations=self._context.cite(applied.rule.cites),
        )

    def open_checks(self, candidate: Candidate) -> tuple[OpenCheck, ...]:
        """Contraindications that cannot be judged yet, exclusions first."""
        regimen = candidate.regimen.id
        if regimen not in self._open_checks:  # the list of therapies and the questions both ask
            found = (*self._cautions_to_check(candidate), *self._hypersensitivity_check(candidate))
            self._open_checks[regimen] = tuple(sorted(found, key=lambda one: (one.effect != "exclude", one.rule)))
        return self._open_checks[regimen]

    def _cautions_to_check(self, candidate: Candidate) -> Iterator[OpenCheck]:
        for applied in candidate.open_checks:
            caution = applied.rule.caution
            assert caution is not None
            assert caution.effect in ("exclude", "conditional")
            yield OpenCheck(
                rule=applied.rule.id,
                title=applied.rule.title,
                effect=caution.effect,
                drugs=applied.drugs,
                missing=self._context.missing.of(applied.rule.id),
                citations=self._context.cite(applied.rule.cites),
            )

    def _hypersensitivity_check(self, candidate: Candidate) -> Iterator[OpenCheck]:
        """Hypersensitivity rules a drug out whichever it is: where nobody has asked, that is open for each."""
        fact = self._context.outcome.facts.get(_HYPERSENSITIVITY)
        listed = fact if isinstance(fact, SetFact) else SetFact()
        drugs = tuple(one for one in candidate.drugs if listed.contains(one) is UNKNOWN)
        if drugs and candidate.regimen.kind != "current":
            yield OpenCheck(
                rule="",
                title="Hypersensitivity to a drug of the regimen",
                effect="exclude",
                drugs=drugs,
                missing=(_HYPERSENSITIVITY,),
                citations=(),
            )

    def _regulatory(self, candidate: Candidate) -> tuple[Regulatory, ...]:
        found = []
        for drug in candidate.drugs:
            entry = self._context.knowledge.drugs.get(drug)
            for approval in entry.approvals if entry else ():
                self._context.cite(approval.cites)
                found.append(Regulatory(drug=drug, approval=approval))
        return tuple(found)

    def not_recommended(self, candidate: Candidate) -> NotRecommended:
        """A regimen that is ruled out, with the reasons."""
        return NotRecommended(
            regimen=candidate.regimen.id,
            name=candidate.regimen.name,
            offered_by=tuple(rule.id for rule in candidate.offers),
            reasons=tuple(dict.fromkeys(self._exclusion(one) for one in candidate.exclusions)),
        )

    def _exclusion(self, exclusion: Exclusion) -> RuledOutReason:
        rule = exclusion.rule
        return RuledOutReason(
            drug=self._drug_name(exclusion.drug),
            because=exclusion.because,
            rule=rule.id if rule else "",
            origin=exclusion.origin,
            citations=self._context.cite(rule.cites) if rule else (),
        )

    def investigational(self, candidate: Candidate) -> Investigational:
        """An investigational option, with its trials."""
        return Investigational(
            regimen=candidate.regimen.id,
            name=candidate.regimen.name,
            status="determined" if candidate.determined else "conditional",
            conditional_on=self.conditional_on(candidate),
            because=tuple(self._reason(rule) for rule in candidate.offers),
            see_trials=self._context.trials_that_fit(trial for rule in candidate.offers for trial in rule.see_trials),
            evidence=self.evidence(candidate),
            warnings=self._warnings(candidate),
            open_checks=self.open_checks(candidate),
            options_ruled_out=self._options_ruled_out(candidate),
            caveats=self._caveats(candidate),
        )


def failed_tests(tree: Explanation) -> tuple[FactShown, ...]:
    """The tests that make a tree false, each once; a test that fails because it holds is told with `not`."""
    found = []
    for leaf in tree.responsible(FALSE):
        assert leaf.test is not None
        found.append(_fact_shown(leaf.test, f"not {leaf.says}" if leaf.truth is TRUE else leaf.says, leaf.fact))
    return tuple(dict.fromkeys(found))


def _fact_shown(test: Leaf, says: str, fact: Fact | None) -> FactShown:
    """A test for the reader: what it says, the patient's value, and where that comes from."""
    return FactShown(fact=test.fact, test=says, value=shown(fact), origin=origin_of(test, fact))
