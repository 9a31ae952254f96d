"""The values a fact can have, and what a test says of each.

A scalar is known, not applicable, or unknown; an unknown one may be narrowed to candidates, so that "not
positive, but low or zero is open" is not lost. A set is known by what is in it, what may be, and what is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from her2cds.facts.truth import FALSE, TRUE, UNKNOWN, Truth, any_of, truth
from her2cds.knowledge.conditions import Leaf

Scalar = str | bool | float
_MOST_NAMED = 5


class ScalarFact(NamedTuple):
    """One value. `candidates` are the values it can have: one if known, several if narrowed, None if open.

    A fact that cannot apply to this patient (months since an adjuvant therapy that was never given) has no
    candidate at all: every test of it is false, and it counts as known.
    """

    candidates: tuple[Scalar, ...] | None
    origin: str = ""

    @property
    def is_known(self) -> bool:
        """Whether there is at most one value it can have."""
        return self.candidates is not None and len(self.candidates) <= 1

    @property
    def is_lower_bound(self) -> bool:
        """Whether it is a count of which little but the least is known: too many values to name each."""
        return self.candidates is not None and len(self.candidates) > _MOST_NAMED

    @property
    def value(self) -> Scalar | None:
        """The value if known; None if unknown or not applicable."""
        return self.candidates[0] if self.candidates and len(self.candidates) == 1 else None


# Nothing writes to it: the type has no way to.
_NO_ORIGINS: Mapping[str, str] = {}


class SetFact(NamedTuple):
    """Members that are in, may be in, and are out.

    `absent` None means that everything neither in nor maybe in is out (the list is complete). Otherwise what
    is out is `absent`, and every member whose part before the colon is in `absent_prefixes`.
    """

    present: frozenset[str] = frozenset()
    maybe: frozenset[str] = frozenset()
    absent: frozenset[str] | None = frozenset()
    absent_prefixes: frozenset[str] = frozenset()
    origins: Mapping[str, str] = _NO_ORIGINS
    origin: str = ""

    def contains(self, member: str) -> Truth:
        """Whether the member is in the set."""
        if member in self.present:
            return TRUE
        if member in self.maybe:
            return UNKNOWN
        if self.absent is None or member in self.absent or member.partition(":")[0] in self.absent_prefixes:
            return FALSE
        return UNKNOWN

    @property
    def is_known(self) -> bool:
        """Whether membership of everything is settled."""
        return self.absent is None and not self.maybe


Fact = ScalarFact | SetFact

NOT_KNOWN: Final = ScalarFact(None)


def known(value: Scalar, origin: str) -> ScalarFact:
    """A known scalar."""
    return ScalarFact((value,), origin)


def given(value: Scalar | None, origin: str) -> ScalarFact:
    """A known scalar, or unknown where the profile says nothing."""
    return NOT_KNOWN if value is None else ScalarFact((value,), origin)


def not_applicable(origin: str) -> ScalarFact:
    """A fact that cannot apply to this patient."""
    return ScalarFact((), origin)


def truth_of(test: Leaf, fact: Fact | None) -> Truth:
    """What the test says of the fact; None is a fact of which nothing is known."""
    if test.operator == "known":
        return truth(fact is not None and fact.is_known)
    if fact is None:
        return UNKNOWN
    if isinstance(fact, SetFact):
        if isinstance(test.operand, str):
            return fact.contains(test.operand)
        assert isinstance(test.operand, tuple)
        return any_of([fact.contains(member) for member in test.operand])
    if fact.candidates is None:
        return UNKNOWN
    if len(fact.candidates) == 1:  # the common case, and the quick one
        return truth(_holds(test, fact.candidates[0]))
    hits = sum(_holds(test, value) for value in fact.candidates)
    if hits == 0:
        return FALSE
    return TRUE if hits == len(fact.candidates) else UNKNOWN


def _holds(test: Leaf, value: Scalar) -> bool:
    operand = test.operand
    if test.operator == "is":
        return value == operand
    if test.operator == "in":
        assert isinstance(operand, tuple)
        return value in operand
    assert isinstance(value, (int, float))
    assert isinstance(operand, (int, float))
    match test.operator:
        case "at_least":
            return value >= operand
        case "at_most":
            return value <= operand
        case "more_than":
            return value > operand
        case "less_than":
            return value < operand
    raise AssertionError(test.operator)


FactBase = dict[str, Fact]
