"""Which rules the scenarios exercise: at least one patient fires each, and one just misses it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from her2cds.engine.near_miss import literals_missed
from her2cds.errors import ProfileError
from her2cds.evaluation import KnowledgeBase
from her2cds.facts.truth import Truth
from her2cds.knowledge.conditions import Always
from her2cds.scenarios.model import Scenario, build_patient
from her2cds.scenarios.run import outcome_of


@dataclass(frozen=True, slots=True)
class Coverage:
    """Rules that no scenario fires, and rules that no scenario just misses."""

    rules: int
    never_fired: tuple[str, ...]
    never_just_missed: tuple[str, ...]


def coverage(scenarios: Iterable[Scenario], knowledge: KnowledgeBase, examples: Path) -> Coverage:
    """Coverage of all rules by the scenarios' patients; rules that hold always cannot be missed."""
    base = knowledge.knowledge
    conditional = [rule.id for rule in base.data.rules if not isinstance(base.conditions[rule.id], Always)]
    unfired, unmissed = set(conditional), set(conditional)
    for scenario in scenarios:
        try:
            outcome = outcome_of(build_patient(scenario.patient, examples), knowledge)
        except ProfileError:
            continue
        unfired -= {rule for rule in unfired if outcome.verdicts[rule] is Truth.TRUE}
        unmissed -= {rule for rule in unmissed if literals_missed(rule, outcome, base) == 1}
    in_order = [rule.id for rule in base.data.rules]
    return Coverage(
        rules=len(in_order),
        never_fired=tuple(rule for rule in in_order if rule in unfired),
        never_just_missed=tuple(rule for rule in in_order if rule in unmissed),
    )
