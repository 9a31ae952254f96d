"""What the service asks of an audit log, and what it keeps there.

`her2cds.audit.log.AuditLog` is such a log. The service opens none by itself: it is handed one, or none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date as Date
from typing import Protocol

from her2cds.report.model import KnowledgeIdentity

ANONYMOUS = "anonymous"


class AuditTrail(Protocol):
    """Anything that keeps exchanges. An answer goes out only after `record` has returned."""

    def record(
        self,
        *,
        who: str,
        request: str,
        knowledge: KnowledgeIdentity,
        input: str | bytes | None = None,
        output: str | None = None,
        refusal: str | None = None,
        day: Date | None = None,
    ) -> object:
        """Keep one exchange: an input with its output, or with why it was refused. Raise where that fails.

        `day` is that of the answer, after which no date counted.
        """


@dataclass(frozen=True, slots=True)
class Kept:
    """What a route that gave an answer wants kept of it: it puts one, or several, into `request.state.kept`.

    `request` is the kind under which it stands in the log; `her2cds.service.again` answers the same kinds again. `day`
    is the day that the answer was given with, where a decision depends on it.
    """

    request: str
    input: str | bytes | None
    output: str
    day: Date | None = None


def refused_kind(route: str) -> str:
    """The kind under which a refused request stands: its path template in the letters that a log takes."""
    return re.sub(r"[^a-z0-9./-]", "", route).strip("/.-") or ("page" if route == "/" else "unknown")
