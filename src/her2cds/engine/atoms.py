"""Atoms: the leaves and named criteria of all conditions, each with a bit of its own.

What a patient's atoms come to is two numbers: the bits of the atoms that are true, and of those that are unknown.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from her2cds.facts.truth import TRUE, UNKNOWN, Truth
from her2cds.facts.values import Fact, SetFact, truth_of
from her2cds.knowledge.conditions import Leaf, Named
from her2cds.knowledge.normal_form import Literal

TrueAndUnknown = tuple[int, int]

# What the tests of a fact came to is kept for so many values; then the memory starts afresh.
_MOST_VALUES = 256


@dataclass(slots=True)
class FactAtoms:
    """The tests of one fact, by bit. What they come to depends on the fact's value alone, and is kept by it."""

    fact: str
    tests: dict[int, Leaf] = field(default_factory=dict)
    _members: frozenset[str] = frozenset()
    _prefixes: frozenset[str] = frozenset()
    _known: dict[Hashable, TrueAndUnknown] = field(default_factory=dict)

    def add(self, bit: int, test: Leaf) -> None:
        """One more test."""
        self.tests[bit] = test
        members = test.operand if isinstance(test.operand, tuple) else (str(test.operand),)
        self._members = self._members.union(members)
        self._prefixes = self._prefixes.union(member.partition(":")[0] for member in members)

    def read(self, fact: Fact | None) -> TrueAndUnknown:
        """The bits of the tests that are true of the fact, and of those that are unknown."""
        value = self._value(fact)
        bits = self._known.get(value)
        if bits is None:
            truths = {bit: truth_of(test, fact) for bit, test in self.tests.items()}
            bits = (
                sum(bit for bit, truth in truths.items() if truth is TRUE),
                sum(bit for bit, truth in truths.items() if truth is UNKNOWN),
            )
            if len(self._known) >= _MOST_VALUES:
                self._known.clear()
            self._known[value] = bits
        return bits

    def _value(self, fact: Fact | None) -> Hashable:
        """All of the fact that its tests look at: of a set, only the members that a test names."""
        if fact is None:
            return None
        if isinstance(fact, SetFact):
            return (
                fact.present & self._members,
                fact.maybe & self._members,
                None if fact.absent is None else fact.absent & self._members,
                fact.absent_prefixes & self._prefixes,
                fact.is_known,
            )
        return fact.candidates


class CriterionAtom(NamedTuple):
    """A named criterion with its bit."""

    name: str
    bit: int

    def read(self, verdict: Truth) -> TrueAndUnknown:
        """The bit among the true or the unknown ones, or in neither."""
        return (self.bit if verdict is TRUE else 0, self.bit if verdict is UNKNOWN else 0)


class Flag(NamedTuple):
    """A literal as durable-rules gets it: its name there, the bit of its atom, and whether that is affirmed.

    The name is the atom's number, as what is short is read and answered quickly.
    """

    name: str
    bit: int
    affirmed: bool


class AtomNumbers:
    """Gives every atom its bit, and tells which atoms were new since it was asked last."""

    def __init__(self) -> None:
        self._bits: dict[Leaf | Named, int] = {}
        self._new: list[Leaf | Named] = []

    def number(self, atoms: Iterable[Leaf | Named]) -> None:
        """Give a number to each that has none yet."""
        for atom in atoms:
            if atom not in self._bits:
                self._bits[atom] = 1 << len(self._bits)
                self._new.append(atom)

    def flags(self, literals: Iterable[Literal]) -> tuple[Flag, ...]:
        """The flags of literals whose atoms have numbers, in their order."""
        numbered = sorted((self._bits[literal.atom], literal.affirmed) for literal in literals)
        return tuple(Flag(f"{'' if affirmed else '-'}{bit.bit_length()}", bit, affirmed) for bit, affirmed in numbered)

    def new(self) -> tuple[tuple[FactAtoms, ...], tuple[CriterionAtom, ...]]:
        """The atoms that no earlier call gave: tests grouped by fact, and criteria."""
        facts: dict[str, FactAtoms] = {}
        criteria = []
        for atom in self._new:
            if isinstance(atom, Named):
                criteria.append(CriterionAtom(atom.criterion, self._bits[atom]))
            else:
                facts.setdefault(atom.fact, FactAtoms(atom.fact)).add(self._bits[atom], atom)
        self._new.clear()
        return tuple(facts.values()), tuple(criteria)
