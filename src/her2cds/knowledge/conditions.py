"""Condition trees: what a rule may ask of the facts, as typed values.

A condition in YAML is a mapping with exactly one key (see docs/knowledge-format.md). `parse` turns it into
the classes here and reports every fault with its path; nothing here knows about patients.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, get_args

from her2cds.knowledge.protein_change import normalise_change
from her2cds.knowledge.rules import FactDefinition
from her2cds.suggest import did_you_mean

Operator = Literal["is", "in", "at_least", "at_most", "more_than", "less_than", "contains", "contains_any", "known"]
Operand = str | bool | float | tuple[str, ...]
Path = tuple[str | int, ...]

AlterationKind = Literal[
    "mutation",
    "amplification",
    "loss",
    "fusion",
    "splice_variant",
    "overexpression",
    "underexpression",
    "activation",
    "nuclear",
]
ALTERATION_KINDS: tuple[str, ...] = get_args(AlterationKind)

_NUMERIC: tuple[Operator, ...] = ("at_least", "at_most", "more_than", "less_than")
_ALLOWED: dict[str, tuple[Operator, ...]] = {
    "bool": ("is", "known"),
    "enum": ("is", "in", "known"),
    "number": ("is", *_NUMERIC, "known"),
    "set": ("contains", "contains_any", "known"),
}
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_JUNCTIONS = ("all", "any", "not", "criterion")


@dataclass(frozen=True)
class Leaf:
    """A leaf: one fact compared with one operand."""

    fact: str
    operator: Operator
    operand: Operand

    @cached_property
    def _words(self) -> str:
        if self.operator == "known":
            return f"{self.fact} is known"
        return f"{self.fact} {self.operator.replace('_', ' ')} {_shown(self.operand)}"

    def __str__(self) -> str:
        """The leaf as an author would write it: `lines.metastatic at least 2`."""
        return self._words


def _shown(operand: Operand) -> str:
    if isinstance(operand, tuple):
        return "[" + ", ".join(operand) + "]"
    if isinstance(operand, bool):
        return "true" if operand else "false"
    return f"{operand:g}" if isinstance(operand, float) else operand


@dataclass(frozen=True, slots=True)
class Named:
    """A criterion, by name."""

    criterion: str


@dataclass(frozen=True, slots=True)
class All:
    """True when every part is true."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when at least one part is true."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when its part is false."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Always:
    """Always true: for rules that comment on a drug whenever it is offered."""


Condition = Leaf | Named | All | AnyOf | Not | Always


def words(condition: Condition) -> str:
    """A condition on one line, for a message."""
    match condition:
        case Leaf():
            return str(condition)
        case Named(criterion):
            return f"criterion {criterion}"
        case Not(part):
            return f"not ({words(part)})"
        case All(parts):
            return " and ".join(f"({words(part)})" for part in parts)
        case AnyOf(parts):
            return " or ".join(f"({words(part)})" for part in parts)
        case Always():
            return "always"


def atoms(condition: Condition) -> list[Leaf | Named]:
    """Every leaf and every named criterion of the tree, in reading order."""
    found: list[Leaf | Named] = []
    waiting = [condition]
    while waiting:
        one = waiting.pop()
        if isinstance(one, (Leaf, Named)):
            found.append(one)
        elif isinstance(one, Not):
            waiting.append(one.part)
        elif isinstance(one, (All, AnyOf)):
            waiting.extend(reversed(one.parts))
    return found


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Every leaf of the tree, in reading order."""
    return (one for one in atoms(condition) if isinstance(one, Leaf))


def criteria_named(condition: Condition) -> Iterator[str]:
    """The name of every criterion that the tree uses directly."""
    return (one.criterion for one in atoms(condition) if isinstance(one, Named))


def asked_of(atom: Leaf | Named) -> str:
    """The fact that a leaf tests, or the criterion's name."""
    return atom.fact if isinstance(atom, Leaf) else atom.criterion


class Domains(NamedTuple):
    """The names a condition may use: facts, criteria, and the members that sets draw from."""

    facts: dict[str, FactDefinition]
    criteria: frozenset[str]
    drugs: frozenset[str]
    drug_classes: frozenset[str]
    genes: frozenset[str]

    def member_fault(self, definition: FactDefinition, member: str) -> tuple[str, str] | None:
        """What is wrong with `member` as an element of the set fact, with a suggestion; None if nothing."""
        match definition.of:
            case "drugs":
                return _unknown("drug", member, self.drugs)
            case "drug_classes":
                return _unknown("drug class", member, self.drug_classes)
            case "alterations":
                gene, _, kind = member.partition(":")
                return _unknown("gene", gene, self.genes) or _unknown("kind of alteration", kind, ALTERATION_KINDS)
            case "protein_changes":
                gene, _, change = member.partition(":")
                return _unknown("gene", gene, self.genes) or _change_fault(gene, change)
            case _:
                return _unknown("value", member, definition.values)


def _unknown(what: str, name: str, valid: frozenset[str] | tuple[str, ...]) -> tuple[str, str] | None:
    if name in valid:
        return None
    listed = f"one of: {', '.join(valid)}" if isinstance(valid, tuple) else ""
    return f"unknown {what} '{name}'", did_you_mean(name, valid) or listed


def _change_fault(gene: str, change: str) -> tuple[str, str] | None:
    """Facts hold changes in one-letter form: a condition in any other would never hold."""
    normal = normalise_change(change)
    if normal == change:
        return None
    hint = f"write '{gene}:{normal}'" if normal else f"write gene and change in one-letter form, such as '{gene}:L755S'"
    return f"'{change}' is not a protein change in one-letter form", hint


class ConditionFault(NamedTuple):
    """A fault inside one condition, with its path below the condition's own place."""

    path: Path
    message: str
    suggestion: str = ""


class ConditionParser:
    """Turns raw condition mappings into typed trees; collects faults instead of stopping at the first."""

    def __init__(self, domains: Domains) -> None:
        self._domains = domains
        self.faults: list[ConditionFault] = []
        # Equal leaves are one object in all trees: what is found out about it for a patient is found out once.
        self._leaves: dict[Condition, Condition] = {}

    def parse(self, raw: object, path: Path = ()) -> Condition:
        """The typed tree of `raw`. After a fault the tree is a stand-in and must not be used."""
        if raw == "always":
            return Always()
        if not isinstance(raw, dict) or len(raw) != 1:
            return self._fault(
                path, "a condition is a mapping with exactly one key", "put several under `all:` or `any:`"
            )
        ((key, value),) = raw.items()
        below = (*path, key)
        if key in ("all", "any"):
            if not isinstance(value, list) or not value:
                return self._fault(below, f"`{key}` takes a list of at least one condition")
            parts = tuple(self.parse(part, (*below, index)) for index, part in enumerate(value))
            return All(parts) if key == "all" else AnyOf(parts)
        if key == "not":
            return Not(self.parse(value, below))
        if key == "criterion":
            if problem := _unknown("criterion", str(value), self._domains.criteria):
                return self._fault(below, *problem)
            return Named(str(value))
        leaf = self._leaf(str(key), value, below)
        return self._leaves.setdefault(leaf, leaf)

    def _fault(self, path: Path, message: str, suggestion: str = "") -> Condition:
        self.faults.append(ConditionFault(path, message, suggestion))
        return Always()

    def _leaf(self, fact: str, value: object, path: Path) -> Condition:
        definition = self._domains.facts.get(fact)
        if definition is None:
            hint = did_you_mean(fact, (*self._domains.facts, *_JUNCTIONS))
            return self._fault(path, f"unknown fact '{fact}'", hint)
        operator, operand = "is", value
        if isinstance(value, dict):
            if len(value) != 1:
                return self._fault(path, f"a test of '{fact}' has exactly one operator")
            ((operator, operand),) = value.items()
            path = (*path, operator)
        allowed = _ALLOWED[definition.type]
        if operator not in allowed:
            return self._fault(
                path,
                f"'{operator}' cannot test '{fact}', which is a {definition.type}",
                f"use {', '.join(allowed)}",
            )
        return self._typed(definition, operator, operand, path)

    def _typed(self, definition: FactDefinition, operator: Operator, operand: object, path: Path) -> Condition:
        fact = definition.id
        if operator == "known":
            if operand != "true":
                return self._fault(path, "`known` takes only true", "write `not: {…: {known: true}}` for the contrary")
            return Leaf(fact, "known", True)
        if operator in ("in", "contains_any"):
            if not isinstance(operand, list) or not operand or not all(isinstance(item, str) for item in operand):
                return self._fault(path, f"`{operator}` takes a list of values")
            return self._members(definition, operator, tuple(operand), path)
        if not isinstance(operand, str):
            return self._fault(path, f"`{operator}` takes a single value")
        if definition.type == "bool":
            if operand not in ("true", "false"):
                return self._fault(path, f"'{operand}' is not true or false")
            return Leaf(fact, operator, operand == "true")
        if definition.type == "number":
            return self._number(definition, operator, operand, path)
        return self._members(definition, operator, operand, path)

    def _members(
        self, definition: FactDefinition, operator: Operator, operand: str | tuple[str, ...], path: Path
    ) -> Condition:
        for member in (operand,) if isinstance(operand, str) else operand:
            problem = self._domains.member_fault(definition, member)
            if problem:
                message, hint = problem
                return self._fault(path, f"{message} for '{definition.id}'", hint)
        return Leaf(definition.id, operator, operand)

    def _number(self, definition: FactDefinition, operator: Operator, operand: str, path: Path) -> Condition:
        if not _NUMBER.fullmatch(operand):
            return self._fault(path, f"'{operand}' is not a number", "write it in digits: 2 or 0.5")
        number = float(operand)
        if definition.whole and not number.is_integer():
            return self._fault(path, f"'{definition.id}' counts in whole numbers, and {operand} is none")
        low = definition.minimum if definition.minimum is not None else float("-inf")
        high = definition.maximum if definition.maximum is not None else float("inf")
        if not low <= number <= high:
            return self._fault(path, f"{operand} is outside the domain of '{definition.id}' ({low:g} to {high:g})")
        return Leaf(definition.id, operator, number)
