"""Small wrong changes of a condition: a threshold moved, a part dropped, a value or a drug swapped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from her2cds.knowledge.conditions import (
    ALTERATION_KINDS,
    All,
    AnyOf,
    Condition,
    Domains,
    Leaf,
    Not,
    Operator,
    words,
)
from her2cds.knowledge.rules import FactDefinition

_NUMERIC = ("is", "at_least", "at_most", "more_than", "less_than")
_BOUNDARY: dict[Operator, Operator] = {
    "at_least": "more_than",
    "more_than": "at_least",
    "at_most": "less_than",
    "less_than": "at_most",
}


class Variant(NamedTuple):
    """A changed condition: the kind of change, what changed in words, and the result."""

    operator: str
    words: str
    condition: Condition


def variants(condition: Condition, domains: Domains) -> Iterator[Variant]:
    """Every condition that differs from this one in a single place."""
    match condition:
        case Leaf():
            yield from _leaf(condition, domains)
        case Not(part):
            yield Variant("negation dropped", f"not ({words(part)})", part)
            for operator, text, changed in variants(part, domains):
                yield Variant(operator, text, Not(changed))
        case All(parts) | AnyOf(parts):
            yield from _junction(condition, parts, domains)
        case _:
            return  # a criterion's own condition is changed where it stands; what holds always has no part to change


def _junction(condition: All | AnyOf, parts: tuple[Condition, ...], domains: Domains) -> Iterator[Variant]:
    same, other = (All, AnyOf) if isinstance(condition, All) else (AnyOf, All)
    if len(parts) > 1:
        what = "all became any" if same is All else "any became all"
        yield Variant(what, f"of {len(parts)} parts", other(parts))
        for index, part in enumerate(parts):
            rest = (*parts[:index], *parts[index + 1 :])
            yield Variant("condition dropped", words(part), rest[0] if len(rest) == 1 else same(rest))
    for index, part in enumerate(parts):
        for operator, text, changed in variants(part, domains):
            yield Variant(operator, text, same((*parts[:index], changed, *parts[index + 1 :])))


def _leaf(leaf: Leaf, domains: Domains) -> Iterator[Variant]:
    definition, operand = domains.facts[leaf.fact], leaf.operand
    if leaf.operator == "known":
        return
    if isinstance(operand, bool):
        yield _changed("value flipped", leaf, not operand)
    elif isinstance(operand, float) and leaf.operator in _NUMERIC:
        yield from _threshold(leaf, definition, operand)
    elif isinstance(operand, tuple):
        for member in operand if len(operand) > 1 else ():
            yield _changed("value dropped", leaf, tuple(one for one in operand if one != member))
        if len(operand) == 1:
            yield from _swapped(leaf, definition, operand[0], domains, many=True)
    elif isinstance(operand, str):
        yield from _swapped(leaf, definition, operand, domains, many=False)


def _threshold(leaf: Leaf, definition: FactDefinition, number: float) -> Iterator[Variant]:
    """One step up and down; for what is measured, the boundary itself too."""
    for moved in (number - 1, number + 1):
        low, high = definition.minimum, definition.maximum
        if (low is None or moved >= low) and (high is None or moved <= high):
            yield _changed("threshold moved", leaf, moved)
    if not definition.whole and leaf.operator in _BOUNDARY:
        changed = replace(leaf, operator=_BOUNDARY[leaf.operator])
        yield Variant("boundary moved", f"{leaf} became {changed}", changed)


def _swapped(leaf: Leaf, definition: FactDefinition, member: str, domains: Domains, *, many: bool) -> Iterator[Variant]:
    other = _neighbour(member, _choices(definition, member, domains))
    if other is not None:
        yield _changed("value swapped", leaf, (other,) if many else other)


def _choices(definition: FactDefinition, member: str, domains: Domains) -> tuple[str, ...]:
    match definition.of:
        case "drugs":
            return tuple(sorted(domains.drugs))
        case "drug_classes":
            return tuple(sorted(domains.drug_classes))
        case "alterations":
            gene, _, _ = member.partition(":")
            return tuple(f"{gene}:{kind}" for kind in ALTERATION_KINDS)
        case "protein_changes":
            return (member, f"{member}X")
        case _:
            return definition.values


def _neighbour(value: str, choices: tuple[str, ...]) -> str | None:
    """The next choice, round in a circle; none where there is no other."""
    if value not in choices or len(choices) < 2:
        return None
    return choices[(choices.index(value) + 1) % len(choices)]


def _changed(operator: str, leaf: Leaf, operand: str | bool | float | tuple[str, ...]) -> Variant:
    changed = replace(leaf, operand=operand)
    if operator == "value dropped":
        assert isinstance(leaf.operand, tuple)
        assert isinstance(operand, tuple)
        (gone,) = set(leaf.operand) - set(operand)
        return Variant(operator, f"{gone} from {leaf.fact}", changed)
    return Variant(operator, f"{leaf} became {changed}", changed)
