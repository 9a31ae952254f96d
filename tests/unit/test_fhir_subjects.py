"""Whom a FHIR record is about: the patient, somebody else, or a person who cannot be told."""

from __future__ import annotations

from typing import Any

import pytest

from her2cds import KnowledgeBase, ProfileError
from her2cds.interop.draft import Imported
from her2cds.interop.fhir.importing import import_fhir
from tests.fhir_builders import ICD10, LOINC, TODAY, bundle, coded, condition, imported, observation, patient

MINE = {"subject": {"reference": "Patient/p1"}}
IHC_3 = ("LA11843-2", LOINC)


def ejection_fraction(value: float = 30, **more: Any) -> dict[str, Any]:
    return observation("10230-1", valueQuantity={"value": value, "unit": "%"}, **more)


def without_id(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != "id"}


def at(url: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {"fullUrl": url, "resource": resource}


def read(knowledge: KnowledgeBase, *entries: dict[str, Any], **options: Any) -> Imported:
    document = {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}
    return import_fhir(document, knowledge.knowledge, today=TODAY, **options)


def two_without_id() -> list[dict[str, Any]]:
    return [
        at("urn:uuid:a", without_id(patient())),
        at("urn:uuid:b", without_id(patient())),
        at("urn:uuid:c", without_id(coded("85319-2", IHC_3, subject={"reference": "urn:uuid:a"}))),
        at("urn:uuid:d", without_id(ejection_fraction(subject={"reference": "urn:uuid:b"}))),
    ]


def two_servers() -> list[dict[str, Any]]:
    return [
        at("https://a.example/fhir/Patient/1", patient(id="1")),
        at("https://b.example/fhir/Patient/1", patient(id="1")),
        at(
            "https://a.example/fhir/Observation/x",
            coded("85319-2", IHC_3, id="x", subject={"reference": "Patient/1"}),
        ),
        at(
            "https://b.example/fhir/Observation/x",
            ejection_fraction(id="x", subject={"reference": "Patient/1"}),
        ),
    ]


@pytest.mark.parametrize("entries", [two_without_id(), two_servers()])
def test_two_people_never_become_one_profile(knowledge: KnowledgeBase, entries: list[dict[str, Any]]) -> None:
    with pytest.raises(ProfileError, match="2 patients"):
        read(knowledge, *entries)


@pytest.mark.parametrize(
    ("entries", "name"), [(two_without_id(), "urn:uuid:a"), (two_servers(), "https://a.example/fhir/Patient/1")]
)
def test_a_patient_can_be_named_by_the_full_url(
    knowledge: KnowledgeBase, entries: list[dict[str, Any]], name: str
) -> None:
    result = read(knowledge, *entries, patient=name)
    assert result.profile["specimens"] == [{"date": "2024-02-01", "her2_ihc": "3+"}]
    assert "health" not in result.profile
    assert sum(one.why == "about another patient" for one in result.report.set_aside) == 2


def test_an_id_that_two_patients_have_names_neither(knowledge: KnowledgeBase) -> None:
    with pytest.raises(ProfileError, match="fullUrl"):
        read(knowledge, *two_servers(), patient="1")


def test_the_same_patient_with_and_without_a_full_url_is_one(knowledge: KnowledgeBase) -> None:
    entries = [at("https://a.example/fhir/Patient/p1", patient()), {"resource": patient()}]
    result = read(knowledge, *entries, {"resource": ejection_fraction(60, **MINE)})
    assert result.profile["health"]["lvef_percent"] == 60


@pytest.mark.parametrize("server", ["https://A.example:443/fhir", "http://a.example/fhir", "HTTP://a.example:80/fhir"])
def test_a_server_is_the_same_in_any_case_and_with_its_default_port(knowledge: KnowledgeBase, server: str) -> None:
    subject = {"subject": {"reference": f"{server}/Patient/p1"}}
    entries = [
        at("https://a.example/fhir/Patient/p1", patient()),
        at(f"{server}/Observation/x", ejection_fraction(60, id="x", **subject)),
    ]
    result = read(knowledge, *entries)
    assert result.profile["health"]["lvef_percent"] == 60
    assert not result.report.read_with_doubt


PROXY = "http://localhost:8080/fhir"


def behind_a_proxy(**more: Any) -> list[dict[str, Any]]:
    theirs = {"reference": f"{PROXY}/Patient/p1"}
    return [
        at("https://a.example/fhir/Patient/p1", patient(**more)),
        at("https://a.example/fhir/Observation/x", ejection_fraction(60, id="x", subject=theirs)),
        at(f"{PROXY}/Observation/y", coded("85319-2", IHC_3, id="y", **MINE)),
    ]


def test_the_only_patient_is_known_by_its_id_under_another_address(knowledge: KnowledgeBase) -> None:
    result = read(knowledge, *behind_a_proxy())
    assert result.profile["health"]["lvef_percent"] == 60
    assert result.profile["specimens"]
    doubtful = {one.source for one in result.report.read_with_doubt if "another address" in one.why}
    assert doubtful == {"Observation/x", "Observation/y"}
    assert any("is that the same person?" in one for one in result.report.to_ask)


@pytest.mark.parametrize(
    "more",
    [
        at(f"{PROXY}/Patient/p1", patient()),
        at("https://a.example/fhir/Patient/q", patient(id="q")),
        at(f"{PROXY}/Observation/z", ejection_fraction(id="z", subject={"reference": "Patient/q"})),
        at(f"{PROXY}/Observation/z", ejection_fraction(id="z", subject={"reference": "urn:uuid:p2"})),
    ],
)
def test_another_patient_beside_it_is_never_the_same(knowledge: KnowledgeBase, more: dict[str, Any]) -> None:
    with pytest.raises(ProfileError, match="patients"):
        read(knowledge, *behind_a_proxy(), more)


def test_a_subject_by_identifier_is_the_patient_who_bears_it(knowledge: KnowledgeBase) -> None:
    people = [patient(), patient(id="q", identifier=[{"system": "urn:mrn", "value": "222"}])]
    theirs = ejection_fraction(subject={"identifier": {"system": "urn:mrn", "value": "222"}})
    result = imported(knowledge, *people, theirs, ejection_fraction(60, **MINE), patient="p1")
    assert result.profile["health"]["lvef_percent"] == 60
    assert imported(knowledge, *people, theirs, patient="q").profile["health"]["lvef_percent"] == 30


ASKED = "Patient?identifier=https%3A%2F%2Fhospital.example%2Fmrn|222"


def test_a_conditional_reference_is_to_who_bears_the_identifier(knowledge: KnowledgeBase) -> None:
    me = patient(identifier=[{"system": "https://hospital.example/mrn", "value": "222"}])
    for name in (ASKED, "Patient?identifier=https://hospital.example/mrn|222"):
        result = imported(knowledge, ejection_fraction(60, subject={"reference": name}), me)
        assert result.profile["health"]["lvef_percent"] == 60
        assert not result.report.read_with_doubt


def test_a_conditional_reference_to_somebody_else_is_not_read(knowledge: KnowledgeBase) -> None:
    me = patient(identifier=[{"system": "https://hospital.example/mrn", "value": "111"}])
    assert "health" not in imported(knowledge, me, ejection_fraction(subject={"reference": ASKED})).profile
    with pytest.raises(ProfileError, match="2 patients"):
        imported(knowledge, patient(), ejection_fraction(subject={"reference": ASKED}))


@pytest.mark.parametrize(
    "named",
    [
        lambda value: {"identifier": {"system": "urn:mrn", "value": value}},
        lambda value: {"reference": f"Patient?identifier=urn:mrn|{value}"},
    ],
)
def test_two_identifiers_without_a_patient_are_two_people(knowledge: KnowledgeBase, named: Any) -> None:
    mine, theirs = ejection_fraction(60, subject=named("1")), coded("85319-2", IHC_3, subject=named("2"))
    with pytest.raises(ProfileError, match="2 patients"):
        imported(knowledge, mine, theirs)
    assert "specimens" not in imported(knowledge, mine, theirs, patient="1").profile
    assert imported(knowledge, mine).profile["health"]["lvef_percent"] == 60


def test_with_several_patients_a_record_without_a_subject_is_nobodys(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, patient(), patient(id="q"), ejection_fraction(), patient="p1")
    assert "health" not in result.profile
    assert any("which of the 2 patients" in one.why for one in result.report.set_aside)


def test_an_identifier_that_the_only_patient_does_not_bear_is_of_somebody_else(knowledge: KnowledgeBase) -> None:
    me = patient(identifier=[{"system": "urn:mrn", "value": "111"}])
    theirs = ejection_fraction(subject={"identifier": {"system": "urn:mrn", "value": "222"}})
    assert "health" not in imported(knowledge, me, theirs).profile


def test_a_subject_that_leads_nowhere_is_read_with_doubt(knowledge: KnowledgeBase) -> None:
    theirs = ejection_fraction(subject={"identifier": {"system": "urn:other", "value": "222"}})
    result = imported(knowledge, patient(), theirs)
    assert result.profile["health"]["lvef_percent"] == 30
    assert any("not known to be about this patient" in one.why for one in result.report.read_with_doubt)


@pytest.mark.parametrize(
    "more",
    [
        {**MINE, "focus": [{"reference": "RelatedPerson/mother"}]},
        {"subject": {"reference": "RelatedPerson/mother"}},
        {"subject": {"reference": "Group/cohort"}},
    ],
)
def test_a_finding_in_a_relative_is_set_aside(knowledge: KnowledgeBase, more: dict[str, Any]) -> None:
    result = imported(knowledge, patient(), ejection_fraction(**more))
    assert "health" not in result.profile
    assert any(one.source.startswith("Observation/") for one in result.report.set_aside)


def test_a_contained_patient_is_the_one_with_its_identifier(knowledge: KnowledgeBase) -> None:
    mark = [{"system": "urn:mrn", "value": "111"}]
    inner = {"resourceType": "Patient", "id": "who", "identifier": mark}
    mine = ejection_fraction(60, contained=[inner], subject={"reference": "#who"})
    assert imported(knowledge, patient(identifier=mark), mine).profile["health"]["lvef_percent"] == 60


# --- The focus of a result: which cancer it is about -------------------------------------------------------------


@pytest.mark.parametrize("status", ["resolved", "active"])
def test_a_stage_of_another_cancer_is_not_taken(knowledge: KnowledgeBase, status: str) -> None:
    breast = condition("254837009", id="b")
    colon = condition("C18.9", ICD10, id="colon", clinicalStatus={"coding": [{"code": status}]})
    stage = coded("21908-9", ("258228008", "http://snomed.info/sct"), focus=[{"reference": "Condition/colon"}])
    result = imported(knowledge, patient(), stage, breast, colon)
    assert "setting" not in result.profile.get("disease", {})
    assert any(one.why == "about C18.9 (Condition/colon)" for one in result.report.set_aside)


def test_a_receptor_of_another_cancer_is_not_taken(knowledge: KnowledgeBase) -> None:
    lung = condition("C34.1", ICD10, id="k", clinicalStatus={"coding": [{"code": "resolved"}]})
    result = imported(
        knowledge, condition("254837009"), lung, coded("85319-2", IHC_3, focus={"reference": "Condition/k"})
    )
    assert "specimens" not in result.profile


@pytest.mark.parametrize("code", ["254837009", "94381002"])
def test_a_receptor_of_the_breast_cancer_or_its_metastasis_is_taken(knowledge: KnowledgeBase, code: str) -> None:
    known = [condition("254837009"), condition(code, id="this")]
    result = imported(knowledge, coded("85319-2", IHC_3, focus=[{"reference": "Condition/this"}]), *known)
    assert result.profile["specimens"][0]["her2_ihc"] == "3+"
    assert not result.report.read_with_doubt


def test_a_focus_outside_of_the_input_is_remarked(knowledge: KnowledgeBase) -> None:
    one = coded("85319-2", IHC_3, focus=[{"reference": "Condition/elsewhere"}])
    result = imported(knowledge, condition("254837009"), one)
    assert result.profile["specimens"][0]["her2_ihc"] == "3+"
    assert any("Condition/elsewhere" in one.found for one in result.report.read_with_doubt)


def test_an_ejection_fraction_for_the_heart_is_about_the_patient(knowledge: KnowledgeBase) -> None:
    heart = condition("84114007", id="heart")
    result = imported(knowledge, patient(), heart, ejection_fraction(55, focus=[{"reference": "Condition/heart"}]))
    assert result.profile["health"]["lvef_percent"] == 55


def test_a_reference_without_a_server_is_not_followed_to_one_of_two(knowledge: KnowledgeBase) -> None:
    document = bundle(patient(), ejection_fraction(subject={"reference": "Patient/1"}))
    document["entry"] += two_servers()[:2]
    with pytest.raises(ProfileError, match="3 patients"):
        import_fhir(document, knowledge.knowledge, today=TODAY)
