"""Atoms: the leaves and named criteria of all conditions, each with a bit of its own.

What a patient's atoms come to is two numbers: the bits of the atoms that are true, and of those that are unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from her2cds.engine.memory import remember
from her2cds.facts.truth import TRUE, UNKNOWN, Truth
from her2cds.facts.values import Fact, Scalar, SetFact, truth_of
from her2cds.knowledge.conditions import Leaf, Named
from her2cds.knowledge.normal_form import Literal

TrueAndUnknown = tuple[int, int]


@dataclass(slots=True)
class FactAtoms:
    """The tests of one fact, by bit. What they come to depends on the fact's value alone.

    Where nothing is known of the fact, all those `of_a_value` are unknown, and none is true.
    """

    fact: str
    tests: dict[int, Leaf] = field(default_factory=dict)
    of_a_value: int = 0
    _if_known: int = 0
    _by_member: dict[str, int] = field(default_factory=dict)
    _remembered: dict[tuple[Scalar, ...] | None, TrueAndUnknown] = field(default_factory=dict)

    def add(self, bit: int, test: Leaf) -> None:
        """One more test."""
        self.tests[bit] = test
        if test.operator == "known":
            self._if_known |= bit
            return
        self.of_a_value |= bit
        if test.operator in ("contains", "contains_any"):
            for member in test.operand if isinstance(test.operand, tuple) else (str(test.operand),):
                self._by_member[member] = self._by_member.get(member, 0) | bit

    def read(self, fact: Fact) -> TrueAndUnknown:
        """The bits of the tests that are true of the fact, and of those that are unknown."""
        if isinstance(fact, SetFact):
            return self._of_set(fact)
        bits = self._remembered.get(fact.candidates)
        if bits is None:
            truths = {bit: truth_of(test, fact) for bit, test in self.tests.items()}
            bits = (
                sum(bit for bit, truth in truths.items() if truth is TRUE),
                sum(bit for bit, truth in truths.items() if truth is UNKNOWN),
            )
            remember(self._remembered, fact.candidates, bits)
        return bits

    def _of_set(self, fact: SetFact) -> TrueAndUnknown:
        """As `truth_of` says of each test, all at once: a test is true by one member that is in, and else open by one
        that may be.
        """
        sure = self._if_known if fact.is_known else 0
        for member in fact.present:
            sure |= self._by_member.get(member, 0)
        open_ = 0
        for member in fact.maybe:
            open_ |= self._by_member.get(member, 0)
        if fact.absent is not None:
            settled = fact.present | fact.absent
            for member, bits in self._by_member.items():
                if member not in settled and member.partition(":")[0] not in fact.absent_prefixes:
                    open_ |= bits
        return sure, open_ & ~sure


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
