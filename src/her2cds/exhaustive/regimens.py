"""Safety, regimen by regimen: what is contraindicated is not offered, and each offer can be of use.

What rules a regimen out is written as one condition (an excluding caution, hypersensitivity, a class judged unsuitable,
or progression on an agent of it, in every drug that could fill one of its parts). Each case is then put to the engine
and to the code that gathers candidates, which know nothing of that condition.
"""

from __future__ import annotations

from collections.abc import Iterator

from her2cds.evaluation import KnowledgeBase
from her2cds.exhaustive.coherence import coherent
from her2cds.exhaustive.minimal import words
from her2cds.exhaustive.model import Answer, Fault
from her2cds.exhaustive.sweep import Case, sweep
from her2cds.exhaustive.variables import as_facts
from her2cds.facts.truth import FALSE, TRUE, UNKNOWN, Truth
from her2cds.knowledge.catalogue import Regimen
from her2cds.knowledge.conditions import All, AnyOf, Condition, Leaf, Not
from her2cds.knowledge.rules import Rule
from her2cds.recommendation.candidates import Candidate, Gathered, gather

SAFE = "no contraindicated regimen is ranked"
ALONE = "each reason against a drug is enough by itself"
USEFUL = "each offer holds for somebody who may have it, and never as care and as investigational at once"


def regimens(base: KnowledgeBase) -> Iterator[Answer]:
    """The answers for every regimen that some rule offers."""
    offers: dict[str, list[Rule]] = {}
    for rule in base.knowledge.rules_of("therapy"):
        assert rule.offer is not None
        offers.setdefault(rule.offer.regimen, []).append(rule)
    for regimen_id, rules in offers.items():
        one = _Offered(base, base.knowledge.regimens[regimen_id], tuple(rules))
        yield one.is_safe()
        if one.reasons:
            yield one.each_reason_counts()
        yield one.offers_are_useful()


class _Offered:
    """One regimen with the rules that offer it and everything that can rule it out."""

    def __init__(self, base: KnowledgeBase, regimen: Regimen, rules: tuple[Rule, ...]) -> None:
        self._base = base
        self._knowledge = base.knowledge
        self._regimen = regimen
        self._rules = rules
        self._offers = tuple(self._knowledge.conditions[rule.id] for rule in rules)
        # A regimen that repeats the current agents has no drugs of its own; its cautions concern those agents.
        self._parts = tuple(component.options for component in regimen.components)
        self.reasons = {drug: self._reasons(drug) for part in self._parts for drug in part}

    def is_safe(self) -> Answer:
        """Over every combination, known or not, of all facts that the offers and what rules them out read."""
        answer = Answer(SAFE, self._regimen.id)
        swept = sweep(self._knowledge, (*self._offers, self._excluded(), self._ruled_out()))
        answer.count(swept)
        for case in swept.cases:
            self._put_to_the_code(case, answer)
        return answer

    def each_reason_counts(self) -> Answer:
        """Each reason alone, everything else that could rule the regimen out being known not to hold."""
        answer = Answer(ALONE, self._regimen.id)
        for part in self._parts:
            for drug in part:
                for number, reason in enumerate(self.reasons[drug]):
                    others = [one for place, one in enumerate(self.reasons[drug]) if place != number]
                    self._one_reason(drug, reason, others, answer)
        return answer

    def offers_are_useful(self) -> Answer:
        """Over the combinations that a patient can show."""
        answer = Answer(USEFUL, self._regimen.id)
        conditions = (*self._offers, self._ruled_out())
        swept = sweep(self._knowledge, conditions, coherent(self._knowledge, conditions))
        answer.count(swept)
        used: set[str] = set()
        for case in swept.cases:
            held = [rule for rule, truth in zip(self._rules, case.truths, strict=False) if truth is TRUE]
            if case.truths[-1] is not TRUE:
                used.update(rule.id for rule in held)
            kinds = {rule.offer.category == "investigational" for rule in held if rule.offer}
            if len(kinds) > 1:
                names = " and ".join(rule.id for rule in held)
                answer.faults.append(Fault(f"offered as care and as investigational by {names}", words(case.example)))
            answer.came_to(f"{len(held)} of its offers hold", case.combinations)
        for rule in self._rules:
            if rule.id not in used:
                answer.faults.append(Fault(f"{rule.id} never holds for a patient who may have {self._regimen.id}"))
        return answer

    # --- What rules a drug out --------------------------------------------------------------------

    def _reasons(self, drug: str) -> tuple[Condition, ...]:
        """Every condition that rules the drug out by itself; an offer may allow it again after progression."""
        allowing = tuple(
            condition
            for rule, condition in zip(self._rules, self._offers, strict=True)
            if rule.offer and drug in rule.offer.despite_progression_on
        )
        return (
            Leaf("health.hypersensitivity", "contains", drug),
            Leaf("patient.unsuitable_for", "contains_any", self._knowledge.drugs[drug].classes),
            All((Leaf("prior.progressed_on", "contains", drug), Not(AnyOf(allowing)))),
            *self._cautions(drug),
        )

    def _cautions(self, drug: str) -> tuple[Condition, ...]:
        """The conditions of the cautions that exclude the drug."""
        found = []
        for rule in self._knowledge.rules_of("caution"):
            assert rule.caution is not None
            concerns = drug in self._knowledge.target_drugs[rule.id] or self._regimen.id in rule.caution.on.regimens
            if rule.caution.effect == "exclude" and concerns:
                found.append(self._knowledge.conditions[rule.id])
        return tuple(found)

    def _ruled_out(self) -> Condition:
        """Some part has no drug left that may be given."""
        return AnyOf(tuple(All(tuple(AnyOf(self.reasons[drug]) for drug in part)) for part in self._parts))

    def _excluded(self) -> Condition:
        """The same by cautions alone."""
        return AnyOf(tuple(All(tuple(AnyOf(self._cautions(drug)) for drug in part)) for part in self._parts))

    # --- What the code makes of it ----------------------------------------------------------------

    def _put_to_the_code(self, case: Case, answer: Answer) -> None:
        gathered, verdicts = self._gather(case)
        *offers, excluded, ruled_out = case.truths
        listed = self._mine((*gathered.ranked, *gathered.investigational))
        offered = any(truth is not FALSE for truth in offers)
        wrong = {
            "the engine's verdicts differ from the enumerated ones": verdicts != offers,
            "listed, although it is ruled out": ruled_out is TRUE and listed,
            "not listed, although offered and not ruled out": offered and ruled_out is not TRUE and not listed,
            "offered and ruled out, and nowhere shown as ruled out": (
                offered and ruled_out is TRUE and not self._mine(gathered.excluded)
            ),
            "listed without a word on a contraindication that may hold": (
                excluded is UNKNOWN and any(not one.open_checks for one in listed)
            ),
        }
        answer.faults += [Fault(message, words(case.example)) for message, holds in wrong.items() if holds]
        answer.came_to(_outcome(offers, ruled_out), case.combinations)

    def _one_reason(self, drug: str, reason: Condition, others: list[Condition], answer: Answer) -> None:
        """With this reason alone the drug is in no candidate, listed or not."""
        conditions = (AnyOf(self._offers), reason, AnyOf(tuple(others)))
        swept = sweep(self._knowledge, conditions)
        answer.count(swept)
        for case in swept.cases:
            if case.truths != (TRUE, TRUE, FALSE):
                continue
            gathered, _ = self._gather(case)
            if any(drug in one.drugs for one in (*gathered.ranked, *gathered.investigational) if self._is_mine(one)):
                answer.faults.append(Fault(f"{drug} can still be chosen", words(case.example)))
            answer.came_to("reasons that rule a drug out alone", 1)

    def _gather(self, case: Case) -> tuple[Gathered, list[Truth]]:
        outcome = self._base.rules.evaluate(as_facts(case.example))
        return gather(self._knowledge, outcome), [outcome.verdicts[rule.id] for rule in self._rules]

    def _mine(self, candidates: tuple[Candidate, ...]) -> list[Candidate]:
        return [one for one in candidates if self._is_mine(one)]

    def _is_mine(self, candidate: Candidate) -> bool:
        return candidate.regimen.id == self._regimen.id


def _outcome(offers: list[Truth], ruled_out: Truth) -> str:
    best = max(offers)
    if best is FALSE:
        return "not offered"
    if ruled_out is TRUE:
        return "offered and ruled out"
    return "offered" if best is TRUE else "offered under conditions"
