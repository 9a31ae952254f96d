"""One invented patient in the shape of each version of mCODE: the same facts are read from all of them.

What differs: the profiles and extensions by name, the resources for drugs, the codes of stage, disease status, stop
reason and genomic report, and how comorbidities are listed. STU stands for the published versions 1.0.0 to 4.0.0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from her2cds import KnowledgeBase, evaluate
from tests.fhir_builders import (
    ICD10,
    LOINC,
    NEGATIVE,
    POSITIVE,
    SNOMED,
    coded,
    concept,
    condition,
    drug,
    imported,
    observation,
    patient,
    status_of,
    surgery,
    variant,
)

Json = dict[str, Any]
AJCC = "http://cancerstaging.org"
REQUESTED_LOINC = "http://hl7.org/fhir/us/mcode/CodeSystem/loinc-requested-cs"
REQUESTED_SNOMED = "http://hl7.org/fhir/us/mcode/CodeSystem/snomed-requested-cs"
DOCETAXEL, ENHERTU = "72962", "2267577"
CURATIVE, COMPLETED = concept("373808002", SNOMED), concept("182992009", SNOMED)

FACTS = {
    "patient": {"sex": "female", "age_years": 52, "ecog": 1},
    "disease": {
        "primary": "breast",
        "diagnosis_date": "2020-03-15",
        "sites_of_metastasis": ["liver"],
        "stage": "II",
        "node_positive": False,
        "setting": "metastatic",
        "relapse_date": "2022-05-01",
        "progressing_now": "no",
    },
    "specimens": [{"date": "2020-03-10", "her2_reported": "positive", "er": "positive", "pr": "negative"}],
    "genomic_tests": [
        {
            "date": "2020-03-12",
            "genes_covered": ["PIK3CA"],
            "alterations": [{"gene": "ERBB2", "kind": "mutation", "protein_change": "L755S"}],
        }
    ],
    "treatments": [
        {
            "setting": "adjuvant",
            "agents": ["docetaxel"],
            "start": "2020-10-01",
            "stop_reason": "completed",
            "end": "2021-01-15",
        },
        {"setting": "metastatic", "line": 1, "agents": ["t-dxd"], "start": "2022-06-01", "ongoing": True},
    ],
    "health": {"heart_failure": "active"},
}


def mcode(name: str) -> str:
    return f"http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-{name}"


def shaped(profile: str, resource: Json, *extensions: Json) -> Json:
    """A resource that claims an mCODE profile, with extensions."""
    found = {"meta": {"profile": [mcode(profile)]}, **({"extension": list(extensions)} if extensions else {})}
    return {**resource, **found}


def said(name: str, value: Json) -> Json:
    return {"url": mcode(name), "valueCodeableConcept": value}


def primary(**onset: Any) -> Json:
    return {**condition("353431000119107", clinicalStatus=status_of("clinical", "active"), **onset), "id": "primary"}


def liver(url: str, **onset: Any) -> Json:
    related = {"url": url, "valueReference": {"reference": "Condition/primary"}}
    active = status_of("clinical", "active")
    return shaped("secondary-cancer-condition", condition("94381002", clinicalStatus=active, **onset), related)


def stage_and_categories(
    profiles: tuple[str, str, str], **answers: tuple[tuple[str, str], tuple[str, str]]
) -> list[Json]:
    """Stage group, N and M: `answers` gives for each the code of the question and that of the answer."""
    rows = zip(profiles, ("stage", "n", "m"), strict=True)
    made = []
    for profile, name in rows:
        (code, system), answer = answers[name]
        one = observation(code, "2020-03-16", system, valueCodeableConcept=concept(*answer))
        made.append(shaped(profile, one))
    return made


def markers(profile: str, her2: str, positive: tuple[str, str], negative: tuple[str, str]) -> list[Json]:
    day = "2020-03-10"
    answers = {"85337-4": positive, "85339-0": negative, her2: positive}
    return [shaped(profile, coded(code, answer, day)) for code, answer in answers.items()]


def genomics(profile: str, report: str) -> list[Json]:
    day = {"effectiveDateTime": "2020-03-12"}
    found = {**variant("3430", "ERBB2", protein="p.Leu755Ser"), **day}
    none = {**variant("8975", "PIK3CA", present=False), **day}
    results = [{"reference": f"Observation/{one['id']}"} for one in (found, none)]
    holder = {"resourceType": "DiagnosticReport", "id": "genes", "status": "final", "code": concept(report, LOINC)}
    return [shaped(profile, {**holder, **day, "result": results}), found, none]


def status(code: str, answer: tuple[str, str]) -> Json:
    return shaped("cancer-disease-status", coded(code, answer, "2023-03-01"))


def ecog() -> Json:
    return shaped("ecog-performance-status", observation("89247-1", "2022-06-01", valueInteger=1))


def request(code: str, day: str, *extensions: Json, **more: Any) -> Json:
    one = drug(code, None, "MedicationRequest", intent="order", authoredOn=day, **more)
    return shaped("cancer-related-medication-request", one, *extensions)


def bounds(start: str, end: str) -> list[Json]:
    return [{"timing": {"repeat": {"boundsPeriod": {"start": start, "end": end}}}}]


def stu1() -> list[Json]:
    """MedicationStatement, AJCC codes, older codes for response and report, comorbid Conditions."""
    period = {"start": "2020-10-01", "end": "2021-01-15"}
    intent, reason = said("treatment-intent", CURATIVE), said("termination-reason", COMPLETED)
    statement = "cancer-related-medication-statement"
    tnm = (
        "tnm-clinical-stage-group",
        "tnm-clinical-regional-nodes-category",
        "tnm-clinical-distant-metastases-category",
    )
    operation = shaped("cancer-related-surgical-procedure", surgery("2020-09-01", "64368001"), intent)
    return [
        shaped("primary-cancer-condition", primary(onsetDateTime="2020-03-15")),
        liver(mcode("related-primary-cancer-condition"), onsetDateTime="2022-05-01"),
        *stage_and_categories(
            tnm,
            stage=(("21908-9", LOINC), ("2B", AJCC)),
            n=(("21906-3", LOINC), ("cN0", AJCC)),
            m=(("21907-1", LOINC), ("cM0", AJCC)),
        ),
        *markers("tumor-marker", "72382-5", POSITIVE, NEGATIVE),
        *genomics("cancer-genomics-report", "81247-9"),
        *(operation, ecog(), status("88040-1", ("260415000", SNOMED))),
        shaped(statement, drug(DOCETAXEL, None, effectivePeriod=period, status="stopped"), intent, reason),
        shaped(statement, drug(ENHERTU, "2022-06-01", status="active")),
        shaped("comorbid-condition", condition("I50.9", ICD10, clinicalStatus=status_of("clinical", "active"))),
    ]


def stu2() -> list[Json]:
    """Requests, pathologic TNM by LOINC, remission by a requested code, comorbidities as Elixhauser components."""
    reason = said("treatment-termination-reason", COMPLETED)
    tnm = ("cancer-stage-group", "tnm-regional-nodes-category", "tnm-distant-metastases-category")
    intent = said("procedure-intent", CURATIVE)
    present, absent = concept("52101004", SNOMED), concept("2667000", SNOMED)
    components = [
        {"code": concept("CHF", REQUESTED_LOINC), "valueCodeableConcept": present},
        {"code": concept("LUNG_CHRONIC", REQUESTED_LOINC), "valueCodeableConcept": absent},
    ]
    panel = observation("comorbidities-elixhauser", "2022-06-01", REQUESTED_LOINC, component=components)
    asserted = {"url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate", "valueDateTime": "2020-03-15"}
    dosage = bounds("2020-10-01", "2021-01-15")
    return [
        shaped("primary-cancer-condition", primary(), asserted),
        liver(mcode("related-primary-cancer-condition"), onsetDateTime="2022-05-01"),
        *stage_and_categories(
            tnm,
            stage=(("21902-2", LOINC), ("2B", AJCC)),
            n=(("21900-6", LOINC), ("pN0", AJCC)),
            m=(("21901-4", LOINC), ("pM0", AJCC)),
        ),
        *markers("tumor-marker", "48676-1", ("LA6576-8", LOINC), ("LA6577-6", LOINC)),
        *genomics("cancer-genomics-report", "81247-9"),
        shaped("cancer-related-surgical-procedure", surgery("2020-09-01", "172043006"), intent),
        *(ecog(), status("97509-4", ("USCRS-352236", REQUESTED_SNOMED))),
        request(DOCETAXEL, "2020-09-30", intent, reason, status="stopped", dosageInstruction=dosage),
        request(ENHERTU, "2022-06-01", status="active"),
        shaped("comorbidities-elixhauser", panel),
    ]


def later(url: str, disease_status: tuple[str, str], panel: tuple[str, str]) -> list[Json]:
    """STU3 and STU4: SNOMED CT for TNM, the reason in `statusReason`, comorbidities as extensions."""
    tnm = ("tnm-stage-group", "tnm-regional-nodes-category", "tnm-distant-metastases-category")
    intent = said("procedure-intent", CURATIVE)
    comorbidities = observation(panel[0], "2022-06-01", panel[1])
    heart, obesity = concept("84114007", SNOMED), concept("414916001", SNOMED)
    lists = (said("related-condition", heart), said("related-condition-absent", obesity))
    dosage = bounds("2020-10-01", "2021-01-15")
    return [
        shaped("primary-cancer-condition", primary(onsetDateTime="2020-03-15")),
        liver(url, onsetDateTime="2022-05-01"),
        *stage_and_categories(
            tnm,
            stage=(("399537006", SNOMED), ("1222766008", SNOMED)),
            n=(("399534004", SNOMED), ("1229967007", SNOMED)),
            m=(("399387003", SNOMED), ("1229901006", SNOMED)),
        ),
        *markers("tumor-marker-test", "48676-1", ("LA6576-8", LOINC), ("LA6577-6", LOINC)),
        *genomics("genomics-report", "51969-4"),
        shaped("cancer-related-surgical-procedure", surgery("2020-09-01", "64368001"), intent),
        *(ecog(), status("97509-4", disease_status)),
        request(DOCETAXEL, "2020-09-30", intent, status="stopped", statusReason=COMPLETED, dosageInstruction=dosage),
        request(ENHERTU, "2022-06-01", status="active"),
        shaped("comorbidities", comorbidities, *lists),
    ]


def stu3() -> list[Json]:
    return later(mcode("related-primary-cancer-condition"), ("103338009", SNOMED), ("78923-0", LOINC))


def stu4() -> list[Json]:
    related = "http://hl7.org/fhir/StructureDefinition/condition-related"
    return later(related, ("268910001", SNOMED), ("398192003", SNOMED))


VERSIONS = {"STU1": stu1, "STU2": stu2, "STU3": stu3, "STU4": stu4}


@pytest.mark.parametrize("made", VERSIONS.values(), ids=list(VERSIONS))
def test_every_version_of_mcode_gives_the_same_facts(knowledge: KnowledgeBase, made: Callable[[], list[Json]]) -> None:
    result = imported(knowledge, patient(), *made())
    evaluate(result.profile, knowledge)
    assert {name: result.profile.get(name) for name in FACTS} == FACTS
    assert result.report.conflicts == ()
    assert result.report.not_understood == ()


# --- What only some versions have ---------------------------------------------------------------------------

OLDER_STATUSES = {
    "STU1: not detected": ("260415000", SNOMED),
    "STU2: complete remission": ("USCRS-352236", REQUESTED_SNOMED),
    "STU2: partial remission": ("USCRS-352237", REQUESTED_SNOMED),
    "STU2.1: full remission": ("550991000124107", SNOMED),
    "STU2.1: partial remission": ("551001000124108", SNOMED),
    "STU3: in full remission": ("103338009", SNOMED),
    "STU3: in partial remission": ("103337004", SNOMED),
}


@pytest.mark.parametrize("answer", OLDER_STATUSES.values(), ids=list(OLDER_STATUSES))
def test_the_answers_of_older_versions_tell_that_the_disease_does_not_progress(
    knowledge: KnowledgeBase, answer: tuple[str, str]
) -> None:
    result = imported(knowledge, status("97509-4", answer))
    assert result.profile["disease"]["progressing_now"] == "no"


def test_distant_metastasis_as_a_disease_status_is_m1_and_says_nothing_of_progress(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, primary(), status("97509-4", ("399409002", SNOMED)))
    assert result.profile["disease"]["setting"] == "metastatic"
    assert "progressing_now" not in result.profile["disease"]
    assert any("progressing now" in one for one in result.report.to_ask)


AJCC_NODES = {"pN1mi": True, "cN2a": True, "pN3c": True, "cN0": False}


@pytest.mark.parametrize(("code", "positive"), AJCC_NODES.items())
def test_subdivided_categories_of_ajcc_are_read(knowledge: KnowledgeBase, code: str, positive: bool) -> None:
    result = imported(knowledge, primary(), coded("21906-3", (code, AJCC)))
    assert result.profile["disease"]["node_positive"] is positive


def test_a_comorbidity_that_is_absent_is_listed_and_denies_nothing(knowledge: KnowledgeBase) -> None:
    absent = concept("2667000", SNOMED)
    component = {"code": concept("CHF", REQUESTED_LOINC), "valueCodeableConcept": absent}
    panel = observation("comorbidities-elixhauser", system=REQUESTED_LOINC, component=[component])
    result = imported(knowledge, panel)
    assert "health" not in result.profile
    assert any("absent" in one.found for one in result.report.set_aside)


def test_a_condition_named_below_a_category_of_comorbidity_is_read(knowledge: KnowledgeBase) -> None:
    component = {
        "code": concept("LUNG_CHRONIC", REQUESTED_LOINC),
        "valueCodeableConcept": concept("52101004", SNOMED),
        "extension": [said("comorbid-condition-code", concept("J84.9", ICD10))],
    }
    panel = observation("78923-0", component=[component])
    result = imported(knowledge, panel)
    assert result.profile["health"] == {"interstitial_lung_disease": {"status": "active"}}


def test_a_history_of_metastatic_cancer_asks_for_the_setting_unless_it_is_denied(knowledge: KnowledgeBase) -> None:
    history = observation("1287652008", system=SNOMED)
    result = imported(knowledge, primary(), history)
    assert "setting" not in result.profile["disease"]
    assert any("1287652008" in one and "setting now" in one for one in result.report.to_ask)
    denied = imported(knowledge, primary(), {**history, "valueBoolean": False})
    assert not any("1287652008" in one for one in denied.report.to_ask)


def test_the_day_on_which_the_cancer_was_asserted_is_that_of_the_diagnosis_where_no_onset_is_given(
    knowledge: KnowledgeBase,
) -> None:
    url = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"
    one = {**primary(), "extension": [{"url": url, "valueDateTime": "2020-03-15"}]}
    result = imported(knowledge, one)
    assert result.profile["disease"]["diagnosis_date"] == "2020-03-15"
    assert result.profile["date"] == "2020-03-15"
