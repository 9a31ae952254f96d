"""Verdicts under an assumption: as if one more fact were known, and nothing else had changed.

Only what depends on the fact is evaluated again, with the independent evaluator whose agreement with the engine is
tested; a hundred assumptions cost about as much as a few evaluations from scratch.
"""

from __future__ import annotations

from her2cds.engine.compiled import Outcome, Verdicts
from her2cds.engine.derivation import derive_fact
from her2cds.engine.strata import Level, levels
from her2cds.facts.truth import TRUE, Truth, all_of, any_of
from her2cds.facts.values import Fact, FactBase, truth_of
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import All, Always, AnyOf, Condition, Leaf, Named, Not, asked_of, atoms


class Assumptions:
    """Answers "what if this fact were so" for one patient."""

    def __init__(self, knowledge: Knowledge, outcome: Outcome) -> None:
        self._knowledge = knowledge
        self._outcome = outcome
        self._levels = levels(knowledge)
        self._derived_by = {
            fact: tuple(knowledge.rules[one] for one in rules) for fact, rules in knowledge.derivers.items()
        }
        self._users = _users(knowledge)

    def outcome_if(self, fact: str, value: Fact) -> Outcome:
        """The verdicts and facts as they would be. A derived fact may be assumed too: it is then not derived."""
        facts: FactBase = {**self._outcome.facts, fact: value}
        verdicts: Verdicts = dict(self._outcome.verdicts)
        stale = set(self._users.get(fact, ()))
        for level in self._levels:
            self._renew(level, fact, facts, verdicts, stale)
        return Outcome(verdicts, facts)

    def _renew(self, level: Level, assumed: str, facts: FactBase, verdicts: Verdicts, stale: set[str]) -> None:
        """Evaluate the stale nodes of one level; what has changed makes its users stale in turn."""
        changed_rules = set()
        for node in level.nodes:
            if node in stale:
                truth = _truth(self._knowledge.conditions[node], facts, verdicts)
                if truth is not verdicts[node]:
                    verdicts[node] = truth
                    changed_rules.add(node)
                    stale.update(self._users.get(node, ()))
        for derived in level.completes:
            rules = self._derived_by[derived]
            if derived != assumed and any(rule.id in stale for rule in rules):
                value = derive_fact(self._knowledge.facts[derived], rules, verdicts)
                if value != facts[derived]:
                    facts[derived] = value
                    stale.update(self._users.get(derived, ()))


def _users(knowledge: Knowledge) -> dict[str, tuple[str, ...]]:
    """For each fact and each criterion, the nodes whose conditions name it."""
    found: dict[str, list[str]] = {}
    for node, condition in knowledge.conditions.items():
        for name in {asked_of(atom) for atom in atoms(condition)}:
            found.setdefault(name, []).append(node)
    return {name: tuple(nodes) for name, nodes in found.items()}


def _truth(condition: Condition, facts: FactBase, verdicts: Verdicts) -> Truth:
    match condition:
        case Leaf():
            return truth_of(condition, facts.get(condition.fact))
        case Named(criterion):
            return verdicts[criterion]
        case All(parts):
            return all_of(_truth(part, facts, verdicts) for part in parts)
        case AnyOf(parts):
            return any_of(_truth(part, facts, verdicts) for part in parts)
        case Not(part):
            return _truth(part, facts, verdicts).negated()
        case Always():
            return TRUE
