"""Survivors that are not wrong, or may not be: changed conditions that nobody tells from the original."""

from __future__ import annotations

from collections.abc import Sequence

from her2cds.engine.explain import truth_in
from her2cds.engine.selfcheck import RandomFacts
from her2cds.errors import EngineError
from her2cds.exhaustive.sweep import sweep
from her2cds.knowledge.base import Knowledge
from her2cds.mutation.mutants import Mutant
from her2cds.mutation.run import PlainEvaluator


def told_apart_by_nobody(
    mutants: Sequence[Mutant], knowledge: Knowledge, patients: int, seed: int = 1
) -> frozenset[int]:
    """The places in `mutants` of changed conditions that have the original's truth for every random patient.

    A hint and no proof: the random facts are independent of each other, so they hold combinations that no profile has.
    """
    alike = {place: one for place, one in enumerate(mutants) if one.condition is not None}
    generator, plain = RandomFacts(knowledge, seed), PlainEvaluator(knowledge)
    for _ in range(patients):
        outcome = plain.outcome(knowledge, generator.facts())
        for place, one in list(alike.items()):
            assert one.condition is not None
            if truth_in(one.condition, outcome.facts, outcome.verdicts) is not outcome.verdicts[one.entry]:
                del alike[place]
    return frozenset(alike)


def proved_equal(mutant: Mutant, knowledge: Knowledge) -> bool:
    """Whether a changed condition has the original's truth for every combination of the facts behind it.

    A proof by enumeration: facts that are not known, or known in part, are among the combinations. What a report gives
    as the reason of the verdict can still name one condition fewer.
    """
    if mutant.condition is None:
        return False
    try:
        swept = sweep(knowledge, (knowledge.conditions[mutant.entry], mutant.condition))
    except EngineError:
        return False  # rules that contradict each other lie behind it, so that nothing can be said of every combination
    return all(original is changed for original, changed in (case.truths for case in swept.cases))
