"""What every route works with: one value, made at start and shared by all requests."""

from __future__ import annotations

from dataclasses import dataclass

from her2cds.evaluation import KnowledgeBase
from her2cds.service.access import Access
from her2cds.service.bundles import ReadBundle
from her2cds.service.settings import Settings
from her2cds.service.trail import AuditTrail
from her2cds.service.workers import Workers


@dataclass(frozen=True, slots=True)
class State:
    """The parts of one running service. `trail` is None where nothing is recorded."""

    knowledge: KnowledgeBase
    settings: Settings
    access: Access
    workers: Workers
    read_bundle: ReadBundle
    trail: AuditTrail | None
