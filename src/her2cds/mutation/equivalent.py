"""Survivors that may not be wrong at all: changed conditions that no random patient tells from the original."""

from __future__ import annotations

from collections.abc import Iterable

from her2cds.engine.selfcheck import RandomFacts
from her2cds.knowledge.base import Knowledge
from her2cds.mutation.mutants import Mutant
from her2cds.mutation.run import PlainEvaluator, truth_in


def told_apart_by_nobody(
    mutants: Iterable[Mutant], knowledge: Knowledge, patients: int, seed: int = 1
) -> frozenset[str]:
    """Those condition mutants (as text) that have the same truth as the original for every random patient.

    A hint and no proof: the random facts are independent of each other, so they hold combinations that no profile has.
    """
    changed = {str(one): (one.entry, one.condition) for one in mutants if one.condition is not None}
    generator, plain = RandomFacts(knowledge, seed), PlainEvaluator(knowledge)
    for _ in range(patients):
        outcome = plain.outcome(knowledge, generator.facts())
        for text, (node, condition) in list(changed.items()):
            assert condition is not None
            if truth_in(condition, outcome.facts, outcome.verdicts) is not outcome.verdicts[node]:
                del changed[text]
    return frozenset(changed)
