"""What lint finds: each finding with its check, its weight and its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.data import Place


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: which check, how serious, where, what."""

    check: str
    severity: Literal["error", "note"]
    place: Place
    entry: str
    message: str

    def __str__(self) -> str:
        """The finding in one line."""
        return f"{self.place.file}:{self.place.line}: {self.entry}: {self.severity}: {self.message} [{self.check}]"


Check = Callable[[Knowledge], Iterator[Finding]]


def finding(knowledge: Knowledge, name: str, severity: Literal["error", "note"], key: str, message: str) -> Finding:
    """A finding at the place of the entry; `key` is `kind:id` for catalogue entries and the id for rules."""
    return Finding(name, severity, knowledge.data.place(key), key.partition(":")[2] or key, message)
