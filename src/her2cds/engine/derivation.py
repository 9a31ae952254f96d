"""From the verdicts of classification rules to the value of a derived fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from her2cds.errors import EngineError
from her2cds.facts.truth import TRUE, UNKNOWN, Truth
from her2cds.facts.values import ScalarFact
from her2cds.knowledge.rules import Derive, FactDefinition, Rule


def derive_fact(definition: FactDefinition, rules: Sequence[Rule], verdicts: Mapping[str, Truth]) -> ScalarFact:
    """The value that the rules give: from those satisfied, else narrowed by those still undetermined.

    Raises EngineError where satisfied rules contradict each other: that is a fault of the knowledge base.
    """
    satisfied = [rule for rule in rules if verdicts[rule.id] is TRUE]
    if satisfied:
        values = frozenset.intersection(*(_values(rule) for rule in satisfied))
        if not values:
            names = " and ".join(rule.id for rule in satisfied)
            raise EngineError(f"{names} derive different values of '{definition.id}'")
        return _fact(definition, values, " and ".join(rule.id for rule in satisfied))
    open_rules = [rule for rule in rules if verdicts[rule.id] is UNKNOWN]
    values = frozenset[str]().union(*(_values(rule) for rule in open_rules))
    if definition.default is not None:
        values |= {definition.default}
    origin = " or ".join(rule.id for rule in open_rules) or "no classification rule applies"
    return _fact(definition, values, origin)


def _values(rule: Rule) -> frozenset[str]:
    derive: Derive | None = rule.derive
    assert derive is not None
    return frozenset((derive.value,)) if derive.value is not None else frozenset(derive.one_of)


def _fact(definition: FactDefinition, values: frozenset[str], origin: str) -> ScalarFact:
    if not values:
        return ScalarFact(None, origin)
    if definition.type == "bool":
        return ScalarFact(tuple(value == "true" for value in sorted(values)), origin)
    return ScalarFact(tuple(value for value in definition.values if value in values), origin)
