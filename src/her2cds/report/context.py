"""What all parts of a report share: the knowledge base, the verdicts, and what has been cited and touched so far."""

from __future__ import annotations

from collections.abc import Iterable

from her2cds.engine.compiled import Outcome
from her2cds.facts.truth import Truth
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.citations import Citation
from her2cds.knowledge.rules import Rule, RuleKind
from her2cds.profile.normalise import Chart
from her2cds.registry.record import RegistryOverlay
from her2cds.report.missing import MissingFacts
from her2cds.report.model import KnowledgeIdentity


class ReportContext:
    """One report in the making."""

    def __init__(self, knowledge: Knowledge, outcome: Outcome, chart: Chart, registry: RegistryOverlay | None) -> None:
        self.knowledge = knowledge
        self.outcome = outcome
        self.chart = chart
        self.registry = registry.by_id() if registry else {}
        self.missing = MissingFacts(knowledge, outcome)
        self.touched: dict[str, None] = {}
        self.cited: dict[str, None] = {}

    def cite(self, citations: Iterable[Citation]) -> tuple[Citation, ...]:
        """The citations without repeats; their sources will be listed."""
        unique = tuple(dict.fromkeys(citations))
        self.cited.update(dict.fromkeys(one.source for one in unique))
        return unique

    def discrepancies(self, *entry_ids: str) -> tuple[str, ...]:
        """Ids of the discrepancies that touch these entries; they will be listed."""
        found = {one.id: None for entry in entry_ids for one in self.knowledge.discrepancies_by_entry.get(entry, ())}
        self.touched.update(found)
        return tuple(sorted(found))

    @property
    def identity(self) -> KnowledgeIdentity:
        """Which knowledge base speaks."""
        data = self.knowledge.data
        over = self.knowledge.overlay.overlay if self.knowledge.overlay else None
        return KnowledgeIdentity(
            id=data.manifest.id,
            version=data.manifest.version,
            content_hash=data.content_hash,
            evidence_cut_off=data.manifest.evidence_cut_off,
            overlay=f"{over.id} {over.version}" if over else None,
        )

    def satisfied(self, kind: RuleKind) -> Iterable[Rule]:
        """The satisfied rules of one kind."""
        return (rule for rule in self.knowledge.rules_of(kind) if self.outcome.verdicts[rule.id] is Truth.TRUE)
