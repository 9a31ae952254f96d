"""Which rules and trials the scenarios exercise: at least one patient satisfies each, and one just misses it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from her2cds.engine.near_miss import literals_missed
from her2cds.errors import ProfileError
from her2cds.evaluation import KnowledgeBase
from her2cds.facts.truth import TRUE
from her2cds.knowledge.conditions import Always
from her2cds.scenarios.model import Scenario, build_patient
from her2cds.scenarios.run import outcome_of


@dataclass(frozen=True, slots=True)
class Coverage:
    """Rules and trials that no scenario's patient satisfies, and those that none just misses."""

    rules: int
    trials: int
    never_fired: tuple[str, ...]
    never_just_missed: tuple[str, ...]


def coverage(scenarios: Iterable[Scenario], knowledge: KnowledgeBase, examples: Path) -> Coverage:
    """Coverage of all rules and suggested trials by the scenarios' patients; what holds always cannot be missed."""
    base = knowledge.knowledge
    trials = [one.id for one in base.data.trials if one.id in base.conditions]
    in_order = [*(rule.id for rule in base.data.rules), *trials]
    conditional = [node for node in in_order if not isinstance(base.conditions[node], Always)]
    unfired, unmissed = set(conditional), set(conditional)
    for scenario in scenarios:
        try:
            outcome = outcome_of(build_patient(scenario.patient, examples), knowledge)
        except ProfileError:
            continue
        unfired -= {rule for rule in unfired if outcome.verdicts[rule] is TRUE}
        unmissed -= {rule for rule in unmissed if literals_missed(rule, outcome, base) == 1}
    return Coverage(
        rules=len(base.data.rules),
        trials=len(trials),
        never_fired=tuple(rule for rule in in_order if rule in unfired),
        never_just_missed=tuple(rule for rule in in_order if rule in unmissed),
    )
