"""The way from a patient profile to a report, one step after the other.

profile → chart → facts → verdicts → candidates → order → report
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date as Date
from pathlib import Path
from typing import Any

from her2cds.engine.compiled import CompiledRules, Outcome
from her2cds.facts.derive import derive_facts
from her2cds.facts.values import ScalarFact
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.load import load_knowledge_base
from her2cds.profile.model import Profile
from her2cds.profile.normalise import Chart
from her2cds.profile.read import make_chart, profile_from_tree, read_profile
from her2cds.recommendation.candidates import Gathered, gather
from her2cds.recommendation.order import rank
from her2cds.recommendation.trials import match_trials
from her2cds.report.assemble import ReportAssembler
from her2cds.report.model import Report

# A fact open between two values (HER2-low or HER2-zero) still allows conditional answers.
_MOST_CANDIDATES = 2


class KnowledgeBase:
    """A loaded knowledge base, compiled for the engine. Load once; share freely between threads."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.rules = CompiledRules(knowledge)

    @property
    def version(self) -> str:
        """Version of the knowledge base (not of the software)."""
        return self.knowledge.data.manifest.version


def load_knowledge(folder: Path | str | None = None, *, use_cache: bool = True) -> KnowledgeBase:
    """Load, check and compile the knowledge base in `folder`, or the bundled one.

    Raises KnowledgeError, with every fault, where the knowledge base is not sound.
    """
    return KnowledgeBase(load_knowledge_base(Path(folder) if folder is not None else None, use_cache=use_cache))


def evaluate(
    patient: Profile | Mapping[str, Any] | str | bytes,
    knowledge: KnowledgeBase,
    *,
    today: Date | None = None,
    label: str = "patient profile",
) -> Report:
    """The report for one patient, given as a profile, a parsed JSON object, or JSON text.

    `today` is the latest date that a profile may hold (default: the system's date); `label` names the profile in
    error messages.
    Raises ProfileError, with every fault, where the profile cannot be used; EngineError where a rule fails.
    """
    chart = make_chart(as_profile(patient, label), knowledge.knowledge, today, label)
    outcome = evaluate_rules(chart, knowledge)
    deferred = _deferred(knowledge.knowledge, outcome)
    gathered = Gathered((), (), ()) if deferred else gather(knowledge.knowledge, outcome)
    ranked = rank(gathered.ranked, knowledge.knowledge, outcome)
    matches = () if deferred else match_trials(knowledge.knowledge, outcome)
    return ReportAssembler(chart, knowledge.knowledge, outcome, gathered, ranked, matches, deferred).report()


def as_profile(patient: Profile | Mapping[str, Any] | str | bytes, label: str = "patient profile") -> Profile:
    """A profile from any of its forms. Raises ProfileError."""
    if isinstance(patient, Profile):
        return patient
    if isinstance(patient, (str, bytes)):
        return read_profile(patient, label)
    return profile_from_tree(dict(patient), label)


def evaluate_rules(chart: Chart, knowledge: KnowledgeBase) -> Outcome:
    """Verdicts of all rules, and all facts, for a chart."""
    return knowledge.rules.evaluate(derive_facts(chart, knowledge.knowledge))


def _deferred(knowledge: Knowledge, outcome: Outcome) -> tuple[str, ...]:
    """The needed facts that are open between more than two values."""
    open_facts = []
    for name in knowledge.data.ranking.needed:
        fact = outcome.facts.get(name)
        candidates = fact.candidates if isinstance(fact, ScalarFact) else None
        if candidates is None or len(candidates) > _MOST_CANDIDATES:
            open_facts.append(name)
    return tuple(open_facts)
