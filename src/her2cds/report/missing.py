"""From unknown conditions to the facts a person can be asked for."""

from __future__ import annotations

from collections.abc import Iterable

from her2cds.engine.compiled import Outcome
from her2cds.engine.explain import Explainer
from her2cds.facts.truth import UNKNOWN
from her2cds.knowledge.base import Knowledge


class MissingFacts:
    """Finds, for undetermined conditions of one patient, the facts to ask for.

    A derived fact that has no question of its own is followed to the given facts that leave it open. Of several
    measurements from which one value can be read (an ISH result, or ratio and copies) the one with a question is asked.
    """

    def __init__(self, knowledge: Knowledge, outcome: Outcome, explainer: Explainer) -> None:
        self._knowledge = knowledge
        self._outcome = outcome
        self._explainer = explainer
        self._derivers = knowledge.derivers
        self._cache: dict[str, tuple[str, ...]] = {}

    def of(self, node: str) -> tuple[str, ...]:
        """The facts to ask for so that the condition of this rule becomes known."""
        if node not in self._cache:
            self._cache[node] = ()  # a derivation cannot depend on itself; this only stops a repeated walk
            tree = self._explainer.explain(self._knowledge.conditions[node])
            leaves = (leaf.test.fact for leaf in tree.responsible(UNKNOWN) if leaf.test)
            self._cache[node] = tuple(dict.fromkeys(self._askable(leaves)))
        return self._cache[node]

    def _askable(self, facts: Iterable[str]) -> Iterable[str]:
        for fact in dict.fromkeys(facts):
            definition = self._knowledge.facts[fact]
            if not definition.derived or definition.ask is not None:
                yield fact
                continue
            open_rules = (rule for rule in self._derivers[fact] if self._outcome.verdicts[rule] is UNKNOWN)
            found = [one for rule in open_rules for one in self.of(rule)]
            asked = [one for one in found if self._knowledge.facts[one].ask is not None]
            yield from asked if asked and definition.default is None else found
