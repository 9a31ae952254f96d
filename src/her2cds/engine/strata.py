"""The order of evaluation: every condition after what it depends on.

A node is anything with a condition: a criterion, a rule, a situation, a trial. A node depends on the criteria
it names and on the classification rules that derive the facts it tests. Nodes of one level depend only on
lower levels, which makes negation over derived facts safe.
"""

from __future__ import annotations

from typing import NamedTuple

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import Condition, Named, atoms


class Level(NamedTuple):
    """Nodes that can be evaluated together, and the derived facts that are complete after them."""

    nodes: tuple[str, ...]
    completes: tuple[str, ...]


def levels(knowledge: Knowledge) -> tuple[Level, ...]:
    """All nodes in levels. The checks at load exclude cycles."""
    derived_by = knowledge.derivers
    depth: dict[str, int] = {}

    def depth_of(node: str) -> int:
        if node not in depth:
            depth[node] = 1 + max(
                (depth_of(below) for below in _needs(knowledge.conditions[node], derived_by)), default=-1
            )
        return depth[node]

    by_depth: dict[int, list[str]] = {}
    for node in knowledge.conditions:
        by_depth.setdefault(depth_of(node), []).append(node)
    completed: dict[int, list[str]] = {}
    for fact, rules in derived_by.items():
        completed.setdefault(max(depth[rule] for rule in rules), []).append(fact)
    return tuple(Level(tuple(by_depth[one]), tuple(completed.get(one, ()))) for one in sorted(by_depth))


def _needs(condition: Condition, derived_by: dict[str, tuple[str, ...]]) -> set[str]:
    below: set[str] = set()
    for atom in atoms(condition):
        below.update((atom.criterion,) if isinstance(atom, Named) else derived_by.get(atom.fact, ()))
    return below
