"""The smallest profile that shows a fault, and every way to come to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from her2cds.exhaustive.residual import Residuals
from her2cds.exhaustive.sweep import sweep
from her2cds.exhaustive.variables import ValueClass, Variable
from her2cds.facts.truth import TRUE, UNKNOWN
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import All, Condition, Not

Choice = tuple[tuple[Variable, ValueClass], ...]
_MOST = 25


def ways_to(
    knowledge: Knowledge,
    goal: Condition,
    within: Sequence[Condition] = (),
    most: int = _MOST,
    about: Condition | None = None,
) -> Iterator[Choice]:
    """Small choices of values that make `goal` true whatever the other facts are; none of `within` may be false.

    Together they cover every combination that does so; at most `most` are given. `about` is a part of the goal that is
    quickly settled: the search starts with it.
    """
    excluded: list[Condition] = []
    for _ in range(most):
        possible = (*within, *excluded)
        swept = sweep(knowledge, (goal,), possible, about=about)
        found = [case for case in swept.cases if case.truths[-1] is TRUE]
        if not found:
            return
        residuals = Residuals(knowledge, (All(possible), goal))
        choice = _smallest(residuals, found[0].example)
        excluded.append(Not(All(tuple(_as_conditions(residuals, choice)))))
        yield choice


def _smallest(residuals: Residuals, example: Choice) -> Choice:
    """The example without what is not needed: what is left out may be anything."""
    kept = list(example)
    for one in list(kept):
        fewer = [other for other in kept if other is not one]
        if _holds(residuals, fewer):
            kept = fewer
    return tuple(kept)


def _holds(residuals: Residuals, choice: Sequence[tuple[Variable, ValueClass]]) -> bool:
    _, node = residuals.roots
    for variable, chosen in choice:
        node = residuals.assign(node, variable, chosen, {})
    return node == TRUE


def _as_conditions(residuals: Residuals, choice: Choice) -> Iterator[Condition]:
    for variable, chosen in choice:
        for test, truth in zip(residuals.tests(variable), chosen.truths, strict=True):
            if truth is not UNKNOWN:
                yield test if truth is TRUE else Not(test)


def words(choice: Choice) -> tuple[str, ...]:
    """A choice as a reader would write the profile, fact by fact."""
    return tuple(sorted(f"{variable}: {chosen.words}" for variable, chosen in choice))
