"""Every error that her2cds raises on purpose, in one place.

An error says where the fault is, what was found, what was expected, and how to mend it. Nothing here
ever holds a whole patient: a message names the path and the offending value only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Her2CdsError(Exception):
    """Base class of all deliberate errors of this package."""


class ProfileFault(NamedTuple):
    """One fault in a patient profile.

    `path` is a JSON path (`$.disease.setting`), or a line and column for broken JSON.
    """

    path: str
    found: str
    expected: str
    remedy: str = ""

    def __str__(self) -> str:
        """The fault in one line: where, what, expected, and the remedy where there is one."""
        text = f"{self.path}: found {self.found}; expected {self.expected}"
        return f"{text}. {self.remedy}" if self.remedy else text


class ProfileError(Her2CdsError):
    """The patient profile cannot be used; nothing was evaluated. Carries every fault found."""

    def __init__(self, faults: Sequence[ProfileFault], label: str = "patient profile") -> None:
        self.faults = tuple(faults)
        self.label = label
        count = f"{len(self.faults)} fault{'s' if len(self.faults) != 1 else ''}"
        super().__init__("\n".join([f"{label}: {count}", *(f"  {fault}" for fault in self.faults)]))


class KnowledgeFault(NamedTuple):
    """One fault in the knowledge base: file (relative to its root), line, entry, message, suggestion."""

    file: str
    line: int
    entry: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        """The fault as `file:line: entry: message`, with the suggestion on a second line."""
        entry = f" {self.entry}:" if self.entry else ""
        text = f"{self.file}:{self.line}:{entry} {self.message}"
        return f"{text}\n  {self.suggestion}" if self.suggestion else text


class KnowledgeError(Her2CdsError):
    """The knowledge base has faults and was not loaded, not even in part. Carries every fault found.

    `unread` are the kinds of entries of which a part could not be read: what refers to them was not checked.
    """

    def __init__(self, faults: Sequence[KnowledgeFault], unread: Iterable[str] = ()) -> None:
        self.faults = tuple(sorted(faults))
        self.unread = tuple(sorted(unread))
        count = f"{len(self.faults)} fault{'s' if len(self.faults) != 1 else ''}"
        lines = [f"knowledge base: {count}", *(str(fault) for fault in self.faults)]
        if self.unread:
            kinds = ", ".join(self.unread)
            lines.append(
                f"not all of {kinds} could be read: what refers to them is checked once these faults are mended"
            )
        super().__init__("\n".join(lines))


class RegistryFault(NamedTuple):
    """One thing in a registry file that cannot be used: where, what was found, how to mend it."""

    where: str
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        """The fault in one line."""
        return f"{self.where}: {self.found}. {self.remedy}" if self.remedy else f"{self.where}: {self.found}"


class RegistryError(Her2CdsError):
    """A registry overlay cannot be read or written. Carries every fault found."""

    def __init__(self, faults: Sequence[RegistryFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(["trial registry:", *(f"  {fault}" for fault in self.faults)]))


class MissingTextsError(Her2CdsError):
    """The reviews' texts are not there, so nothing can be compared with them."""


class IntegrityError(Her2CdsError):
    """A release manifest or its signature cannot be read, or is not what it claims to be."""


class EngineError(Her2CdsError):
    """A rule could not be evaluated, so no report is made: a report never goes out incomplete."""


class UnknownNameError(Her2CdsError):
    """A regimen, rule or trial was asked for by a name that the knowledge base does not hold."""


class AuditError(Her2CdsError):
    """The audit log cannot be opened, read or written, or was asked for something it must not do.

    What raised it while recording was not recorded: an answer must not go out without its entry.
    """


class CohortError(Her2CdsError):
    """A cohort cannot be read, run or summarised; what was finished before is kept."""


class CohortWriteError(CohortError):
    """A result cannot be written (a full disk, say): there is no use in going on."""


class MissingExtraError(Her2CdsError):
    """Something needs an optional extra of this package that is not installed; the message says how to get it."""


class ServiceError(Her2CdsError):
    """The service cannot be started as it is asked to: a setting is missing, unsafe or unreadable."""
