"""The order of candidates: lexicographic, by the criteria of `rules/ranking.yaml`, without weights.

Candidates that no criterion tells apart share a rank; they are listed in the order of their regimen ids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from her2cds.engine.compiled import Outcome
from her2cds.facts.truth import TRUE
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.rules import Modifies, RankingCriterion
from her2cds.recommendation.candidates import Candidate

_BENEFITS = ("overall_survival", "event_free", "response", "none")
_BENEFIT_WORDS = {
    "overall_survival": "longer overall survival",
    "event_free": "longer progression-free or disease-free survival",
    "response": "response",
    "none": "no benefit printed in the reviews",
}
_RANKING_LEVELS = ("A", "B", "C")


class Standing(NamedTuple):
    """How a candidate stands in one criterion: the key (smaller is better), and the key in words."""

    criterion: RankingCriterion
    key: int
    words: str


class Ranked(NamedTuple):
    """A candidate with its rank, whether others share it, and what put it above the next one."""

    candidate: Candidate
    rank: int
    tied: bool
    standings: tuple[Standing, ...]
    above_next: str | None


def rank(candidates: Sequence[Candidate], knowledge: Knowledge, outcome: Outcome) -> tuple[Ranked, ...]:
    """The candidates in order."""
    standings = {one.regimen.id: _standings(one, knowledge, outcome) for one in candidates}
    keys = {regimen: tuple(one.key for one in row) for regimen, row in standings.items()}
    ordered = sorted(candidates, key=lambda one: (keys[one.regimen.id], one.regimen.id))
    result: list[Ranked] = []
    for index, candidate in enumerate(ordered):
        regimen = candidate.regimen.id
        shared = [other for other in ordered if keys[other.regimen.id] == keys[regimen]]
        place = 1 + sum(keys[other.regimen.id] < keys[regimen] for other in ordered)
        below = ordered[index + 1].regimen.id if index + 1 < len(ordered) else None
        words = separated_by(standings[regimen], standings[below]) if below else None
        result.append(Ranked(candidate, place, len(shared) > 1, standings[regimen], words))
    return tuple(result)


def separated_by(upper: Sequence[Standing], lower: Sequence[Standing]) -> str:
    """The first criterion in which two candidates differ, in words; that it is a tie where they do not."""
    for one, other in zip(upper, lower, strict=True):
        if one.key != other.key:
            return f"{one.criterion.words}: {one.words} before {other.words}"
    return "no criterion tells it from the next one; the sources give no standard order"


def _standings(candidate: Candidate, knowledge: Knowledge, outcome: Outcome) -> tuple[Standing, ...]:
    found = []
    for criterion in knowledge.data.ranking.criteria:
        key, words = _KEYS[criterion.id](candidate, knowledge, outcome)
        found.append(Standing(criterion, key, words))
    return tuple(found)


Key = tuple[int, str]


def _category(candidate: Candidate, knowledge: Knowledge, _: Outcome) -> Key:
    order = knowledge.data.ranking.categories
    best = candidate.best_category(order)
    # Not capped at the last category: regimens that step down together keep their order.
    place = order.index(best) + candidate.steps_down
    words = best.replace("_", " ")
    return place, f"{words} (lowered one step for safety)" if candidate.steps_down else words


def _situation(candidate: Candidate, knowledge: Knowledge, outcome: Outcome) -> Key:
    present = [one for one in knowledge.data.ranking.situations if outcome.verdicts[one.id] is TRUE]
    fits = {situation for offer in candidate.offer_parts for situation in offer.fits}
    missing = [one.name for one in present if one.id not in fits]
    if not present:
        return 0, "no special situation"
    return len(missing), f"no evidence for {' and '.join(missing)}" if missing else "evidence fits the situation"


def _evidence_level(candidate: Candidate, knowledge: Knowledge, _: Outcome) -> Key:
    levels = [knowledge.evidence[one].level for rule in candidate.offers for one in rule.evidence]
    best = min(levels, default="E")
    return "ABCDE".index(best), f"level {best}" if levels else "no study of its own"


def _benefit(candidate: Candidate, knowledge: Knowledge, _: Outcome) -> Key:
    entries = [knowledge.evidence[one] for rule in candidate.offers for one in rule.evidence]
    best_level = min((entry.level for entry in entries), default="E")
    benefits = [entry.benefit for entry in entries if entry.level == best_level]
    best = min(benefits, key=_BENEFITS.index, default="none")
    return _BENEFITS.index(best), _BENEFIT_WORDS[best]


def _biomarkers(candidate: Candidate, _: Knowledge, __: Outcome) -> Key:
    modifiers = (one.rule.modifies for one in candidate.modifiers)
    effects = {one.effect for one in modifiers if one is not None and ranks(one)}
    if effects == {"disfavours"}:
        return 2, "a finding speaks against it"
    if effects == {"favours"}:
        return 0, "a finding speaks for it"
    return 1, "findings speak for and against it" if len(effects) > 1 else "no finding speaks for or against it"


def ranks(modifies: Modifies) -> bool:
    """Whether a biomarker effect may change a rank: level A to C, resistance or sensitivity, a clear direction."""
    return (
        modifies.level in _RANKING_LEVELS
        and modifies.kind in ("resistance", "sensitivity")
        and modifies.effect in ("favours", "disfavours")
    )


def _warnings(candidate: Candidate, _: Knowledge, __: Outcome) -> Key:
    effects = [one.rule.caution.effect for one in candidate.cautions if one.rule.caution]
    if "conditional" in effects or candidate.intolerances:
        return 2, "a specialist must decide"
    return (1, "a caution lowers it") if "demote" in effects else (0, "no serious warning")


def _determined(candidate: Candidate, _: Knowledge, __: Outcome) -> Key:
    return (0, "all conditions known") if candidate.determined else (1, "conditional on missing facts")


_KEYS: dict[str, Callable[[Candidate, Knowledge, Outcome], Key]] = {
    "category": _category,
    "situation": _situation,
    "evidence": _evidence_level,
    "benefit": _benefit,
    "biomarkers": _biomarkers,
    "warnings": _warnings,
    "determined": _determined,
}
