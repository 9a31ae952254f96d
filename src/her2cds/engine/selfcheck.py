"""The engine against the independent evaluator, over random facts."""

from __future__ import annotations

import random
from dataclasses import dataclass

from her2cds.engine.compiled import CompiledRules
from her2cds.engine.explain import evaluate_plainly
from her2cds.facts.truth import Truth
from her2cds.facts.values import FactBase, Scalar, ScalarFact, SetFact, not_applicable
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import leaves
from her2cds.knowledge.rules import FactDefinition


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A node on which the two evaluators differ."""

    node: str
    engine: Truth
    plain: Truth

    def __str__(self) -> str:
        """The disagreement in one line."""
        return f"{self.node}: the engine says {self.engine.name}, the independent evaluator {self.plain.name}"


def disagreements(rules: CompiledRules, patients: int, seed: int) -> list[Disagreement]:
    """All differences over `patients` random fact bases made from `seed`."""
    generator = RandomFacts(rules.knowledge, seed)
    found = []
    for _ in range(patients):
        facts = generator.facts()
        engine, plain = rules.evaluate(facts), evaluate_plainly(rules.knowledge, facts)
        found += [
            Disagreement(node, verdict, plain.verdicts[node])
            for node, verdict in engine.verdicts.items()
            if verdict is not plain.verdicts[node]
        ]
    return found


class RandomFacts:
    """Random fact bases over the vocabulary: facts known, not applicable or unknown, partial ones narrowed.

    Values are drawn near the operands that rules test, so that conditions are met and missed.
    """

    def __init__(self, knowledge: Knowledge, seed: int) -> None:
        self._random = random.Random(seed)
        self._knowledge = knowledge
        self._operands = _operands(knowledge)

    def facts(self) -> FactBase:
        """One fact base of given facts; how much of it is known varies from call to call."""
        known_share = self._random.choice((0.2, 0.5, 0.8, 0.95))
        facts: FactBase = {}
        for definition in self._knowledge.data.vocabulary:
            if not definition.derived and self._random.random() < known_share:
                facts[definition.id] = self._set(definition) if definition.type == "set" else self._scalar(definition)
        return facts

    def _scalar(self, definition: FactDefinition) -> ScalarFact:
        if self._random.random() < 0.05:
            return not_applicable("random")
        values = self._values(definition)
        narrowed = definition.partial and self._random.random() < 0.15
        count = min(len(values), 2) if narrowed else 1
        return ScalarFact(tuple(self._random.sample(values, count)), "random")

    def _values(self, definition: FactDefinition) -> list[Scalar]:
        if definition.type == "bool":
            return [True, False]
        if definition.type == "enum":
            return list(definition.values)
        low = definition.minimum if definition.minimum is not None else 0.0
        high = definition.maximum if definition.maximum is not None else 100.0
        near = {float(one) + step for one in self._operands.get(definition.id, ()) for step in (-1.0, 0.0, 0.5, 1.0)}
        return sorted({value for value in near if low <= value <= high} | {low, high})

    def _set(self, definition: FactDefinition) -> SetFact:
        members = sorted(str(one) for one in self._operands.get(definition.id, ())) or ["other"]
        present = frozenset(one for one in members if self._random.random() < 0.15)
        maybe = frozenset(one for one in members if one not in present and self._random.random() < 0.05)
        if self._random.random() < 0.5:
            return SetFact(present, maybe, absent=None, origin="random")
        rest = [one for one in members if one not in present and one not in maybe]
        absent = frozenset(one for one in rest if self._random.random() < 0.5)
        return SetFact(present, maybe, absent=absent, origin="random")


def _operands(knowledge: Knowledge) -> dict[str, set[str | float]]:
    found: dict[str, set[str | float]] = {}
    for condition in knowledge.conditions.values():
        for test in leaves(condition):
            operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
            found.setdefault(test.fact, set()).update(one for one in operands if not isinstance(one, bool))
    return found
