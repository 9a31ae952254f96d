"""Candidates: what the satisfied and undetermined offers propose, after every restriction.

Restrictions are applied after the offers and cannot be outweighed. A known contraindication excludes; an
unknown one leaves an open check. What is excluded is kept, with its reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from her2cds.engine.compiled import Outcome
from her2cds.facts.truth import FALSE, TRUE, UNKNOWN, Truth
from her2cds.facts.values import SetFact
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.catalogue import Regimen
from her2cds.knowledge.rules import Category, Offer, Rule


class Exclusion(NamedTuple):
    """Why a drug, and with it a regimen, is ruled out: a caution rule, or an earlier course of treatment."""

    drug: str
    because: str
    rule: Rule | None = None
    origin: str = ""


class AppliedCaution(NamedTuple):
    """A satisfied caution that concerns the candidate, and the drugs through which it does."""

    rule: Rule
    drugs: tuple[str, ...]


class Intolerance(NamedTuple):
    """An agent of the candidate that was stopped for toxicity before."""

    drug: str
    origin: str


@dataclass(slots=True)
class Candidate:
    """One regimen that is proposed for the patient.

    `offers` are the satisfied rules that offer it, or the undetermined ones where none is satisfied;
    `components` hold, for each part, the drugs that are still open to choice.
    """

    regimen: Regimen
    offers: tuple[Rule, ...]
    determined: bool
    components: list[tuple[str, ...]]
    exclusions: list[Exclusion] = field(default_factory=list)
    dropped_options: list[Exclusion] = field(default_factory=list)
    cautions: list[AppliedCaution] = field(default_factory=list)
    open_checks: list[AppliedCaution] = field(default_factory=list)
    intolerances: list[Intolerance] = field(default_factory=list)
    modifiers: list[AppliedCaution] = field(default_factory=list)
    unclear_progression: tuple[str, ...] = ()

    @property
    def drugs(self) -> tuple[str, ...]:
        """All drugs that may be given, in the order of the parts."""
        return tuple(dict.fromkeys(drug for part in self.components for drug in part))

    @property
    def offer_parts(self) -> tuple[Offer, ...]:
        """The offers of the rules."""
        return tuple(rule.offer for rule in self.offers if rule.offer)

    def best_category(self, order: tuple[Category, ...]) -> Category:
        """The best category that a rule gives; "investigational", which has no rank, where all offers are that."""
        ranked = [offer.category for offer in self.offer_parts if offer.category in order]
        return min(ranked, key=order.index, default="investigational")

    @property
    def steps_down(self) -> int:
        """One where a caution or an earlier intolerance demotes it or leaves it to a specialist, else none."""
        serious = any(
            one.rule.caution and one.rule.caution.effect in ("conditional", "demote") for one in self.cautions
        )
        return int(serious or bool(self.intolerances))


class Gathered(NamedTuple):
    """All candidates: those to rank, those ruled out, and what is investigational."""

    ranked: tuple[Candidate, ...]
    excluded: tuple[Candidate, ...]
    investigational: tuple[Candidate, ...]


def gather(knowledge: Knowledge, outcome: Outcome, restrictions: Restrictions | None = None) -> Gathered:
    """The candidates of a patient, unordered. `restrictions` are the patient's, where they are at hand."""
    restrictions = restrictions or Restrictions.of(knowledge, outcome)
    candidates = [_with_restrictions(one, knowledge, outcome, restrictions) for one in _offered(knowledge, outcome)]
    care = [one for one in candidates if not _is_investigational(one)]
    return Gathered(
        ranked=tuple(one for one in care if not one.exclusions),
        excluded=tuple(one for one in candidates if one.exclusions),
        investigational=tuple(one for one in candidates if _is_investigational(one) and not one.exclusions),
    )


class Restrictions(NamedTuple):
    """The cautions and findings that matter for this patient: most rules are false, and looked at once only."""

    excluding: tuple[Rule, ...]
    holding: tuple[Rule, ...]
    to_check: tuple[Rule, ...]
    findings: tuple[Rule, ...]

    @classmethod
    def of(cls, knowledge: Knowledge, outcome: Outcome) -> Restrictions:
        """The rules that hold or may hold, by what they do."""
        verdicts = outcome.verdicts

        def those(rules: Mapping[str, Rule], truth: Truth) -> tuple[Rule, ...]:
            return tuple([rule for name, rule in rules.items() if verdicts[name] is truth])

        return cls(
            excluding=those(knowledge.cautions("exclude"), TRUE),
            holding=those(knowledge.cautions("conditional", "demote", "warn", "monitor"), TRUE),
            to_check=those(knowledge.cautions("exclude", "conditional"), UNKNOWN),
            findings=those(knowledge.rules_by_id("biomarker"), TRUE),
        )


def _is_investigational(candidate: Candidate) -> bool:
    return all(offer.category == "investigational" for offer in candidate.offer_parts)


def _offered(knowledge: Knowledge, outcome: Outcome) -> Iterator[Candidate]:
    by_regimen: dict[str, list[Rule]] = {}
    for name, rule in knowledge.rules_by_id("therapy").items():
        if outcome.verdicts[name] is not FALSE and rule.offer:
            by_regimen.setdefault(rule.offer.regimen, []).append(rule)
    for regimen_id, rules in sorted(by_regimen.items()):
        satisfied = tuple(rule for rule in rules if outcome.verdicts[rule.id] is TRUE)
        regimen = knowledge.regimens[regimen_id]
        yield Candidate(regimen, satisfied or tuple(rules), bool(satisfied), _components(regimen, outcome))


def _components(regimen: Regimen, outcome: Outcome) -> list[tuple[str, ...]]:
    if regimen.kind == "current":
        current = outcome.facts.get("current.agents")
        return [(agent,) for agent in sorted(current.present)] if isinstance(current, SetFact) else []
    return [component.options for component in regimen.components]


def _with_restrictions(
    candidate: Candidate, knowledge: Knowledge, outcome: Outcome, restrictions: Restrictions
) -> Candidate:
    excluded = _applied(restrictions.excluding, candidate, knowledge)
    exclusions = [
        *_progressed(candidate, knowledge, outcome),
        *_hypersensitive(candidate, knowledge, outcome),
        *_unsuitable(candidate, knowledge, outcome),
        *(Exclusion(drug, _because(one.rule), one.rule) for one in excluded for drug in one.drugs),
    ]
    _drop(candidate, exclusions)
    candidate.cautions += _applied(restrictions.holding, candidate, knowledge)
    candidate.open_checks += _applied(restrictions.to_check, candidate, knowledge)
    candidate.modifiers += _applied(restrictions.findings, candidate, knowledge)
    _note_intolerance(candidate, outcome, knowledge.data.ranking.intolerance)
    _note_unclear_progression(candidate, outcome)
    return candidate


def _applied(rules: Iterable[Rule], candidate: Candidate, knowledge: Knowledge) -> list[AppliedCaution]:
    """The rules that concern the candidate, each with the drugs it is about: all where it names the regimen."""
    drugs, by_name = candidate.drugs, knowledge.rules_about_regimen.get(candidate.regimen.id, frozenset())
    found = []
    for rule in rules:
        about = knowledge.target_drugs[rule.id]
        if drugs and rule.id in by_name:
            found.append(AppliedCaution(rule, drugs))
        elif not about.isdisjoint(drugs):
            found.append(AppliedCaution(rule, tuple(drug for drug in drugs if drug in about)))
    return found


def _because(rule: Rule) -> str:
    assert rule.caution is not None
    return rule.caution.because


def _rechallenge_allowed(candidate: Candidate) -> set[str]:
    return {drug for offer in candidate.offer_parts for drug in offer.despite_progression_on}


def _progressed(candidate: Candidate, knowledge: Knowledge, outcome: Outcome) -> Iterator[Exclusion]:
    """Agents on which the disease has progressed, unless an offer with a source allows them again."""
    progressed = outcome.facts.get("prior.progressed_on")
    if not isinstance(progressed, SetFact) or candidate.regimen.kind == "current":
        return
    for drug in candidate.drugs:
        if drug in progressed.present and drug not in _rechallenge_allowed(candidate):
            yield Exclusion(drug, knowledge.data.ranking.rechallenge, origin=progressed.origins.get(drug, ""))


def _hypersensitive(candidate: Candidate, knowledge: Knowledge, outcome: Outcome) -> Iterator[Exclusion]:
    """Drugs to which the patient is hypersensitive, whichever they are."""
    fact = outcome.facts.get("health.hypersensitivity")
    if isinstance(fact, SetFact):
        for drug in candidate.drugs:
            if drug in fact.present:
                yield Exclusion(drug, knowledge.data.ranking.hypersensitivity, origin=fact.origin)


def _unsuitable(candidate: Candidate, knowledge: Knowledge, outcome: Outcome) -> Iterator[Exclusion]:
    """Drugs of the classes that the treating team judges unsuitable; what is given now is the team's own choice."""
    fact = outcome.facts.get("patient.unsuitable_for")
    if not isinstance(fact, SetFact) or not fact.present or candidate.regimen.kind == "current":
        return
    for drug in candidate.drugs:
        if not fact.present.isdisjoint(knowledge.drugs[drug].classes):
            yield Exclusion(drug, knowledge.data.ranking.unsuitable, origin=fact.origin)


def _drop(candidate: Candidate, exclusions: Iterable[Exclusion]) -> None:
    """Take excluded drugs out of the choices; a part without any drug left excludes the regimen."""
    by_drug: dict[str, list[Exclusion]] = {}
    for exclusion in exclusions:
        by_drug.setdefault(exclusion.drug, []).append(exclusion)
    for index, part in enumerate(candidate.components):
        left = tuple(drug for drug in part if drug not in by_drug)
        reasons = [exclusion for drug in part for exclusion in by_drug.get(drug, ())]
        if left:
            candidate.components[index] = left
            candidate.dropped_options += reasons
        else:
            candidate.exclusions += reasons


def _note_intolerance(candidate: Candidate, outcome: Outcome, because: str) -> None:
    """An agent stopped for toxicity gives way to another choice; where there is none, a specialist decides."""
    stopped = outcome.facts.get("prior.not_tolerated")
    if not isinstance(stopped, SetFact) or candidate.regimen.kind == "current":
        return
    for index, part in enumerate(candidate.components):
        borne = tuple(drug for drug in part if drug not in stopped.present)
        again = [drug for drug in part if drug in stopped.present]
        if borne:
            candidate.components[index] = borne
            candidate.dropped_options += [Exclusion(drug, because, origin=stopped.origins[drug]) for drug in again]
        else:
            candidate.intolerances += [Intolerance(drug, stopped.origins[drug]) for drug in again]


def _note_unclear_progression(candidate: Candidate, outcome: Outcome) -> None:
    """A drug whose earlier course ended for no stated reason makes the candidate conditional on that reason."""
    progressed = outcome.facts.get("prior.progressed_on")
    if not isinstance(progressed, SetFact) or candidate.regimen.kind == "current":
        return
    fixed = [part[0] for part in candidate.components if len(part) == 1]
    unclear = tuple(drug for drug in fixed if drug in progressed.maybe and drug not in _rechallenge_allowed(candidate))
    if unclear:
        candidate.unclear_progression = unclear
        candidate.determined = False
