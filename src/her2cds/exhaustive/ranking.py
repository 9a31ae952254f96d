"""The order of candidates: total, and stable.

Stable means that it is the same in whatever order the candidates come, and that two of them stand to each other as they
do whoever else is there.
"""

from __future__ import annotations

from itertools import pairwise

from her2cds.evaluation import KnowledgeBase
from her2cds.exhaustive.coherence import coherent
from her2cds.exhaustive.minimal import words
from her2cds.exhaustive.model import Answer, Fault
from her2cds.exhaustive.sweep import sweep
from her2cds.exhaustive.variables import as_facts
from her2cds.recommendation.candidates import gather
from her2cds.recommendation.order import Ranked, rank

ORDERED = "the ranking is total and stable"


def ranking(base: KnowledgeBase) -> Answer:
    """Over every set of offers that can hold together, and every special situation, all facts being known."""
    knowledge = base.knowledge
    answer = Answer(ORDERED, "offers of care together")
    situations = (knowledge.conditions[one.id] for one in knowledge.data.ranking.situations)
    conditions = (*(knowledge.conditions[rule.id] for rule in knowledge.rules_that_offer_care), *situations)
    swept = sweep(knowledge, conditions, coherent(knowledge, conditions), settled=True)
    answer.count(swept)
    for case in swept.cases:
        outcome = base.rules.evaluate(as_facts(case.example))
        candidates = gather(knowledge, outcome).ranked
        ordered = rank(candidates, knowledge, outcome)
        backwards = rank(tuple(reversed(candidates)), knowledge, outcome)
        wrong = {
            "a place is missing or given twice": not _is_total(ordered, len(candidates)),
            "the order depends on the order in which candidates come": _places(ordered) != _places(backwards),
            "the order of two candidates depends on a third": any(
                _without(ordered, left_out)
                != _order(rank([one for one in candidates if one is not left_out], knowledge, outcome))
                for left_out in candidates
            ),
        }
        answer.faults += [Fault(message, words(case.example)) for message, holds in wrong.items() if holds]
        answer.came_to(f"{len(ordered)} ranked", case.combinations)
    return answer


def _order(ordered: tuple[Ranked, ...]) -> list[str]:
    return [one.candidate.regimen.id for one in ordered]


def _without(ordered: tuple[Ranked, ...], left_out: object) -> list[str]:
    return [one.candidate.regimen.id for one in ordered if one.candidate is not left_out]


def _places(ordered: tuple[Ranked, ...]) -> list[tuple[str, int]]:
    return [(one.candidate.regimen.id, one.rank) for one in ordered]


def _is_total(ordered: tuple[Ranked, ...], count: int) -> bool:
    """Every candidate has one place; ranks never fall, and are shared exactly where the keys are equal."""
    if len({one.candidate.regimen.id for one in ordered}) != count or (ordered and ordered[0].rank != 1):
        return False
    return all(
        (_key(upper) == _key(lower)) == (upper.rank == lower.rank)
        and _key(upper) <= _key(lower)
        and upper.rank <= lower.rank
        for upper, lower in pairwise(ordered)
    )


def _key(one: Ranked) -> tuple[int, ...]:
    return tuple(standing.key for standing in one.standings)
