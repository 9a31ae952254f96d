"""Which conditions' leaves the scenarios exercise: each should be seen true for one patient and false for another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from her2cds.errors import ProfileError
from her2cds.evaluation import KnowledgeBase
from her2cds.facts.truth import FALSE, TRUE, Truth
from her2cds.facts.values import truth_of
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import Leaf, leaves
from her2cds.scenarios.model import Scenario, build_patient
from her2cds.scenarios.run import outcome_of


@dataclass(frozen=True, slots=True)
class UnseenLeaf:
    """A leaf that no patient makes true (or false), and the rules, criteria, situations and trials that hold it."""

    leaf: Leaf
    missing: Truth
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeafCoverage:
    """How many leaves there are (the same test in two rules counts twice), how many differ, and the gaps."""

    leaves: int
    distinct: int
    unseen: tuple[UnseenLeaf, ...]


def leaf_coverage(scenarios: Iterable[Scenario], knowledge: KnowledgeBase, examples: Path) -> LeafCoverage:
    """Coverage of every leaf by the scenarios' patients; a leaf that a patient leaves unknown is not seen."""
    owners = _owners(knowledge.knowledge)
    unseen = {(leaf, truth): None for leaf in owners for truth in (TRUE, FALSE)}
    for scenario in scenarios:
        try:
            facts = outcome_of(build_patient(scenario.patient, examples), knowledge).facts
        except ProfileError:
            continue
        for leaf, truth in [one for one in unseen if truth_of(one[0], facts.get(one[0].fact)) is one[1]]:
            del unseen[leaf, truth]
    return LeafCoverage(
        leaves=sum(len(ids) for ids in owners.values()),
        distinct=len(owners),
        unseen=tuple(UnseenLeaf(leaf, truth, tuple(dict.fromkeys(owners[leaf]))) for leaf, truth in unseen),
    )


def _owners(knowledge: Knowledge) -> dict[Leaf, list[str]]:
    found: dict[Leaf, list[str]] = {}
    for node, condition in knowledge.conditions.items():
        for leaf in leaves(condition):
            found.setdefault(leaf, []).append(node)
    return found
