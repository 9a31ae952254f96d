"""Why one ranked candidate stands above another: every criterion side by side, and the one that decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from her2cds.errors import UnknownNameError
from her2cds.recommendation.decide import Decision
from her2cds.recommendation.order import Ranked, separated_by
from her2cds.report.context import ReportContext
from her2cds.report.model import SCHEMA_VERSION, EvidenceShown, KnowledgeIdentity
from her2cds.report.therapies import TherapyParts
from her2cds.report.why import resolve


@dataclass(frozen=True)
class CriterionCompared:
    """One criterion of the order, and how both candidates stand in it. The first that differs decides."""

    criterion: str
    upper: str
    lower: str
    decides: bool


@dataclass(frozen=True)
class Side:
    """One of the two candidates with its evidence."""

    regimen: str
    name: str
    rank: int
    evidence: tuple[EvidenceShown, ...]


class RankedBecause(BaseModel):
    """The comparison of two ranked candidates."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    schema_version: Literal["1"] = SCHEMA_VERSION
    patient_id: str | None
    knowledge: KnowledgeIdentity
    intended_use: str
    upper: Side
    lower: Side
    tied: bool
    because: str
    criteria: tuple[CriterionCompared, ...]

    def to_json(self, indent: int | None = 2) -> str:
        """The comparison as JSON."""
        return self.model_dump_json(indent=indent)


def ranked_because(one: str, other: str, context: ReportContext, decision: Decision) -> RankedBecause:
    """The comparison. Raises UnknownNameError for what is no regimen, or is not ranked for this patient."""
    places = {ranked.candidate.regimen.id: place for place, ranked in enumerate(decision.ranked)}
    chosen = sorted(_place(name, context, places) for name in (one, other))
    upper, lower = (decision.ranked[place] for place in chosen)
    therapies = TherapyParts(context)
    keys = [(a.key, b.key) for a, b in zip(upper.standings, lower.standings, strict=True)]
    deciding = next((index for index, (a, b) in enumerate(keys) if a != b), None)
    return RankedBecause.model_construct(
        schema_version=SCHEMA_VERSION,
        patient_id=context.chart.profile.id,
        knowledge=context.identity,
        intended_use=context.knowledge.data.manifest.intended_use,
        upper=_side(upper, therapies),
        lower=_side(lower, therapies),
        tied=deciding is None,
        because=separated_by(upper.standings, lower.standings),
        criteria=tuple(
            CriterionCompared(a.criterion.words, a.words, b.words, index == deciding)
            for index, (a, b) in enumerate(zip(upper.standings, lower.standings, strict=True))
        ),
    )


def _place(name: str, context: ReportContext, places: dict[str, int]) -> int:
    kind, subject = resolve(name, context.knowledge)
    if kind != "regimen":
        raise UnknownNameError(f"'{name}' is a {kind}, not a regimen; ranked here: {', '.join(places) or 'nothing'}")
    if subject not in places:
        raise UnknownNameError(
            f"{subject} is not ranked for this patient (`her2cds explain` says why not); ranked here: "
            f"{', '.join(places) or 'nothing'}"
        )
    return places[subject]


def _side(ranked: Ranked, therapies: TherapyParts) -> Side:
    regimen = ranked.candidate.regimen
    return Side(regimen.id, regimen.name, ranked.rank, therapies.evidence(ranked.candidate))
