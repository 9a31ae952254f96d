"""Conditions as far as they are still open while facts get their values one after the other.

Every condition is kept once, under a number; the first three numbers are the truth values themselves. Assigning a
value to a variable turns a condition into what is left of it, so that combinations of facts which leave the same rest
can be counted together. Criteria and derived facts are replaced by the conditions behind them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from her2cds.engine.derivation import derive_fact
from her2cds.exhaustive.variables import ValueClass, Variable, value_classes, variable_of
from her2cds.facts.truth import FALSE, TRUE, UNKNOWN
from her2cds.facts.values import truth_of
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import All, Always, AnyOf, Condition, Leaf, Named, Not

_TRUTHS = (FALSE, UNKNOWN, TRUE)


@dataclass(frozen=True, slots=True)
class _Open:
    """A condition that is still open: a test (of a given or a derived fact), or a junction of other conditions."""

    kind: str
    test: Leaf | None = None
    parts: tuple[int, ...] = ()


class Residuals:
    """The conditions of one question, by number, and what is left of them under an assignment."""

    def __init__(self, knowledge: Knowledge, conditions: Sequence[Condition], first: Condition | None = None) -> None:
        """`conditions` are all that the question reads; `roots` are their numbers. `first` is to be settled first."""
        self._knowledge = knowledge
        self._derivers = {fact: tuple(rules) for fact, rules in knowledge.derivers.items()}
        self._known: list[_Open | None] = [None, None, None]
        self._numbers: dict[_Open, int] = {}
        self._tests: dict[Leaf, None] = {}
        self.roots = tuple(self._number(condition) for condition in conditions)
        self._whole = frozenset(
            test.fact for test in self._tests if test.operator == "known" and knowledge.facts[test.fact].type == "set"
        )
        self._tests_of: dict[Variable, tuple[Leaf, ...]] = {}
        for test in self._tests:
            variable = variable_of(test, self._whole)
            self._tests_of[variable] = (*self._tests_of.get(variable, ()), test)
        self.variables = self._order(first)
        self._masks: dict[int, int] = {}
        self._bits = {variable: 1 << place for place, variable in enumerate(self.variables)}

    def classes(self, variable: Variable, settled: bool = False) -> tuple[ValueClass, ...]:
        """The classes of values of a variable that these conditions tell apart.

        With `settled` only those that answer every test; where a test asks whether the fact is known, not knowing it is
        an answer of its own and stays.
        """
        tests = self._tests_of[variable]
        found = value_classes(self._knowledge.facts[variable.fact], variable, tests)
        if not settled or any(test.operator == "known" for test in tests):
            return found
        return tuple(one for one in found if UNKNOWN not in one.truths)

    def tests(self, variable: Variable) -> tuple[Leaf, ...]:
        """The tests that ask about a variable, in the order of the truths of its classes."""
        return self._tests_of[variable]

    def reads(self, node: int, variable: Variable) -> bool:
        """Whether what is left of a condition still depends on the variable."""
        return bool(self._mask(node) & self._bits[variable])

    def assign(self, node: int, variable: Variable, chosen: ValueClass, memo: dict[int, int]) -> int:
        """What is left of a condition once the variable has a value. `memo` is for one variable and value."""
        if node in memo:
            return memo[node]
        result = node
        if self.reads(node, variable):
            one = self._at(node)
            if one.kind == "test":
                assert one.test is not None
                result = int(chosen.truths[self._tests_of[variable].index(one.test)])
            else:
                result = self._made(one, tuple(self.assign(part, variable, chosen, memo) for part in one.parts))
        memo[node] = result
        return result

    # --- Building ---------------------------------------------------------------------------------

    def _number(self, condition: Condition) -> int:
        match condition:
            case Always():
                return int(TRUE)
            case Named(criterion):
                return self._number(self._knowledge.conditions[criterion])
            case Not(part):
                return self._made(_Open("not"), (self._number(part),))
            case All(parts):
                return self._made(_Open("all"), tuple(self._number(part) for part in parts))
            case AnyOf(parts):
                return self._made(_Open("any"), tuple(self._number(part) for part in parts))
            case Leaf():
                return self._leaf(condition)

    def _leaf(self, test: Leaf) -> int:
        if test.operator == "contains_any":
            assert isinstance(test.operand, tuple)
            members = (Leaf(test.fact, "contains", member) for member in test.operand)
            return self._made(_Open("any"), tuple(self._leaf(member) for member in members))
        rules = self._derivers.get(test.fact)
        if rules is not None:
            return self._made(
                _Open("derived", test), tuple(self._number(self._knowledge.conditions[rule]) for rule in rules)
            )
        self._tests[test] = None
        return self._keep(_Open("test", test))

    def _made(self, like: _Open, parts: tuple[int, ...]) -> int:
        """The number of a junction of parts, simplified by what is settled already."""
        if like.kind == "derived":
            settled = all(part <= TRUE for part in parts)
            return self._derived(like, parts) if settled else self._keep(_Open("derived", like.test, parts))
        if like.kind == "not":
            (part,) = parts
            return 2 - part if part <= TRUE else self._keep(_Open("not", None, parts))
        deciding, neutral = (FALSE, TRUE) if like.kind == "all" else (TRUE, FALSE)
        left = tuple(sorted({part for part in parts if part != neutral}))
        if deciding in left:
            return int(deciding)
        if len(left) < 2:
            return left[0] if left else int(neutral)
        return self._keep(_Open(like.kind, None, left))

    def _derived(self, like: _Open, parts: tuple[int, ...]) -> int:
        assert like.test is not None
        rules = [self._knowledge.rules[rule] for rule in self._derivers[like.test.fact]]
        verdicts = {rule.id: _TRUTHS[part] for rule, part in zip(rules, parts, strict=True)}
        return int(truth_of(like.test, derive_fact(self._knowledge.facts[like.test.fact], rules, verdicts)))

    def _keep(self, one: _Open) -> int:
        number = self._numbers.get(one)
        if number is None:
            number = self._numbers[one] = len(self._known)
            self._known.append(one)
        return number

    def _at(self, node: int) -> _Open:
        one = self._known[node]
        assert one is not None
        return one

    def _mask(self, node: int) -> int:
        if node <= TRUE:
            return 0
        mask = self._masks.get(node)
        if mask is None:
            one = self._at(node)
            if one.kind == "test":
                assert one.test is not None
                mask = self._bits[variable_of(one.test, self._whole)]
            else:
                mask = 0
                for part in one.parts:
                    mask |= self._mask(part)
            self._masks[node] = mask
        return mask

    # --- Order ------------------------------------------------------------------------------------

    def _order(self, first: Condition | None) -> tuple[Variable, ...]:
        """Variables in the order of assignment: first those behind derived facts, which then are settled together."""
        found: dict[Variable, None] = {}
        if first is not None:
            self._collect(self._number(first), found)
        for node in sorted(range(3, len(self._known)), key=lambda node: (self._at(node).kind != "derived", node)):
            self._collect(node, found)
        return tuple(found)

    def _collect(self, node: int, found: dict[Variable, None]) -> None:
        if node <= TRUE:
            return
        one = self._at(node)
        if one.kind == "test":
            assert one.test is not None
            found.setdefault(variable_of(one.test, self._whole))
        for part in one.parts:
            self._collect(part, found)
