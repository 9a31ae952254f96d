"""Runs a scenario: evaluates its patient and says, line by line, what differs from the expectation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date as Date
from pathlib import Path
from typing import Any

from her2cds.engine.compiled import Outcome
from her2cds.engine.near_miss import literals_missed
from her2cds.errors import ProfileError
from her2cds.evaluation import KnowledgeBase, as_profile, evaluate_rules, examine, report_on
from her2cds.facts.truth import Truth
from her2cds.knowledge.base import Knowledge
from her2cds.profile.normalise import Chart
from her2cds.profile.read import make_chart
from her2cds.recommendation.decide import Decision
from her2cds.rendering.markdown import to_markdown
from her2cds.rendering.outline import outline
from her2cds.report.assemble import ReportAssembler
from her2cds.report.model import Report, Therapy, TrialListing
from her2cds.scenarios.model import Expectation, Scenario, build_patient

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
        case = examine(tree, knowledge, today=TODAY)
    except ProfileError as error:
        return Result(scenario, tuple(_compare_error(scenario.expect, str(error))))
    if scenario.expect.invalid:
        return Result(scenario, (Difference("profile", "an invalid profile", "a report"),))
    seen = Seen(case.decision, report_on(case, knowledge), case.chart, knowledge.knowledge)
    return Result(scenario, differences(scenario.expect, seen))


def outcome_of(tree: dict[str, Any], knowledge: KnowledgeBase) -> Outcome:
    """The verdicts for a profile given as a tree. Raises ProfileError."""
    return evaluate_rules(make_chart(as_profile(tree), knowledge.knowledge, TODAY), knowledge)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a patient's evaluation came to."""

    decision: Decision
    report: Report
    chart: Chart
    knowledge: Knowledge

    @property
    def outcome(self) -> Outcome:
        """The verdicts and facts."""
        return self.decision.outcome

    @property
    def listing(self) -> TrialListing:
        """All trials."""
        return ReportAssembler(self.chart, self.knowledge, self.decision).trial_listing()

    @property
    def ranked(self) -> dict[str, Therapy]:
        """The ranked candidates by regimen."""
        return {one.regimen: one for one in self.report.therapies}


def differences(expect: Expectation, seen: Seen) -> tuple[Difference, ...]:
    """Everything in which a report differs from what is expected of it."""
    return tuple(one for check in _CHECKS for one in check(expect, seen))


Check = Callable[[Expectation, Seen], Iterator[Difference]]


def _compare_error(expect: Expectation, message: str) -> Iterator[Difference]:
    if not expect.invalid:
        yield Difference("profile", "a report", message)
    yield from (
        Difference("error", f"a mention of '{text}'", message) for text in expect.invalid if text not in message
    )


def _classification(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    values = {one.fact: one.value for one in seen.report.classification}
    for fact, value in expect.classification.items():
        if values.get(fact) != value:
            yield Difference(fact, value, str(values.get(fact)))


def _ranking(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    order = list(seen.ranked)
    listed = ", ".join(order) or "nothing"
    if expect.nothing_ranked and order:
        yield Difference("ranking", "no ranked regimen", listed)
    if expect.top_regimen:
        first = [regimen for regimen, one in seen.ranked.items() if one.rank == 1]
        if not set(first) & set(expect.top_regimen):
            yield Difference("top regimen", " or ".join(expect.top_regimen), ", ".join(first) or "nothing")
    yield from (Difference("ranking", f"{one} to be ranked", listed) for one in expect.include if one not in order)
    yield from (Difference("ranking", f"{one} not to be ranked", listed) for one in expect.exclude if one in order)
    yield from _order(expect, seen, listed)


def _order(expect: Expectation, seen: Seen, listed: str) -> Iterator[Difference]:
    missing = [one for one in expect.order if one not in seen.ranked]
    yield from (Difference("order", f"{one} to be ranked", listed) for one in missing)
    for upper, lower in zip(expect.order, expect.order[1:], strict=False):
        if not missing and seen.ranked[upper].rank >= seen.ranked[lower].rank:
            yield Difference("order", f"{upper} above {lower}", listed)
    for one, other in expect.tied:
        ranks = [seen.ranked[regimen].rank if regimen in seen.ranked else None for regimen in (one, other)]
        if None in ranks or ranks[0] != ranks[1]:
            yield Difference("ranks", f"{one} and {other} to be tied", f"ranks {ranks}")


def _status(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    for wanted, regimens in (("determined", expect.determined), ("conditional", expect.conditional)):
        for regimen in regimens:
            one = seen.ranked.get(regimen)
            if one is None or one.status != wanted:
                yield Difference("status", f"{regimen} to be {wanted}", one.status if one else "not ranked")


def _not_recommended(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    ruled_out = {one.regimen: " ".join(reason.because for reason in one.reasons) for one in seen.report.not_recommended}
    yield from _mentions("not recommended", expect.not_recommended, ruled_out)
    for one in expect.not_recommended:
        if one in seen.ranked:
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


def _lists(expect: Expectation, seen: Seen) -> Iterator[Difference]:
    report = seen.report
    yield from _present("finding", expect.findings, expect.no_findings, {one.rule for one in report.findings})
    yield from _present("test", expect.tests, expect.no_tests, {one.rule for one in report.tests_to_request})
    yield from _present("question", expect.asks, expect.does_not_ask, {one.fact for one in report.questions})
    yield from _present("discrepancy", expect.discrepancies, (), {one.id for one in report.discrepancies})
    offered = {one.regimen for one in report.investigational}
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
    for rule in (*expect.fires, *expect.just_misses):
        if rule not in verdicts:
            yield Difference(f"there is no rule {rule}")
    for rule in expect.fires:
        if rule in verdicts and verdicts[rule] is not Truth.TRUE:
            yield Difference("rules", f"{rule} to fire", f"it is {verdicts[rule].name}")
    for rule in expect.just_misses:
        if rule in verdicts:
            missed = literals_missed(rule, seen.outcome, seen.knowledge)
            if missed != 1:
                yield Difference("rules", f"{rule} to be missed by one condition", f"{missed}")


_CHECKS: tuple[Check, ...] = (
    _classification,
    _ranking,
    _status,
    _not_recommended,
    _warnings,
    _lists,
    _trials,
    _texts,
    _rules,
)
