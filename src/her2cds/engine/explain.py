"""An independent evaluator of condition trees in plain Python, and the tree that explains a verdict.

It walks the tree as the author wrote it, with Kleene's logic, and knows nothing of rulesets and flags. It
answers "why" and "why not", and it is the oracle against which the engine is tested. `PatientTests` names the tests
behind a verdict without making trees, for reports and for what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from her2cds.engine.compiled import Outcome, Verdicts
from her2cds.engine.derivation import derive_fact
from her2cds.engine.strata import levels
from her2cds.facts.truth import TRUE, Truth, all_of, any_of
from her2cds.facts.values import Fact, FactBase, ScalarFact, truth_of
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import All, Always, AnyOf, Condition, Leaf, Named, Not, atoms


class Explanation(NamedTuple):
    """One node of a condition tree with its truth for a patient. Leaves carry the test and the patient's fact."""

    truth: Truth
    says: str
    parts: tuple[Explanation, ...] = ()
    test: Leaf | None = None
    fact: Fact | None = None

    @property
    def value(self) -> str:
        """The patient's value in words."""
        return shown(self.fact)

    @property
    def origin(self) -> str:
        """Where the value comes from: a JSON path or a rule id."""
        return origin_of(self.test, self.fact) if self.test else ""

    def leaves(self) -> Iterator[Explanation]:
        """All leaves below, or the node itself if it is one."""
        if self.test is not None:
            yield self
        for part in self.parts:
            yield from part.leaves()

    def responsible(self, truth: Truth) -> Iterator[Explanation]:
        """The leaves that make the node have this truth: why it is false, unknown or true."""
        if self.truth is not truth:
            return
        if self.test is not None:
            yield self
        for part in self.parts:
            below = part.truth.negated() if self.says == "not" else part.truth
            if below is truth:
                yield from part.responsible(part.truth)


def explain(condition: Condition, facts: FactBase, knowledge: Knowledge) -> Explanation:
    """The explanation tree of a condition for a patient's facts (derived ones included)."""
    return Explainer(facts, knowledge).explain(condition)


class Explainer:
    """Explains many conditions for one patient: a tree, or a part that several trees share, is explained once."""

    def __init__(self, facts: FactBase, knowledge: Knowledge) -> None:
        self._facts = facts
        self._knowledge = knowledge
        # By the identity of the condition, which is kept beside the explanation so that it stays what it is.
        self._explained: dict[int, tuple[Condition, Explanation]] = {}

    def explain(self, condition: Condition) -> Explanation:
        """The tree of one condition. Trees share parts and must not be changed."""
        found = self._explained.get(id(condition))
        if found is None:
            found = self._explained[id(condition)] = condition, self._explain(condition)
        return found[1]

    def _explain(self, condition: Condition) -> Explanation:
        match condition:
            case Leaf():
                fact = self._facts.get(condition.fact)
                return Explanation(truth_of(condition, fact), str(condition), test=condition, fact=fact)
            case Named(criterion):
                below = self.explain(self._knowledge.conditions[criterion])
                return Explanation(below.truth, self._knowledge.criteria[criterion].title, (below,))
            case Not(part):
                below = self.explain(part)
                return Explanation(below.truth.negated(), "not", (below,))
            case All(parts):
                explained = tuple([self.explain(part) for part in parts])
                return Explanation(all_of([one.truth for one in explained]), "all of", explained)
            case AnyOf(parts):
                explained = tuple([self.explain(part) for part in parts])
                return Explanation(any_of([one.truth for one in explained]), "any of", explained)
            case Always():
                return Explanation(TRUE, "always")


def truth_in(condition: Condition, facts: FactBase, verdicts: Verdicts) -> Truth:
    """Kleene's truth of a condition, without an explanation; criteria are looked up among the verdicts."""
    return _truth(condition, verdicts, lambda test: truth_of(test, facts.get(test.fact)))


def _truth(condition: Condition, verdicts: Verdicts, truth_of_test: Callable[[Leaf], Truth]) -> Truth:
    match condition:
        case Leaf():
            return truth_of_test(condition)
        case Named(criterion):
            return verdicts[criterion]
        case Not(part):
            return _truth(part, verdicts, truth_of_test).negated()
        case All(parts):
            return all_of([_truth(part, verdicts, truth_of_test) for part in parts])
        case AnyOf(parts):
            return any_of([_truth(part, verdicts, truth_of_test) for part in parts])
        case Always():
            return TRUE


class PatientTests:
    """What the tests of conditions come to for one patient, for whoever needs no explanations.

    A test that several conditions share is looked at once, and so is a criterion.
    """

    def __init__(self, outcome: Outcome, knowledge: Knowledge) -> None:
        self._outcome = outcome
        self._conditions = knowledge.conditions
        # By the identity of the test, of which the knowledge base keeps one object for all conditions.
        self._truths: dict[int, Truth] = {}
        self._responsible: dict[tuple[str, Truth], Sequence[Leaf]] = {}
        self._true: dict[str, tuple[Leaf, ...]] = {}

    def truth(self, condition: Condition) -> Truth:
        """The truth of a condition, or of a part of one."""
        if isinstance(condition, Leaf):
            return self._of_test(condition)
        if isinstance(condition, Named):
            return self._outcome.verdicts[condition.criterion]
        return _truth(condition, self._outcome.verdicts, self._of_test)

    def responsible(self, condition: Condition, truth: Truth) -> Sequence[Leaf]:
        """The tests that make the condition what it is, as `Explanation.responsible`; `truth` has to be its truth."""
        if isinstance(condition, Leaf):
            return (condition,)
        if isinstance(condition, Named):
            return self._responsible_in(condition.criterion, truth)
        if isinstance(condition, Not):
            return self.responsible(condition.part, truth.negated())
        if isinstance(condition, (All, AnyOf)):
            parts = [part for part in condition.parts if self.truth(part) is truth]
            return [test for part in parts for test in self.responsible(part, truth)]
        return ()

    def true_ones(self, condition: Condition) -> Iterator[Leaf]:
        """Every test in the condition and its criteria that is true, in reading order."""
        for atom in atoms(condition):
            if isinstance(atom, Named):
                yield from self._true_in(atom.criterion)
            elif self._of_test(atom) is TRUE:
                yield atom

    def _responsible_in(self, criterion: str, truth: Truth) -> Sequence[Leaf]:
        found = self._responsible.get((criterion, truth))
        if found is None:
            found = self._responsible[criterion, truth] = self.responsible(self._conditions[criterion], truth)
        return found

    def _true_in(self, criterion: str) -> tuple[Leaf, ...]:
        found = self._true.get(criterion)
        if found is None:
            found = self._true[criterion] = tuple(self.true_ones(self._conditions[criterion]))
        return found

    def _of_test(self, test: Leaf) -> Truth:
        found = self._truths.get(id(test))
        if found is None:
            found = self._truths[id(test)] = truth_of(test, self._outcome.facts.get(test.fact))
        return found


def evaluate_plainly(knowledge: Knowledge, facts: FactBase) -> Outcome:
    """Verdicts of all nodes without the engine: the reference in tests and in the self-check."""
    facts = dict(facts)
    verdicts: Verdicts = {}
    rules = {fact: tuple(knowledge.rules[one] for one in ids) for fact, ids in knowledge.derivers.items()}
    for level in levels(knowledge):
        for node in level.nodes:
            verdicts[node] = explain(knowledge.conditions[node], facts, knowledge).truth
        for fact in level.completes:
            facts[fact] = derive_fact(knowledge.facts[fact], rules[fact], verdicts)
    return Outcome(verdicts, facts)


def shown(fact: Fact | None) -> str:
    """A fact's value in words."""
    if fact is None:
        return "unknown"
    if isinstance(fact, ScalarFact):
        if fact.candidates is None:
            return "unknown"
        if not fact.candidates:
            return "not applicable"
        values = [_word(value) for value in fact.candidates]
        if fact.is_lower_bound:
            return f"unknown (at least {values[0]})"
        return values[0] if len(values) == 1 else f"unknown ({' or '.join(values)})"
    if fact.present:
        return ", ".join(sorted(fact.present))
    return "none" if fact.is_known else "none known"


def _word(value: str | bool | float) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else value


def origin_of(test: Leaf, fact: Fact | None) -> str:
    """Where the value that a test looks at comes from: a JSON path or a rule id."""
    if fact is None:
        return ""
    if isinstance(fact, ScalarFact):
        return fact.origin
    members = (test.operand,) if isinstance(test.operand, str) else test.operand
    if isinstance(members, tuple):
        for member in members:
            if member in fact.origins:
                return fact.origins[member]
    return fact.origin
