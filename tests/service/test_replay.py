"""What the service recorded, answered again: every kind of request, and on the day of its recording."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import date as Date
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from her2cds import KnowledgeBase
from her2cds.audit.log import AuditLog
from her2cds.audit.replay import replay
from her2cds.cli.app import app
from her2cds.service.again import answers_again
from her2cds.service.app import create_app
from tests.fhir_builders import POSITIVE, breast_cancer, bundle, coded, patient
from tests.service.conftest import BASE, example
from tests.service.test_cds_hooks import call

PATIENT = example("second-line-her2-positive")
CHART = bundle(patient(), breast_cancer(), coded("85319-2", POSITIVE))
HOOK = call("order-sign", "trastuzumab") | {
    "prefetch": {
        "patient": patient(),
        "conditions": bundle(breast_cancer()),
        "observations": bundle(coded("85319-2", POSITIVE)),
        "medicationRequests": None,
    }
}
FHIR = {"Accept": "application/fhir+json"}
REQUESTS: tuple[tuple[str, str, dict[str, Any], dict[str, str]], ...] = (
    ("evaluate", "/evaluate", PATIENT, {}),
    ("evaluate", "/evaluate", CHART, {}),
    ("evaluate/fhir", "/evaluate", CHART, FHIR),
    ("questions", "/questions", PATIENT, {}),
    ("explain", "/explain", {"patient": PATIENT, "name": "t-dm1"}, {}),
    ("explain", "/explain", {"patient": PATIENT, "name": "t-dxd", "over": "t-dm1"}, {}),
    ("what-if", "/what-if", {"patient": PATIENT, "set": {"health.lvef_percent": 30}}, {}),
    ("import", "/import", CHART, {}),
    ("cds-hooks/patient-view", "/cds-services/her2cds-patient-view", HOOK | {"hook": "patient-view"}, {}),
    ("cds-hooks/order-select", "/cds-services/her2cds-order-select", HOOK | {"hook": "order-select"}, {}),
    ("cds-hooks/order-sign", "/cds-services/her2cds-order-sign", HOOK, {}),
)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    with AuditLog.open(str(tmp_path / "audit.sqlite")) as opened:
        yield opened


@pytest.fixture
def client(knowledge: KnowledgeBase, log: AuditLog) -> TestClient:
    return TestClient(create_app(knowledge, trail=log), base_url=BASE)


@pytest.mark.parametrize(("kind", "path", "body", "headers"), REQUESTS, ids=lambda one: one if type(one) is str else "")
def test_every_kind_of_request_replays_to_the_same_answer(
    client: TestClient,
    log: AuditLog,
    knowledge: KnowledgeBase,
    kind: str,
    path: str,
    body: dict[str, Any],
    headers: dict[str, str],
) -> None:
    answer = client.post(path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    entry = log.entry(1)
    assert entry.request == kind
    assert json.loads(entry.output or "") == answer.json()
    assert replay(entry, knowledge, answers_again(BASE)).differences == ()


@pytest.mark.parametrize("name", ["report.json", "report.fhir.json"])
def test_an_export_replays_too(client: TestClient, log: AuditLog, knowledge: KnowledgeBase, name: str) -> None:
    client.post(f"/export/{name}", data={"disease.primary": "breast", "specimens.0.her2_ihc": "3+"})
    assert log.entry(1).request == f"export/{name}"
    assert replay(log.entry(1), knowledge, answers_again(BASE)).same


def test_an_altered_rule_shows_in_the_replay_of_an_explanation(
    client: TestClient, log: AuditLog, knowledge: KnowledgeBase
) -> None:
    body = json.dumps({"patient": PATIENT, "name": "t-dm1"})
    answer = client.post("/explain", content=body, headers={"Content-Type": "application/json"}).json()
    answer["standing"] = "something else"
    log.record(who="a", request="explain", knowledge=knowledge.identity, input=body, output=json.dumps(answer))
    (difference,) = replay(log.entry(2), knowledge, answers_again(BASE)).differences
    assert (difference.path, difference.then) == ("$.standing", '"something else"')


def test_a_name_and_a_body_that_would_be_refused_now_are_differences(log: AuditLog, knowledge: KnowledgeBase) -> None:
    for body in ({"patient": PATIENT, "name": "withdrawn-regimen"}, {"patient": PATIENT}, [1]):
        entry = log.record(
            who="a", request="explain", knowledge=knowledge.identity, input=json.dumps(body), output="{}"
        )
        (difference,) = replay(entry, knowledge, answers_again(BASE)).differences
        assert difference.now.startswith("refused: ")


def test_a_chart_is_read_as_on_the_day_of_the_recording(knowledge: KnowledgeBase) -> None:
    """A result dated after the recording does not count in a replay, as it did not count then."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    chart = bundle(patient(), breast_cancer(), coded("85319-2", POSITIVE, tomorrow.isoformat()))
    again = answers_again(BASE)["import"]
    then, later = (again(json.dumps(chart), knowledge, day) for day in (datetime.now(UTC).date(), tomorrow))
    assert "her2_reported" not in then
    assert "her2_reported" in later


@pytest.fixture
def a_day_ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[Date]:
    """A machine where the next day has begun, whatever the time in UTC; its day."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "EAST-24")
        time.tzset()
        yield Date.today()
    time.tzset()


@pytest.mark.parametrize(("path", "part"), [("/evaluate", None), ("/questions", None), ("/explain", "patient")])
def test_what_was_answered_in_the_east_on_the_day_there_is_replayed_on_that_day(
    client: TestClient, log: AuditLog, knowledge: KnowledgeBase, a_day_ahead: Date, path: str, part: str | None
) -> None:
    profile = PATIENT | {"date": a_day_ahead.isoformat()}
    answer = client.post(path, json={part: profile, "name": "t-dm1"} if part else profile)
    assert answer.status_code == 200, answer.text
    entry = log.entry(1)
    assert entry.recorded_at[:10] < a_day_ahead.isoformat() == entry.day
    assert replay(entry, knowledge, answers_again(BASE)).same


def test_all_that_the_page_shows_is_recorded_and_replays(
    client: TestClient, log: AuditLog, knowledge: KnowledgeBase
) -> None:
    form = {"disease.primary": "breast", "specimens.0.her2_ihc": "3+", "if:patient.ecog": "3", "explain": "t-dm1"}
    assert client.post("/", data=form | {"action": "evaluate"}).status_code == 200
    entries = list(log.entries())
    assert [one.request for one in entries] == ["evaluate", "questions", "what-if", "explain"]
    assert all(replay(one, knowledge, answers_again(BASE)).same for one in entries)


def test_the_command_replays_a_chart_that_the_service_took_as_a_patient(client: TestClient, tmp_path: Path) -> None:
    client.post("/evaluate", json=CHART)
    command = ["audit", "replay", "1", "--audit", str(tmp_path / "audit.sqlite")]
    assert "The answer is the same." in CliRunner().invoke(app, command).stdout


def test_the_command_replays_what_the_service_recorded(client: TestClient, tmp_path: Path) -> None:
    client.post("/cds-services/her2cds-order-sign", json=HOOK)
    command = ["audit", "replay", "1", "--audit", str(tmp_path / "audit.sqlite")]
    assert "The answer is the same." in CliRunner().invoke(app, [*command, "--base-url", BASE]).stdout
    elsewhere = CliRunner().invoke(app, [*command, "--base-url", "https://elsewhere.example"])
    assert (elsewhere.exit_code, "elsewhere.example" in elsewhere.stdout) == (1, True)
