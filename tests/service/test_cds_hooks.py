"""CDS Hooks 2.0: discovery, cards, and silence where there is nothing to say."""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from her2cds import KnowledgeBase, evaluate
from her2cds.interop.fhir.paging import gaps
from her2cds.rendering.markdown import escape
from her2cds.service.hooks.cards import shortened
from her2cds.service.hooks.chart import chart_of
from her2cds.service.hooks.model import HookRequest
from her2cds.service.hooks.orders import drugs_named
from her2cds.service.problems import ProblemError
from tests.conftest import PROJECT
from tests.service.conftest import Chart, example

SAMPLES = Path(os.environ.get("HER2CDS_SAMPLES", PROJECT.parent / "shared" / "samples")) / "cds-hooks"
Json = dict[str, Any]


def call(hook: str, *drugs: str, patient: str = "p1", prefetch: Json | None = None) -> Json:
    """A call as an EHR makes it, with one draft order for each drug."""
    context: Json = {"userId": "Practitioner/1", "patientId": patient}
    if hook != "patient-view":
        orders = [
            {
                "resource": {
                    "resourceType": "MedicationRequest",
                    "id": f"order-{number}",
                    "status": "draft",
                    "intent": "order",
                    "medicationCodeableConcept": {"text": drug},
                }
            }
            for number, drug in enumerate(drugs)
        ]
        context["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": orders}
        context["selections"] = [f"MedicationRequest/order-{number}" for number in range(len(drugs))]
    whole: Json = {
        "patient": {"resourceType": "Patient", "id": patient},
        "conditions": {"resourceType": "Bundle", "type": "searchset", "entry": []},
        "observations": None,
        "medicationRequests": None,
    }
    return {
        "hook": hook,
        "hookInstance": "4a74b1d0-4fee-4d18-b76f-7f3bd361e4bc",
        "context": context,
        "prefetch": whole if prefetch is None else prefetch,
        "fhirServer": None,
        "extension": {"org.example": {"ignored": True}},
    }


def cards_of(client: Any, body: Json) -> list[Json]:
    answer = client.post(f"/cds-services/her2cds-{body['hook']}", json=body)
    assert answer.status_code == 200, answer.text
    cards: list[Json] = answer.json()["cards"]
    for card in cards:
        well_formed(card)
    return cards


def well_formed(card: Json) -> None:
    """What the specification demands of a card."""
    assert 0 < len(card["summary"]) < 140
    assert card["indicator"] in ("info", "warning", "critical")
    assert card["source"]["label"]
    assert card["source"]["url"].startswith("http")
    assert uuid.UUID(card["uuid"])
    assert ("suggestions" in card) == ("selectionBehavior" in card)
    assert all(one["display"] and one["system"] and one["code"] for one in card.get("overrideReasons", ()))
    for suggestion in card.get("suggestions", ()):
        assert uuid.UUID(suggestion["uuid"])
        for action in suggestion["actions"]:
            assert action["description"]
            assert ("resource" in action) == (action["type"] == "create")
    no_nulls(card)


def no_nulls(value: Any) -> None:
    assert value not in (None, "", [], {})
    if isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            no_nulls(one)


# --- Discovery --------------------------------------------------------------------------------------


def test_discovery_lists_a_service_for_each_hook_with_its_prefetch(client: Any) -> None:
    services = client.get("/cds-services").json()["services"]
    assert {one["hook"] for one in services} == {"patient-view", "order-select", "order-sign"}
    for one in services:
        assert one["id"]
        assert one["description"]
        assert one["prefetch"]["patient"] == "Patient/{{context.patientId}}"
        assert all("{{context.patientId}}" in query for query in one["prefetch"].values())


# --- patient-view -----------------------------------------------------------------------------------


def test_the_chart_of_a_patient_gets_one_card_with_the_ranked_therapies(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-her2-positive")
    (card,) = cards_of(client, call("patient-view"))
    assert card["indicator"] == "info"
    assert "Trastuzumab deruxtecan" in card["summary"]
    assert "**1. Trastuzumab deruxtecan" in card["detail"]
    assert "guidi2023" in card["detail"]
    assert "not a medical device" in card["detail"] or "decision" in card["detail"]
    assert any(one["url"].startswith("https://doi.org/") for one in card["links"])


def test_a_card_says_how_much_of_the_chart_was_understood(client: Any, chart: Chart) -> None:
    chart.profile = example("her2-zero")
    (card,) = cards_of(client, call("patient-view"))
    assert "0 facts read from 2 records" in card["detail"]


def test_tests_to_request_are_proposals_and_never_orders(client: Any, chart: Chart) -> None:
    chart.profile = example("her2-equivocal")
    (card,) = cards_of(client, call("patient-view"))
    resources = [action["resource"] for one in card["suggestions"] for action in one["actions"]]
    assert resources
    assert {(one["resourceType"], one["status"], one["intent"]) for one in resources} == {
        ("ServiceRequest", "draft", "proposal")
    }
    assert {one["subject"]["reference"] for one in resources} == {"Patient/p1"}


def test_missing_facts_are_asked_for_on_the_card(client: Any, chart: Chart) -> None:
    chart.profile = {"disease": {"primary": "breast"}}
    (card,) = cards_of(client, call("patient-view"))
    assert "not known" in card["summary"]
    assert "Ask first" in card["detail"]


def test_another_cancer_or_none_gets_no_card(client: Any, chart: Chart) -> None:
    for profile in ({"disease": {"primary": "other"}}, {}):
        chart.profile = profile
        assert cards_of(client, call("patient-view")) == []


def test_a_chart_that_contradicts_itself_is_said_to(client: Any, chart: Chart) -> None:
    chart.profile = {"specimens": [{"her2_ihc": "3+", "her2_reported": "negative"}]}
    (card,) = cards_of(client, call("patient-view"))
    assert card["indicator"] == "warning"
    assert "contradicts itself" in card["summary"]
    assert "$.specimens" in card["detail"].replace("\\", "")


def test_the_same_call_gives_the_same_bytes(client: Any, chart: Chart) -> None:
    chart.profile = example("later-line-after-t-dxd")
    first, second = (client.post("/cds-services/her2cds-patient-view", json=call("patient-view")) for _ in range(2))
    assert first.content == second.content


def test_text_from_the_chart_cannot_write_markdown(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-her2-positive")
    chart.profile["treatments"][0]["agents"].append("[click](https://evil.example) <img src=x>")
    (card,) = cards_of(client, call("patient-view"))
    assert "[click](" not in card["detail"]
    assert "<img" not in card["detail"].replace("\\<", "")


# --- order-sign and order-select --------------------------------------------------------------------


def test_a_contraindicated_order_gets_a_critical_card_with_reason_source_and_withdrawal(
    client: Any, chart: Chart
) -> None:
    chart.profile = example("second-line-active-ild")
    (card,) = cards_of(client, call("order-sign", "Enhertu 100 mg powder for infusion"))
    assert card["indicator"] == "critical"
    assert "contraindicated" in card["summary"]
    assert "interstitial lung disease" in card["detail"]
    (action,) = card["suggestions"][0]["actions"]
    assert (action["type"], action["resourceId"]) == ("delete", "MedicationRequest/order-0")
    assert card["overrideReasons"]


def test_an_order_that_fits_is_signed_without_a_word(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-her2-positive")
    assert cards_of(client, call("order-sign", "trastuzumab deruxtecan")) == []


def test_an_order_of_the_wrong_line_gets_a_warning_that_says_why(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-her2-positive")
    (card,) = cards_of(client, call("order-sign", "Perjeta"))
    assert card["indicator"] == "warning"
    assert "does not fit" in card["summary"]
    assert "Ranked" in card["detail"]
    assert "suggestions" not in card


def test_a_her2_directed_drug_for_her2_zero_disease_gets_a_warning(client: Any, chart: Chart) -> None:
    chart.profile = example("her2-zero")
    (card,) = cards_of(client, call("order-sign", "Herceptin"))
    assert card["indicator"] == "warning"


def test_a_hypersensitivity_in_the_chart_is_a_contraindication(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-her2-positive")
    chart.profile["health"]["hypersensitivity_to"] = ["docetaxel"]
    (card,) = cards_of(client, call("order-sign", "Docetaxel"))
    assert card["indicator"] == "critical"


def test_without_the_facts_that_decide_an_order_is_not_judged_but_asked_about(client: Any, chart: Chart) -> None:
    chart.profile = {"disease": {"primary": "breast"}}
    (card,) = cards_of(client, call("order-sign", "trastuzumab"))
    assert card["indicator"] == "info"
    assert "cannot be judged" in card["summary"]


def test_other_drugs_and_other_cancers_get_no_card(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-her2-positive")
    assert cards_of(client, call("order-sign", "Amoxicillin 500 mg tablet", "Aspirin 81 mg EC tablet")) == []
    chart.profile = {"disease": {"primary": "other"}}
    assert cards_of(client, call("order-sign", "trastuzumab")) == []


def test_selecting_a_drug_shows_how_it_stands_and_the_alternatives(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-her2-positive")
    (card,) = cards_of(client, call("order-select", "T-DXd"))
    assert card["indicator"] == "info"
    assert "Ranked with it" in card["detail"]
    assert "Trastuzumab emtansine" in card["detail"]


@pytest.mark.parametrize("call_of", [call("patient-view"), call("order-select", "T-DXd")], ids=["view", "select"])
@pytest.mark.parametrize("name", ["second-line-her2-positive", "active-brain-metastases", "second-line-active-ild"])
def test_a_card_tells_what_is_to_be_weighed_or_watched_with_every_regimen(
    name: str, call_of: Json, client: Any, chart: Chart, knowledge: KnowledgeBase
) -> None:
    chart.profile = example(name)
    details = "\n".join(card["detail"] for card in cards_of(client, call_of))
    therapies = evaluate(example(name), knowledge).therapies
    assert therapies
    for one in therapies:
        for told in (*one.warnings, *one.open_checks):
            (line,) = (line for line in details.splitlines() if escape(told.title) in line)
            assert escape(one.name) in line
            assert all(citation.source in line for citation in told.citations)


def test_only_the_selected_orders_are_judged_on_selection(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-active-ild")
    body = call("order-select", "T-DXd", "tucatinib")
    body["context"]["selections"] = ["MedicationRequest/order-1"]
    (card,) = cards_of(client, body)
    assert "Tucatinib" in card["summary"]


@pytest.mark.parametrize(
    ("text", "drugs"),
    [
        ("Trastuzumab Injection [KADCYLA]", ("t-dm1",)),
        ("Trastuzumab Injection [Enhertu]", ("t-dxd",)),
        ("ado-trastuzumab emtansine 100 mg", ("t-dm1",)),
        ("fam-trastuzumab deruxtecan-nxki 100 MG Injection", ("t-dxd",)),
        ("trastuzumab botidotin 100 mg", ("a166",)),
        ("trastuzumab newpayloadtecan 100 mg", ()),
        ("Phesgo", ("pertuzumab", "trastuzumab")),
        ("100 ML trastuzumab 6 MG/ML Injection", ("trastuzumab",)),
        ("Ferrous sulfate 20 mg EC capsule", ()),
        ("EC", ("epirubicin", "cyclophosphamide")),
        ("", ()),
    ],
)
def test_a_conjugate_is_never_read_as_its_antibody(knowledge: KnowledgeBase, text: str, drugs: tuple[str, ...]) -> None:
    assert drugs_named(text, knowledge.knowledge) == drugs


def test_a_medication_that_the_order_refers_to_is_read(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-active-ild")
    body = call("order-sign", "x")
    body["context"]["draftOrders"]["entry"][0]["resource"] = {
        "resourceType": "MedicationRequest",
        "contained": [{"resourceType": "Medication", "id": "m", "code": {"coding": [{"display": "Enhertu"}]}}],
        "medicationReference": {"reference": "#m"},
    }
    (card,) = cards_of(client, body)
    assert card["indicator"] == "critical"
    assert "suggestions" not in card  # an order without an id cannot be withdrawn by reference


# --- What is missing or malformed --------------------------------------------------------------------


def test_missing_prefetch_is_a_failed_precondition_that_names_the_queries(client: Any) -> None:
    answer = client.post("/cds-services/her2cds-patient-view", json=call("patient-view", prefetch={}))
    assert answer.status_code == 412
    assert "Condition?patient=" in answer.text


def test_a_single_page_of_several_is_not_taken_for_the_chart(client: Any) -> None:
    body = call("patient-view")
    body["prefetch"]["conditions"]["link"] = [{"relation": "next", "url": "https://ehr.example.org/2"}]
    answer = client.post("/cds-services/her2cds-patient-view", json=body)
    assert answer.status_code == 412
    assert "one page of several" in answer.text


def of_another(body: Json) -> None:
    body["prefetch"]["patient"]["id"] = "p2"


def about_another(body: Json) -> None:
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p2"}}
    body["prefetch"]["conditions"]["entry"] = [{"resource": condition}]


def about_another_without_a_patient(body: Json) -> None:
    about_another(body)
    body["prefetch"]["patient"] = None


def an_allergy_of_another(body: Json) -> None:
    allergy = {"resourceType": "AllergyIntolerance", "patient": {"reference": "https://ehr.example.org/Patient/p2"}}
    body["prefetch"]["allergies"] = {"resourceType": "Bundle", "entry": [{"resource": allergy}]}


@pytest.mark.parametrize("spoil", [of_another, about_another, about_another_without_a_patient, an_allergy_of_another])
@pytest.mark.parametrize("hook", ["patient-view", "order-sign"])
def test_another_patients_chart_is_refused(client: Any, hook: str, spoil: Callable[[Json], None]) -> None:
    body = call(hook, "T-DXd")
    spoil(body)
    answer = client.post(f"/cds-services/her2cds-{hook}", json=body)
    assert answer.status_code == 412
    assert "p2" not in answer.text


@pytest.mark.parametrize(
    "reference", ["Patient/p1", "Patient/p1/_history/3", "https://ehr.example.org/fhir/Patient/p1", "urn:uuid:1", "#p"]
)
def test_the_patients_own_records_may_refer_to_the_patient_in_any_form(client: Any, reference: str) -> None:
    body = call("patient-view")
    body["prefetch"]["patient"] = {
        "resourceType": "Bundle",
        "entry": [{"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "id": "p1"}}],
    }
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": reference}}
    body["prefetch"]["conditions"]["entry"] = [{"resource": condition}]
    assert client.post("/cds-services/her2cds-patient-view", json=body).status_code == 200


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.pop("hook"),
        lambda body: body.pop("hookInstance"),
        lambda body: body.pop("context"),
        lambda body: body.update(hook="order-sign"),
        lambda body: body.update(hook="patient-view\n"),
        lambda body: body.update(hookInstance="not a uuid"),
        lambda body: body.update(context=[]),
        lambda body: body["context"].update(patientId=""),
        lambda body: body["context"].update(patientId=7),
        lambda body: body.update(prefetch={"patient": "p1"}),
        lambda body: body.update(prefetch=[1]),
    ],
)
def test_a_malformed_call_is_refused(client: Any, spoil: Any) -> None:
    body = call("patient-view")
    spoil(body)
    assert client.post("/cds-services/her2cds-patient-view", json=body).status_code == 400


def test_a_null_is_what_was_left_out(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-her2-positive")
    body = call("patient-view")
    body["context"]["selections"] = None
    assert len(cards_of(client, body)) == 1
    body["prefetch"] = None
    answer = client.post("/cds-services/her2cds-patient-view", json=body)
    assert (answer.status_code, answer.json()["type"].endswith("prefetch-missing")) == (412, True)


FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}
ONE_ALLERGY = {"resource": {"resourceType": "AllergyIntolerance", "id": "a", "code": {"text": "Enhertu"}}}


@pytest.mark.parametrize(
    "part",
    [
        FAILED,
        {"resourceType": "Bundle", "entry": [ONE_ALLERGY, {"resource": FAILED}]},
        {"resourceType": "Bundle", "total": 2, "entry": [ONE_ALLERGY]},
        {"resourceType": "Bundle", "link": [{"relation": "next", "url": "x"}], "entry": [ONE_ALLERGY]},
    ],
)
def test_a_part_that_is_not_needed_and_not_whole_counts_as_not_sent(part: Json) -> None:
    body = call("patient-view")
    body["prefetch"]["allergies"] = part
    sent = chart_of(HookRequest.model_validate(body))["entry"]
    assert [one["resource"]["resourceType"] for one in sent] == ["Patient", "OperationOutcome"]
    (gap,) = gaps({"resourceType": "Bundle", "entry": sent})
    assert "prefetch allergies" in gap
    body["prefetch"] |= {"allergies": None, "observations": part}
    with pytest.raises(ProblemError, match="only a part"):
        chart_of(HookRequest.model_validate(body))


@pytest.mark.parametrize("entry", [None, []])
def test_where_nothing_is_ordered_there_is_no_card(client: Any, entry: Any) -> None:
    body = call("order-sign", "T-DXd")
    body["context"]["draftOrders"]["entry"] = entry
    assert cards_of(client, body) == []


ORDER = {"resourceType": "MedicationRequest", "id": "o", "medicationCodeableConcept": {"text": "Enhertu"}}


@pytest.mark.parametrize(
    "drafts",
    [
        {"type": "collection", "entry": [{"resource": ORDER}]},  # what it is, it does not say
        ORDER,
        {"resourceType": "Bundle", "entry": "x"},
        {"resourceType": "Bundle", "entry": ""},
        {"resourceType": "Bundle", "entry": [[{"resource": ORDER}]]},
        {"resourceType": "Bundle", "entry": [{"resource": ORDER}, None]},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": 3}}]},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Bundle", "entry": [{"resource": ORDER}]}}]},
    ],
)
def test_draft_orders_that_cannot_be_read_whole_are_refused_and_never_passed_over(client: Any, drafts: Json) -> None:
    body = call("order-sign")
    body["context"]["draftOrders"] = drafts
    answer = client.post("/cds-services/her2cds-order-sign", json=body)
    assert answer.status_code == 400
    assert "nothing was checked" in answer.text


def drafted(hook: str, *resources: Json, **context: Any) -> Json:
    body = call(hook)
    body["context"] |= {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]}}
    body["context"] |= context
    return body


TRASTUZUMAB = {
    "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "224905", "display": "trastuzumab"}]
}


def an_order(**changes: Any) -> Json:
    return {name: value for name, value in (ORDER | changes).items() if value is not None}


GROUP = {"resourceType": "RequestGroup", "id": "g", "action": [{"action": [{"resource": {"reference": "#o"}}]}]}


@pytest.mark.parametrize(
    "resource",
    [
        an_order(),
        an_order(medicationCodeableConcept={**TRASTUZUMAB, "text": "T-DXd per protocol"}),
        an_order(medicationCodeableConcept=None, medication={"concept": {"text": "Enhertu"}}),
        an_order(medicationCodeableConcept=None, medication={"reference": {"reference": "X", "display": "Enhertu"}}),
        an_order(medicationCodeableConcept=None, medicationReference={"reference": "X", "display": "Enhertu"}),
        {**GROUP, "contained": [ORDER]},
        {**GROUP, "resourceType": "CarePlan", "action": None, "contained": [ORDER]},
    ],
)
def test_an_order_is_judged_wherever_it_says_what_is_ordered(client: Any, chart: Chart, resource: Json) -> None:
    chart.profile = example("second-line-active-ild")
    (card,) = cards_of(client, drafted("order-sign", resource))
    assert card["indicator"] == "critical"


def test_a_group_says_what_is_in_a_medication_that_it_holds(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-active-ild")
    inner = an_order(medicationCodeableConcept=None, medicationReference={"reference": "#m"})
    medication = {"resourceType": "Medication", "id": "m", "code": {"text": "Enhertu"}}
    (card,) = cards_of(client, drafted("order-sign", {**GROUP, "contained": [inner, medication]}))
    assert card["indicator"] == "critical"
    assert "suggestions" not in card  # what stands in a group cannot be withdrawn by a reference


def medication(**more: Any) -> Json:
    return {"resourceType": "Medication", "id": "m", **more}


BY_REFERENCE = an_order(medicationCodeableConcept=None, medicationReference={"reference": "Medication/m"})
INGREDIENT = {"itemCodeableConcept": {"text": "trastuzumab deruxtecan"}}


@pytest.mark.parametrize("code", [{}, {"code": {"coding": [{"system": "urn:local", "code": "4711"}]}}])
def test_an_order_is_read_by_the_ingredients_of_its_medication(client: Any, chart: Chart, code: Json) -> None:
    chart.profile = example("second-line-active-ild")
    (card,) = cards_of(client, drafted("order-sign", BY_REFERENCE, medication(ingredient=[INGREDIENT], **code)))
    assert card["indicator"] == "critical"


def test_a_medication_that_was_sent_with_the_chart_says_what_is_ordered(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-active-ild")
    body = drafted("order-sign", BY_REFERENCE)
    sent = {"resource": medication(code={"text": "Enhertu"}), "search": {"mode": "include"}}
    body["prefetch"]["medicationRequests"] = {"resourceType": "Bundle", "type": "searchset", "entry": [sent]}
    (card,) = cards_of(client, body)
    assert card["indicator"] == "critical"


@pytest.mark.parametrize(
    "resource",
    [
        an_order(medicationCodeableConcept=None),
        an_order(medicationCodeableConcept="Enhertu"),
        an_order(medicationCodeableConcept={"coding": [{"system": "urn:local", "code": "4711"}]}),
        an_order(medicationCodeableConcept=None, medicationReference={"reference": "Medication/77"}),
        {**GROUP, "contained": []},
        {**GROUP, "action": [{"resource": {"reference": "MedicationRequest/elsewhere"}}]},
    ],
)
def test_an_order_that_cannot_be_read_gets_a_card_that_says_so(client: Any, chart: Chart, resource: Json) -> None:
    chart.profile = example("second-line-active-ild")
    (card,) = cards_of(client, drafted("order-sign", resource))
    assert card["summary"].startswith("Not all orders could be checked")
    assert f"{resource['resourceType']}/{resource['id']}" in card["detail"]
    read = an_order(id="read")
    assert len(cards_of(client, drafted("order-sign", read, resource))) == 2
    chart.profile = {"disease": {"primary": "other"}}
    assert cards_of(client, drafted("order-sign", resource)) == []


@pytest.mark.parametrize("changes", [{"doNotPerform": True}, {"status": "cancelled"}, {"status": "entered-in-error"}])
def test_what_is_not_to_be_given_is_not_judged(client: Any, chart: Chart, changes: Json) -> None:
    chart.profile = example("second-line-active-ild")
    assert cards_of(client, drafted("order-sign", an_order(**changes))) == []


@pytest.mark.parametrize(
    "selection",
    [
        "MedicationRequest/o",
        "MedicationRequest/o/_history/1",
        "https://ehr.example.org/fhir/MedicationRequest/o",
        "RequestGroup/g",
    ],
)
def test_a_selection_is_found_in_any_form_of_reference(client: Any, chart: Chart, selection: str) -> None:
    chart.profile = example("second-line-active-ild")
    group = {**GROUP, "action": [{"resource": {"reference": "MedicationRequest/o"}}]}
    (card,) = cards_of(client, drafted("order-select", ORDER, group, selections=[selection]))
    assert card["indicator"] == "critical"


@pytest.mark.parametrize("selection", ["o", "MedicationRequest/other", "#o"])
def test_a_selection_that_is_no_draft_order_is_refused(client: Any, selection: str) -> None:
    body = drafted("order-select", ORDER, selections=["MedicationRequest/o", selection])
    answer = client.post("/cds-services/her2cds-order-select", json=body)
    assert answer.status_code == 400
    assert "nothing was checked" in answer.text


# --- Whose it is -------------------------------------------------------------------------------------


OTHERS = (
    {"subject": {"reference": "Patient/p2"}},
    {"patient": {"reference": "Patient/p2"}},
    {"subject": [{"reference": "Patient/p1"}]},
    {"subject": "Patient/p1"},
    {"subject": {"reference": ["Patient/p1"]}},
    {"subject": {"reference": "https://other.example.org/fhir/Patient/p1"}},
)


@pytest.mark.parametrize("whose", OTHERS)
@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: {**GROUP, "contained": [one]}])
def test_an_order_that_is_not_this_patients_is_not_judged_by_this_chart(client: Any, whose: Json, wrap: Any) -> None:
    body = drafted("order-sign", wrap(an_order(**whose)))
    body["fhirServer"] = "https://ehr.example.org/fhir"
    answer = client.post("/cds-services/her2cds-order-sign", json=body)
    assert answer.status_code == 400
    assert "p2" not in answer.text


@pytest.mark.parametrize("whose", OTHERS)
def test_a_record_that_is_not_surely_this_patients_is_no_part_of_the_chart(client: Any, whose: Json) -> None:
    body = call("patient-view")
    body["fhirServer"] = "https://ehr.example.org/fhir"
    body["prefetch"]["conditions"]["entry"] = [{"resource": {"resourceType": "Condition", "id": "c", **whose}}]
    assert client.post("/cds-services/her2cds-patient-view", json=body).status_code == 412


@pytest.mark.parametrize(
    "server",
    [
        "https://ehr.example.org/fhir",
        "HTTPS://EHR.example.org/fhir/",
        "http://ehr.example.org/fhir",
        "https://ehr.example.org:443/fhir",
        None,
    ],
)
def test_the_ehrs_own_server_may_be_named_in_full(client: Any, chart: Chart, server: str | None) -> None:
    chart.profile = example("second-line-active-ild")
    whose = {"subject": {"reference": "https://ehr.example.org/fhir/Patient/p1/_history/2"}}
    body = drafted("order-sign", an_order(**whose))
    body["fhirServer"] = server
    body["prefetch"]["conditions"]["entry"] = [{"resource": {"resourceType": "Condition", "id": "c", **whose}}]
    assert len(cards_of(client, body)) == 1


def test_another_port_is_another_server(client: Any) -> None:
    body = call("patient-view")
    body["fhirServer"] = "https://ehr.example.org:8443/fhir"
    whose = {"subject": {"reference": "https://ehr.example.org/fhir/Patient/p1"}}
    body["prefetch"]["conditions"]["entry"] = [{"resource": {"resourceType": "Condition", "id": "c", **whose}}]
    assert client.post("/cds-services/her2cds-patient-view", json=body).status_code == 412


def test_an_unknown_service_is_not_found(client: Any) -> None:
    for path in ("/cds-services/other", "/cds-services/other/feedback", "/cds-services/..%2fevaluate"):
        assert client.post(path, json=call("patient-view")).status_code == 404


@pytest.mark.skipif(not SAMPLES.exists(), reason="the sample calls are not here")
def test_the_specifications_own_examples_are_read(client: Any) -> None:
    def sample(name: str) -> Json:
        tree: Json = json.loads(Path(SAMPLES / name).read_text())
        return tree

    assert cards_of(client, sample("request-order-sign-prefetch.json")) == []  # an antibiotic
    answer = client.post("/cds-services/her2cds-patient-view", json=sample("request-patient-view.json"))
    assert answer.status_code == 412  # it prefetched for another service
    for card in sample("response-cards.json")["cards"]:
        assert set(card) <= {"uuid", "summary", "detail", "indicator", "source", "links", "overrideReasons"}


# --- Feedback ---------------------------------------------------------------------------------------


def feedback(**changes: Any) -> Json:
    one = {
        "card": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
        "outcome": "overridden",
        "outcomeTimestamp": "2024-05-01T10:00:00Z",
        "overrideReason": {"reason": {"code": "trial", "system": "urn:her2cds:override-reason"}, "userComment": "yes"},
    }
    return {"feedback": [{**one, **changes}]}


def test_feedback_reaches_the_audit_trail(client: Any, trail: Any) -> None:
    answer = client.post("/cds-services/her2cds-order-sign/feedback", json=feedback())
    assert (answer.status_code, answer.json()) == (200, {})
    assert trail.exchanges[0].request == "cds-hooks/feedback"
    assert b"userComment" in trail.exchanges[0].input


@pytest.mark.parametrize(
    "wrong",
    [{"outcome": "accepted"}, {"outcome": "liked"}, {"outcomeTimestamp": "yesterday"}, {"card": ""}],
)
def test_malformed_feedback_is_refused(client: Any, wrong: Json) -> None:
    answer = client.post("/cds-services/her2cds-order-sign/feedback", json=feedback(**wrong))
    assert answer.status_code == 400
    assert client.post("/cds-services/her2cds-order-sign/feedback", json={"feedback": []}).status_code == 400


def test_feedback_may_say_null_where_it_has_nothing_to_say(client: Any) -> None:
    body = feedback(outcome="overridden", acceptedSuggestions=None, overrideReason=None)
    assert client.post("/cds-services/her2cds-order-sign/feedback", json=body).status_code == 200


def test_accepted_feedback_names_its_suggestions(client: Any) -> None:
    accepted = feedback(outcome="accepted", acceptedSuggestions=[{"id": "e56e1945-20b3-4393-8503-a1a20fd73152"}])
    assert client.post("/cds-services/her2cds-order-sign/feedback", json=accepted).status_code == 200


def test_a_summary_is_cut_between_words() -> None:
    assert shortened("short") == "short"
    long = shortened("word " * 60)
    assert len(long) < 140
    assert long.endswith("word…")
    assert len(shortened("x" * 500)) < 140


@dataclass
class FhirServer:
    """A FHIR server that notes who asks it for anything."""

    url: str
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def fhir_server() -> Iterator[FhirServer]:
    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            noted.asked.append(f"{self.client_address} connected")
            super().handle_one_request()

        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    noted = FhirServer(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield noted
    server.shutdown()
    server.server_close()


def test_no_fhir_server_is_called_whatever_the_call_names_and_lacks(client: Any, fhir_server: FhirServer) -> None:
    granted = {"access_token": "secret", "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.read"}
    for hook in ("patient-view", "order-select", "order-sign"):
        complete = call(hook, "T-DXd")
        without_patient = {**complete, "prefetch": {"conditions": None}}
        without_prefetch = {name: part for name, part in complete.items() if name != "prefetch"}
        for body in (complete, without_patient, without_prefetch):
            named = {**body, "fhirServer": fhir_server.url, "fhirAuthorization": {**granted, "subject": "her2cds"}}
            answer = client.post(f"/cds-services/her2cds-{hook}", json=named)
            assert answer.status_code == (200 if body is complete else 412)
    assert fhir_server.asked == []
    with pytest.raises(HTTPError):  # it does listen
        urlopen(fhir_server.url, timeout=5)
    assert len(fhir_server.asked) == 1
