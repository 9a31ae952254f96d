"""What the provenance check found, claim by claim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from her2cds.provenance.claims import Claim


class Status(StrEnum):
    """How far a claim was confirmed by machine; what remains is for a reader."""

    BY_FIGURE = "confirmed by figure"
    BY_NAME = "confirmed by name"
    CITATION_ONLY = "citation only"
    NOT_CHECKABLE = "rests on an outside source"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is wrong: where the claim stands, which claim, what it cites, what is missing there."""

    place: str
    claim: str
    cited: str
    message: str

    def __str__(self) -> str:
        """The failure in one line."""
        return f"{self.place}: {self.claim}: {self.message} ({self.cited})"


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim, its status, what was compared and found, and what remains to be read.

    `not_compared` names what only an outside source can confirm; `to_read` points at cited places that hold
    nothing of what the claim names, and at genes of its condition that no cited place names.
    """

    claim: Claim
    status: Status
    figures: tuple[str, ...]
    names: tuple[str, ...]
    failures: tuple[Failure, ...]
    not_compared: tuple[str, ...] = ()
    to_read: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """The whole check: the faults of the texts themselves, and every claim."""

    sources: tuple[str, ...]
    text_failures: tuple[Failure, ...]
    claims: tuple[CheckedClaim, ...]

    @property
    def failures(self) -> tuple[Failure, ...]:
        """All failures, those of the texts first."""
        return (*self.text_failures, *(failure for checked in self.claims for failure in checked.failures))

    @property
    def ok(self) -> bool:
        """Whether nothing failed and something was checked."""
        return bool(self.claims) and not self.failures

    @property
    def counts(self) -> dict[Status, int]:
        """How many claims have each status, zeros included."""
        counted = Counter(checked.status for checked in self.claims)
        return {status: counted[status] for status in Status}

    def with_status(self, status: Status) -> Iterator[CheckedClaim]:
        """The claims of one status."""
        return (checked for checked in self.claims if checked.status is status)
