"""From unknown conditions to the facts a person can be asked for."""

from __future__ import annotations

from collections.abc import Iterable

from her2cds.engine.compiled import Outcome
from her2cds.engine.explain import PatientTests
from her2cds.facts.truth import UNKNOWN
from her2cds.knowledge.base import Knowledge


class MissingFacts:
    """Finds, for undetermined conditions of one patient, the facts to ask for.

    A derived fact that has no question of its own is followed to the given facts that leave it open. Of several
    measurements from which one value can be read (an ISH result, or ratio and copies) the one with a question is asked.
    """

    def __init__(self, knowledge: Knowledge, outcome: Outcome, tests: PatientTests) -> None:
        self._knowledge = knowledge
        self._outcome = outcome
        self._tests = tests
        self._derivers = knowledge.derivers
        self._cache: dict[str, tuple[str, ...]] = {}

    def of(self, node: str) -> tuple[str, ...]:
        """The facts to ask for so that the condition of this rule becomes known."""
        if node not in self._cache:
            self._cache[node] = ()  # a derivation cannot depend on itself; this only stops a repeated walk
            if self._outcome.verdicts[node] is UNKNOWN:
                tests = self._tests.responsible(self._knowledge.conditions[node], UNKNOWN)
                self._cache[node] = tuple(dict.fromkeys(self._askable(test.fact for test in tests)))
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
