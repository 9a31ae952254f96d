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
from her2cds.evaluation import KnowledgeBase, as_profile, evaluate, evaluate_rules, find_trials
from her2cds.facts.truth import Truth
from her2cds.profile.read import make_chart
from her2cds.rendering.markdown import to_markdown
from her2cds.rendering.outline import outline
from her2cds.report.model import Report, Therapy, TrialListing
from her2cds.scenarios.model import Expectation, Scenario, build_patient

# Scenarios are read on a fixed day, so that they mean the same tomorrow.
TODAY = Date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class Result:
    """What a scenario came to: the failed expectations, none if it passed."""

    scenario: Scenario
    failures: tuple[str, ...]


def run_scenario(scenario: Scenario, knowledge: KnowledgeBase, examples: Path) -> Result:
    """Evaluate and compare. Raises ScenarioError where the scenario itself is at fault."""
    tree = build_patient(scenario.patient, examples)
    try:
        report = evaluate(tree, knowledge, today=TODAY)
    except ProfileError as error:
        return Result(scenario, tuple(_compare_error(scenario.expect, str(error))))
    if scenario.expect.invalid:
        return Result(scenario, ("expected an invalid profile, got a report",))
    outcome = outcome_of(tree, knowledge)
    seen = _Seen(report, outcome, knowledge, tree)
    return Result(scenario, tuple(failure for check in _CHECKS for failure in check(scenario.expect, seen)))


def outcome_of(tree: dict[str, Any], knowledge: KnowledgeBase) -> Outcome:
    """The verdicts for a profile given as a tree. Raises ProfileError."""
    return evaluate_rules(make_chart(as_profile(tree), knowledge.knowledge, TODAY), knowledge)


@dataclass(frozen=True, slots=True)
class _Seen:
    report: Report
    outcome: Outcome
    knowledge: KnowledgeBase
    tree: dict[str, Any]

    @property
    def listing(self) -> TrialListing:
        return find_trials(self.tree, self.knowledge, today=TODAY)

    @property
    def ranked(self) -> dict[str, Therapy]:
        return {one.regimen: one for one in self.report.therapies}


Check = Callable[[Expectation, _Seen], Iterator[str]]


def _compare_error(expect: Expectation, message: str) -> Iterator[str]:
    if not expect.invalid:
        yield f"expected a report, got: {message}"
    for text in expect.invalid:
        if text not in message:
            yield f"expected the error to mention '{text}', got: {message}"


def _classification(expect: Expectation, seen: _Seen) -> Iterator[str]:
    values = {one.fact: one.value for one in seen.report.classification}
    for fact, value in expect.classification.items():
        if values.get(fact) != value:
            yield f"{fact}: expected {value}, got {values.get(fact)}"


def _ranking(expect: Expectation, seen: _Seen) -> Iterator[str]:
    order = list(seen.ranked)
    listed = ", ".join(order) or "nothing"
    if expect.nothing_ranked and order:
        yield f"expected no ranked regimen, got {listed}"
    if expect.top_regimen:
        first = [regimen for regimen, one in seen.ranked.items() if one.rank == 1]
        if not set(first) & set(expect.top_regimen):
            yield f"top regimen: expected {' or '.join(expect.top_regimen)}, got {', '.join(first) or 'nothing'}"
    yield from (f"expected {one} to be ranked, got {listed}" for one in expect.include if one not in order)
    yield from (f"expected {one} not to be ranked" for one in expect.exclude if one in order)
    missing = [one for one in expect.order if one not in order]
    yield from (f"order: {one} is not ranked, got {listed}" for one in missing)
    for upper, lower in zip(expect.order, expect.order[1:], strict=False):
        if not missing and seen.ranked[upper].rank >= seen.ranked[lower].rank:
            yield f"expected {upper} above {lower}, got {listed}"
    for one, other in expect.tied:
        ranks = [seen.ranked[regimen].rank if regimen in seen.ranked else None for regimen in (one, other)]
        if None in ranks or ranks[0] != ranks[1]:
            yield f"expected {one} and {other} to be tied, got ranks {ranks}"


def _status(expect: Expectation, seen: _Seen) -> Iterator[str]:
    for wanted, regimens in (("determined", expect.determined), ("conditional", expect.conditional)):
        for regimen in regimens:
            one = seen.ranked.get(regimen)
            if one is None or one.status != wanted:
                yield f"expected {regimen} to be {wanted}, got {one.status if one else 'not ranked'}"


def _not_recommended(expect: Expectation, seen: _Seen) -> Iterator[str]:
    ruled_out = {one.regimen: " ".join(reason.because for reason in one.reasons) for one in seen.report.not_recommended}
    yield from _mentions("not recommended", expect.not_recommended, ruled_out)
    yield from (f"{one} is both ranked and not recommended" for one in expect.not_recommended if one in seen.ranked)


def _warnings(expect: Expectation, seen: _Seen) -> Iterator[str]:
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


def _mentions(what: str, expected: dict[str, str], texts: dict[str, str]) -> Iterator[str]:
    for key, mention in expected.items():
        if mention.casefold() not in texts.get(key, "").casefold() or key not in texts:
            yield f"{what} of {key}: expected to mention '{mention}', got '{texts.get(key, 'nothing')}'"


def _present(what: str, expected: tuple[str, ...], unexpected: tuple[str, ...], got: set[str]) -> Iterator[str]:
    listed = ", ".join(sorted(got)) or "none"
    yield from (f"expected {what} {one}, got {listed}" for one in expected if one not in got)
    yield from (f"expected no {what} {one}" for one in unexpected if one in got)


def _lists(expect: Expectation, seen: _Seen) -> Iterator[str]:
    report = seen.report
    yield from _present("finding", expect.findings, expect.no_findings, {one.rule for one in report.findings})
    yield from _present("test", expect.tests, expect.no_tests, {one.rule for one in report.tests_to_request})
    yield from _present("question", expect.asks, expect.does_not_ask, {one.fact for one in report.questions})
    yield from _present("discrepancy", expect.discrepancies, (), {one.id for one in report.discrepancies})
    offered = {one.regimen for one in report.investigational}
    yield from _present("investigational option", expect.investigational, expect.not_investigational, offered)


def _trials(expect: Expectation, seen: _Seen) -> Iterator[str]:
    """`trials` are open and fit on what is known, `possible_trials` wait for facts, `no_trials` are never suggested."""
    if not (expect.trials or expect.possible_trials or expect.no_trials):
        return
    known = seen.knowledge.knowledge.trials
    yield from (
        f"there is no trial {one}"
        for one in (*expect.trials, *expect.possible_trials, *expect.no_trials)
        if one not in known
    )
    shown = {one.id: one.eligibility for group in seen.listing.groups for one in group.trials}
    for wanted, trials in (("eligible on what is known", expect.trials), ("possibly eligible", expect.possible_trials)):
        for trial in trials:
            if shown.get(trial) != wanted:
                yield f"expected {trial} to be '{wanted}', got '{shown.get(trial, 'not suggested')}'"
    yield from (f"expected {one} not to be suggested, got '{shown[one]}'" for one in expect.no_trials if one in shown)


def _texts(expect: Expectation, seen: _Seen) -> Iterator[str]:
    notices = " ".join(one.text for one in seen.report.notices).casefold()
    yield from (f"expected a notice that mentions '{one}'" for one in expect.notices if one.casefold() not in notices)
    statement = seen.report.statement or ""
    if expect.statement is not None and expect.statement.casefold() not in statement.casefold():
        yield f"expected the statement to mention '{expect.statement}', got '{statement}'"
    if expect.shows or expect.does_not_show:
        page = to_markdown(outline(seen.report)).replace("\\", "").casefold()
        yield from (f"expected the report to show '{one}'" for one in expect.shows if one.casefold() not in page)
        yield from (
            f"expected the report not to show '{one}'" for one in expect.does_not_show if one.casefold() in page
        )


def _rules(expect: Expectation, seen: _Seen) -> Iterator[str]:
    verdicts = seen.outcome.verdicts
    for rule in (*expect.fires, *expect.just_misses):
        if rule not in verdicts:
            yield f"there is no rule {rule}"
    for rule in expect.fires:
        if verdicts.get(rule) is not Truth.TRUE:
            yield f"expected {rule} to fire, it is {verdicts[rule].name if rule in verdicts else 'missing'}"
    for rule in expect.just_misses:
        if rule in verdicts:
            missed = literals_missed(rule, seen.outcome, seen.knowledge.knowledge)
            if missed != 1:
                yield f"expected {rule} to be missed by one condition, it is missed by {missed}"


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
