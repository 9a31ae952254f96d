"""Every combination of values, with those that leave the same rest of the conditions counted together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from her2cds.exhaustive.residual import Residuals
from her2cds.exhaustive.variables import ValueClass, Variable
from her2cds.facts.truth import FALSE, UNKNOWN, Truth
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import All, Condition


@dataclass(frozen=True, slots=True)
class _Choice:
    """One value, and those chosen before it."""

    variable: Variable
    chosen: ValueClass
    before: _Choice | None


@dataclass(frozen=True, slots=True)
class Case:
    """All combinations for which the conditions come to these truths: how many, and one of them."""

    truths: tuple[Truth, ...]
    combinations: int
    example: tuple[tuple[Variable, ValueClass], ...]


@dataclass(frozen=True, slots=True)
class Swept:
    """The outcome of a sweep: how many variables and combinations, how many of these cannot be, and the cases."""

    variables: int
    combinations: int
    impossible: int
    cases: tuple[Case, ...]


def sweep(
    knowledge: Knowledge,
    conditions: Sequence[Condition],
    within: Sequence[Condition] = (),
    settled: bool = False,
    about: Condition | None = None,
) -> Swept:
    """The truths of `conditions` for every combination of the facts that they read.

    Combinations that make a condition of `within` false cannot be, or are not asked about. With `settled` no fact is
    left unknown or narrowed down, but for those of which a test asks whether they are known. Where the question is
    `about` those patients only for whom a condition is true, its truth comes first in each case; for all others the
    rest is not looked at, and given as false.
    """
    if about is not None:
        conditions = (about, *conditions)
    residuals = Residuals(knowledge, (All(tuple(within)), *conditions), first=about)
    states: States = {residuals.roots: (1, None)}
    total = 1
    for variable in residuals.variables:
        classes = residuals.classes(variable, settled)
        total *= len(classes)
        states = _step(residuals, variable, classes, states)
        if about is not None:
            states = _without_the_rest_of_others(states)
    cases = tuple(
        Case(tuple(Truth(node) for node in verdicts), number, tuple(_chain(choice)))
        for verdicts, (number, choice) in _merged(states).items()
    )
    alive = sum(case.combinations for case in cases)
    return Swept(len(residuals.variables), total, total - alive, cases)


_NOT_MEANT = (int(FALSE), int(UNKNOWN))

# What is left of `within` and of each condition; how many combinations leave it; one of them.
States = dict[tuple[int, ...], tuple[int, _Choice | None]]


def _step(residuals: Residuals, variable: Variable, classes: tuple[ValueClass, ...], states: States) -> States:
    """The states after one more variable has got each of its values."""
    memos: list[dict[int, int]] = [{} for _ in classes]
    after: dict[int, tuple[int, ...]] = {}
    for node in {node for state in states for node in state}:
        after[node] = tuple(
            residuals.assign(node, variable, one, memo) for one, memo in zip(classes, memos, strict=True)
        )
    reading = {node for node in after if residuals.reads(node, variable)}
    found: States = {}
    for state, (number, choice) in states.items():
        if reading.isdisjoint(state):
            _add(found, state, number * len(classes), choice)
            continue
        for chosen, left in zip(classes, zip(*(after[node] for node in state), strict=True), strict=True):
            if left[0] != FALSE:
                _add(found, left, number, _Choice(variable, chosen, choice))
    return found


def _without_the_rest_of_others(states: States) -> States:
    """States with nothing left to find out of patients whom the question is not about: these become few."""
    found: States = {}
    for state, (number, choice) in states.items():
        meant = state[1]
        left = (state[0], meant, *(int(FALSE) for _ in state[2:])) if meant in _NOT_MEANT else state
        _add(found, left, number, choice)
    return found


def _add(states: States, state: tuple[int, ...], number: int, choice: _Choice | None) -> None:
    before = states.get(state)
    states[state] = (number + before[0], before[1]) if before else (number, choice)


def _merged(states: States) -> States:
    """States without what stands for `within`: it has done its work."""
    found: States = {}
    for state, (number, choice) in states.items():
        _add(found, state[1:], number, choice)
    return found


def _chain(choice: _Choice | None) -> Iterator[tuple[Variable, ValueClass]]:
    while choice is not None:
        yield choice.variable, choice.chosen
        choice = choice.before
