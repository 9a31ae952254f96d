"""Which cancers a FHIR record is about: of which organ, whether there was spread, and which of two is to be treated."""

from __future__ import annotations

from typing import Any

import pytest

from her2cds import KnowledgeBase
from tests.fhir_builders import (
    ICD10,
    LOINC,
    SNOMED,
    breast_cancer,
    coded,
    concept,
    condition,
    cycles,
    imported,
    observation,
    status_of,
    surgery,
)

STAGE_I = ("258215001", SNOMED)
PROFILE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-primary-cancer-condition"
REMISSION = {"clinicalStatus": status_of("clinical", "remission")}


@pytest.mark.parametrize(
    "sign",
    [
        condition("C78.7", ICD10, onsetDateTime="2022-01-01", **REMISSION),
        condition("C79.3", ICD10, onsetDateTime="2022-01-01"),
        condition("C79.89", ICD10, onsetDateTime="2022-01-01"),
        condition("1287652008", onsetDateTime="2022-01-01"),
        condition("314955001", onsetDateTime="2022-01-01"),
        condition("999999991", meta={"profile": [PROFILE.replace("primary", "secondary")]}),
        coded("1287652008", ("1287652008", SNOMED), system=SNOMED) | {"valueCodeableConcept": None},
    ],
)
def test_treatment_after_any_sign_of_spread_is_not_called_adjuvant(
    knowledge: KnowledgeBase, sign: dict[str, Any]
) -> None:
    sign = {key: value for key, value in sign.items() if value is not None}
    record = (breast_cancer("2018-01-01"), coded("21908-9", STAGE_I, "2018-01-10"), surgery("2018-06-01"))
    after = cycles("224905", "2022-02-01", 3)
    (without,) = imported(knowledge, *record, after).profile["treatments"]
    assert without["setting"] == "adjuvant"
    result = imported(knowledge, *record, sign, after)
    assert "setting" not in result.profile["treatments"][0]
    assert any("neoadjuvant, adjuvant or metastatic?" in one for one in result.report.to_ask)


@pytest.mark.parametrize(
    "cancer",
    [
        condition("999999991", meta={"profile": [PROFILE]}),
        condition("363346000"),
        condition("363346000", bodySite=[{"text": "Left breast"}]),
        condition("C80.1", ICD10),
    ],
)
def test_a_cancer_whose_organ_is_not_told_is_asked_about(knowledge: KnowledgeBase, cancer: dict[str, Any]) -> None:
    result = imported(knowledge, cancer)
    assert "disease" not in result.profile
    assert any("is this the breast cancer?" in one for one in result.report.to_ask)


def test_a_cancer_of_a_known_other_organ_is_another(knowledge: KnowledgeBase) -> None:
    assert imported(knowledge, condition("C18.9", ICD10)).profile["disease"] == {"primary": "other"}


def test_a_receptor_of_a_cancer_whose_organ_is_not_told_is_read_with_doubt(knowledge: KnowledgeBase) -> None:
    focus = {"focus": [{"reference": "Condition/this"}]}
    er = coded("85337-4", ("10828004", SNOMED), **focus)
    result = imported(knowledge, condition("363346000", id="this"), er)
    assert result.profile["specimens"][0]["er"] == "positive"
    assert any("focus" in one.found for one in result.report.read_with_doubt)
    beside = imported(knowledge, breast_cancer(), condition("363346000", id="this"), er)
    assert "specimens" not in beside.profile


def verified(code: str) -> dict[str, Any]:
    return {"verificationStatus": status_of("ver-status", code)}


def focused(cancer: dict[str, Any], *others: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    old = coded("85319-2", ("LA11843-2", LOINC), "2020-03-01")
    new = coded("85319-2", ("LA6111-4", LOINC), "2024-03-01", focus=[{"reference": "Condition/this"}])
    return (*others, {**cancer, "id": "this"}, old, new)


@pytest.mark.parametrize(
    "cancer",
    [
        condition("C50.9", "http://fhir.de/CodeSystem/bfarm/icd-10-gm"),
        {**condition("0"), "code": {"text": "Carcinoma of left breast, recurrent"}},
        condition("254837009", **verified("provisional")),
    ],
)
def test_a_result_of_what_is_likely_the_breast_cancer_is_read_with_doubt(
    knowledge: KnowledgeBase, cancer: dict[str, Any]
) -> None:
    result = imported(knowledge, *focused(cancer, breast_cancer()))
    assert [one["her2_ihc"] for one in result.profile["specimens"]] == ["3+", "0"]
    assert any(one.found.startswith("focus") for one in result.report.read_with_doubt)


@pytest.mark.parametrize(
    ("cancer", "others"),
    [
        (condition("94161006"), [breast_cancer()]),
        ({**condition("0"), "code": {"text": "Ductal carcinoma in situ, breast"}}, [breast_cancer()]),
        (condition("D05.12", ICD10), [breast_cancer()]),
        (condition("363346000"), [breast_cancer()]),
        (condition("C34.9", ICD10, **verified("provisional")), [breast_cancer()]),
        (condition("254837009", **verified("entered-in-error")), [breast_cancer()]),
        (condition("254837009", modifierExtension=[{"url": "x", "valueBoolean": True}]), [breast_cancer()]),
        (condition("254837009", subject={"reference": "RelatedPerson/mother"}), [breast_cancer()]),
        (condition("94222008"), [breast_cancer(), condition("C34.9", ICD10)]),
    ],
)
def test_no_older_result_stands_beside_one_of_a_cancer_that_cannot_be_told(
    knowledge: KnowledgeBase, cancer: dict[str, Any], others: list[dict[str, Any]]
) -> None:
    result = imported(knowledge, *focused(cancer, *others))
    assert "specimens" not in result.profile
    assert any("is that the breast cancer?" in one for one in result.report.to_ask)
    assert "her2_ihc 3+" in result.report.conflicts[-1].found


@pytest.mark.parametrize("cancer", [condition("C34.9", ICD10), condition("84114007")])
def test_a_result_of_another_organ_changes_nothing(knowledge: KnowledgeBase, cancer: dict[str, Any]) -> None:
    result = imported(knowledge, *focused(cancer, breast_cancer()))
    assert [one["her2_ihc"] for one in result.profile["specimens"]] == ["3+"]


def test_a_result_of_a_metastasis_alone_is_read_with_doubt(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, *focused(condition("94222008")))
    assert len(result.profile["specimens"]) == 2
    assert any(one.found.startswith("focus") for one in result.report.read_with_doubt)


def two_cancers() -> list[dict[str, Any]]:
    resolved = {"clinicalStatus": status_of("clinical", "resolved")}
    return [
        condition("353431000119107", onsetDateTime="2005-01-01", **resolved),
        condition("353511000119101", onsetDateTime="2023-01-01"),
        coded("21908-9", STAGE_I, "2005-01-10"),
        condition("C78.7", ICD10, onsetDateTime="2023-01-20"),
    ]


def test_a_second_breast_cancer_is_not_a_relapse_of_the_first(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, *two_cancers())
    disease = result.profile["disease"]
    assert disease["diagnosis_date"] == "2023-01-01"
    assert "relapse_date" not in disease
    assert "stage" not in disease
    assert any(one.startswith("Several records of breast cancer") for one in result.report.to_ask)


def test_an_active_cancer_without_a_day_does_not_take_the_stage_of_one_that_is_over(knowledge: KnowledgeBase) -> None:
    over, now, stage, _ = two_cancers()
    undated = {key: value for key, value in now.items() if key != "onsetDateTime"}
    assert imported(knowledge, over, undated, stage).profile["disease"] == {"primary": "breast"}


def test_what_is_staged_since_the_diagnosis_of_the_second_cancer_is_of_it(knowledge: KnowledgeBase) -> None:
    size = observation("33728-7", "2023-01-05", valueQuantity={"value": 2.1, "unit": "cm"})
    disease = imported(knowledge, *two_cancers(), coded("21908-9", ("258228008", SNOMED), "2023-02-01"), size).profile
    assert (disease["disease"]["stage"], disease["disease"]["tumour_size_cm"]) == ("IV", 2.1)


def test_one_cancer_recorded_at_two_visits_is_one(knowledge: KnowledgeBase) -> None:
    visits = [condition("C50.911", ICD10, onsetDateTime=day) for day in ("2020-03-01", "2021-03-01")]
    result = imported(knowledge, *visits, coded("21908-9", STAGE_I, "2020-02-20"))
    assert result.profile["disease"]["diagnosis_date"] == "2020-03-01"
    assert result.profile["disease"]["stage"] == "I"
    assert not any("Several records" in one for one in result.report.to_ask)


def test_a_site_by_its_code_names_the_organ(knowledge: KnowledgeBase) -> None:
    site = [concept("80248007", SNOMED, "Left breast structure")]
    assert imported(knowledge, condition("363346000", bodySite=site)).profile["disease"] == {"primary": "breast"}
