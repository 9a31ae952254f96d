"""The patient profile: what a chart can say, every field optional, absent = unknown.

Strict on purpose: a number given as text, or a misspelt field, is an error and never a guess. Units stand in
the field names or in the descriptions. Names of drugs and genes are free text here and are looked up in the
knowledge base afterwards (`normalise`).
"""

import re
from datetime import date as Date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from her2cds.knowledge.conditions import AlterationKind

_ISO_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
SCHEMA_VERSION: Literal["1"] = "1"
MAX_ITEMS = 200
MAX_ALTERATIONS = 2000
MAX_GENES = 30_000

# Without what steers a terminal or turns the direction of text round. Tabs and line breaks occur in records of other
# systems; every rendering shows them as a space.
_NO_CONTROLS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=_NO_CONTROLS)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Grade = Annotated[int, Field(ge=1, le=5)]
Severity = Literal["none", "mild", "moderate", "severe"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


def _only_iso_text(value: object) -> object:
    """JSON has no dates, so text stands for them; without this a bare number would pass as a timestamp."""
    if isinstance(value, Date) or (isinstance(value, str) and _ISO_DATE.match(value)):
        return value
    raise ValueError("a date is text in the form YYYY-MM-DD")


IsoDate = Annotated[Date, BeforeValidator(_only_iso_text), Field(strict=False, description="ISO 8601 date, YYYY-MM-DD")]


class Person(_Part):
    """Age, sex and general condition. No names, no identifiers."""

    age_years: Annotated[float, Field(ge=0, le=120, allow_inf_nan=False)] | None = None
    sex: Literal["female", "male"] | None = None
    menopausal_status: Literal["premenopausal", "perimenopausal", "postmenopausal"] | None = None
    pregnancy: Literal["pregnant", "breastfeeding", "neither"] | None = None
    region: Annotated[
        Literal["usa", "europe", "uk", "china", "japan", "other"] | None,
        Field(description="whose regulator's approvals apply"),
    ] = None
    ecog: Annotated[int, Field(ge=0, le=4, description="ECOG performance status")] | None = None


class Specimen(_Part):
    """One tumour sample and its receptor assays."""

    date: IsoDate | None = None
    site: Literal["primary", "metastasis"] | None = None
    her2_ihc: Annotated[Literal["0", "1+", "2+", "3+"] | None, Field(description="HER2 IHC score")] = None
    her2_ish: Annotated[
        Literal["positive", "negative", "equivocal"] | None,
        Field(description="HER2 in situ hybridisation result"),
    ] = None
    her2_ish_ratio: Annotated[
        float | None, Field(ge=0, le=100, allow_inf_nan=False, description="HER2/CEP17 ratio")
    ] = None
    her2_copies_per_cell: Annotated[
        float | None, Field(ge=0, le=200, allow_inf_nan=False, description="mean HER2 signals per cell")
    ] = None
    her2_reported: Annotated[
        Literal["positive", "low", "negative"] | None, Field(description="overall HER2 status as reported")
    ] = None
    her2_heterogeneous: bool | None = None
    er: Literal["positive", "negative"] | None = None
    er_percent: Percent | None = None
    pr: Literal["positive", "negative"] | None = None
    pr_percent: Percent | None = None
    ki67_percent: Percent | None = None


class Disease(_Part):
    """Extent and course of the disease."""

    primary: Annotated[Literal["breast", "other"] | None, Field(description="organ of the primary tumour")] = None
    setting: Literal["early", "locally_advanced_unresectable", "metastatic"] | None = None
    early_phase: Annotated[
        Literal["before_surgery", "after_surgery", "adjuvant_anti_her2_completed"] | None,
        Field(description="for early disease: where in the treatment the patient stands"),
    ] = None
    stage: Literal["I", "II", "III", "IV"] | None = None
    tumour_size_cm: Annotated[float | None, Field(ge=0, le=40, allow_inf_nan=False)] = None
    node_positive: bool | None = None
    locally_advanced_or_inflammatory: bool | None = None
    residual_invasive_disease: Annotated[
        bool | None, Field(description="invasive disease left at surgery after neoadjuvant treatment")
    ] = None
    sites_of_metastasis: Annotated[
        tuple[
            Literal[
                "bone",
                "liver",
                "lung",
                "brain",
                "lymph_node",
                "skin",
                "chest_wall",
                "pleura",
                "peritoneum",
                "leptomeninges",
                "other",
            ],
            ...,
        ]
        | None,
        Field(strict=False, max_length=MAX_ITEMS),
    ] = None
    diagnosis_date: IsoDate | None = None
    relapse_date: Annotated[IsoDate | None, Field(description="first distant relapse after early disease")] = None
    progressing_now: Annotated[
        Literal["no", "cns_only", "systemic"] | None,
        Field(description="where the disease is progressing now; read from the latest treatment if absent"),
    ] = None


class BrainMetastases(_Part):
    """Brain and leptomeningeal disease. `stable` means treated and not progressing."""

    status: Literal["none", "stable", "untreated", "progressing"] | None = None
    leptomeningeal: bool | None = None
    local_therapy_possible: Annotated[
        bool | None,
        Field(description="surgery or radiotherapy of the present lesions is possible; what was treated is `stable`"),
    ] = None
    last_imaging_date: IsoDate | None = None


class Alteration(_Part):
    """One finding in a gene or protein."""

    gene: Label
    kind: AlterationKind
    protein_change: Annotated[Label | None, Field(description="L755S or p.Leu755Ser")] = None


class GenomicTest(_Part):
    """One sequencing or expression test, with the genes it covered and the kinds of change it detects.

    A gene counts as unaltered only for a kind that a test covering it detects: `detects` defaults to
    mutations, because many panels report nothing else reliably.
    """

    date: IsoDate | None = None
    sample: Literal["tissue", "plasma", "other"] | None = None
    genes_covered: Annotated[tuple[Label, ...] | None, Field(strict=False, max_length=MAX_GENES)] = None
    detects: Annotated[
        tuple[
            AlterationKind,
            ...,
        ],
        Field(strict=False, max_length=20),
    ] = ("mutation",)
    alterations: Annotated[tuple[Alteration, ...], Field(strict=False, max_length=MAX_ALTERATIONS)] = ()


class PdL1(_Part):
    """PD-L1, with the assay, because cut-offs differ."""

    status: Literal["positive", "negative"] | None = None
    assay: Label | None = None
    percent: Percent | None = None


class Biomarkers(_Part):
    """Markers that are not alterations of one gene."""

    pd_l1: PdL1 | None = None
    tils_percent: Percent | None = None
    tmb_high: bool | None = None
    tmb_mutations_per_megabase: Annotated[float | None, Field(ge=0, le=2000, allow_inf_nan=False)] = None
    p95her2: Literal["positive", "negative"] | None = None
    pam50: Literal["luminal_a", "luminal_b", "her2_enriched", "basal_like", "normal_like"] | None = None
    fcgr3a: Annotated[
        Literal["high_affinity", "low_affinity"] | None, Field(description="CD16A 158 genotype by affinity")
    ] = None
    her3: Literal["high", "low"] | None = None
    muc1_star: Literal["positive", "negative"] | None = None
    pam_pathway_activated: bool | None = None
    ctdna: Literal["detected", "not_detected"] | None = None


class Treatment(_Part):
    """One course of systemic treatment: agents given together, and how it ended.

    `maintenance_of_previous` marks a course that continues the one before it (endocrine maintenance after
    chemotherapy, one agent dropped for toxicity): it is not a line of its own.
    """

    setting: Literal["neoadjuvant", "adjuvant", "metastatic"] | None = None
    line: Annotated[int | None, Field(ge=1, le=30, description="line number for metastatic disease")] = None
    agents: Annotated[tuple[Label, ...], Field(strict=False, min_length=1, max_length=20)]
    start: IsoDate | None = None
    end: Annotated[IsoDate | None, Field(description="absent for a treatment that goes on, or unknown")] = None
    ongoing: bool | None = None
    stop_reason: (
        Literal["progression", "toxicity", "completed", "maintenance_switch", "patient_choice", "other"] | None
    ) = None
    stopped_agents: Annotated[
        tuple[Label, ...],
        Field(strict=False, max_length=20, description="for toxicity: the agents held responsible, if not all"),
    ] = ()
    progression_site: Literal["cns_only", "systemic"] | None = None
    best_response: (
        Literal["complete", "partial", "stable", "progression", "pathological_complete", "residual_disease"] | None
    ) = None
    maintenance_of_previous: bool | None = None


class InterstitialLungDisease(_Part):
    """Interstitial lung disease or pneumonitis."""

    status: Literal["never", "past", "active"] | None = None
    grade: Grade | None = None
    steroids_needed: bool | None = None
    caused_by: Annotated[tuple[Label, ...], Field(strict=False, max_length=20)] = ()


class Health(_Part):
    """Organ function, comorbidity and concomitant drugs."""

    lvef_percent: Annotated[float | None, Field(ge=5, le=90, allow_inf_nan=False)] = None
    lvef_date: IsoDate | None = None
    heart_failure: Literal["none", "history", "active"] | None = None
    interstitial_lung_disease: InterstitialLungDisease | None = None
    hepatic_impairment: Severity | None = None
    renal_impairment: Severity | None = None
    neuropathy_grade: Annotated[int | None, Field(ge=0, le=4)] = None
    chronic_diarrhoea: bool | None = None
    autoimmune_disease: bool | None = None
    ocular_disease: Annotated[bool | None, Field(description="disease of the cornea or conjunctiva")] = None
    hypersensitivity_to: Annotated[tuple[Label, ...] | None, Field(strict=False, max_length=MAX_ITEMS)] = None
    unsuitable_for: Annotated[
        tuple[Label, ...] | None,
        Field(
            strict=False,
            max_length=40,
            description="drug classes the treating team judges unsuitable (taxane, chemotherapy, …); [] for none",
        ),
    ] = None
    concomitant_drugs: Annotated[tuple[Label, ...] | None, Field(strict=False, max_length=MAX_ITEMS)] = None


class Profile(_Part):
    """A patient profile, schema version 1. Lists in any order; [] says "none", absence says "unknown"."""

    schema_version: Literal["1"] = SCHEMA_VERSION
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._\-]{1,64}$")] | None = Field(
        default=None, description="opaque identifier; never a name"
    )
    date: Annotated[IsoDate | None, Field(description="the day for which the profile holds")] = None
    patient: Person = Field(default_factory=Person)
    disease: Disease = Field(default_factory=Disease)
    brain_metastases: BrainMetastases = Field(default_factory=BrainMetastases)
    specimens: Annotated[tuple[Specimen, ...] | None, Field(strict=False, max_length=MAX_ITEMS)] = None
    genomic_tests: Annotated[tuple[GenomicTest, ...] | None, Field(strict=False, max_length=MAX_ITEMS)] = None
    biomarkers: Biomarkers = Field(default_factory=Biomarkers)
    treatments: Annotated[tuple[Treatment, ...] | None, Field(strict=False, max_length=MAX_ITEMS)] = None
    treatments_complete: Annotated[
        bool | None,
        Field(description="false: treatments that are not listed may have been given; absent: the list is complete"),
    ] = None
    health: Health = Field(default_factory=Health)
    note: Annotated[str, StringConstraints(max_length=2000)] | None = Field(
        default=None, description="free text for the reader of the file; not evaluated"
    )
