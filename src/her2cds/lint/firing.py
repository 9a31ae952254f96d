"""Lint checks on single conditions: each can hold, each of its alternatives can, and none holds for everybody."""

from __future__ import annotations

from collections.abc import Iterator

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import All, Always, AnyOf, Condition, Not, words
from her2cds.knowledge.data import entry_key
from her2cds.lint.findings import Check, Finding, finding
from her2cds.lint.solver import Solver


def rules_can_fire(knowledge: Knowledge) -> Iterator[Finding]:
    """Every rule, criterion, trial and situation can hold for some patient, looking through derived facts."""
    solver = Solver(knowledge)
    for owner, condition in knowledge.conditions.items():
        if not solver.can_hold_together((condition, True)):
            message = f"no patient can make this {_noun(owner, knowledge)}"
            yield finding(knowledge, "rules_can_fire", "error", _key(owner, knowledge), message)


def alternatives_can_hold(knowledge: Knowledge) -> Iterator[Finding]:
    """Every alternative of a condition can hold for some patient beside the rest of the condition."""
    solver = Solver(knowledge)
    for owner, condition in knowledge.conditions.items():
        if not solver.can_hold_together((condition, True)):
            continue  # told of as a whole
        for branch, narrowed in narrowed_to_each_branch(condition):
            if not solver.can_hold_together((narrowed, True)):
                message = f"no patient can meet the alternative '{words(branch)}' here"
                yield finding(knowledge, "alternatives_can_hold", "error", _key(owner, knowledge), message)


def conditions_can_fail(knowledge: Knowledge) -> Iterator[Finding]:
    """A condition that holds for everybody says nothing: what is meant for all says `always`."""
    solver = Solver(knowledge)
    for owner, condition in knowledge.conditions.items():
        if not isinstance(condition, Always) and not solver.can_hold_together((condition, False)):
            message = "the condition holds for every patient; write `always` if that is meant"
            yield finding(knowledge, "conditions_can_fail", "error", _key(owner, knowledge), message)


FIRING_CHECKS: tuple[Check, ...] = (rules_can_fire, alternatives_can_hold, conditions_can_fail)


def _noun(owner: str, knowledge: Knowledge) -> str:
    if owner in knowledge.rules:
        return "rule fire"
    if owner in knowledge.criteria:
        return "criterion true"
    return "trial's condition true" if owner in knowledge.trials else "situation true"


def _key(owner: str, knowledge: Knowledge) -> str:
    return entry_key("situations", owner) if owner in knowledge.situations else owner


def narrowed_to_each_branch(condition: Condition, affirmed: bool = True) -> Iterator[tuple[Condition, Condition]]:
    """Each alternative anywhere in a condition, with the condition in which it is the only one of its alternatives."""
    match condition:
        case Not(part):
            for branch, narrowed in narrowed_to_each_branch(part, not affirmed):
                yield branch, Not(narrowed)
        case All(parts) | AnyOf(parts):
            of_choice = isinstance(condition, AnyOf) == affirmed and len(parts) > 1
            for index, part in enumerate(parts):
                if of_choice:
                    yield part, part
                for branch, narrowed in narrowed_to_each_branch(part, affirmed):
                    among = (*parts[:index], narrowed, *parts[index + 1 :])
                    yield branch, narrowed if of_choice else type(condition)(among)
