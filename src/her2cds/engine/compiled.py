"""The knowledge base compiled for durable-rules, and its evaluation for one patient.

Every condition is written as alternatives of literals (normal_form); every alternative becomes one
durable rule over flags, one flag per literal. Each ruleset is then asked twice about a patient: once with the
flags of the literals that are true (*definite*), once with those that are true or unknown (*possible*). A
rule that fires in the first pass is satisfied; one that fires only in the second is undetermined. Because
Kleene's conjunction and disjunction are minimum and maximum, this gives exactly the truth of the condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from her2cds.engine.atoms import AtomNumbers, CriterionAtom, FactAtoms
from her2cds.engine.derivation import derive_fact
from her2cds.engine.groups import DurableRule, Group, compiled, grouped
from her2cds.engine.memory import remember
from her2cds.engine.strata import Level, levels
from her2cds.facts.truth import FALSE, TRUE, Truth
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


@dataclass(slots=True)
class _DerivedFact:
    """A derived fact with the rules that give its value, and what it was for verdicts that were seen before."""

    definition: FactDefinition
    rules: tuple[Rule, ...]
    _remembered: dict[tuple[Truth, ...], ScalarFact] = field(default_factory=dict)

    def value(self, verdicts: Verdicts) -> ScalarFact:
        """The fact for these verdicts. Raises EngineError where the rules contradict each other."""
        pattern = tuple([verdicts[rule.id] for rule in self.rules])
        value = self._remembered.get(pattern)
        if value is None:
            value = remember(self._remembered, pattern, derive_fact(self.definition, self.rules, verdicts))
        return value


class _Draft(NamedTuple):
    """A level before its rules are compiled.

    The verdicts before any rule is asked; the atoms that can be read now; the rules in groups; the facts they complete.
    """

    start: Verdicts
    facts: tuple[FactAtoms, ...]
    criteria: tuple[CriterionAtom, ...]
    rules: tuple[list[DurableRule], ...]
    completes: tuple[_DerivedFact, ...]


class _CompiledLevel(NamedTuple):
    """A level whose rules can be asked."""

    draft: _Draft
    groups: tuple[Group, ...]


class CompiledRules:
    """All conditions of a knowledge base as durable rulesets. Compile once, evaluate often, from any thread."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        numbers = AtomNumbers()
        drafts = [self._draft(level, numbers) for level in levels(knowledge)]
        # Rulesets may hold groups of several levels: they know nothing of levels, and answer for the flags they get.
        groups = compiled([group for draft in drafts for group in draft.rules])
        self._levels = tuple(_CompiledLevel(draft, tuple(islice(groups, len(draft.rules)))) for draft in drafts)

    def evaluate(self, facts: FactBase) -> Outcome:
        """Verdicts for one patient. Pure: `facts` is not changed, and what is kept (answers, by the values that
        led to them) changes no later verdict.

        Raises EngineError if any rule fails to evaluate.
        """
        facts = dict(facts)
        verdicts: Verdicts = {}
        true = unknown = 0
        for level, groups in self._levels:
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
            for group in groups:
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
        knowledge, conditions = self.knowledge, self.knowledge.conditions
        start = {node: TRUE if isinstance(conditions[node], Always) else FALSE for node in level.nodes}
        rules = tuple(grouped(self._rules([node for node, truth in start.items() if truth is FALSE], numbers)))
        completes = (
            _DerivedFact(knowledge.facts[fact], tuple(knowledge.rules[one] for one in knowledge.derivers[fact]))
            for fact in level.completes
        )
        return _Draft(start, *numbers.new(), rules, tuple(completes))

    def _rules(self, nodes: list[str], numbers: AtomNumbers) -> Iterator[DurableRule]:
        """The rules of these nodes, one for each alternative; those that ask about the same follow each other."""
        conditions = self.knowledge.conditions
        asked = {node: atoms(conditions[node]) for node in nodes}
        for node in sorted(nodes, key=lambda one: sorted(map(asked_of, asked[one]))):
            numbers.number(asked[node])
            for index, alternative in enumerate(alternatives(conditions[node])):
                yield DurableRule(f"{node}#{index}", node, numbers.flags(alternative))
