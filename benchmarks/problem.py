"""The compiled problem that all engines get: alternatives of literals over flags, level by level.

Which literals hold for a patient is worked out beforehand and is the same for all. An engine answers, for each level
of rules, which alternatives have all of their flags: once for the flags that are certain, once for the possible ones.
From both answers follows the three-valued verdict of every rule, as in `her2cds.engine.compiled`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from her2cds import KnowledgeBase
from her2cds.engine.compiled import Outcome
from her2cds.engine.strata import levels
from her2cds.facts.derive import derive_facts
from her2cds.facts.truth import Truth
from her2cds.facts.values import FactBase, truth_of
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import Always, Named
from her2cds.knowledge.normal_form import Literal, alternatives
from her2cds.profile.normalise import Chart

Rules = Mapping[str, Sequence[str]]
Flags = tuple[str, ...]


class Matcher(Protocol):
    """One engine that has compiled the rules of one level."""

    def fire(self, flags: Flags) -> set[str]:
        """The rules all of whose flags are given."""


@dataclass(frozen=True)
class Level:
    """Rules by name with the flags they need, and the node of the knowledge base that each belongs to."""

    rules: dict[str, tuple[str, ...]]
    node_of: dict[str, str]
    literals: dict[str, Literal]


@dataclass(frozen=True)
class Questions:
    """What an engine is asked about one patient: for each level the certain and the possible flags."""

    asked: tuple[tuple[Flags, Flags], ...]
    expected: dict[str, Truth]


@dataclass(frozen=True)
class Problem:
    """Levels of rules, and the questions about each patient."""

    levels: tuple[Level, ...]
    patients: tuple[Questions, ...]


def problem(knowledge: KnowledgeBase, charts: Sequence[Chart]) -> Problem:
    """The problem for these patients, with the verdicts that her2cds reached."""
    compiled = tuple(_level(level.nodes, knowledge.knowledge) for level in levels(knowledge.knowledge))
    outcomes = [
        (facts, knowledge.rules.evaluate(facts))
        for facts in (derive_facts(chart, knowledge.knowledge) for chart in charts)
    ]
    return Problem(compiled, tuple(_questions(compiled, outcome) for _, outcome in outcomes))


def verdicts(level: Level, definite: set[str], possible: set[str]) -> dict[str, Truth]:
    """The verdicts of a level's nodes from the rules that fired in both passes."""
    found = dict.fromkeys(level.node_of.values(), Truth.FALSE)
    for rule in possible:
        truth = Truth.TRUE if rule in definite else Truth.UNKNOWN
        node = level.node_of[rule]
        found[node] = max(found[node], truth)
    return found


def ask(matchers: Sequence[Matcher], questions: Questions) -> list[tuple[set[str], set[str]]]:
    """Both answers of each level; the second pass is spared where both have the same flags."""
    answers = []
    for matcher, (definite, possible) in zip(matchers, questions.asked, strict=True):
        sure = matcher.fire(definite)
        answers.append((sure, sure if len(possible) == len(definite) else matcher.fire(possible)))
    return answers


def differences(problem: Problem, questions: Questions, answers: Sequence[tuple[set[str], set[str]]]) -> list[str]:
    """The nodes on which an engine's verdict is not that of her2cds."""
    return [
        node
        for level, (sure, open_) in zip(problem.levels, answers, strict=True)
        for node, truth in verdicts(level, sure, open_).items()
        if truth is not questions.expected[node]
    ]


def _level(nodes: Sequence[str], knowledge: Knowledge) -> Level:
    rules, node_of, literals = {}, {}, {}
    for node in nodes:
        condition = knowledge.conditions[node]
        if isinstance(condition, Always):
            continue
        for index, alternative in enumerate(alternatives(condition)):
            needed = sorted(alternative, key=str)
            rules[f"{node}#{index}"] = tuple(str(literal) for literal in needed)
            node_of[f"{node}#{index}"] = node
            literals.update((str(literal), literal) for literal in needed)
    return Level(rules, node_of, literals)


def _questions(compiled: Sequence[Level], outcome: Outcome) -> Questions:
    asked = []
    for level in compiled:
        truths = {flag: _truth(literal, outcome) for flag, literal in level.literals.items()}
        definite = tuple(flag for flag, truth in truths.items() if truth is Truth.TRUE)
        possible = tuple(flag for flag, truth in truths.items() if truth is not Truth.FALSE)
        asked.append((definite, possible))
    return Questions(tuple(asked), outcome.verdicts)


def _truth(literal: Literal, outcome: Outcome) -> Truth:
    facts: FactBase = outcome.facts
    atom = literal.atom
    truth = outcome.verdicts[atom.criterion] if isinstance(atom, Named) else truth_of(atom, facts.get(atom.fact))
    return truth if literal.affirmed else truth.negated()
