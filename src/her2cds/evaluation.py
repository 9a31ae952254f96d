"""The way from a patient profile to a report, one step after the other.

profile → chart → facts → verdicts → candidates → order → report
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date as Date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from her2cds.engine.compiled import CompiledRules, Outcome
from her2cds.errors import ProfileError, ProfileFault
from her2cds.facts.derive import derive_facts
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.load import load_knowledge_base
from her2cds.profile.model import Profile
from her2cds.profile.normalise import Chart
from her2cds.profile.read import make_chart, profile_from_tree, read_profile
from her2cds.recommendation.decide import Decision, decide
from her2cds.registry.record import RegistryOverlay
from her2cds.report.assemble import ReportAssembler
from her2cds.report.context import ReportContext, identity_of
from her2cds.report.model import KnowledgeIdentity, Report, TrialListing

if TYPE_CHECKING:
    from her2cds.report.ranked_because import RankedBecause
    from her2cds.report.why import Why

# A patient as callers hold one: a profile, a parsed JSON object, or JSON text.
PatientInput: TypeAlias = Profile | Mapping[str, Any] | str | bytes


class KnowledgeBase:
    """A loaded knowledge base, compiled for the engine. Load once; share freely between threads."""

    def __init__(
        self, knowledge: Knowledge, registry: RegistryOverlay | None = None, registry_hash: str | None = None
    ) -> None:
        self.knowledge = knowledge
        self.rules = CompiledRules(knowledge)
        self.registry = registry
        self.registry_hash = registry_hash  # SHA-256 of the file that the registry was read from
        self.closed_trials = {one.id: one.closed for one in registry.records} if registry else {}

    @property
    def version(self) -> str:
        """Version of the knowledge base (not of the software)."""
        return self.knowledge.data.manifest.version

    @property
    def identity(self) -> KnowledgeIdentity:
        """Id, version, content hash and evidence cut-off, as every report carries them."""
        return identity_of(self.knowledge)


def load_knowledge(
    folder: Path | str | None = None,
    *,
    overlay: Path | str | None = None,
    registry: Path | str | None = None,
    use_cache: bool = True,
) -> KnowledgeBase:
    """Load, check and compile the knowledge base in `folder`, or the bundled one.

    `overlay` is a site's folder of changes on top of it (docs/overlays.md). `registry` is a file made by
    `her2cds trials refresh`: reports then show the registry's status of trials.
    Raises KnowledgeError, with every fault, where the knowledge base or the overlay is not sound; RegistryError for
    the registry file.
    """
    root, over = (Path(one) if one is not None else None for one in (folder, overlay))
    knowledge = load_knowledge_base(root, overlay=over, use_cache=use_cache)
    if registry is None:
        return KnowledgeBase(knowledge)
    from her2cds.registry.overlay import read_with_hash  # imported late: most runs have no registry

    return KnowledgeBase(knowledge, *read_with_hash(Path(registry)))


def evaluate(
    patient: PatientInput,
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
    return report_on(examine(patient, knowledge, today=today, label=label), knowledge)


def report_on(case: Case, knowledge: KnowledgeBase) -> Report:
    """The report for a patient who was read and decided on already."""
    return ReportAssembler(case.chart, knowledge.knowledge, case.decision, knowledge.registry).report()


def find_trials(
    patient: PatientInput,
    knowledge: KnowledgeBase,
    *,
    today: Date | None = None,
    label: str = "patient profile",
) -> TrialListing:
    """Every trial of the knowledge base for one patient, with the reasons. Raises as `evaluate` does."""
    case = examine(patient, knowledge, today=today, label=label)
    return ReportAssembler(case.chart, knowledge.knowledge, case.decision, knowledge.registry).trial_listing()


def explain(
    patient: PatientInput,
    name: str,
    knowledge: KnowledgeBase,
    *,
    today: Date | None = None,
    label: str = "patient profile",
) -> Why:
    """Why, or why not: a regimen (by id or name), rule, trial, criterion or derived fact for one patient.

    Raises UnknownNameError, with the nearest names, for a name that nothing bears; else as `evaluate` does.
    """
    from her2cds.report.why import WhyNot  # imported late: only explanations need it

    case = examine(patient, knowledge, today=today, label=label)
    context = ReportContext(knowledge.knowledge, case.decision, case.chart, knowledge.registry)
    return WhyNot(context, case.decision).why(name)


def explain_order(
    patient: PatientInput,
    one: str,
    other: str,
    knowledge: KnowledgeBase,
    *,
    today: Date | None = None,
    label: str = "patient profile",
) -> RankedBecause:
    """Which of two ranked regimens stands above the other, by which criterion, with the evidence of both.

    Raises UnknownNameError for a name that is no regimen, or one that is not ranked for this patient.
    """
    from her2cds.report.ranked_because import ranked_because

    case = examine(patient, knowledge, today=today, label=label)
    context = ReportContext(knowledge.knowledge, case.decision, case.chart, knowledge.registry)
    return ranked_because(one, other, context, case.decision)


class Case(NamedTuple):
    """One patient, read and decided: what every kind of answer starts from."""

    chart: Chart
    decision: Decision


def examine(
    patient: PatientInput | Case,
    knowledge: KnowledgeBase,
    *,
    today: Date | None = None,
    label: str = "patient profile",
) -> Case:
    """Read a profile and decide on it; no report yet. A case is given back as it is. Raises as `evaluate` does."""
    if isinstance(patient, Case):
        return patient
    chart = make_chart(as_profile(patient, label), knowledge.knowledge, today, label)
    outcome = evaluate_rules(chart, knowledge)
    return Case(chart, decide(knowledge.knowledge, outcome, knowledge.closed_trials))


def as_profile(patient: PatientInput, label: str = "patient profile") -> Profile:
    """A profile from any of its forms. Raises ProfileError."""
    if isinstance(patient, Profile):
        return patient
    if isinstance(patient, (str, bytes)):
        return read_profile(patient, label)
    if not isinstance(patient, Mapping):  # the caller's types may not have been checked
        given = "nothing" if patient is None else f"a value of type {type(patient).__name__}"
        raise ProfileError([ProfileFault("$", given, "a profile: a mapping, JSON text or a Profile")], label)
    return profile_from_tree(dict(patient), label)


def evaluate_rules(chart: Chart, knowledge: KnowledgeBase) -> Outcome:
    """Verdicts of all rules, and all facts, for a chart."""
    return knowledge.rules.evaluate(derive_facts(chart, knowledge.knowledge))
