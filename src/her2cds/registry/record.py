"""One trial as the registry records it, and the dated overlay that holds such records."""

from datetime import date as Date
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

# `Status` of the ClinicalTrials.gov data API, version 2.
RegistryStatus = Literal[
    "ACTIVE_NOT_RECRUITING",
    "COMPLETED",
    "ENROLLING_BY_INVITATION",
    "NOT_YET_RECRUITING",
    "RECRUITING",
    "SUSPENDED",
    "TERMINATED",
    "WITHDRAWN",
    "AVAILABLE",
    "NO_LONGER_AVAILABLE",
    "TEMPORARILY_NOT_AVAILABLE",
    "APPROVED_FOR_MARKETING",
    "WITHHELD",
    "UNKNOWN",
]
STATUSES: tuple[str, ...] = get_args(RegistryStatus)
_CLOSED = frozenset(
    {
        "ACTIVE_NOT_RECRUITING",
        "COMPLETED",
        "TERMINATED",
        "WITHDRAWN",
        "NO_LONGER_AVAILABLE",
        "APPROVED_FOR_MARKETING",
    }
)
OVERLAY_FORMAT: Literal["her2cds-registry/1"] = "her2cds-registry/1"

RegistryDate = Annotated[str, Field(pattern=r"^\d{4}(-\d{2}){0,2}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class RegistryRecord(_Part):
    """A trial's record. `updated` is the date of the registry's last update, as precise as the registry gives it."""

    id: str
    status: RegistryStatus
    updated: RegistryDate
    title: str
    phase: str | None = None
    eligibility: str | None = None
    sex: str | None = None
    minimum_age: str | None = None
    maximum_age: str | None = None

    @property
    def closed(self) -> bool:
        """Whether the trial takes no new patients (a suspended one may again)."""
        return self.status in _CLOSED

    @property
    def status_words(self) -> str:
        """The status as a reader writes it: `active, not recruiting`."""
        words = self.status.replace("_", " ").lower()
        return words.replace("active not", "active, not")


class RegistryOverlay(_Part):
    """The records read so far, by identifier, and the day they were read last."""

    format: Literal["her2cds-registry/1"] = OVERLAY_FORMAT
    made_on: Date
    records: tuple[RegistryRecord, ...] = ()

    def by_id(self) -> dict[str, RegistryRecord]:
        """The records by trial identifier."""
        return {record.id: record for record in self.records}
