"""The JSON interface: the same answers as the library, and problems that say what to mend."""

from __future__ import annotations

import json
import time
from pathlib import Path
from threading import Event
from typing import Any

import jsonschema
import pytest

from her2cds import KnowledgeBase, evaluate
from her2cds.errors import AuditError
from her2cds.evaluation import examine, explain
from her2cds.exploration.change import Changes, what_if
from her2cds.exploration.effects import what_is_missing
from tests.conftest import PROJECT
from tests.service.conftest import Chart, example

EXAMPLES = sorted(path.stem for path in (PROJECT / "patient_examples").glob("*.json"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_report_over_http_is_the_librarys_report_byte_for_byte(
    client: Any, knowledge: KnowledgeBase, name: str
) -> None:
    answer = client.post("/evaluate", json=example(name))
    assert answer.status_code == 200
    assert answer.text == evaluate(example(name), knowledge).to_json(indent=None)


def test_questions_explanations_and_what_if_are_the_librarys_too(client: Any, knowledge: KnowledgeBase) -> None:
    patient = example("sparse-profile")
    asked = client.post("/questions", json=patient)
    assert asked.text == what_is_missing(examine(patient, knowledge), knowledge).to_json(indent=None)
    why = client.post("/explain", json={"patient": patient, "name": "t-dxd"})
    assert why.text == explain(patient, "t-dxd", knowledge).to_json(indent=None)
    change = {"brain_metastases.status": "progressing"}
    compared = client.post("/what-if", json={"patient": patient, "set": change})
    assert compared.text == what_if(patient, Changes(set=change), knowledge).to_json(indent=None)


def test_why_one_ranked_regimen_stands_above_another(client: Any) -> None:
    body = {"patient": example("second-line-her2-positive"), "name": "t-dxd", "over": "t-dm1"}
    answer = client.post("/explain", json=body)
    assert (answer.json()["upper"]["regimen"], answer.json()["lower"]["regimen"]) == ("t-dxd", "t-dm1")


def test_the_knowledge_base_says_which_it_is(client: Any, knowledge: KnowledgeBase) -> None:
    answer = client.get("/knowledge").json()
    assert answer["content_hash"] == knowledge.knowledge.data.content_hash
    assert "t-dxd" in {one["id"] for one in answer["regimens"]}


def test_a_bundle_is_read_by_the_import_and_then_evaluated(client: Any, chart: Chart) -> None:
    chart.profile = example("her2-zero")
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": []}
    answer = client.post("/evaluate", json=bundle, headers={"Content-Type": "application/fhir+json"})
    assert answer.json()["patient_id"] == "her2-zero"
    assert chart.bundles == [bundle]
    assert client.post("/import", json=bundle).json()["records"] == 2


def test_a_real_chart_is_imported_and_evaluated(knowledge: KnowledgeBase) -> None:
    from starlette.testclient import TestClient

    from her2cds.service.app import create_app

    coding = {"system": "http://snomed.info/sct", "code": "254837009", "display": "Malignant neoplasm of breast"}
    patient = {"resourceType": "Patient", "id": "p", "gender": "female"}
    condition = {"resourceType": "Condition", "id": "c", "code": {"coding": [coding]}}
    condition["subject"] = {"reference": "Patient/p"}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}, {"resource": condition}]}
    client = TestClient(create_app(knowledge), base_url="http://127.0.0.1")
    report = client.post("/evaluate", json=bundle).json()
    assert "disease.primary" in {one["fact"] for one in report["classification"]} or report["statement"]
    paths = {one["path"] for one in client.post("/import", json=bundle).json()["facts"]}
    assert {"disease.primary", "patient.sex"} <= {path.removeprefix("$.") for path in paths}
    assert client.post("/evaluate", json={"resourceType": "ValueSet"}).status_code == 422


def test_who_accepts_fhir_gets_the_report_as_a_bundle_of_proposals(client: Any) -> None:
    answer = client.post("/evaluate", json=example("her2-zero"), headers={"Accept": "application/fhir+json"})
    assert answer.headers["content-type"] == "application/fhir+json"
    bundle = answer.json()
    assert bundle["resourceType"] == "Bundle"
    intents = {one["resource"].get("intent") for one in bundle["entry"]} - {None}
    assert intents <= {"proposal"}


# --- Problems ---------------------------------------------------------------------------------------


def test_every_fault_of_a_profile_is_named_with_path_and_remedy(client: Any) -> None:
    answer = client.post("/evaluate", json={"diseas": {}, "patient": {"ecog": 9}})
    problem = answer.json()
    assert answer.status_code == problem["status"] == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "urn:her2cds:problem:invalid-profile"
    assert {one["path"] for one in problem["faults"]} == {"$.diseas", "$.patient.ecog"}
    assert "Did you mean 'disease'?" in {one["remedy"] for one in problem["faults"]}
    assert problem["instance"] == answer.headers["x-request-id"]


def test_who_speaks_fhir_gets_an_operation_outcome_with_paths(client: Any) -> None:
    answer = client.post("/evaluate", json={"diseas": {}}, headers={"Accept": "application/fhir+json"})
    assert answer.headers["content-type"] == "application/fhir+json"
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["code"] == "invalid"
    assert outcome["issue"][0]["expression"] == ["$.diseas"]


@pytest.mark.parametrize(
    ("content", "status", "mention"),
    [
        (b"", 400, "nothing"),
        (b"[", 400, "line 1"),
        (b"[]", 400, "a JSON object"),
        (b"null", 400, "a JSON object"),
        (b'{"note": "caf\xe9"}', 400, "not UTF-8"),
        (b'{"patient": {"ecog": NaN}}', 400, "NaN"),
        (b'{"id": "a", "id": "b"}', 400, "twice"),
        (b'{"patient": {"age_years": 1' + b"0" * 400 + b"}}", 400, "digits"),
        (b'{"a":' * 200_000, 400, "nesting"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, 400, "levels"),
        (b'{"id": "\\ud800"}', 400, "half of a character"),
        (b'{"\\uDFFF": 1}', 400, "half of a character"),
        (b'{"note": "\\ud83d\\ude00", "id": 7}', 422, "$.id"),
        (b'{"patient": "x"}', 422, "$.patient"),
    ],
)
def test_what_is_no_profile_is_refused_with_a_reason(client: Any, content: bytes, status: int, mention: str) -> None:
    answer = client.post("/evaluate", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert mention in answer.text
    assert "Traceback" not in answer.text


def test_only_json_is_read(client: Any) -> None:
    for media_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = client.post("/evaluate", content=b"{}", headers={"Content-Type": media_type})
        assert answer.status_code == 415


@pytest.mark.parametrize(
    ("path", "body", "mention"),
    [
        ("/explain", {"patient": {}}, "$.name"),
        ("/explain", {"name": "t-dxd"}, "$.patient"),
        ("/explain", {"patient": {}, "name": "t-dxd", "depth": 3}, "$.depth"),
        ("/explain", {"patient": {}, "name": "no such thing"}, "unknown-name"),
        ("/explain", {"patient": {}, "name": "t-dxd", "over": "t-dm1"}, "not ranked"),
        ("/what-if", {"patient": {}}, "no-change"),
        ("/what-if", {"patient": {}, "set": []}, "$.set"),
        ("/what-if", {"patient": {}, "remove": [1]}, "$.remove"),
        ("/what-if", {"patient": {}, "set": {"patient.ecg": 1}}, "ecog"),
        ("/what-if", {"patient": {}, "set": {".": 1}}, "a path such as"),
        ("/what-if", {"patient": {"treatments": 3}, "append": {"treatments": {}}}, "not a list"),
        ("/what-if", {"patient": {"disease": 3}, "progresses_on": ["t-dxd"]}, "$.disease"),
        ("/import", {"id": "x"}, "$.resourceType"),
        ("/evaluate", {"resourceType": 3}, "$.resourceType"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(client: Any, path: str, body: Any, mention: str) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == 422
    assert mention in answer.text


def test_a_rule_that_fails_gives_no_report_and_tells_nothing_of_its_inside(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from her2cds.errors import EngineError

    def fail(*_: Any, **__: Any) -> Any:
        raise EngineError("her2.class of patient 4711")

    monkeypatch.setattr("her2cds.service.answers.evaluate", fail)
    answer = client.post("/evaluate", json={})
    assert answer.status_code == 500
    assert "4711" not in answer.text


def test_paths_and_methods_that_are_not_there_are_problems_too(client: Any) -> None:
    for method, path, status in (("GET", "/nowhere", 404), ("GET", "/evaluate", 405), ("PUT", "/evaluate", 405)):
        answer = client.request(method, path)
        assert answer.status_code == answer.json()["status"] == status


# --- OpenAPI ----------------------------------------------------------------------------------------


def test_the_openapi_document_describes_bodies_that_the_service_reads(client: Any) -> None:
    document = client.get("/openapi.json").json()
    schema = {"$ref": "#/components/schemas/Profile", "components": document["components"]}
    for name in EXAMPLES:
        jsonschema.validate(example(name), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"diseas": {}}, schema)


def test_answers_fit_the_openapi_document(client: Any) -> None:
    document = client.get("/openapi.json").json()

    def check(path: str, answer: Any) -> None:
        content = document["paths"][path]["post"]["responses"][str(answer.status_code)]["content"]
        schema = content[answer.headers["content-type"]]["schema"]
        jsonschema.validate(answer.json(), {**schema, "components": document["components"]})

    patient = example("second-line-her2-positive")
    check("/evaluate", client.post("/evaluate", json=patient))
    check("/questions", client.post("/questions", json=patient))
    check("/explain", client.post("/explain", json={"patient": patient, "name": "t-dxd"}))
    check("/what-if", client.post("/what-if", json={"patient": patient, "set": {"patient.ecog": 2}}))
    check("/evaluate", client.post("/evaluate", json={"diseas": 1}))


# --- Audit ------------------------------------------------------------------------------------------


def test_every_exchange_is_recorded_and_a_refused_one_without_its_body(client: Any, trail: Any) -> None:
    client.post("/evaluate", json=example("her2-zero"))
    client.post("/evaluate", json={"diseas": "a secret"})
    client.get("/knowledge")
    done, refused = trail.exchanges
    assert (done.who, done.request, json.loads(done.input)) == ("anonymous", "evaluate", example("her2-zero"))
    assert json.loads(done.output)["patient_id"] == "her2-zero"
    assert done.knowledge.content_hash
    assert (refused.output, refused.refusal) == (None, "422 Unprocessable Entity")


def test_the_service_writes_the_audit_log_and_a_replay_gives_the_same(
    knowledge: KnowledgeBase, chart: Chart, tmp_path: Path
) -> None:
    pytest.importorskip("sqlalchemy", reason="the audit log needs her2cds[audit]")
    from starlette.testclient import TestClient

    from her2cds.audit.log import AuditLog
    from her2cds.audit.replay import replay
    from her2cds.service.app import create_app

    chart.profile = example("her2-zero")
    with AuditLog.open(str(tmp_path / "audit.sqlite")) as log:
        client = TestClient(create_app(knowledge, trail=log, read_bundle=chart), base_url="http://127.0.0.1")
        client.post("/evaluate", json=example("second-line-her2-positive"))
        client.post("/", data={"action": "evaluate", "disease.primary": "breast", "specimens.0.her2_ihc": "3+"})
        client.post("/evaluate", json={"resourceType": "Bundle"})
        client.post("/evaluate", json={"diseas": "a secret"})
        client.post("/cds-services/her2cds-order-sign/feedback", json={"feedback": []})
        client.post("/no/such/path", json={})
        entries = list(log.entries())
        assert log.verify().intact
    assert [(one.request, one.outcome) for one in entries] == [
        ("evaluate", "answered"),
        ("evaluate", "answered"),
        ("questions", "answered"),
        ("evaluate", "answered"),
        ("evaluate", "refused"),
        ("cds-services/service/feedback", "refused"),
        ("unknown", "refused"),
    ]
    assert all(replay(one, knowledge).same for one in entries[:2])
    assert entries[4].input is None
    assert "secret" not in str(entries[4])


def test_an_answer_that_cannot_be_recorded_is_withheld(client: Any, trail: Any) -> None:
    trail.broken = True
    answer = client.post("/evaluate", json=example("her2-zero"))
    assert answer.status_code == 503
    assert "her2-zero" not in answer.text
    assert "disk full" not in answer.text


def test_why_nothing_could_be_recorded_stands_in_the_log_of_the_service(
    client: Any, trail: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def locked(**_: object) -> None:
        raise AuditError("audit log audit.sqlite: OperationalError: database is locked")

    monkeypatch.setattr(trail, "record", locked)
    assert client.post("/evaluate", json=example("her2-zero")).status_code == 503
    assert "audit log audit.sqlite: OperationalError: database is locked" in caplog.text


def test_an_audit_log_that_does_not_answer_is_given_up(
    client: Any, trail: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("her2cds.service.recorder._MOST_SECONDS", 0.2)
    over = Event()
    monkeypatch.setattr(trail, "record", lambda **_: over.wait(20))
    began = time.monotonic()
    with client:  # one event loop, which does not wait for its threads after each request
        answer = client.post("/evaluate", json=example("her2-zero"))
        assert time.monotonic() - began < 10
        over.set()
    assert answer.status_code == 503
    assert "the audit log does not answer" in caplog.text


def test_the_subject_of_a_token_stands_in_the_trail(knowledge: KnowledgeBase, trail: Any) -> None:
    from starlette.testclient import TestClient

    from her2cds.service.app import create_app
    from her2cds.service.settings import Settings, digest

    app = create_app(knowledge, Settings(tokens={digest("right"): "tumour-board"}), trail=trail)
    TestClient(app, base_url="http://127.0.0.1").post("/evaluate", json={}, headers={"Authorization": "Bearer right"})
    TestClient(app, base_url="http://127.0.0.1").post("/evaluate", json={})
    assert [(one.who, one.refusal) for one in trail.exchanges] == [
        ("tumour-board", None),
        ("anonymous", "401 Unauthorized"),
    ]
