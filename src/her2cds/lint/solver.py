"""Can conditions hold together? Decided by search over the closed domains, not by sampling.

Criteria and derived facts are replaced by the conditions behind them, down to the given facts; then literals
are collected branch by branch, and a branch dies as soon as the literals on one fact cannot hold together
(normal_form.can_hold). The search is complete: "no" means that no profile can do it. Facts are taken as independent
of each other, so a "yes" may name a combination that the arithmetic between facts excludes.
"""

from __future__ import annotations

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import All, Always, AnyOf, Condition, Leaf, Named, Not
from her2cds.knowledge.normal_form import Literal, can_hold
from her2cds.knowledge.rules import Rule

_Goal = tuple[Condition, bool]


class Solver:
    """Satisfiability of conditions over one knowledge base."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._derivers = {
            fact: tuple(knowledge.rules[rule] for rule in rules) for fact, rules in knowledge.derivers.items()
        }

    def can_hold_together(self, *goals: _Goal) -> bool:
        """Whether one patient can make every condition true (or false, where its flag is false)."""
        return self._search(list(goals), ())

    def implies(self, one: Condition, other: Condition) -> bool:
        """Whether `other` is true for every patient with known facts for whom `one` is."""
        return not self.can_hold_together((one, True), (other, False))

    def _search(self, goals: list[_Goal], literals: tuple[Literal, ...]) -> bool:
        if not goals:
            return True
        (condition, wanted), *rest = goals
        match condition:
            case Always():
                return wanted and self._search(rest, literals)
            case Not(part):
                return self._search([(part, not wanted), *rest], literals)
            case Named(criterion):
                return self._search([(self._knowledge.conditions[criterion], wanted), *rest], literals)
            case All(parts) | AnyOf(parts):
                if isinstance(condition, All) == wanted:
                    return self._search([*((part, wanted) for part in parts), *rest], literals)
                return any(self._search([(part, wanted), *rest], literals) for part in parts)
            case Leaf():
                return self._test(condition, wanted, rest, literals)

    def _test(self, test: Leaf, wanted: bool, rest: list[_Goal], literals: tuple[Literal, ...]) -> bool:
        if test.fact in self._derivers and test.operator in ("is", "in"):
            # A derived fact that meets a test is known; `known` tests of it must not say otherwise.
            goals = [(Leaf(test.fact, "known", True), True), *rest] if wanted else rest
            return any(self._search([*branch, *goals], literals) for branch in self._derived(test, wanted))
        added = (*literals, Literal(test, wanted))
        same_fact = [one for one in added if isinstance(one.atom, Leaf) and one.atom.fact == test.fact]
        return can_hold(same_fact, self._knowledge.facts) and self._search(rest, added)

    def _derived(self, test: Leaf, wanted: bool) -> list[list[_Goal]]:
        """The ways in which a derived fact can meet the test: one rule gives a fitting value, or the default does."""
        rules = self._derivers[test.fact]
        branches: list[list[_Goal]] = [
            [(self._knowledge.conditions[rule.id], True)] for rule in rules if self._can_give(rule, test, wanted)
        ]
        default = self._knowledge.facts[test.fact].default
        if default is not None and _fits(default, test) == wanted:
            branches.append([(self._knowledge.conditions[rule.id], False) for rule in rules])
        return branches

    @staticmethod
    def _can_give(rule: Rule, test: Leaf, wanted: bool) -> bool:
        assert rule.derive is not None
        values = rule.derive.one_of or (rule.derive.value or "",)
        return any(_fits(value, test) == wanted for value in values)


def _fits(value: str, test: Leaf) -> bool:
    if isinstance(test.operand, tuple):
        return value in test.operand
    return value == ("true" if test.operand is True else "false" if test.operand is False else test.operand)
