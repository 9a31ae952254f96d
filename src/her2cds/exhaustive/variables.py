"""The facts that conditions read, each with its values sorted into classes that some test tells apart.

A scalar fact is one variable. A set is one variable for each member that a test names, because tests ask about
members one by one; only a set whose completeness is tested (`known`) is one variable as a whole. A class is everything
that meets the same tests alike: settled values, values narrowed down to a few (facts marked `partial`), not applicable,
and unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise, product

from her2cds.facts.truth import Truth
from her2cds.facts.values import Fact, FactBase, Scalar, ScalarFact, SetFact, truth_of
from her2cds.knowledge.conditions import Leaf
from her2cds.knowledge.rules import FactDefinition

# Facts that a chart can make not applicable (her2cds.facts); every other one is known, narrowed down or unknown.
CAN_BE_NOT_APPLICABLE = frozenset(
    {
        "relapse.months_since_adjuvant_anti_her2",
        "early.adjuvant_trastuzumab_months",
        "disease.progressing",
        "health.ild_grade",
    }
)

ENUMERATED = "enumerated"


@dataclass(frozen=True, slots=True)
class Variable:
    """A scalar fact, a set fact as a whole, or one member of a set fact."""

    fact: str
    member: str | None = None

    def __str__(self) -> str:
        """The variable in words."""
        return self.fact if self.member is None else f"{self.fact} contains {self.member}"


@dataclass(frozen=True, slots=True)
class ValueClass:
    """Values that no test tells apart: one of them, in words and as a fact, and the truth of each test."""

    words: str
    fact: Fact
    truths: tuple[Truth, ...]


def variable_of(test: Leaf, whole_sets: frozenset[str]) -> Variable:
    """The variable that a test asks about. `whole_sets` are the sets that are one variable."""
    by_member = test.operator == "contains" and test.fact not in whole_sets
    return Variable(test.fact, str(test.operand) if by_member else None)


def value_classes(definition: FactDefinition, variable: Variable, tests: tuple[Leaf, ...]) -> tuple[ValueClass, ...]:
    """The classes of one variable under these tests, in a fixed order."""
    found: dict[tuple[Truth, ...], ValueClass] = {}
    for words, fact in _values(definition, variable, tests):
        truths = tuple(truth_of(test, fact) for test in tests)
        found.setdefault(truths, ValueClass(words, fact, truths))
    return tuple(found.values())


def _values(definition: FactDefinition, variable: Variable, tests: tuple[Leaf, ...]) -> Iterator[tuple[str, Fact]]:
    if definition.type == "set":
        members = (variable.member,) if variable.member is not None else _members(tests)
        yield from _of_set(members, whole=variable.member is None)
        return
    settled = _settled(definition, tests)
    for value in settled:
        yield _shown((value,)), ScalarFact((value,))
    if definition.partial:
        for candidates in _narrowed(definition, settled):
            yield _shown(candidates), ScalarFact(candidates)
    if definition.id in CAN_BE_NOT_APPLICABLE:
        yield "not applicable", ScalarFact(())
    yield "unknown", ScalarFact(None)


def _of_set(members: tuple[str, ...], whole: bool) -> Iterator[tuple[str, Fact]]:
    """Each member in, out or open; for a whole set also with everything else known to be out."""
    for choice in product(("yes", "no", "unknown"), repeat=len(members)):
        words = (
            ", ".join(f"{one}: {answer}" for one, answer in zip(members, choice, strict=True)) if whole else choice[0]
        )
        present = frozenset(one for one, answer in zip(members, choice, strict=True) if answer == "yes")
        absent = frozenset(one for one, answer in zip(members, choice, strict=True) if answer == "no")
        origins = dict.fromkeys(present, ENUMERATED)
        yield words, SetFact(present, absent=absent, origins=origins)
        if whole and "unknown" not in choice:
            yield f"{words}; complete", SetFact(present, absent=None, origins=origins)


def _members(tests: tuple[Leaf, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(test.operand) for test in tests if test.operator == "contains"))


def _settled(definition: FactDefinition, tests: Iterable[Leaf]) -> tuple[Scalar, ...]:
    if definition.type == "bool":
        return (True, False)
    if definition.type == "enum":
        return definition.values
    return tuple(_points(definition, sorted({test.operand for test in tests if isinstance(test.operand, float)})))


def _points(definition: FactDefinition, cuts: list[float]) -> Iterator[float]:
    """One number of each stretch between cuts, and each cut: no test changes anywhere else."""
    low = definition.minimum if definition.minimum is not None else min([0.0, *cuts]) - 1
    high = definition.maximum if definition.maximum is not None else max([0.0, *cuts]) + 1
    if definition.whole:
        last = min(high, max([low, *cuts]) + 1)
        yield from (float(number) for number in range(int(low), int(last) + 1))
        return
    ends = sorted({low, *cuts, high})
    for start, end in pairwise(ends):
        yield start
        yield (start + end) / 2
    yield high


def _narrowed(definition: FactDefinition, settled: tuple[Scalar, ...]) -> Iterator[tuple[Scalar, ...]]:
    """What a narrowed fact can be: any two or more words, any run of two or more numbers."""
    if definition.type == "number":
        for start in range(len(settled)):
            for end in range(start + 2, len(settled) + 1):
                yield settled[start:end]
        return
    for count in range(2, len(settled) + 1):
        yield from combinations(settled, count)


def _shown(candidates: tuple[Scalar, ...]) -> str:
    words = (f"{one:g}" if isinstance(one, float) else str(one).lower() for one in candidates)
    return " or ".join(words)


def as_facts(choice: Iterable[tuple[Variable, ValueClass]]) -> FactBase:
    """A fact base in which each variable has the value of its class; everything else is unknown."""
    facts: FactBase = {}
    for variable, chosen in choice:
        before = facts.get(variable.fact)
        if isinstance(before, SetFact) and isinstance(chosen.fact, SetFact):
            facts[variable.fact] = _both(before, chosen.fact)
        elif not (isinstance(chosen.fact, ScalarFact) and chosen.fact.candidates is None):
            facts[variable.fact] = chosen.fact
    return facts


def _both(one: SetFact, other: SetFact) -> SetFact:
    absent = None if one.absent is None or other.absent is None else one.absent | other.absent
    return SetFact(one.present | other.present, absent=absent, origins={**one.origins, **other.origins})
