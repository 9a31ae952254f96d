"""Runs scenarios against mutants: a mutant that fails one is killed; one that fails none survives.

Only scenarios are run whose patients the change can reach, and the plain evaluator stands in for the engine: the
two agree on every verdict (`her2cds kb selfcheck`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from her2cds.engine.compiled import Outcome
from her2cds.engine.derivation import derive_fact
from her2cds.engine.explain import truth_in
from her2cds.engine.strata import levels
from her2cds.errors import EngineError, ProfileError
from her2cds.facts.derive import derive_facts
from her2cds.facts.truth import Truth
from her2cds.facts.values import FactBase
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import Condition
from her2cds.mutation.mutants import Mutant, mutants
from her2cds.profile.normalise import Chart
from her2cds.profile.read import make_chart, profile_from_tree
from her2cds.scenarios.run import TODAY, Seen, differences
from her2cds.scenarios.suite import Case

# Expectations that depend on why a condition is unknown, not only on that it is.
_ASKING = frozenset({"asks", "does_not_ask", "checks_first"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant: the title of the scenario that killed it, or none."""

    mutant: Mutant
    killed_by: str | None


@dataclass(frozen=True, slots=True)
class _Subject:
    """A scenario with its patient's chart, given facts and true outcome.

    `fields` are the expectations that it has, `misses` the rules that it expects to be just missed; `shown` are the
    rules that its answer rests on.
    """

    case: Case
    chart: Chart
    given: FactBase
    outcome: Outcome
    misses: frozenset[str]
    fields: frozenset[str]
    shown: frozenset[str]


class MutationTest:
    """The scenarios of a suite, ready to be run against mutants of the knowledge base.

    `left_out` are the titles of those that fail on the unchanged rules: what fails already can kill nothing.
    """

    def __init__(self, cases: Iterable[Case], knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.left_out: list[str] = []
        self._plain = PlainEvaluator(knowledge)
        self._subjects = tuple(self._prepare(cases))

    def run(self, of: Iterable[Mutant] | None = None) -> Iterator[Verdict]:
        """The verdict on each mutant, on all of them by default."""
        for mutant in mutants(self.knowledge) if of is None else of:
            yield Verdict(mutant, self._killer(mutant))

    def _prepare(self, cases: Iterable[Case]) -> Iterator[_Subject]:
        for case in cases:
            try:
                chart = make_chart(profile_from_tree(case.patient), self.knowledge, TODAY)
            except ProfileError:
                continue  # a scenario about an invalid profile reaches no rule
            given = derive_facts(chart, self.knowledge)
            outcome = self._plain.outcome(self.knowledge, given)
            expect = case.scenario.expect
            seen = Seen(chart, self.knowledge, outcome)
            if differences(expect, seen):
                self.left_out.append(case.scenario.title)
            else:
                fields, shown = frozenset(expect.model_fields_set), frozenset((*_shown(seen), *expect.concludes))
                yield _Subject(case, chart, given, outcome, frozenset(expect.just_misses), fields, shown)

    def _killer(self, mutant: Mutant) -> str | None:
        knowledge: Knowledge | None = None
        for subject in self._in_order(mutant):
            try:
                outcome = self._reached(mutant, subject)
                if outcome is None:
                    continue
                knowledge = knowledge or mutant.make()
                if mutant.condition is None and mutant.rederives:
                    outcome = self._plain.outcome(knowledge, subject.given)
                failed = _fails(subject, mutant, knowledge, outcome)
            except EngineError as error:
                return f"refused by the engine: {error}"
            if failed:
                return subject.case.scenario.title
        return None

    def _in_order(self, mutant: Mutant) -> list[_Subject]:
        """The subjects, those whose expectations name the entry first: they are the likeliest to notice."""
        wanted = mutant.entry.removeprefix("regimen ")
        return sorted(self._subjects, key=lambda one: wanted not in one.case.named)

    def _reached(self, mutant: Mutant, subject: _Subject) -> Outcome | None:
        """The outcome under the mutant where it can differ for this patient; None where it cannot."""
        before = subject.outcome
        if subject.fields.isdisjoint(mutant.observed_by):
            return None
        if mutant.condition is None:
            return before if not mutant.touches or not subject.shown.isdisjoint(mutant.touches) else None
        # What a condition rests on lies below it and is not changed by the mutant.
        truth = truth_in(mutant.condition, before.facts, before.verdicts)
        if truth is before.verdicts[mutant.entry]:
            named = mutant.entry in subject.misses or (mutant.rederives and subject.misses)
            asks = truth is Truth.UNKNOWN and not subject.fields.isdisjoint(_ASKING)
            return before if named or asks else None
        if mutant.rederives:
            return self._plain.outcome(self.knowledge, subject.given, {mutant.entry: mutant.condition})
        return Outcome({**before.verdicts, mutant.entry: truth}, before.facts)


def _fails(subject: _Subject, mutant: Mutant, knowledge: Knowledge, outcome: Outcome) -> bool:
    seen = Seen(subject.chart, knowledge, outcome)
    return bool(differences(subject.case.scenario.expect, seen, mutant.observed_by))


def _shown(seen: Seen) -> Iterator[str]:
    """The rules through which the answer came about: those that derived facts, offered, restricted, found or asked."""
    for kind in ("classification", "request", "biomarker"):
        yield from (rule.id for rule in seen.satisfied(kind))
    verdicts, derivations = seen.outcome.verdicts, seen.knowledge.rules_of("classification")
    yield from (rule.id for rule in derivations if verdicts[rule.id] is Truth.UNKNOWN)
    gathered = seen.decision.gathered
    for candidate in (*gathered.ranked, *gathered.excluded, *gathered.investigational):
        yield from (rule.id for rule in candidate.offers)
        for applied in (*candidate.cautions, *candidate.open_checks):
            yield applied.rule.id
        for exclusion in (*candidate.exclusions, *candidate.dropped_options):
            if exclusion.rule is not None:
                yield exclusion.rule.id
    yield from (rule.id for kind in ("therapy", "caution") for rule in seen.satisfied(kind) if rule.notice)


class PlainEvaluator:
    """Verdicts without the engine and without explanations: quick enough to be asked for every mutant."""

    def __init__(self, knowledge: Knowledge) -> None:
        # No mutant makes a condition depend on more than it did, so the base's order serves all of them.
        self._levels = levels(knowledge)
        self._derivers = knowledge.derivers

    def outcome(self, knowledge: Knowledge, given: FactBase, instead: dict[str, Condition] | None = None) -> Outcome:
        """The outcome for given facts, with some conditions `instead` of the base's. Raises EngineError."""
        conditions = {**knowledge.conditions, **instead} if instead else knowledge.conditions
        facts, verdicts = dict(given), dict[str, Truth]()
        for level in self._levels:
            for node in level.nodes:
                verdicts[node] = truth_in(conditions[node], facts, verdicts)
            for fact in level.completes:
                rules = [knowledge.rules[rule] for rule in self._derivers[fact]]
                facts[fact] = derive_fact(knowledge.facts[fact], rules, verdicts)
        return Outcome(verdicts, facts)
