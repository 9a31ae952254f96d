"""What a site changes on top of the knowledge base: each change with who, when, why and a source."""

from __future__ import annotations

from datetime import date as Date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from her2cds.knowledge.citations import Citations, ConditionTree, Entry, EntryId, Name, Text
from her2cds.knowledge.rules import Category, RankingStep, Target

# What an overlay may hold entries of. The vocabulary is bound to the code that makes the facts, and ranking.yaml and
# manifest.yaml stay the base's own: the order is changed by a change, not by a second file.
OverlayKind = Literal[
    "sources",
    "drug_classes",
    "drugs",
    "combinations",
    "genes",
    "regimens",
    "discrepancies",
    "evidence",
    "criteria",
    "trials",
    "classification",
    "therapies",
    "cautions",
    "biomarkers",
    "tests_to_request",
]
ACTIONS = ("adds", "replaces", "withdraws", "restricts", "attaches", "categories", "criteria")


class Restriction(Entry):
    """Limits drugs, classes or regimens where the condition holds, as a caution of the base would."""

    on: Target
    when: ConditionTree
    effect: Literal["exclude", "conditional", "demote", "warn"]
    action: Text | None = None


class Change(Entry):
    """One change of the site, and exactly one of these actions.

    `adds` and `replaces` name entries of the overlay's own files, by kind: new ones, and those that stand for an
    entry of the base with the same id. `withdraws` rules drugs, classes or regimens out for every patient (they are
    listed with the reason); `restricts` does so under a condition. `attaches` adds evidence to rules. `categories`
    gives offers another category; `criteria` is the new order of the ranking criteria.
    """

    id: EntryId
    by: Annotated[Name, Field(description="who decided")]
    date: Annotated[Date, Field(ge=Date(2000, 1, 1), lt=Date(2100, 1, 1))]
    because: Text
    cites: Citations
    adds: dict[OverlayKind, tuple[EntryId, ...]] = Field(default_factory=dict)
    replaces: dict[OverlayKind, tuple[EntryId, ...]] = Field(default_factory=dict)
    withdraws: Target | None = None
    restricts: Restriction | None = None
    attaches: dict[EntryId, tuple[EntryId, ...]] = Field(default_factory=dict)
    categories: dict[EntryId, Category] = Field(default_factory=dict)
    criteria: tuple[RankingStep, ...] = ()

    @model_validator(mode="after")
    def _one_action(self) -> Change:
        if sum(bool(getattr(self, action)) for action in ACTIONS) != 1:
            raise ValueError(f"a change has exactly one of {', '.join(ACTIONS)}")
        return self


class Overlay(Entry):
    """`overlay.yaml`: whose overlay it is, the base it was written for, and its changes."""

    id: EntryId
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    title: Text
    base: EntryId
    base_version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    changes: Annotated[tuple[Change, ...], Field(min_length=1)]


class AppliedOverlay(Entry):
    """An overlay in use: its own hash, the base's, and the changes that touch each entry."""

    overlay: Overlay
    content_hash: str
    base_content_hash: str
    changes_of: dict[str, tuple[EntryId, ...]]
