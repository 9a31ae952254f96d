"""Trials in the report: how each stands to the patient, and what stands against its drugs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from her2cds.knowledge.citations import Citation
from her2cds.knowledge.rules import TrialStatus
from her2cds.registry.record import RegistryRecord

Eligibility = Literal[
    "eligible on what is known", "possibly eligible", "not eligible", "a drug of it is ruled out for this patient"
]


@dataclass(frozen=True)
class FactShown:
    """One fact that a rule rests on: its value in words, and its origin (a JSON path or a rule id)."""

    fact: str
    test: str
    value: str
    origin: str


@dataclass(frozen=True)
class TrialDrugNote:
    """What stands against a drug of a trial: a caution rule, or what the profile says at `origin`."""

    drug: str
    effect: Literal["ruled out", "a specialist decides", "progressed on before"]
    because: str
    rule: str
    origin: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class TrialShown:
    """A trial, and how it stands to the patient.

    `met` are the criteria that hold, `missed` those that fail, `unknown` the facts still missing; `inferred` are
    criteria that the source implies rather than states; `answers` are the patient's findings or situations that
    the trial speaks to, `linked_rules` all rules that point to it. `status` is the reviews', `registry` the
    registry's where an overlay holds it; `status_words` says both with their dates. `drug_notes` tell what stands
    against its drugs for this patient.
    """

    id: str
    acronym: str | None
    title: str
    arms: tuple[str, ...]
    strategy: str
    phase: str | None
    population: str
    eligibility: Eligibility
    answers: tuple[str, ...]
    linked_rules: tuple[str, ...]
    met: tuple[str, ...]
    missed: tuple[FactShown, ...]
    unknown: tuple[str, ...]
    inferred: tuple[str, ...]
    status: tuple[TrialStatus, ...]
    registry: RegistryRecord | None
    closed: bool
    status_words: str
    caveats: tuple[str, ...]
    drug_notes: tuple[TrialDrugNote, ...]
    discrepancies: tuple[str, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class TrialGroup:
    """The best-fitting trials of one strategy, and how many more there are."""

    strategy: str
    trials: tuple[TrialShown, ...]
    more: int


@dataclass(frozen=True)
class TrialKeptOut:
    """A trial that is never suggested: for other tumours, known from a reference only, or blocked."""

    id: str
    title: str
    because: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True)
class TrialsRuledOut:
    """Trials that take patients and would fit, were it not for these drugs, and why these are ruled out."""

    because: str
    drugs: tuple[str, ...]
    trials: tuple[str, ...]
    rule: str
    origin: str
    citations: tuple[Citation, ...]
