"""What every route works with: one value, made at start and shared by all requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date as Date

from her2cds.evaluation import KnowledgeBase
from her2cds.service.access import Access
from her2cds.service.answers import Answers
from her2cds.service.bundles import ReadBundle
from her2cds.service.settings import Settings
from her2cds.service.trail import AuditTrail
from her2cds.service.workers import Workers


@dataclass(frozen=True, slots=True)
class State:
    """The parts of one running service.

    `reader_on` gives the reader of FHIR for a day; `trail` is None where nothing is recorded.
    """

    knowledge: KnowledgeBase
    settings: Settings
    access: Access
    workers: Workers
    reader_on: Callable[[Date], ReadBundle]
    trail: AuditTrail | None

    def answers_on(self, day: Date) -> Answers:
        """What gives the answers to one request: its day is asked for once, and is one for all parts of the answer."""
        return Answers(self.knowledge, self.reader_on(day), self.settings.base_url, day)
