"""What the service tells an audit trail. The service writes none itself; it is handed one, or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer.

    `subject` is who asked (empty where nobody has to say); `route` the path without any patient's data. Of a refused
    request neither `input` nor `output` is kept.
    """

    subject: str
    route: str
    status: int
    input: bytes | None
    output: bytes | None
    knowledge_version: str
    knowledge_hash: str
    software_version: str


class AuditTrail(Protocol):
    """Anything that keeps exchanges. An answer goes out only after `record` has returned."""

    def record(self, exchange: Exchange) -> None:
        """Keep one exchange; raise where that fails, and the answer is withheld."""
