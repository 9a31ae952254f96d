"""What all parts of a report share: the knowledge base, the verdicts, and what has been cited and touched so far."""

from __future__ import annotations

from collections.abc import Iterable

from her2cds.engine.explain import Explainer, PatientTests
from her2cds.facts.truth import FALSE, TRUE
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.citations import Citation
from her2cds.knowledge.rules import Rule, RuleKind
from her2cds.profile.normalise import Chart
from her2cds.recommendation.decide import Decision
from her2cds.registry.record import RegistryOverlay
from her2cds.report.missing import MissingFacts
from her2cds.report.model import KnowledgeIdentity


class ReportContext:
    """One report in the making."""

    def __init__(
        self, knowledge: Knowledge, decision: Decision, chart: Chart, registry: RegistryOverlay | None
    ) -> None:
        self.knowledge = knowledge
        self.outcome = outcome = decision.outcome
        self._ruled_out = frozenset([match.trial.id for match in decision.matches if match.ruled_out])
        self.chart = chart
        self.registry = registry.by_id() if registry else {}
        self.explain = Explainer(outcome.facts, knowledge).explain
        self.tests = PatientTests(outcome, knowledge)
        self.missing = MissingFacts(knowledge, outcome, self.tests)
        self.touched: dict[str, None] = {}
        self.cited: dict[str, None] = {}

    def cite(self, citations: Iterable[Citation]) -> tuple[Citation, ...]:
        """The citations of an entry; their sources will be listed."""
        listed = tuple(citations)
        for one in listed:
            self.cited[one.source] = None
        return listed

    def discrepancies(self, *entry_ids: str) -> tuple[str, ...]:
        """Ids of the discrepancies that touch these entries; they will be listed."""
        by_entry = self.knowledge.discrepancies_by_entry
        found = {one.id: None for entry in entry_ids if entry in by_entry for one in by_entry[entry]}
        self.touched.update(found)
        return tuple(sorted(found))

    @property
    def identity(self) -> KnowledgeIdentity:
        """Which knowledge base speaks."""
        return identity_of(self.knowledge)

    def trials_that_fit(self, trials: Iterable[str]) -> tuple[str, ...]:
        """Those of the trials that a rule names which the patient may be able to enter, each once."""
        verdicts, ruled_out = self.outcome.verdicts, self._ruled_out
        return tuple(dict.fromkeys(one for one in trials if verdicts.get(one) is not FALSE and one not in ruled_out))

    def satisfied(self, kind: RuleKind) -> Iterable[Rule]:
        """The satisfied rules of one kind."""
        verdicts = self.outcome.verdicts
        return [rule for name, rule in self.knowledge.rules_by_id(kind).items() if verdicts[name] is TRUE]


def identity_of(knowledge: Knowledge) -> KnowledgeIdentity:
    """What a knowledge base is known by."""
    data = knowledge.data
    over = knowledge.overlay.overlay if knowledge.overlay else None
    return KnowledgeIdentity(
        id=data.manifest.id,
        version=data.manifest.version,
        content_hash=data.content_hash,
        evidence_cut_off=data.manifest.evidence_cut_off,
        overlay=f"{over.id} {over.version}" if over else None,
    )
