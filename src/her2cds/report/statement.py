"""The sentence that stands at the head of a report without ranked therapies: never an empty answer without a reason."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice

from her2cds.engine.compiled import Outcome
from her2cds.engine.explain import PatientTests, shown
from her2cds.facts.truth import FALSE
from her2cds.facts.values import ScalarFact, SetFact
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import All, Condition, Leaf
from her2cds.recommendation.decide import Decision

_NEAREST = 3
_CONDITIONS = 3
# A rule for early disease is never near in advanced disease, nor the other way round.
_EXTENT = ("disease.setting", "disease.advanced")
_FARTHEST = (True, sys.maxsize)


def statement_for(knowledge: Knowledge, decision: Decision, tests: PatientTests) -> str | None:
    """Why no therapy is listed, as the patient's tests say; None where there is at least one."""
    outcome, gathered = decision.outcome, decision.gathered
    if decision.deferred:
        questions = " ".join(knowledge.facts[fact].ask or fact for fact in decision.deferred)
        return f"No therapy is listed yet, because what decides most is not known. {questions}"
    if gathered.ranked:
        return None
    primary = outcome.facts.get("disease.primary")
    if isinstance(primary, ScalarFact) and primary.value == "other":
        return "Out of scope: the primary tumour is not a breast cancer; the knowledge base holds no recommendation."
    scope = outcome.facts.get("scope.in")
    if isinstance(scope, ScalarFact) and scope.value is False:
        return (
            "Out of scope: the tumour is HER2-zero without a known ERBB2 mutation. The knowledge base holds no "
            "recommendation for it, and no HER2-directed regimen is offered."
        )
    if gathered.excluded:
        ruled_out = "Every regimen that the rules would offer is ruled out for this patient; the reasons are listed."
        return ruled_out + _what_follows(outcome)
    nearest = _nearest(knowledge, outcome, tests)
    none = f"No rule of the knowledge base offers a therapy for this profile. Nearest rules: {nearest}."
    return none + _what_follows(outcome)


def _what_follows(outcome: Outcome) -> str:
    """While a treatment goes on, the rules speak of it, and not of what would come after it."""
    current = outcome.facts.get("current.agents")
    going_on = isinstance(current, SetFact) and current.present
    return " To see what would follow the current treatment, enter it as ended." if going_on else ""


def _nearest(knowledge: Knowledge, outcome: Outcome, tests: PatientTests) -> str:
    """The offers that fail in the fewest conditions, those for the extent of the disease first, with what fails."""
    nearest: list[tuple[bool, int, str, Condition]] = []
    for rule in knowledge.rules_that_offer_care:
        condition = knowledge.conditions[rule.id]
        farthest = nearest[-1][:2] if len(nearest) == _NEAREST else _FARTHEST
        distance = _distance(condition, tests, farthest)
        if distance is not None:
            nearest = sorted([*nearest, (*distance, rule.title, condition)], key=lambda miss: miss[:3])[:_NEAREST]
    return "; ".join(
        f"{title}: fails at {_words(tests.responsible(condition, FALSE), outcome)}" for *_, title, condition in nearest
    )


def _distance(condition: Condition, tests: PatientTests, farthest: tuple[bool, int]) -> tuple[bool, int] | None:
    """Whether a rule is for another extent of disease, and how many tests fail in it; None beyond `farthest`."""
    elsewhere, says = False, set[str]()
    for part in condition.parts if isinstance(condition, All) else (condition,):
        if tests.truth(part) is FALSE:
            for test in tests.responsible(part, FALSE):
                elsewhere = elsewhere or test.fact in _EXTENT
                says.add(str(test))
            if (elsewhere, len(says)) > farthest:
                return None
    return elsewhere, len(says)


def _words(failed: Iterable[Leaf], outcome: Outcome) -> str:
    # What a test says names its fact: two that say the same fail for the same value.
    facts = {str(test): outcome.facts.get(test.fact) for test in failed}
    return ", ".join(f"{says} (is {shown(fact)})" for says, fact in islice(facts.items(), _CONDITIONS))
