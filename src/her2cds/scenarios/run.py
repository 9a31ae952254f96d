"""Runs a scenario: evaluates its patient and says, line by line, what differs from the expectation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from datetime import date as Date
from functools import cached_property
from pathlib import Path
from typing import Any

from her2cds.engine.compiled import Outcome
from her2cds.engine.near_miss import literals_missed
from her2cds.errors import ProfileError
from her2cds.evaluation import KnowledgeBase, as_profile, evaluate_rules
from her2cds.facts.truth import TRUE
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import Always
from her2cds.knowledge.rules import Rule, RuleKind
from her2cds.profile.normalise import Chart
from her2cds.profile.read import make_chart
from her2cds.recommendation.decide import Decision, decide
from her2cds.rendering.markdown import to_markdown
from her2cds.rendering.outline import outline
from her2cds.report.assemble import ReportAssembler
from her2cds.report.model import NotRecommended, Report, Therapy, TrialListing
from her2cds.scenarios.conclusion import conclusion_words
from her2cds.scenarios.model import Expectation, Scenario, VerdictKind, build_patient

# Scenarios are read on a fixed day, so that they mean the same tomorrow.
TODAY = Date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as expected. `expected` and `got` are empty where `what` says it all."""

    what: str
    expected: str = ""
    got: str = ""

    def __str__(self) -> str:
        """The difference in one line."""
        return f"{self.what}: expected {self.expected}, got {self.got}" if self.expected else self.what


@dataclass(frozen=True, slots=True)
class Result:
    """What a scenario came to: the differences from the expectation, none if it passed."""

    scenario: Scenario
    differences: tuple[Difference, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """The differences, one line each."""
        return tuple(str(one) for one in self.differences)


def run_scenario(scenario: Scenario, knowledge: KnowledgeBase, examples: Path) -> Result:
    """Evaluate and compare. Raises ScenarioError where the scenario itself is at fault."""
    return run_on(scenario, build_patient(scenario.patient, examples), knowledge)


def run_on(scenario: Scenario, tree: dict[str, Any], knowledge: KnowledgeBase) -> Result:
    """Evaluate a patient that was built already, and compare."""
    try:
        chart = make_chart(as_profile(tree), knowledge.knowledge, TODAY)
    except ProfileError as error:
        return Result(scenario, tuple(_compare_error(scenario.expect, str(error))))
    if scenario.expect.invalid:
        return Result(scenario, (Difference("profile", "an invalid profile", "a report"),))
    seen = Seen(chart, knowledge.knowledge, evaluate_rules(chart, knowledge))
    return Result(scenario, differences(scenario.expect, seen))


def outcome_of(tree: dict[str, Any], knowledge: KnowledgeBase) -> Outcome:
    """The verdicts for a profile given as a tree. Raises ProfileError."""
    return evaluate_rules(make_chart(as_profile(tree), knowledge.knowledge, TODAY), knowledge)


class Seen:
    """What a patient's evaluation came to; decision, report and trials are made when an expectation asks for them."""

    def __init__(self, chart: Chart, knowledge: Knowledge, outcome: Outcome) -> None:
        self.knowledge = knowledge
        self.outcome = outcome
        self._chart = chart

    @cached_property
    def decision(self) -> Decision:
        """What was decided."""
        return decide(self.knowledge, self.outcome)

    @cached_property
    def report(self) -> Report:
        """The report."""
        return self._assembler.report()

    @cached_property
    def listing(self) -> TrialListing:
        """All trials."""
        return self._assembler.trial_listing()

    @cached_property
    def _assembler(self) -> ReportAssembler:
        return ReportAssembler(self._chart, self.knowledge, self.decision)

    @cached_property
    def ranked(self) -> dict[str, Therapy]:
        """The ranked candidates by regimen."""
        return {one.regimen: one for one in self._assembler.therapies()}

    @cached_property
    def places(self) -> dict[str, tuple[int, bool]]:
        """Rank of each ranked regimen, and whether it is determined."""
        return {one.candidate.regimen.id: (one.rank, one.candidate.determined) for one in self.decision.ranked}

    def satisfied(self, kind: RuleKind) -> Iterator[Rule]:
        """The rules of a kind that are satisfied: each finding and each test to request is one."""
        return (rule for rule in self.knowledge.rules_of(kind) if self.outcome.verdicts[rule.id] is TRUE)

    @cached_property
    def ruled_out(self) -> tuple[NotRecommended, ...]:
        """What is not recommended."""
        return self._assembler.not_recommended()

    @cached_property
    def classification(self) -> dict[str, str]:
        """The derived facts in words."""
        return {one.fact: one.value for one in self._assembler.classification()}


def differences(expect: Expectation, seen: Seen, only: Set[str] | None = None) -> tuple[Difference, ...]:
    """Everything in which a report differs from what is expected of it, or what concerns these fields `only`."""
    given = expect.model_fields_set if only is None else expect.model_fields_set & only
    return tuple(one for fields, check in _CHECKS if not given.isdisjoint(fields) for one in check(expect, seen))


Check = Callable[[Expectation, Seen], Iterator[Difference]]


def _compare_error(expect: Expectation, message: str) -> Iterator[Difference]:
    if not expect.invalid:
        yield Difference("profile", "a report", message)
    yield from (
        Difference("error", f"a mention of '{text}'", message) for text in expect.invalid if text not in message
    )


def _classification(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    for fact, value in expect.classification.items():
        if seen.classification.get(fact) != value:
            yield Difference(fact, value, str(seen.classification.get(fact)))


def _ranking(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    order = list(seen.places)
    listed = ", ".join(order) or "nothing"
    if expect.nothing_ranked and order:
        yield Difference("ranking", "no ranked regimen", listed)
    if expect.top_regimen:
        first = [regimen for regimen, (rank, _) in seen.places.items() if rank == 1]
        if not set(first) & set(expect.top_regimen):
            yield Difference("top regimen", " or ".join(expect.top_regimen), ", ".join(first) or "nothing")
    yield from (Difference("ranking", f"{one} to be ranked", listed) for one in expect.include if one not in order)
    yield from (Difference("ranking", f"{one} not to be ranked", listed) for one in expect.exclude if one in order)
    yield from _order(expect, seen, listed)


def _order(expect: Expectation, seen: Seen, listed: str) -> Iterator[Difference]:
    missing = [one for one in expect.order if one not in seen.places]
    yield from (Difference("order", f"{one} to be ranked", listed) for one in missing)
    for upper, lower in zip(expect.order, expect.order[1:], strict=False):
        if not missing and seen.places[upper][0] >= seen.places[lower][0]:
            yield Difference("order", f"{upper} above {lower}", listed)
    for one, other in expect.tied:
        ranks = [seen.places[regimen][0] if regimen in seen.places else None for regimen in (one, other)]
        if None in ranks or ranks[0] != ranks[1]:
            yield Difference("ranks", f"{one} and {other} to be tied", f"ranks {ranks}")


def _status(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    for wanted, regimens in (("determined", expect.determined), ("conditional", expect.conditional)):
        for regimen in regimens:
            _, determined = seen.places.get(regimen, (0, None))
            status = {True: "determined", False: "conditional", None: "not ranked"}[determined]
            if status != wanted:
                yield Difference("status", f"{regimen} to be {wanted}", status)


def _not_recommended(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    ruled_out = {one.regimen: " ".join(reason.because for reason in one.reasons) for one in seen.ruled_out}
    yield from _mentions("not recommended", expect.not_recommended, ruled_out)
    for one in expect.not_recommended:
        if one in seen.places:
            yield Difference(f"{one} is both ranked and not recommended")


def _warnings(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    warnings = {
        regimen: " ".join(
            f"{warning.effect} {warning.title} {warning.because} {warning.action}" for warning in one.warnings
        )
        for regimen, one in seen.ranked.items()
    }
    yield from _mentions("warnings", expect.warns, warnings)
    checks = {
        regimen: " ".join(f"{check.title} {' '.join(check.missing)}" for check in one.open_checks)
        for regimen, one in seen.ranked.items()
    }
    yield from _mentions("checks first", expect.checks_first, checks)


def _mentions(what: str, expected: dict[str, str], texts: dict[str, str]) -> Iterator[Difference]:
    for key, mention in expected.items():
        if mention.casefold() not in texts.get(key, "").casefold() or key not in texts:
            yield Difference(f"{what} of {key}", f"a mention of '{mention}'", f"'{texts.get(key, 'nothing')}'")


def _present(what: str, expected: tuple[str, ...], unexpected: tuple[str, ...], got: set[str]) -> Iterator[Difference]:
    listed = ", ".join(sorted(got)) or "none"
    yield from (Difference(what, one, listed) for one in expected if one not in got)
    yield from (Difference(what, f"not {one}", listed) for one in unexpected if one in got)


def _findings_and_tests(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    found = {rule.id for rule in seen.satisfied("biomarker")}
    yield from _present("finding", expect.findings, expect.no_findings, found)
    tests = {rule.id for rule in seen.satisfied("request")}
    yield from _present("test", expect.tests, expect.no_tests, tests)


def _lists(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    report = seen.report
    yield from _present("question", expect.asks, expect.does_not_ask, {one.fact for one in report.questions})
    yield from _present("discrepancy", expect.discrepancies, (), {one.id for one in report.discrepancies})


def _investigational(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    offered = {one.regimen.id for one in seen.decision.gathered.investigational}
    yield from _present("investigational option", expect.investigational, expect.not_investigational, offered)


def _trials(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    """`trials` are open and fit on what is known, `possible_trials` wait for facts, `no_trials` are never suggested."""
    named = (*expect.trials, *expect.possible_trials, *expect.no_trials)
    if not named:
        return
    yield from (Difference(f"there is no trial {one}") for one in named if one not in seen.knowledge.trials)
    shown = {one.id: one.eligibility for group in seen.listing.groups for one in group.trials}
    for wanted, trials in (("eligible on what is known", expect.trials), ("possibly eligible", expect.possible_trials)):
        for trial in trials:
            if shown.get(trial) != wanted:
                yield Difference(trial, f"'{wanted}'", f"'{shown.get(trial, 'not suggested')}'")
    for one in expect.no_trials:
        if one in shown:
            yield Difference(one, "not to be suggested", f"'{shown[one]}'")


def _texts(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    notices = " ".join(one.text for one in seen.report.notices)
    yield from _shown("notices", expect.notices, notices)
    if expect.statement is not None:
        yield from _shown("statement", (expect.statement,), seen.report.statement or "")
    if expect.shows or expect.does_not_show:
        page = to_markdown(outline(seen.report)).replace("\\", "").casefold()
        for text in expect.shows:
            if text.casefold() not in page:
                yield Difference(f"expected the report to show '{text}'")
        for text in expect.does_not_show:
            if text.casefold() in page:
                yield Difference(f"expected the report not to show '{text}'")


def _shown(what: str, mentions: tuple[str, ...], text: str) -> Iterator[Difference]:
    for mention in mentions:
        if mention.casefold() not in text.casefold():
            yield Difference(what, f"a mention of '{mention}'", f"'{text}'" if text else "nothing")


def _rules(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    verdicts = seen.outcome.verdicts
    for rule in (*expect.fires, *expect.just_misses, *expect.concludes):
        if rule not in verdicts:
            yield Difference(f"there is no rule {rule}")
    for rule in (*expect.fires, *expect.concludes):
        if rule in verdicts and verdicts[rule] is not TRUE:
            yield Difference("rules", f"{rule} to fire", f"it is {verdicts[rule].name}")
    for rule in expect.just_misses:
        if rule in verdicts:
            missed = literals_missed(rule, seen.outcome, seen.knowledge)
            if missed != 1:
                yield Difference("rules", f"{rule} to be missed by one condition", f"{missed}")


def _fires_exactly(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    for kind, wanted in expect.fires_exactly.items():
        fired = fired_of(kind, seen)
        yield from (Difference(f"{kind} rules", one, "not satisfied") for one in wanted if one not in fired)
        yield from (Difference(f"{kind} rules", "no other", one) for one in fired if one not in wanted)


def fired_of(kind: VerdictKind, seen: Seen) -> tuple[str, ...]:
    """The satisfied rules (trials, situations) of a kind that have a condition, in file order."""
    knowledge = seen.knowledge
    nodes: Iterable[str] = (rule.id for rule in knowledge.data.rules if rule.kind == kind)
    if kind in ("trial", "situation"):
        nodes = knowledge.trials if kind == "trial" else knowledge.situations
    verdicts, conditions = seen.outcome.verdicts, knowledge.conditions
    return tuple(one for one in nodes if verdicts.get(one) is TRUE and not isinstance(conditions[one], Always))


def _conclusions(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    for rule_id, wanted in expect.concludes.items():
        rule = seen.knowledge.rules.get(rule_id)
        got = conclusion_words(rule) if rule else "nothing"
        if got != " ".join(wanted.split()):
            yield Difference(f"conclusion of {rule_id}", wanted, got)


# Each check with the expectations that it judges: it is made only where one of them is given.
_CHECKS: tuple[tuple[tuple[str, ...], Check], ...] = (
    (("classification",), _classification),
    (("top_regimen", "include", "exclude", "order", "tied", "nothing_ranked"), _ranking),
    (("determined", "conditional"), _status),
    (("not_recommended",), _not_recommended),
    (("warns", "checks_first"), _warnings),
    (
        ("findings", "no_findings", "tests", "no_tests"),
        _findings_and_tests,
    ),
    (("asks", "does_not_ask", "discrepancies"), _lists),
    (("investigational", "not_investigational"), _investigational),
    (("trials", "possible_trials", "no_trials"), _trials),
    (("notices", "statement", "shows", "does_not_show"), _texts),
    (("fires", "just_misses", "concludes"), _rules),
    (("fires_exactly",), _fires_exactly),
    (("concludes",), _conclusions),
)
