"""The knowledge base compiled for durable-rules, and its evaluation for one patient.

Every condition is written as alternatives of literals (normal_form); every alternative becomes one
durable rule over flags, one flag per literal. Each ruleset is then asked twice about a patient: once with the
flags of the literals that are true (*definite*), once with those that are true or unknown (*possible*). A
rule that fires in the first pass is satisfied; one that fires only in the second is undetermined. Because
Kleene's conjunction and disjunction are minimum and maximum, this gives exactly the truth of the condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import or_
from typing import NamedTuple

from her2cds.engine.atoms import AtomNumbers, CriterionAtom, FactAtoms, Flag
from her2cds.engine.derivation import derive_fact
from her2cds.engine.durable import MAX_FLAGS, MAX_RULES, Ruleset
from her2cds.engine.strata import Level, levels
from her2cds.facts.truth import FALSE, TRUE, UNKNOWN, Truth
from her2cds.facts.values import FactBase, ScalarFact
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import Always, asked_of, atoms
from her2cds.knowledge.normal_form import alternatives
from her2cds.knowledge.rules import FactDefinition, Rule

Verdicts = dict[str, Truth]


class Outcome(NamedTuple):
    """Verdicts of all nodes, and the facts with the derived ones added."""

    verdicts: Verdicts
    facts: FactBase


# Rules that ask about the same facts are asked together, few rules and few flags each: so a pattern of their flags was
# often seen before, and a new one is answered quickly (measured: under half the time per new patient, against 60 rules;
# with more flags a patient has seven times as many patterns that none of 5,000 others had).
_RULES_TOGETHER = 12
_FLAGS_TOGETHER = 7

# What a group was answered is kept for so many patterns of atoms; then the memory starts afresh.
_MOST_ANSWERS = 1024

Answer = tuple[tuple[str, Truth], ...]


@dataclass(slots=True)
class _DerivedFact:
    """A derived fact with the rules that give its value, and what it was for verdicts that were seen before."""

    definition: FactDefinition
    rules: tuple[Rule, ...]
    values: dict[tuple[Truth, ...], ScalarFact]

    def value(self, verdicts: Verdicts) -> ScalarFact:
        """The fact for these verdicts. Raises EngineError where the rules contradict each other."""
        pattern = tuple([verdicts[rule.id] for rule in self.rules])
        value = self.values.get(pattern)
        if value is None:
            value = derive_fact(self.definition, self.rules, verdicts)
            if len(self.values) >= _MOST_ANSWERS:
                self.values.clear()
            self.values[pattern] = value
        return value


def _derived_fact(fact: str, knowledge: Knowledge) -> _DerivedFact:
    return _DerivedFact(knowledge.facts[fact], tuple(knowledge.rules[rule] for rule in knowledge.derivers[fact]), {})


class _Rules(NamedTuple):
    """Rules that are asked together: the flags that each needs, and the node that it belongs to."""

    needed: dict[str, tuple[Flag, ...]]
    node_of: dict[str, str]

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The flags of all, each once."""
        return tuple(dict.fromkeys(flag for needed in self.needed.values() for flag in needed))


@dataclass(slots=True)
class _Group:
    """A part of a ruleset that is asked by itself: its flags, their bits together, and the node of each of its rules.

    The answer depends on the truth of its atoms alone, and most patients share most patterns (no alteration known,
    say): `answers` remembers what it was, by the true and the unknown atoms as bits.
    """

    ruleset: Ruleset
    flags: tuple[Flag, ...]
    mask: int
    node_of: Mapping[str, str]
    answers: dict[tuple[int, int], Answer]
    fired: dict[tuple[str, ...], set[str]]

    def ask(self, true: int, unknown: int) -> Answer:
        """The nodes that are true or unknown, with their truth, for the atoms of the group that are; kept."""
        answer = self._fire(true, unknown)
        if len(self.answers) >= _MOST_ANSWERS:
            self.answers.clear()
        self.answers[true, unknown] = answer
        return answer

    def _fire(self, true: int, unknown: int) -> Answer:
        definite = [
            name for name, bit, affirmed in self.flags if bool((true if affirmed else true | unknown) & bit) is affirmed
        ]
        possible = [
            name for name, bit, affirmed in self.flags if bool((true | unknown if affirmed else true) & bit) is affirmed
        ]
        sure = self._rules_fired(tuple(definite))
        open_ = self._rules_fired(tuple(possible)) if unknown else sure
        verdicts: Verdicts = {}
        for rule in open_ & self.node_of.keys():  # others of the ruleset can hold of these flags too
            node = self.node_of[rule]
            verdict = TRUE if rule in sure else UNKNOWN
            verdicts[node] = max(verdict, verdicts.get(node, FALSE))
        return tuple(verdicts.items())

    def _rules_fired(self, flags: tuple[str, ...]) -> set[str]:
        """The rules that the library fires; far fewer sets of flags than patterns are ever put to it."""
        found = self.fired.get(flags)
        if found is None:
            found = self.ruleset.fire(flags)
            if len(self.fired) >= _MOST_ANSWERS:
                self.fired.clear()
            self.fired[flags] = found
        return found


@dataclass(slots=True)
class _CompiledLevel:
    """The verdicts before any rule is asked; the atoms that can be read now; the rules; the facts they complete."""

    start: Verdicts
    facts: tuple[FactAtoms, ...]
    criteria: tuple[CriterionAtom, ...]
    groups: tuple[_Group, ...]
    completes: tuple[_DerivedFact, ...]


class _Draft(NamedTuple):
    """A level whose rules are not compiled yet."""

    start: Verdicts
    facts: tuple[FactAtoms, ...]
    criteria: tuple[CriterionAtom, ...]
    rules: tuple[_Rules, ...]
    completes: tuple[_DerivedFact, ...]

    def with_groups(self, groups: tuple[_Group, ...]) -> _CompiledLevel:
        """The level with its rules compiled."""
        return _CompiledLevel(self.start, self.facts, self.criteria, groups, self.completes)


class CompiledRules:
    """All conditions of a knowledge base as durable rulesets. Compile once, evaluate often, from any thread."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        numbers = AtomNumbers()
        drafts = [self._draft(level, numbers) for level in levels(knowledge)]
        groups = iter(_compiled([rules for draft in drafts for rules in draft.rules]))
        self._levels = tuple(draft.with_groups(tuple(islice(groups, len(draft.rules)))) for draft in drafts)

    def evaluate(self, facts: FactBase) -> Outcome:
        """Verdicts for one patient. Pure: `facts` is not changed, and what is kept (answers, by the values that
        led to them) changes no later verdict.

        Raises EngineError if any rule fails to evaluate.
        """
        facts = dict(facts)
        verdicts: Verdicts = {}
        true = unknown = 0
        for level in self._levels:
            for tests in level.facts:
                fact = facts.get(tests.fact)
                if fact is None:
                    unknown |= tests.of_a_value
                    continue
                sure, open_ = tests.read(fact)
                true |= sure
                unknown |= open_
            for criterion in level.criteria:
                sure, open_ = criterion.read(verdicts[criterion.name])
                true |= sure
                unknown |= open_
            verdicts.update(level.start)
            for group in level.groups:
                pattern = true & group.mask, unknown & group.mask
                answer = group.answers.get(pattern)
                for node, verdict in group.ask(*pattern) if answer is None else answer:
                    # The alternatives of a node may stand in two groups: the better one counts.
                    if verdict > verdicts[node]:
                        verdicts[node] = verdict
            for derived in level.completes:
                facts[derived.definition.id] = derived.value(verdicts)
        return Outcome(verdicts, facts)

    def _draft(self, level: Level, numbers: AtomNumbers) -> _Draft:
        conditions = self.knowledge.conditions
        start = {node: TRUE if isinstance(conditions[node], Always) else FALSE for node in level.nodes}
        rules = tuple(self._rules([node for node, truth in start.items() if truth is FALSE], numbers))
        completes = tuple(_derived_fact(fact, self.knowledge) for fact in level.completes)
        return _Draft(start, *numbers.new(), rules, completes)

    def _rules(self, nodes: list[str], numbers: AtomNumbers) -> Iterator[_Rules]:
        """The rules of these nodes, an alternative each, in groups."""
        conditions = self.knowledge.conditions
        asked = {node: atoms(conditions[node]) for node in nodes}
        group = _Rules({}, {})
        flags: set[Flag] = set()
        for node in sorted(nodes, key=lambda one: sorted(map(asked_of, asked[one]))):
            numbers.number(asked[node])
            for index, alternative in enumerate(alternatives(conditions[node])):
                needed = numbers.flags(alternative)
                full = len(group.needed) >= _RULES_TOGETHER or len(flags.union(needed)) > _FLAGS_TOGETHER
                if full and group.needed:
                    yield group
                    group, flags = _Rules({}, {}), set()
                name = f"{node}#{index}"
                group.needed[name], group.node_of[name] = needed, node
                flags.update(needed)
        if group.needed:
            yield group


def _compiled(groups: Sequence[_Rules]) -> Iterator[_Group]:
    """The groups with their rulesets: neighbours share one, as each takes 400 KB, however few its rules are."""
    for number, together in enumerate(_fitting_a_ruleset(groups)):
        ruleset = Ruleset(
            f"rules-{number}",
            {rule: [flag.name for flag in flags] for group in together for rule, flags in group.needed.items()},
        )
        for group in together:
            mask = reduce(or_, (flag.bit for flag in group.flags))
            yield _Group(ruleset, group.flags, mask, group.node_of, {}, {})


def _fitting_a_ruleset(groups: Sequence[_Rules]) -> Iterator[list[_Rules]]:
    together: list[_Rules] = []
    rules = flags = 0
    for group in groups:
        rules, flags = rules + len(group.needed), flags + len(group.flags)
        if together and (rules > MAX_RULES or flags > MAX_FLAGS):
            yield together
            together, rules, flags = [], len(group.needed), len(group.flags)
        together.append(group)
    if together:
        yield together
