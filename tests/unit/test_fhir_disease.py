"""The cancer, the person and the organs from FHIR."""

from __future__ import annotations

from typing import Any

import pytest

from her2cds import KnowledgeBase, ProfileError
from her2cds.interop.fhir.importing import import_fhir
from tests.fhir_builders import (
    ICD10,
    LOINC,
    SNOMED,
    TODAY,
    breast_cancer,
    bundle,
    coded,
    concept,
    condition,
    drug,
    imported,
    observation,
    patient,
    status_of,
)

PRIMARY = "mcode-related-primary-cancer-condition"


def related(identity: str) -> list[dict[str, Any]]:
    url = f"http://hl7.org/fhir/us/mcode/StructureDefinition/{PRIMARY}"
    return [{"url": url, "valueReference": {"reference": f"Condition/{identity}"}}]


def clinical(code: str) -> dict[str, Any]:
    return status_of("clinical", code)


STABLE = coded("97509-4", ("359746009", SNOMED), "2023-03-01")


def ejection_fraction(
    day: str, value: float | None = None, comparator: str | None = None, **more: Any
) -> dict[str, Any]:
    bound = {"comparator": comparator} if comparator else {}
    quantity = {"valueQuantity": {"value": value, "unit": "%", **bound}} if value is not None else {}
    return observation("10230-1", day, **quantity, **more)


def test_a_brain_metastasis_of_the_breast_cancer_counts_and_its_status_is_asked_for(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, breast_cancer(), condition("94225005"))
    assert result.profile["disease"]["sites_of_metastasis"] == ["brain"]
    assert result.profile["disease"]["setting"] == "metastatic"
    assert "brain_metastases" not in result.profile
    assert any("Brain metastases" in one for one in result.report.to_ask)


def test_a_brain_metastasis_of_another_cancer_does_not_count(knowledge: KnowledgeBase) -> None:
    lung = condition("C34.90", ICD10)
    brain = condition("94225005", extension=related(lung["id"]))
    result = imported(knowledge, lung, brain)
    assert result.profile["disease"] == {"primary": "other"}
    assert any(one.source.endswith(brain["id"]) for one in result.report.set_aside)


def test_a_metastasis_that_points_to_a_primary_outside_the_input_does_not_count(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, breast_cancer(), condition("94225005", extension=related("nsclc")))
    assert "sites_of_metastasis" not in result.profile["disease"]


def test_breast_and_another_cancer_leave_the_primary_open(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, breast_cancer(), condition("C18.9", ICD10), condition("94381002"))
    assert "disease" not in result.profile
    assert result.report.conflicts[0].path == "$.disease.primary"


@pytest.mark.parametrize("code", ["C79.31", "C7931"])
def test_icd_10_is_read_with_and_without_its_dot(knowledge: KnowledgeBase, code: str) -> None:
    result = imported(knowledge, condition("C50.911", ICD10), condition(code, ICD10))
    assert result.profile["disease"]["sites_of_metastasis"] == ["brain"]


def test_axillary_nodes_are_no_distant_metastasis(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, breast_cancer(), condition("C77.3", ICD10))
    assert "setting" not in result.profile["disease"]
    assert any("lymph" in one or "C77.3" in one for one in result.report.to_ask)


def test_a_history_of_metastases_is_not_active_disease(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, breast_cancer(), condition("1098951000119108"))
    assert "sites_of_metastasis" not in result.profile["disease"]


def test_two_stages_that_disagree_leave_the_stage_open(knowledge: KnowledgeBase) -> None:
    cancer = {**breast_cancer(), "stage": [{"summary": concept("1222806003", SNOMED)}]}
    result = imported(knowledge, cancer, coded("21908-9", ("1222769001", SNOMED)))
    assert "stage" not in result.profile["disease"]
    assert "III" in result.report.conflicts[0].found
    assert "II" in result.report.conflicts[0].found


def test_m0_beside_stage_iv_leaves_the_setting_open(knowledge: KnowledgeBase) -> None:
    stage, m0 = coded("21908-9", ("258228008", SNOMED)), coded("21907-1", ("1229901006", SNOMED))
    result = imported(knowledge, breast_cancer(), stage, m0)
    assert "setting" not in result.profile["disease"]
    assert any(one.found == "stage IV and M0" for one in result.report.conflicts)


def test_stage_iii_at_diagnosis_does_not_say_that_the_disease_is_early_now(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, breast_cancer(), coded("21908-9", ("261638004", SNOMED)))
    assert result.profile["disease"]["stage"] == "III"
    assert "setting" not in result.profile["disease"]
    assert any("setting" in one for one in result.report.to_ask)


def test_the_first_metastasis_after_early_disease_is_the_relapse(knowledge: KnowledgeBase) -> None:
    bone = condition("94222008", onsetDateTime="2022-05-01")
    m0 = coded("21907-1", ("1229901006", SNOMED), "2020-01-12")
    result = imported(knowledge, breast_cancer("2020-01-10"), m0, bone)
    assert result.profile["disease"]["relapse_date"] == "2022-05-01"


def test_the_latest_disease_status_counts_and_worsened_without_a_place_is_asked_for(knowledge: KnowledgeBase) -> None:
    stable = coded("97509-4", ("359746009", SNOMED), "2024-03-01")
    worse = coded("97509-4", ("271299001", SNOMED), "2024-06-01")
    assert imported(knowledge, stable).profile["disease"]["progressing_now"] == "no"
    result = imported(knowledge, stable, worse)
    assert "progressing_now" not in result.profile.get("disease", {})
    assert any("progressing now" in one for one in result.report.to_ask)


LATER_SIGNS = {
    "a metastasis": condition("94225005", onsetDateTime="2023-09-01"),
    "a metastasis without a day": condition("94225005"),
    "nodes": condition("C77.3", ICD10, onsetDateTime="2023-09-01"),
    "a recurrence": condition("314955001", onsetDateTime="2023-09-01"),
    "a new course": drug("1371046", "2023-09-01", status="active"),
}


@pytest.mark.parametrize("sign", LATER_SIGNS.values(), ids=list(LATER_SIGNS))
def test_stable_does_not_hold_once_there_is_a_later_sign_of_disease(
    knowledge: KnowledgeBase, sign: dict[str, Any]
) -> None:
    result = imported(knowledge, breast_cancer(), STABLE, sign)
    assert "progressing_now" not in result.profile["disease"]
    assert any("progressing now" in one for one in result.report.to_ask)


EARLIER_SIGNS = {
    "a metastasis": condition("94225005", onsetDateTime="2023-03-01"),
    "a course": drug("1371046", "2022-09-01", status="active"),
}


@pytest.mark.parametrize("sign", EARLIER_SIGNS.values(), ids=list(EARLIER_SIGNS))
def test_stable_holds_for_what_was_there_before(knowledge: KnowledgeBase, sign: dict[str, Any]) -> None:
    result = imported(knowledge, breast_cancer(), STABLE, sign)
    assert result.profile["disease"]["progressing_now"] == "no"


def test_stable_holds_where_maintenance_was_begun_since(knowledge: KnowledgeBase) -> None:
    spread = condition("94381002", onsetDateTime="2022-01-01")
    given = drug("224905", "2022-02-01", status="active"), drug("72965", "2023-06-01", status="active")
    result = imported(knowledge, breast_cancer(), spread, STABLE, *given)
    assert result.profile["treatments"][1]["maintenance_of_previous"] is True
    assert result.profile["disease"]["progressing_now"] == "no"


def test_a_newest_disease_status_that_cannot_be_read_leaves_no_older_one_standing(knowledge: KnowledgeBase) -> None:
    newest = observation("97509-4", "2024-03-01", valueString="mixed response")
    result = imported(knowledge, breast_cancer(), STABLE, newest)
    assert "progressing_now" not in result.profile["disease"]
    assert any("progressing now" in one for one in result.report.to_ask)


def test_a_newest_stage_that_cannot_be_read_leaves_no_older_one_standing(knowledge: KnowledgeBase) -> None:
    older = coded("21908-9", ("258215001", SNOMED), "2020-02-01")
    result = imported(knowledge, breast_cancer(), older, observation("21908-9", valueString="restaged, see letter"))
    assert "stage" not in result.profile["disease"]
    assert any("see letter" in one for one in result.report.to_ask)


def test_the_person_is_read_without_a_name(knowledge: KnowledgeBase) -> None:
    result = imported(
        knowledge,
        patient(name=[{"family": "Musterfrau"}], identifier=[{"value": "MRN-77"}]),
        observation("89247-1", "2024-05-01", valueInteger=1),
        observation("89247-1", "2023-05-01", valueInteger=3),
    )
    assert result.profile["patient"] == {"sex": "female", "age_years": 53, "ecog": 1}
    assert result.profile["date"] == "2024-05-01"
    text = result.profile_json() + result.report.to_json()
    assert "Musterfrau" not in text
    assert "MRN-77" not in text


@pytest.mark.parametrize("value", [-1, 5, 70])
def test_an_ecog_out_of_range_is_listed_and_not_taken(knowledge: KnowledgeBase, value: int) -> None:
    result = imported(knowledge, observation("89247-1", valueInteger=value))
    assert "patient" not in result.profile
    assert "out of range" in result.report.not_understood[0].why


def test_karnofsky_is_not_turned_into_ecog(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, observation("89243-0", valueInteger=80))
    assert "patient" not in result.profile
    assert len(result.report.set_aside) == 1


def test_lvef_needs_its_unit(knowledge: KnowledgeBase) -> None:
    percent = observation("10230-1", valueQuantity={"value": 58, "unit": "%"})
    result = imported(knowledge, percent)
    assert result.profile["health"] == {"lvef_percent": 58.0, "lvef_date": "2024-02-01"}
    assert "health" not in imported(knowledge, observation("10230-1", valueQuantity={"value": 0.58})).profile


BOUNDS = {("<", 35): 35.0, ("<", 40): 39.9, ("<=", 35): 35.0, (">=", 55): 55.0, (">", 60): 60.0}


@pytest.mark.parametrize(("bound", "value"), BOUNDS.items(), ids=[f"{sign}{limit}" for sign, limit in BOUNDS])
def test_a_bound_of_the_lvef_is_read_where_it_leaves_no_limit_open(
    knowledge: KnowledgeBase, bound: tuple[str, int], value: float
) -> None:
    sign, limit = bound
    older = ejection_fraction("2022-02-01", 62)
    for newest in (
        ejection_fraction("2023-02-01", limit, sign),
        ejection_fraction("2023-02-01", valueString=f"{sign}{limit} %"),
    ):
        result = imported(knowledge, older, newest)
        assert result.profile["health"] == {"lvef_percent": value, "lvef_date": "2023-02-01"}
        fact = next(one for one in result.report.facts if one.path == "$.health.lvef_percent")
        assert "bound" in fact.how


@pytest.mark.parametrize("text", ["<50 %", "<=40 %", ">40 %", "<35", "reduced", "35-40 %"])
def test_a_newest_lvef_that_cannot_be_read_leaves_no_older_one_standing(knowledge: KnowledgeBase, text: str) -> None:
    older = ejection_fraction("2022-02-01", 62)
    newest = ejection_fraction("2023-02-01", valueString=text)
    result = imported(knowledge, older, newest)
    assert "health" not in result.profile
    assert any(text in one for one in result.report.to_ask)
    assert any(one.source.endswith(newest["id"]) for one in result.report.read_with_doubt)
    assert any(one.source.endswith(older["id"]) for one in result.report.set_aside)


def test_an_unread_value_that_is_older_takes_nothing_away(knowledge: KnowledgeBase) -> None:
    older = ejection_fraction("2021-02-01", valueString="reduced")
    result = imported(knowledge, older, ejection_fraction("2022-02-01", 62))
    assert result.profile["health"]["lvef_percent"] == 62.0
    assert result.report.read_with_doubt == ()


def test_an_unread_value_of_the_same_day_or_of_none_is_pointed_out(knowledge: KnowledgeBase) -> None:
    for day in ("2022-02-01", None):
        other = observation("10230-1", day, valueString="reduced")
        result = imported(knowledge, ejection_fraction("2022-02-01", 62), other)
        assert result.profile["health"]["lvef_percent"] == 62.0
        assert any("does the value that was taken hold" in one for one in result.report.to_ask)


ECOG_ANSWERS = {"LA9622-7": 0, "LA9623-5": 1, "LA9624-3": 2, "LA9625-0": 3, "LA9626-8": 4}


@pytest.mark.parametrize(("code", "grade"), ECOG_ANSWERS.items())
def test_a_coded_ecog_grade_is_read(knowledge: KnowledgeBase, code: str, grade: int) -> None:
    older = observation("89247-1", "2022-05-01", valueInteger=0)
    result = imported(knowledge, older, coded("89247-1", (code, LOINC)))
    assert result.profile["patient"]["ecog"] == grade


def test_a_newest_ecog_that_cannot_be_read_leaves_no_older_one_standing(knowledge: KnowledgeBase) -> None:
    older = observation("89247-1", "2022-05-01", valueInteger=0)
    for newest in (coded("89247-1", ("LA9627-6", LOINC)), observation("89247-1", valueInteger=7)):
        result = imported(knowledge, older, newest)
        assert "patient" not in result.profile
        assert any("patient.ecog" in one for one in result.report.to_ask)


def test_a_number_and_a_code_that_differ_give_no_grade(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, coded("89247-1", ("LA9624-3", LOINC), valueInteger=1))
    assert "patient" not in result.profile


NOT_PREGNANT = {
    "code of SNOMED CT": coded("82810-3", ("60001007", SNOMED), "2023-02-01"),
    "code of LOINC": coded("82810-3", ("LA26683-5", LOINC), "2023-02-01"),
    "text": observation("82810-3", "2023-02-01", valueString="Not pregnant"),
    "Condition": condition("60001007", onsetDateTime="2023-02-01"),
}


@pytest.mark.parametrize("newest", NOT_PREGNANT.values(), ids=list(NOT_PREGNANT))
def test_not_pregnant_ends_an_older_pregnancy_and_leaves_breastfeeding_open(
    knowledge: KnowledgeBase, newest: dict[str, Any]
) -> None:
    older = coded("82810-3", ("77386006", SNOMED), "2019-02-01")
    result = imported(knowledge, older, newest)
    assert "patient" not in result.profile
    assert any("breastfeeds" in one for one in result.report.to_ask)


@pytest.mark.parametrize("code", ["J70.2", "J703", "J70.4"])
def test_lung_disease_by_drugs_is_interstitial_lung_disease(knowledge: KnowledgeBase, code: str) -> None:
    result = imported(knowledge, condition(code, ICD10, clinicalStatus=clinical("active")))
    assert result.profile["health"] == {"interstitial_lung_disease": {"status": "active"}}


def test_lung_and_heart_disease_keep_whether_they_are_active(knowledge: KnowledgeBase) -> None:
    result = imported(
        knowledge,
        condition("233703007", clinicalStatus=clinical("active")),
        condition("84114007", clinicalStatus=clinical("resolved")),
    )
    assert result.profile["health"] == {
        "interstitial_lung_disease": {"status": "active"},
        "heart_failure": "history",
    }


def test_a_refuted_condition_says_nothing(knowledge: KnowledgeBase) -> None:
    refuted = {"coding": [{"code": "refuted"}]}
    result = imported(knowledge, condition("233703007", verificationStatus=refuted))
    assert "health" not in result.profile


def test_menopause_and_pregnancy(knowledge: KnowledgeBase) -> None:
    menopause = observation("161712005", system=SNOMED, valueCodeableConcept=concept("309606002", SNOMED))
    result = imported(knowledge, menopause, coded("82810-3", ("77386006", SNOMED)))
    assert result.profile["patient"] == {"menopausal_status": "premenopausal", "pregnancy": "pregnant"}


def test_pregnant_after_menopause_leaves_both_open(knowledge: KnowledgeBase) -> None:
    menopause = observation("161712005", system=SNOMED, valueCodeableConcept=concept("307429007", SNOMED))
    result = imported(knowledge, menopause, coded("82810-3", ("77386006", SNOMED)))
    assert "patient" not in result.profile
    assert len(result.report.conflicts) == 1


def test_an_allergy_to_a_known_drug_is_a_hypersensitivity(knowledge: KnowledgeBase) -> None:
    allergy = {"resourceType": "AllergyIntolerance", "id": "a", "code": {"text": "Taxol"}}
    peanut = {"resourceType": "AllergyIntolerance", "id": "b", "code": {"text": "Peanut"}}
    result = imported(knowledge, allergy, peanut)
    assert result.profile["health"]["hypersensitivity_to"] == ["paclitaxel"]
    assert any(one.source == "AllergyIntolerance/b" for one in result.report.set_aside)


def allergy(identity: str, name: str, verification: str) -> dict[str, Any]:
    status = {"coding": [{"code": verification}]}
    one = {"resourceType": "AllergyIntolerance", "id": identity, "code": {"text": name}}
    return {**one, "verificationStatus": status}


def test_an_allergy_that_is_not_confirmed_counts_because_the_list_is_taken_as_whole(knowledge: KnowledgeBase) -> None:
    result = imported(
        knowledge,
        *(allergy("a", "docetaxel", "confirmed"), allergy("b", "Enhertu", "unconfirmed")),
        allergy("c", "paclitaxel", "refuted"),
    )
    assert result.profile["health"]["hypersensitivity_to"] == ["docetaxel", "t-dxd"]
    assert [one.source for one in result.report.read_with_doubt] == ["AllergyIntolerance/b"]


def hypersensitivities(knowledge: KnowledgeBase, *allergies: dict[str, Any]) -> list[str] | None:
    health: dict[str, Any] = imported(knowledge, breast_cancer(), *allergies).profile.get("health", {})
    names: list[str] | None = health.get("hypersensitivity_to")
    return names


DOCETAXEL_ALLERGY = allergy("a", "docetaxel", "confirmed")


def test_a_drug_among_words_that_are_not_understood_is_not_denied(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, DOCETAXEL_ALLERGY, allergy("b", "paclitaxel reaction in 2019", "confirmed"))
    assert result.profile["health"]["hypersensitivity_to"] == ["docetaxel", "paclitaxel"]
    assert any("not understood in full" in one.why for one in result.report.read_with_doubt)


@pytest.mark.parametrize("text", ["Taxanes", "taxane", "allergy to taxanes"])
def test_an_allergy_to_a_class_counts_for_each_drug_of_it(knowledge: KnowledgeBase, text: str) -> None:
    found = hypersensitivities(knowledge, allergy("a", text, "confirmed"))
    assert found is not None
    assert {"docetaxel", "paclitaxel", "nab-paclitaxel"} <= set(found)
    assert "carboplatin" not in found


def test_the_substance_of_a_reaction_is_read(knowledge: KnowledgeBase) -> None:
    reaction = {"reaction": [{"substance": {"text": "trastuzumab"}}]}
    one = {"resourceType": "AllergyIntolerance", "id": "b", **reaction}
    assert hypersensitivities(knowledge, DOCETAXEL_ALLERGY, one) == ["docetaxel", "trastuzumab"]


@pytest.mark.parametrize("text", ["trastuzumab xyzotecan", "paclitaxell, not docetaxel", "paclitaxal"])
def test_what_may_be_a_drug_and_cannot_be_told_is_kept_beside_those_that_can(
    knowledge: KnowledgeBase, text: str
) -> None:
    unclear = allergy("b", text, "confirmed")
    assert hypersensitivities(knowledge, DOCETAXEL_ALLERGY, unclear) == ["docetaxel", f"unrecognised: {text}"]
    result = imported(knowledge, breast_cancer(), unclear)
    assert "health" not in result.profile
    assert any("to which drug?" in one for one in result.report.to_ask)


def test_a_substance_without_any_word_may_be_a_drug_unless_filed_otherwise(knowledge: KnowledgeBase) -> None:
    coded_only = {"resourceType": "AllergyIntolerance", "id": "b", "code": concept("12345", SNOMED)}
    found = hypersensitivities(knowledge, DOCETAXEL_ALLERGY, coded_only)
    assert found is not None
    assert len(found) == 2
    food = {**coded_only, "category": ["food"]}
    assert hypersensitivities(knowledge, DOCETAXEL_ALLERGY, food) == ["docetaxel"]
    none_known = {**coded_only, "code": concept("716186003", SNOMED)}
    assert hypersensitivities(knowledge, none_known) is None


def test_a_list_of_allergies_says_that_it_was_taken_for_whole(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, DOCETAXEL_ALLERGY)
    assert any("allergies" in one for one in result.report.assumed)


# --- Containers ---------------------------------------------------------------------------------------------


def test_every_container_gives_the_same_facts(knowledge: KnowledgeBase) -> None:
    import json

    resources = [patient(), breast_cancer(), coded("85319-2", ("LA11843-2", LOINC))]
    ndjson = "\n".join(json.dumps(one) for one in resources)
    forms: list[Any] = [bundle(*resources), resources, ndjson, json.dumps(resources)]
    profiles = [import_fhir(form, knowledge.knowledge, today=TODAY).profile for form in forms]
    assert all(one == profiles[0] for one in profiles)
    assert profiles[0]["specimens"][0]["her2_ihc"] == "3+"


def test_several_patients_are_refused_until_one_is_named(knowledge: KnowledgeBase) -> None:
    other = {**coded("85319-2", ("LA6111-4", LOINC)), "subject": {"reference": "Patient/p2"}}
    mine = {**coded("85319-2", ("LA11843-2", LOINC)), "subject": {"reference": "Patient/p1"}}
    with pytest.raises(ProfileError, match="2 patients"):
        imported(knowledge, patient(), mine, other)
    result = imported(knowledge, patient(), mine, other, patient="p1")
    assert [one["her2_ihc"] for one in result.profile["specimens"]] == ["3+"]
    assert any(one.why == "about another patient" for one in result.report.set_aside)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"resourceType": "ValueSet"}', b'{"a": 1}', b"\xff\xfe"])
def test_what_holds_no_patient_is_refused_with_a_reason(knowledge: KnowledgeBase, content: bytes) -> None:
    with pytest.raises(ProfileError, match="expected"):
        import_fhir(content, knowledge.knowledge)


def test_duplicate_ids_stay_two_records(knowledge: KnowledgeBase) -> None:
    one, two = coded("85337-4", ("LA6576-8", LOINC)), coded("85339-0", ("LA6577-6", LOINC))
    two["id"] = one["id"]
    result = imported(knowledge, one, two)
    assert result.profile["specimens"][0]["er"] == "positive"
    assert {source for fact in result.report.facts for source in fact.sources} == {
        f"Observation/{one['id']}",
        f"Observation/{one['id']} (2)",
    }


def test_an_inexact_date_is_listed_and_no_day_is_made_up(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, {**breast_cancer(), "onsetDateTime": "2020-01"})
    assert "diagnosis_date" not in result.profile["disease"]
    assert any("2020-01" in one.found for one in result.report.not_understood)


def test_what_lies_after_the_day_of_the_profile_is_not_used(knowledge: KnowledgeBase) -> None:
    from datetime import date as Date

    bone = condition("94222008", onsetDateTime="2024-05-01")
    result = imported(knowledge, breast_cancer(), bone, as_of=Date(2023, 1, 1))
    assert result.profile["date"] == "2023-01-01"
    assert "sites_of_metastasis" not in result.profile["disease"]
    assert any("day of the profile" in one.why for one in result.report.set_aside)
