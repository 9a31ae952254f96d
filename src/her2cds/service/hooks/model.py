"""The messages of CDS Hooks 2.0 as far as the service reads and writes them.

Requests are read with tolerance for what is not used (extensions, other fields); answers leave out what has no value.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel

SUMMARY_MOST = 139
_MOST_KEYS = 50
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Json = dict[str, Any]


def _uuid(value: str) -> str:
    UUID(value)
    return value


def _few(value: object) -> object:
    """Looked at before the parts are: each fault of a part takes far more memory than the part."""
    if isinstance(value, dict) and len(value) > _MOST_KEYS:
        raise ValueError(f"at most {_MOST_KEYS} keys")
    return {} if value is None else value


def _nothing(value: object) -> object:
    """EHRs write `null` where the specification leaves a field out."""
    return () if value is None else value


class _Read(BaseModel):
    """Lists are read up to their first fault, for the same reason."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, alias_generator=to_camel)


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Context(_Read):
    """What the user is looking at or ordering."""

    patient_id: Short
    selections: Annotated[tuple[Short, ...], FailFast(), BeforeValidator(_nothing)] = Field(
        default=(), max_length=200, strict=False
    )
    draft_orders: Json | None = None


class HookRequest(_Read):
    """A call of one of the services.

    The token for the EHR's FHIR server is not read: no such server is called. Its address tells whose patients are
    meant.
    """

    hook: Literal["patient-view", "order-select", "order-sign"]
    hook_instance: Annotated[Short, AfterValidator(_uuid)]
    context: Context
    fhir_server: str | None = None
    prefetch: Annotated[dict[Short, Json | None], BeforeValidator(_few)] = Field(
        default_factory=dict, max_length=_MOST_KEYS
    )

    @model_validator(mode="after")
    def _orders_are_there(self) -> HookRequest:
        if self.hook != "patient-view" and self.context.draft_orders is None:
            raise ValueError("context.draftOrders is missing")
        return self


class Coding(_Written):
    """A code with the words for it."""

    code: str
    system: str
    display: str


class Source(_Written):
    """Who says so."""

    label: str
    url: str


class Link(_Written):
    """Where to read more. It never carries anything about the patient."""

    label: str
    url: str
    type: Literal["absolute"] = "absolute"


class Action(_Written):
    """One step of a suggestion."""

    type: Literal["create", "delete"]
    description: str
    resource: Json | None = None
    resource_id: str | None = None


class Suggestion(_Written):
    """Something that the user can accept with one click: a proposal, never an order."""

    label: str
    uuid: str
    actions: tuple[Action, ...]


class Card(_Written):
    """One piece of guidance."""

    uuid: str
    summary: Annotated[str, StringConstraints(min_length=1, max_length=SUMMARY_MOST)]
    detail: str
    indicator: Literal["info", "warning", "critical"]
    source: Source
    suggestions: tuple[Suggestion, ...] | None = None
    selection_behavior: Literal["at-most-one", "any"] | None = None
    override_reasons: tuple[Coding, ...] | None = None
    links: tuple[Link, ...] | None = None

    @model_validator(mode="after")
    def _behaviour_is_said(self) -> Card:
        if (self.suggestions is None) != (self.selection_behavior is None):
            raise ValueError("suggestions and selectionBehavior go together")
        return self


class Cards(_Written):
    """The answer of a service; no cards where there is nothing to say."""

    cards: tuple[Card, ...] = ()


class CodingRead(_Read):
    """A code that the user chose."""

    code: Short
    system: Short | None = None
    display: Short | None = None


class OverrideReason(_Read):
    """Why a card was not followed."""

    reason: CodingRead | None = None
    user_comment: Text | None = None


class AcceptedSuggestion(_Read):
    """A suggestion that was accepted, by its uuid."""

    id: Short


class FeedbackItem(_Read):
    """What the user did with one card."""

    card: Short
    outcome: Literal["accepted", "overridden"]
    outcome_timestamp: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$")]
    accepted_suggestions: Annotated[tuple[AcceptedSuggestion, ...], FailFast(), BeforeValidator(_nothing)] = Field(
        default=(), max_length=100, strict=False
    )
    override_reason: OverrideReason | None = None

    @model_validator(mode="after")
    def _what_was_accepted_is_said(self) -> FeedbackItem:
        if self.outcome == "accepted" and not self.accepted_suggestions:
            raise ValueError("an accepted card names the suggestions that were accepted")
        return self


class Feedback(_Read):
    """What users did with cards."""

    feedback: Annotated[tuple[FeedbackItem, ...], FailFast(), Field(min_length=1, max_length=1000, strict=False)]
