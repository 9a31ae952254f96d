"""The report: everything a rendering shows, as one immutable value with a published JSON Schema.

Lists are ordered on purpose and the same input gives the same bytes. The parts are plain dataclasses, made by our
own typed code; the report as a whole is the model that has the schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from her2cds.knowledge.catalogue import Approval, Discrepancy
from her2cds.knowledge.citations import Citation
from her2cds.knowledge.evidence import Evidence
from her2cds.report.trial_model import FactShown, TrialGroup, TrialKeptOut, TrialShown, TrialsRuledOut

SCHEMA_VERSION: Literal["1"] = "1"


@dataclass(frozen=True)
class KnowledgeIdentity:
    """Which knowledge base made the report; `overlay` is the site's overlay on top of it, with its version."""

    id: str
    version: str
    content_hash: str
    evidence_cut_off: str
    overlay: str | None = None


@dataclass(frozen=True)
class Classified:
    """One derived fact with its trace."""

    fact: str
    meaning: str
    value: str
    because: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class TreatmentShown:
    """One course of the patient's history: agents by name, dates as given, and how it ended, in words.

    `goes_on` is true only where the chart says so: an end that is not given is not stated, and nothing more.
    """

    setting: str
    line: int | None
    agents: tuple[str, ...]
    start: str | None
    end: str | None
    ended: str
    goes_on: bool


@dataclass(frozen=True)
class Reason:
    """Why a regimen is offered: the rule, the patient's facts that satisfy it, and the sources."""

    rule: str
    title: str
    because: str
    facts: tuple[FactShown, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class DrugShown:
    """One part of a regimen: the drugs that can fill it, by id and name."""

    options: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class EvidenceShown:
    """A study, with the discrepancies of the sources that touch it."""

    study: Evidence
    discrepancies: tuple[str, ...]


@dataclass(frozen=True)
class Modifier:
    """A finding that speaks for or against a drug. `changes_rank` is false for levels D and E."""

    rule: str
    marker: str
    drugs: tuple[str, ...]
    effect: str
    kind: str
    level: str
    changes_rank: bool
    because: str
    see_trials: tuple[str, ...]
    conflicts_with: tuple[str, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class Warning:
    """A caution that holds for this patient: `rule` is empty for a drug stopped for toxicity before."""

    rule: str
    title: str
    effect: Literal["conditional", "demote", "warn", "monitor"]
    drugs: tuple[str, ...]
    because: str
    action: str | None
    origin: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class OpenCheck:
    """A contraindication that cannot be judged yet: the facts that are missing."""

    rule: str
    title: str
    effect: Literal["exclude", "conditional"]
    drugs: tuple[str, ...]
    missing: tuple[str, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class Regulatory:
    """An approval as a review states it."""

    drug: str
    approval: Approval


@dataclass(frozen=True)
class RuledOutReason:
    """Why a drug is ruled out, and a regimen with it: a caution rule, or the place in the profile that says so."""

    drug: str
    because: str
    rule: str
    origin: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class Therapy:
    """One ranked candidate. `rank` is shared where no criterion tells candidates apart (`tied`)."""

    rank: int
    tied: bool
    regimen: str
    name: str
    drugs: tuple[DrugShown, ...]
    category: str
    lowered_for_safety: bool
    status: Literal["determined", "conditional"]
    conditional_on: tuple[str, ...]
    because: tuple[Reason, ...]
    above_the_next_because: str | None
    rechallenge: tuple[str, ...]
    evidence: tuple[EvidenceShown, ...]
    modifiers: tuple[Modifier, ...]
    warnings: tuple[Warning, ...]
    open_checks: tuple[OpenCheck, ...]
    options_ruled_out: tuple[RuledOutReason, ...]
    regulatory: tuple[Regulatory, ...]
    caveats: tuple[str, ...]
    discrepancies: tuple[str, ...]


@dataclass(frozen=True)
class NotRecommended:
    """A regimen that a rule would offer and that is ruled out for this patient."""

    regimen: str
    name: str
    offered_by: tuple[str, ...]
    reasons: tuple[RuledOutReason, ...]


@dataclass(frozen=True)
class Investigational:
    """What the sources call investigational: never ranked as care, shown with its trials."""

    regimen: str
    name: str
    status: Literal["determined", "conditional"]
    conditional_on: tuple[str, ...]
    because: tuple[Reason, ...]
    see_trials: tuple[str, ...]
    evidence: tuple[EvidenceShown, ...]
    warnings: tuple[Warning, ...]
    open_checks: tuple[OpenCheck, ...]
    options_ruled_out: tuple[RuledOutReason, ...]
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class TestToRequest:
    """A test worth requesting."""

    rule: str
    test: str
    because: str
    for_trials_only: bool
    answers: tuple[str, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class Question:
    """A missing fact: what to ask, how to obtain it, and what depends on it. Ordered by effect."""

    fact: str
    question: str
    obtain: str | None
    decides: tuple[str, ...]
    safety_of: tuple[str, ...]
    trials: tuple[str, ...]


@dataclass(frozen=True)
class Notice:
    """Something the reader must know: a conflict, a contradiction, a gap, a limit of the knowledge base."""

    text: str
    rule: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class SourceShown:
    """A source that the report cites."""

    id: str
    citation: str
    doi: str | None
    reliability: str


@dataclass(frozen=True)
class LocalChange:
    """One change of a site's overlay: who, when, what and why, and the parts of this answer that it touches."""

    id: str
    by: str
    date: str
    does: str
    because: str
    touches: tuple[str, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class OverlayShown:
    """The overlay in use. `note` says where it was written for another version of the base."""

    id: str
    version: str
    title: str
    content_hash: str
    base_content_hash: str
    note: str | None
    changes: tuple[LocalChange, ...]


class TrialListing(BaseModel):
    """Every trial of the knowledge base for one patient.

    `groups` are the trials to consider, `ruled_out` those that would fit but for a drug that is ruled out for this
    patient, `closed` those that would fit but take no new patients.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    schema_version: Literal["1"] = SCHEMA_VERSION
    patient_id: str | None
    knowledge: KnowledgeIdentity
    intended_use: str
    statement: str | None
    groups: tuple[TrialGroup, ...]
    ruled_out: tuple[TrialShown, ...]
    closed: tuple[TrialShown, ...]
    not_eligible: tuple[TrialShown, ...]
    never_suggested: tuple[TrialKeptOut, ...]
    questions: tuple[Question, ...]

    def to_json(self, indent: int | None = 2) -> str:
        """The listing as JSON; the same listing gives the same bytes."""
        return self.model_dump_json(indent=indent)


class Report(BaseModel):
    """The answer for one patient."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    schema_version: Literal["1"] = SCHEMA_VERSION
    patient_id: str | None
    profile_date: str | None
    software_version: str
    knowledge: KnowledgeIdentity
    intended_use: str
    statement: str | None
    classification: tuple[Classified, ...]
    history: tuple[TreatmentShown, ...]
    therapies: tuple[Therapy, ...]
    not_recommended: tuple[NotRecommended, ...]
    investigational: tuple[Investigational, ...]
    trials: tuple[TrialGroup, ...]
    trials_ruled_out: tuple[TrialsRuledOut, ...]
    findings: tuple[Modifier, ...]
    tests_to_request: tuple[TestToRequest, ...]
    questions: tuple[Question, ...]
    notices: tuple[Notice, ...]
    discrepancies: tuple[Discrepancy, ...]
    overlay: OverlayShown | None = None
    sources: tuple[SourceShown, ...]

    def to_json(self, indent: int | None = 2) -> str:
        """The report as JSON; the same report gives the same bytes."""
        return self.model_dump_json(indent=indent)
