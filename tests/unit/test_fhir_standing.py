"""Which FHIR records stand: versions, what takes itself back, what has ended, and what a Bundle says is missing."""

from __future__ import annotations

from datetime import date as Date
from typing import Any

import pytest

from her2cds import KnowledgeBase
from her2cds.interop.fhir.importing import import_fhir
from tests.fhir_builders import (
    LOINC,
    SNOMED,
    TODAY,
    breast_cancer,
    bundle,
    coded,
    condition,
    imported,
    observation,
    patient,
    status_of,
)

BRAIN = "94225005"


def version(number: str, written: str | None = None) -> dict[str, Any]:
    return {"meta": {"versionId": number, **({"lastUpdated": written} if written else {})}}


def disease(knowledge: KnowledgeBase, *resources: dict[str, Any], **options: Any) -> dict[str, Any]:
    return dict(imported(knowledge, breast_cancer(), *resources, **options).profile["disease"])


@pytest.mark.parametrize("newest_first", [True, False])
def test_of_several_versions_only_the_newest_is_read(knowledge: KnowledgeBase, newest_first: bool) -> None:
    first = condition(BRAIN, id="b", **version("9"))
    second = condition(BRAIN, id="b", **version("10"), verificationStatus=status_of("ver-status", "entered-in-error"))
    result = imported(knowledge, breast_cancer(), *([second, first] if newest_first else [first, second]))
    assert "sites_of_metastasis" not in result.profile["disease"]
    assert any("a newer one replaces" in one.why for one in result.report.set_aside)
    assert result.report.records == 3


def test_a_corrected_result_replaces_the_first_one(knowledge: KnowledgeBase) -> None:
    first = coded("85319-2", ("LA11843-2", LOINC), id="h", meta={"lastUpdated": "2024-02-02T10:00:00Z"})
    second = coded("85319-2", ("LA11841-6", LOINC), id="h", meta={"lastUpdated": "2024-02-02T10:30:00+00:00"})
    result = imported(knowledge, second, first)
    assert result.profile["specimens"] == [{"date": "2024-02-01", "her2_ihc": "1+"}]


def test_one_id_twice_without_a_version_stays_two_records(knowledge: KnowledgeBase) -> None:
    one, other = (coded("85319-2", (code, LOINC), id="h") for code in ("LA11843-2", "LA11841-6"))
    assert len(imported(knowledge, one, other).profile["specimens"]) == 2


ER = "85337-4"
POSITIVE_ER, IHC_3, IHC_1 = ("10828004", SNOMED), ("LA11843-2", LOINC), ("LA11841-6", LOINC)


def entries(*found: tuple[str | None, dict[str, Any]]) -> dict[str, Any]:
    made = [{"resource": one, **({"fullUrl": url} if url else {})} for url, one in found]
    return {"resourceType": "Bundle", "type": "collection", "entry": made}


def test_one_id_under_two_uuids_is_two_records(knowledge: KnowledgeBase) -> None:
    er = coded(ER, POSITIVE_ER, id="1", meta={"lastUpdated": "2024-01-01T00:00:00Z"})
    her2 = coded("85319-2", IHC_3, id="1", meta={"lastUpdated": "2024-01-02T00:00:00Z"})
    document = entries(("urn:uuid:b", er), ("urn:uuid:c", her2))
    result = import_fhir(document, knowledge.knowledge, today=TODAY)
    assert result.profile["specimens"] == [{"date": "2024-02-01", "er": "positive", "her2_ihc": "3+"}]


@pytest.mark.parametrize("other", [coded("85319-2", IHC_3, id="1"), coded(ER, POSITIVE_ER, id="1")])
def test_what_cannot_be_one_record_is_read_as_two_and_said_to_be(
    knowledge: KnowledgeBase, other: dict[str, Any]
) -> None:
    subject = {"subject": {"reference": "Patient/p1"}}
    one = {**coded(ER, ("260385009", SNOMED), id="1"), **version("1"), **subject}
    other = {**other, **version("2"), **subject}
    result = imported(knowledge, one, other)
    same = other["code"] == one["code"]
    assert (len(result.profile["specimens"][0]) == 2) is same
    told = any("not taken for versions" in one.why for one in result.report.read_with_doubt)
    assert told is not same


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("http://a.example/fhir/Observation/h", "https://A.example:443/fhir/Observation/h"),
        ("https://a.example/fhir/Observation/h", None),
        (None, "https://a.example/fhir/Observation/h"),
        ("https://a.example/fhir/Observation/h/_history/1", "https://a.example/fhir/Observation/h/_history/2"),
    ],
)
def test_a_retraction_is_found_under_any_spelling_of_the_address(
    knowledge: KnowledgeBase, first: str | None, second: str | None
) -> None:
    stood = coded("85319-2", IHC_3, id="h", **version("1"))
    document = entries((first, stood), (second, {**stood, **version("2"), "status": "entered-in-error"}))
    result = import_fhir(document, knowledge.knowledge, today=TODAY)
    assert "specimens" not in result.profile
    assert any("a newer one replaces" in one.why for one in result.report.set_aside)


@pytest.mark.parametrize(("status", "left"), [("corrected", "1+"), ("amended", "1+"), ("entered-in-error", None)])
def test_without_versions_the_status_tells_which_copy_is_later(
    knowledge: KnowledgeBase, status: str, left: str | None
) -> None:
    first, second = coded("85319-2", IHC_3, id="h"), coded("85319-2", IHC_1, id="h", status=status)
    for found in ([first, second], [second, first]):
        specimens = imported(knowledge, *found).profile.get("specimens", [])
        assert [one["her2_ihc"] for one in specimens] == ([left] if left else [])


@pytest.mark.parametrize(
    "nest",
    [
        lambda history: [history],
        lambda history: {"resourceType": "Bundle", "type": "batch-response", "entry": [{"resource": history}]},
    ],
)
def test_a_history_says_what_was_deleted_wherever_it_lies(knowledge: KnowledgeBase, nest: Any) -> None:
    history = bundle(breast_cancer(), condition(BRAIN, id="b")) | {"type": "history"}
    history["entry"].append({"request": {"method": "DELETE", "url": "Condition/b"}})
    result = import_fhir(nest(history), knowledge.knowledge, today=TODAY)
    assert "sites_of_metastasis" not in result.profile["disease"]


def test_what_one_server_deleted_stands_on_another(knowledge: KnowledgeBase) -> None:
    there = "https://b.example/fhir/Condition/b"
    document = entries((None, breast_cancer()), (there, condition(BRAIN, id="b"))) | {"type": "history"}
    url = "https://a.example/fhir/Condition/b"
    document["entry"].append({"fullUrl": url, "request": {"method": "DELETE", "url": "Condition/b"}})
    result = import_fhir(document, knowledge.knowledge, today=TODAY)
    assert result.profile["disease"]["sites_of_metastasis"] == ["brain"]


@pytest.mark.parametrize(("deleted", "stands"), [("2024-03-01T00:00:00Z", False), ("2023-03-01T00:00:00Z", True)])
def test_a_deleted_record_is_not_read_unless_it_was_written_anew(
    knowledge: KnowledgeBase, deleted: str, stands: bool
) -> None:
    brain = condition(BRAIN, id="b", **version("1", "2024-01-01T00:00:00Z"))
    document = bundle(breast_cancer(), brain) | {"type": "history"}
    entry = {"request": {"method": "DELETE", "url": "Condition/b"}, "response": {"lastModified": deleted}}
    document["entry"].append(entry)
    result = import_fhir(document, knowledge.knowledge, today=TODAY)
    assert ("sites_of_metastasis" in result.profile["disease"]) is stands


@pytest.mark.parametrize(
    "said", ["refuted", [status_of("ver-status", "refuted")], {"text": "Refuted"}, {"text": "entered in error"}]
)
def test_what_is_refuted_is_not_read_in_whatever_form_it_says_so(knowledge: KnowledgeBase, said: object) -> None:
    assert "sites_of_metastasis" not in disease(knowledge, condition(BRAIN, verificationStatus=said))


def test_a_verification_status_that_is_not_known_is_asked_about(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, breast_cancer(), condition(BRAIN, verificationStatus={"text": "ruled out"}))
    assert "sites_of_metastasis" not in result.profile["disease"]
    assert any("is it confirmed?" in one for one in result.report.to_ask)


@pytest.mark.parametrize(
    "ended",
    [
        {"abatementString": "2021"},
        {"abatementBoolean": True},
        {"abatementAge": {"value": 52, "unit": "a"}},
        {"abatementPeriod": {"start": "2021-05-01"}},
        {"clinicalStatus": "resolved"},
        {"clinicalStatus": {"text": "Inactive"}},
    ],
)
def test_a_metastasis_that_has_ended_is_not_counted_and_leaves_the_setting_open(
    knowledge: KnowledgeBase, ended: dict[str, Any]
) -> None:
    result = imported(knowledge, breast_cancer(), condition(BRAIN, onsetDateTime="2021-01-01", **ended))
    assert result.profile["disease"].keys() <= {"primary", "diagnosis_date"}
    assert any("what is the setting now?" in one for one in result.report.to_ask)


def test_a_metastasis_that_is_said_not_to_have_ended_counts(knowledge: KnowledgeBase) -> None:
    assert disease(knowledge, condition(BRAIN, abatementBoolean=False))["sites_of_metastasis"] == ["brain"]


def test_what_ended_after_the_day_of_the_profile_was_still_there(knowledge: KnowledgeBase) -> None:
    gone = condition(
        BRAIN,
        onsetDateTime="2021-01-01",
        abatementDateTime="2023-06-01",
        clinicalStatus=status_of("clinical", "resolved"),
    )
    assert disease(knowledge, gone, as_of=Date(2022, 1, 1))["sites_of_metastasis"] == ["brain"]
    assert "sites_of_metastasis" not in disease(knowledge, gone)


def test_a_status_that_is_not_known_is_read_with_doubt(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, patient(), observation("89247-1", valueInteger=1, status="unknown"))
    assert result.profile["patient"]["ecog"] == 1
    assert any("not final" in one.why for one in result.report.read_with_doubt)


@pytest.mark.parametrize(
    "gap",
    [
        {"link": [{"relation": "next", "url": "https://a.example/page2"}]},
        {"total": 250},
        {"more": {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "incomplete"}]}},
    ],
)
def test_an_input_that_is_not_whole_says_so(knowledge: KnowledgeBase, gap: dict[str, Any]) -> None:
    document = bundle(patient(), breast_cancer(), *([gap.pop("more")] if "more" in gap else [])) | gap
    result = import_fhir(document, knowledge.knowledge, today=TODAY)
    assert any(one.source == "Bundle" for one in result.report.read_with_doubt)
    assert any("not the whole record" in one for one in result.report.to_ask)
