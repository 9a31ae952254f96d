"""Conditions as alternatives of literals, and whether an alternative can ever hold.

Negations are pushed to the leaves and conjunctions distributed over disjunctions. Both steps are valid in
Kleene's three-valued logic (it is a distributive lattice with De Morgan negation), so the alternatives have
exactly the truth of the tree they come from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

from her2cds.knowledge.conditions import All, Always, AnyOf, Condition, Leaf, Named, Not
from her2cds.knowledge.rules import FactDefinition

MAX_ALTERNATIVES = 64


class Literal(NamedTuple):
    """A leaf or a named criterion, affirmed or denied."""

    atom: Leaf | Named
    affirmed: bool = True

    def __str__(self) -> str:
        """The literal in words."""
        text = f"criterion {self.atom.criterion}" if isinstance(self.atom, Named) else str(self.atom)
        return text if self.affirmed else f"not ({text})"


Alternative = frozenset[Literal]


class TooManyAlternativesError(ValueError):
    """The condition expands to more alternatives than one rule may have."""


def alternatives(condition: Condition) -> tuple[Alternative, ...]:
    """The disjunctive normal form; `Always` gives one empty alternative.

    Raises TooManyAlternativesError above MAX_ALTERNATIVES: part of such a condition belongs into a criterion.
    """
    unique = dict.fromkeys(_expand(condition, affirmed=True))
    return tuple(one for one in unique if not any(other < one for other in unique))


def _expand(condition: Condition, affirmed: bool) -> list[Alternative]:
    match condition:
        case Leaf() | Named():
            return [frozenset({Literal(condition, affirmed)})]
        case Not(part):
            return _expand(part, not affirmed)
        case Always():
            return [frozenset()] if affirmed else []
        case All(parts) | AnyOf(parts):
            expanded = [_expand(part, affirmed) for part in parts]
            if isinstance(condition, AnyOf) == affirmed:
                return [alternative for options in expanded for alternative in options]
            return _distribute(expanded)


def _distribute(expanded: list[list[Alternative]]) -> list[Alternative]:
    count = 1
    for options in expanded:
        count *= len(options)
    if count > MAX_ALTERNATIVES:
        raise TooManyAlternativesError(f"the condition expands to {count} alternatives (at most {MAX_ALTERNATIVES})")
    return [frozenset().union(*choice) for choice in product(*expanded)]


def can_hold(alternative: Iterable[Literal], facts: dict[str, FactDefinition]) -> bool:
    """Whether some patient can make every literal of the alternative true, judged fact by fact.

    Facts are taken as independent: what this refuses can never hold; it may miss a contradiction between
    two facts. Named criteria are not looked into.
    """
    by_fact: dict[str, list[Literal]] = defaultdict(list)
    criteria: dict[str, bool] = {}
    for literal in alternative:
        if isinstance(literal.atom, Named):
            if criteria.setdefault(literal.atom.criterion, literal.affirmed) != literal.affirmed:
                return False
        else:
            by_fact[literal.atom.fact].append(literal)
    return all(_fact_can_hold(facts[fact], literals) for fact, literals in by_fact.items())


def _fact_can_hold(definition: FactDefinition, literals: list[Literal]) -> bool:
    needs_known = any(literal.affirmed or _test(literal).operator != "known" for literal in literals)
    needs_unknown = any(not literal.affirmed and _test(literal).operator == "known" for literal in literals)
    if needs_known and needs_unknown:
        return False
    tests = [literal for literal in literals if _test(literal).operator != "known"]
    match definition.type:
        case "set":
            return _set_can_hold(tests)
        case "number":
            return _number_can_hold(definition, tests)
        case "bool":
            return any(all(_holds(literal, value) for literal in tests) for value in (True, False))
        case _:
            return any(all(_holds(literal, value) for literal in tests) for value in definition.values)


def _test(literal: Literal) -> Leaf:
    assert isinstance(literal.atom, Leaf)
    return literal.atom


def _holds(literal: Literal, value: str | bool | float) -> bool:
    test = _test(literal)
    operand = test.operand
    match test.operator:
        case "is":
            truth = value == operand
        case "in":
            truth = isinstance(operand, tuple) and value in operand
        case "at_least":
            truth = _number(value) >= _number(operand)
        case "at_most":
            truth = _number(value) <= _number(operand)
        case "more_than":
            truth = _number(value) > _number(operand)
        case "less_than":
            truth = _number(value) < _number(operand)
        case _:
            raise AssertionError(test.operator)
    return truth == literal.affirmed


def _number(value: object) -> float:
    assert isinstance(value, float)
    return value


def _number_can_hold(definition: FactDefinition, tests: list[Literal]) -> bool:
    """Try every bound, a point beside it and the points between: a step function changes nowhere else."""
    low = definition.minimum if definition.minimum is not None else -1e9
    high = definition.maximum if definition.maximum is not None else 1e9
    points = {low, high, *(_number(_test(literal).operand) for literal in tests)}
    samples = {
        point + step for point in points for step in (-0.5, -0.01, 0.0, 0.01, 0.5) if low <= point + step <= high
    }
    return any(all(_holds(literal, sample) for literal in tests) for sample in samples)


def _set_can_hold(tests: list[Literal]) -> bool:
    absent = {member for literal in tests if not literal.affirmed for member in _members(literal)}
    return all(any(member not in absent for member in _members(literal)) for literal in tests if literal.affirmed)


def _members(literal: Literal) -> Iterator[str]:
    operand = _test(literal).operand
    assert isinstance(operand, (str, tuple))
    yield from (operand,) if isinstance(operand, str) else operand
