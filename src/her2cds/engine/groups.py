"""Rules that are asked together: parts of a durable ruleset, each with the answers that it has given.

Rules that ask about the same facts are asked together, few rules and few flags each: so a pattern of their flags was
often seen before, and a new one is answered quickly. Groups share rulesets, since a ruleset takes 400 KB, however few
its rules are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import NamedTuple

from her2cds.engine.atoms import Flag
from her2cds.engine.durable import MAX_FLAGS, MAX_RULES, Ruleset
from her2cds.engine.memory import remember
from her2cds.facts.truth import FALSE, TRUE, UNKNOWN, Truth

# Measured: with more flags a patient has several times as many patterns that none of 5,000 others had; with fewer there
# are so many groups that asking each takes longer than is won.
_RULES_TOGETHER = 12
_FLAGS_TOGETHER = 7

Answer = tuple[tuple[str, Truth], ...]


class DurableRule(NamedTuple):
    """One alternative of a node's condition: it fires when all its flags are there."""

    name: str
    node: str
    flags: tuple[Flag, ...]


@dataclass(slots=True)
class Group:
    """Rules of one ruleset that are asked by themselves: their flags, and these flags' bits together.

    The answer depends on the truth of the atoms alone, and most patients share most patterns (no alteration known,
    say): `answers` remembers what it was, by the true and the unknown atoms as bits.
    """

    ruleset: Ruleset
    node_of: Mapping[str, str]
    flags: tuple[Flag, ...]
    mask: int
    answers: dict[tuple[int, int], Answer] = field(default_factory=dict)
    _fired: dict[tuple[str, ...], set[str]] = field(default_factory=dict)

    def ask(self, true: int, unknown: int) -> Answer:
        """The nodes that are true or unknown, with their truth, for the atoms of the group that are; remembered."""
        return remember(self.answers, (true, unknown), self._answer(true, unknown))

    def _answer(self, true: int, unknown: int) -> Answer:
        definite = [
            name for name, bit, affirmed in self.flags if bool((true if affirmed else true | unknown) & bit) is affirmed
        ]
        possible = [
            name for name, bit, affirmed in self.flags if bool((true | unknown if affirmed else true) & bit) is affirmed
        ]
        sure = self._fire(tuple(definite))
        open_ = self._fire(tuple(possible)) if unknown else sure
        verdicts: dict[str, Truth] = {}
        for rule in open_ & self.node_of.keys():  # rules of other groups can hold of these flags too
            node = self.node_of[rule]
            verdict = TRUE if rule in sure else UNKNOWN
            verdicts[node] = max(verdict, verdicts.get(node, FALSE))
        return tuple(verdicts.items())

    def _fire(self, flags: tuple[str, ...]) -> set[str]:
        """The rules that the library fires; far fewer sets of flags than patterns are ever put to it."""
        found = self._fired.get(flags)
        return remember(self._fired, flags, self.ruleset.fire(flags)) if found is None else found


def grouped(rules: Iterable[DurableRule]) -> Iterator[list[DurableRule]]:
    """The rules in groups, in their order: those that ask about the same facts should follow each other."""
    group: list[DurableRule] = []
    names: set[str] = set()
    for rule in rules:
        needed = {flag.name for flag in rule.flags}
        if group and (len(group) >= _RULES_TOGETHER or len(names | needed) > _FLAGS_TOGETHER):
            yield group
            group, names = [], set()
        group.append(rule)
        names |= needed
    if group:
        yield group


def compiled(groups: Sequence[list[DurableRule]]) -> Iterator[Group]:
    """The groups, each with the ruleset that it is a part of. Raises EngineError where the library refuses one."""
    for number, together in enumerate(_fitting_a_ruleset(groups)):
        rules = {rule.name: [flag.name for flag in rule.flags] for group in together for rule in group}
        ruleset = Ruleset(f"rules-{number}", rules)
        for group in together:
            flags = _flags(group)
            mask = reduce(or_, (flag.bit for flag in flags))
            yield Group(ruleset, {rule.name: rule.node for rule in group}, flags, mask)


def _fitting_a_ruleset(groups: Iterable[list[DurableRule]]) -> Iterator[list[list[DurableRule]]]:
    together: list[list[DurableRule]] = []
    rules = flags = 0
    for group in groups:
        rules, flags = rules + len(group), flags + len(_flags(group))
        if together and (rules > MAX_RULES or flags > MAX_FLAGS):
            yield together
            together, rules, flags = [], len(group), len(_flags(group))
        together.append(group)
    if together:
        yield together


def _flags(group: Iterable[DurableRule]) -> tuple[Flag, ...]:
    return tuple({flag.name: flag for rule in group for flag in rule.flags}.values())
