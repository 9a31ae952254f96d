"""The values that a missing fact can have, as far as any rule can tell them apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from her2cds.facts.values import Fact, ScalarFact, SetFact, truth_of
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import Leaf, leaves
from her2cds.knowledge.rules import FactDefinition

ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Possibility:
    """One possible answer in words, and the fact as it would be."""

    answer: str
    fact: Fact


def possibilities(
    definition: FactDefinition, current: Fact | None, knowledge: Knowledge, nodes: Iterable[str]
) -> Iterator[Possibility]:
    """The possible values of a fact, told apart by the tests of these nodes; what is ruled out already is left out."""
    tests = [leaf for node in nodes for leaf in leaves(knowledge.conditions[node]) if leaf.fact == definition.id]
    if definition.type == "set":
        yield from _of_set(definition, current, tests, knowledge)
        return
    candidates = current.candidates if isinstance(current, ScalarFact) else None
    if definition.type == "number":
        named = candidates if isinstance(current, ScalarFact) and not current.is_lower_bound else None
        least = float(min(map(float, candidates))) if candidates else definition.minimum
        yield from _of_number(definition, named, tests, least)
    elif definition.type == "bool":
        for value in (True, False):
            if candidates is None or value in candidates:
                yield Possibility("yes" if value else "no", ScalarFact((value,), ASSUMED))
    else:
        for word in definition.values:
            if candidates is None or word in candidates:
                yield Possibility(word.replace("_", " "), ScalarFact((word,), ASSUMED))


def _of_set(
    definition: FactDefinition, current: Fact | None, tests: Sequence[Leaf], knowledge: Knowledge
) -> Iterator[Possibility]:
    held = current if isinstance(current, SetFact) else SetFact()
    members = dict.fromkeys(member for test in tests for member in _members(test))
    unknown = [
        member for member in members if truth_of(Leaf(definition.id, "contains", member), held).name == "UNKNOWN"
    ]
    if not unknown:
        return
    absent = frozenset(unknown) | (held.absent or frozenset())
    none = SetFact(held.present, held.maybe - absent, absent, held.absent_prefixes, held.origins, ASSUMED)
    yield Possibility("none of these" if len(unknown) > 1 else "no", none)
    for member in unknown:
        origins = {**held.origins, member: ASSUMED}
        fact = SetFact(
            held.present | {member}, held.maybe - {member}, held.absent, held.absent_prefixes, origins, ASSUMED
        )
        yield Possibility(_member_words(definition, member, knowledge), fact)


def _members(test: Leaf) -> tuple[str, ...]:
    if isinstance(test.operand, str):
        return (test.operand,)
    return test.operand if isinstance(test.operand, tuple) else ()


def _member_words(definition: FactDefinition, member: str, knowledge: Knowledge) -> str:
    if definition.of == "drugs":
        return knowledge.drugs[member].name
    return member.replace(":", " ").replace("_", " ")


def _of_number(
    definition: FactDefinition,
    candidates: tuple[str | bool | float, ...] | None,
    tests: Sequence[Leaf],
    least: float | None,
) -> Iterator[Possibility]:
    """Ranges between which no test can tell a difference, each by one value inside it; candidates one by one."""
    if candidates is not None:
        for value in candidates:
            yield Possibility(f"{value:g}", ScalarFact((value,), ASSUMED))
        return
    cuts = sorted({test.operand for test in tests if isinstance(test.operand, float)})
    if not cuts:
        return
    low = least if least is not None else min(0.0, cuts[0] - 1)
    high = definition.maximum if definition.maximum is not None else cuts[-1] + 1
    pieces = _whole(low, min(high, cuts[-1] + 1), high) if definition.whole else _pieces(cuts, low, high)
    ranges: list[tuple[float, str, str, tuple[int, ...]]] = []
    for sample, first, last in pieces:
        fact = ScalarFact((sample,), ASSUMED)
        signature = tuple(int(truth_of(test, fact)) for test in tests)
        if ranges and ranges[-1][3] == signature:
            before = ranges.pop()
            ranges.append((before[0], before[1], last, signature))
        else:
            ranges.append((sample, first, last, signature))
    unit = f" {definition.unit}" if definition.unit else ""
    for sample, first, last, _ in ranges:
        yield Possibility(f"{_range_words(first, last)}{unit}", ScalarFact((sample,), ASSUMED))


def _whole(low: float, last: float, high: float) -> Iterator[tuple[float, str, str]]:
    """Whole numbers up to one beyond the last cut; beyond that nothing changes."""
    for number in range(int(low), int(last) + 1):
        is_end = number == int(last) < high
        yield float(number), f"{number}", "" if is_end else f"{number}"


def _pieces(cuts: Sequence[float], low: float, high: float) -> Iterator[tuple[float, str, str]]:
    """Each cut and each gap between cuts: a value inside it, and its ends in words (empty where it is open)."""
    before = None
    for cut in cuts:
        start = low if before is None else before
        if start < cut:
            yield (start + cut) / 2, "" if before is None else f"above {before:g}", f"below {cut:g}"
        yield cut, f"{cut:g}", f"{cut:g}"
        before = cut
    if before is not None and before < high:
        yield (before + high) / 2, f"above {before:g}", ""


def _range_words(first: str, last: str) -> str:
    if first == last:
        return first
    if not first:
        return last if last.startswith("below") else f"up to {last}"
    if not last:
        return first if first.startswith("above") else f"{first} or more"
    return f"{first} and {last}" if first.startswith("above") else f"{first} to {last}"
