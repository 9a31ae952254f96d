"""A needed fact whose value asks for another test (HER2 equivocal): what would settle it, and what hangs on that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from her2cds.facts.truth import FALSE, UNKNOWN
from her2cds.facts.values import ScalarFact, truth_of
from her2cds.report.context import ReportContext


class HangsOn(NamedTuple):
    """The facts to ask for, and the regimens and trials that fail at nothing but what they would settle."""

    facts: tuple[str, ...]
    regimens: frozenset[str]
    trials: frozenset[str]


def hanging(context: ReportContext) -> Iterator[HangsOn]:
    """One for each needed fact that is unsettled while a rule that would settle it is open."""
    knowledge, outcome = context.knowledge, context.outcome
    for name in knowledge.data.ranking.needed:
        now = outcome.facts.get(name)
        unsettled = knowledge.facts[name].unsettled
        if not isinstance(now, ScalarFact) or now.value not in unsettled:
            continue
        open_rules = [one for one in knowledge.derivers.get(name, ()) if outcome.verdicts[one] is UNKNOWN]
        derives = [rule.derive for one in open_rules if (rule := knowledge.rules[one]).derive]
        values = {value for one in derives for value in (one.value, *one.one_of) if value and value not in unsettled}
        facts = dict.fromkeys(fact for one in open_rules for fact in context.missing.of(one))
        if facts and values:
            may_be = [ScalarFact((value,), name) for value in sorted(values)]
            offers = (one for one in knowledge.rules_that_offer_care if _waits_for(one.id, name, may_be, context))
            yield HangsOn(
                tuple(facts),
                frozenset(one.offer.regimen for one in offers if one.offer),
                frozenset(one.id for one in knowledge.suggested_trials if _waits_for(one.id, name, may_be, context)),
            )


def _waits_for(node: str, fact: str, may_be: list[ScalarFact], context: ReportContext) -> bool:
    """Whether the condition is false for tests of this fact only, and one of its possible values would turn all."""
    if context.outcome.verdicts[node] is not FALSE:
        return False
    now = context.outcome.facts[fact]
    left = list(may_be)
    for test in context.tests.responsible(context.knowledge.conditions[node], FALSE):
        left = [one for one in left if test.fact == fact and truth_of(test, one) is not truth_of(test, now)]
        if not left:
            return False
    return True
