"""The service against what is made to stop it, to deceive it, or to leave no trace in it."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from her2cds import KnowledgeBase
from her2cds.audit.log import AuditLog
from her2cds.audit.replay import replay
from her2cds.cli.app import app
from her2cds.errors import ServiceError
from her2cds.service import cds_clients, run
from her2cds.service.again import answers_again
from her2cds.service.app import create_app
from her2cds.service.cds_clients import KeySet
from her2cds.service.settings import (
    CdsClient,
    Limits,
    Settings,
    checked_base_url,
    digest,
    read_cds_clients,
    read_tokens,
)
from tests.service.conftest import BASE, Chart, Running, example, listening
from tests.service.test_cds_client_tokens import EC, ISSUER, discover, key_set, token
from tests.service.test_cds_hooks import call, cards_of

Json = dict[str, Any]
TOKENS = {digest("right"): "clinic"}
AS_JSON = {"Content-Type": "application/json"}
PATIENT = example("second-line-her2-positive")


# --- Bodies ------------------------------------------------------------------------------------------


def test_a_body_that_takes_long_to_parse_keeps_nobody_else_waiting(
    knowledge: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parsing is part of the answer: it runs beside the event loop, and the time limit counts it."""
    for module in ("api", "hooks.routes"):
        monkeypatch.setattr(f"her2cds.service.{module}.object_in", lambda _: time.sleep(1.5))
    monkeypatch.setattr("her2cds.service.page.views.parse_qs", lambda *_, **__: time.sleep(1.5))
    forms = {"Content-Type": "application/x-www-form-urlencoded"}
    with TestClient(create_app(knowledge, Settings(limits=Limits(answer_seconds=0.2))), base_url=BASE) as client:
        for path in ("/evaluate", "/import", "/cds-services/her2cds-patient-view", "/", "/export/report.json"):
            headers = forms if path in ("/", "/export/report.json") else AS_JSON
            began = time.monotonic()
            assert client.post(path, content=b"{}", headers=headers).status_code == 503
            assert client.get("/cds-services").status_code == 200
            assert time.monotonic() - began < 1


@pytest.fixture
def guarded(knowledge: KnowledgeBase) -> Iterator[Running]:
    clients = (CdsClient("https://ehr.example.org", "https://ehr.example.org/jwks"),)
    yield from listening(create_app(knowledge, Settings(tokens=TOKENS, cds_clients=clients)))


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/evaluate", ""),
        ("/evaluate", "Authorization: Bearer wrong\r\n"),
        ("/cds-services/her2cds-order-sign", "Authorization: Bearer a.b.c\r\n"),
        ("/cds-services/her2cds-order-sign/feedback", ""),
        ("/", "Cookie: her2cds=guessed\r\n"),
        ("/export/report.json", ""),
        ("/sign-in", "Content-Type: application/x-www-form-urlencoded\r\n"),
        ("/nowhere", ""),
    ],
)
def test_nobody_is_listened_to_before_it_is_known_who_calls(guarded: Running, path: str, more: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4900000\r\nConnection: close\r\n{more}\r\n"
    began = time.monotonic()
    answer = guarded.raw(head.encode(), b"x" * 1000)
    assert int(answer.split(b" ")[1]) in (401, 404, 413)
    assert time.monotonic() - began < 3  # a body is waited for ten seconds


def test_the_bodies_of_all_callers_together_have_a_bound_and_leave_room_when_they_are_answered(
    client_with: Callable[..., Any],
) -> None:
    client = client_with(limits=Limits(bytes_at_once=10_000))
    assert client.post("/evaluate", json={"note": "x" * 10_000}).status_code == 503
    for _ in range(5):
        assert client.post("/evaluate", json={"note": "x" * 1_900, "id": "a", "schema_version": "1"}).status_code == 200
        assert client.post("/evaluate", content=b"[" * 9_000, headers=AS_JSON).status_code == 400


@pytest.mark.parametrize("part", ["set", "remove", "append", "progresses_on"])
def test_a_what_if_has_a_bounded_number_of_changes(client: Any, part: str) -> None:
    many = [f"drug {number}" for number in range(201)]
    change = dict.fromkeys(many, 1) if part in ("set", "append") else many
    answer = client.post("/what-if", json={"patient": PATIENT, part: change})
    assert (answer.status_code, answer.json()["faults"][0]["found"]) == (422, "201 changes")


def test_parts_without_number_are_refused_in_few_words(client: Any) -> None:
    answer = client.post("/explain", json={str(number): 1 for number in range(10_000)})
    assert (answer.status_code, len(answer.json()["faults"])) == (422, 100)
    for wrong in ({"selections": [1] * 200_000}, {"patientId": 1}):
        body = call("order-sign", "T-DXd")
        body["context"] |= wrong
        assert client.post("/cds-services/her2cds-order-sign", json=body).status_code == 400
    body = call("patient-view") | {"prefetch": dict.fromkeys(map(str, range(100_000)), 1)}
    assert client.post("/cds-services/her2cds-patient-view", json=body).status_code == 400
    feedback = {"feedback": [1] * 300_000}
    assert client.post("/cds-services/her2cds-order-sign/feedback", json=feedback).status_code == 400


# --- The page ----------------------------------------------------------------------------------------


def paste(client: Any, tree: Json) -> Any:
    return client.post("/", data={"action": "paste", "pasted": json.dumps(tree)})


def test_the_form_shows_a_bounded_number_of_rows_and_says_so(client: Any) -> None:
    answer = paste(client, {"specimens": [{}] * 20_000})
    assert answer.status_code == 422
    assert "The form shows the first 200 of 20000." in answer.text
    assert len(answer.text) < 2_000_000
    alterations = [{"gene": "TP53", "kind": "mutation"}] * 150
    answer = paste(
        client, {"genomic_tests": [{"alterations": alterations}] * 100, "treatments": [{"agents": ["T-DXd"]}]}
    )
    assert answer.text.count('name="genomic_tests.0.alterations.149.gene"') == 1
    assert "The form shows the first 100 of 150." in answer.text
    assert len(re.findall(r'name="genomic_tests\.\d+\.alterations\.\d+\.gene"', answer.text)) < 1_100
    assert 'name="treatments.0.agents"' in answer.text


@pytest.mark.parametrize("name", ["treatments.².agents", f"treatments.{'1' * 5_000}.agents", "answer:specimens.².er"])
def test_a_row_with_an_odd_number_is_no_fault_of_the_service(client: Any, name: str) -> None:
    for path in ("/", "/export/report.json"):
        answer = client.post(path, data={"action": "evaluate", "disease.primary": "breast", name: "positive"})
        assert answer.status_code in (200, 422)


def test_agents_that_are_no_list_are_no_fault_of_the_service(client: Any) -> None:
    for agents in (5, None):
        body = {"patient": {"treatments": [{"agents": agents}]}, "progresses_on": ["t-dxd"]}
        answer = client.post("/what-if", json=body)
        assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, "$.treatments[0].agents")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    with AuditLog.open(str(tmp_path / "audit.sqlite")) as opened:
        yield opened


def test_what_the_page_compares_and_explains_is_recorded_as_the_interface_records_it(
    knowledge: KnowledgeBase, log: AuditLog
) -> None:
    client = TestClient(create_app(knowledge, trail=log), base_url=BASE)
    form = {"disease.primary": "breast", "disease.setting": "metastatic", "specimens.0.her2_ihc": "3+"}
    asked = {"if:brain_metastases.status": "progressing", "if-progresses-on": "t-dxd", "explain-other": "t-dm1"}
    assert client.post("/", data={"action": "evaluate", **form, **asked}).status_code == 200
    entries = list(log.entries())
    assert [one.request for one in entries] == ["evaluate", "questions", "what-if", "explain"]
    assert all(replay(one, knowledge, answers_again(BASE)).same for one in entries)
    profile, asked_about, compared, explained = (json.loads(one.input or "") for one in entries)
    assert asked_about == profile
    assert compared == {
        "patient": profile, "set": {"brain_metastases.status": "progressing"}, "progresses_on": ["t-dxd"]
    }  # fmt: skip
    assert explained == {"patient": profile, "name": "t-dm1"}
    for path, body, entry in (("/what-if", compared, entries[2]), ("/explain", explained, entries[3])):
        assert client.post(path, json=body).text == entry.output


# --- CDS Hooks: the chart whole, and of one patient -----------------------------------------------------


def entry(kind: str = "Condition", patient: str = "p1", **more: Any) -> Json:
    return {"resource": {"resourceType": kind, "id": "c", "subject": {"reference": f"Patient/{patient}"}}, **more}


def searchset(*entries: Any, **more: Any) -> Json:
    return {"resourceType": "Bundle", "type": "searchset", "entry": list(entries), **more}


def outcome(*severities: str) -> Json:
    issues = [{"severity": one, "code": "processing"} for one in severities]
    return {"resourceType": "OperationOutcome", "issue": issues}


MATCH, INCLUDED, SAID = ({"search": {"mode": mode}} for mode in ("match", "include", "outcome"))
NESTED = searchset(entry(patient="p2"))


@pytest.mark.parametrize(
    "conditions",
    [
        searchset(entry(), total=2),
        searchset(entry(**MATCH), entry("Medication", **INCLUDED), total=2),
        searchset(total=1),
        searchset(entry(), total="2"),
        searchset(entry(), link={"relation": "next", "url": "https://ehr.example.org/2"}),
        searchset(entry(), link=[{"relation": "self"}, {"relation": "next"}]),
        searchset(entry(), link="next"),
        outcome("error"),
        outcome("information"),
        searchset({"resource": outcome("error"), **SAID}),
        searchset(entry(), {"resource": outcome("warning", "fatal"), **SAID}),
        searchset({"resource": {"resourceType": "OperationOutcome"}}),
        searchset({"resource": searchset(entry())}),
        searchset(entry(), {"resource": NESTED}),
        searchset({"resource": [entry(patient="p2")["resource"]]}),
        searchset({"resource": {"resource": entry(patient="p2")["resource"]}}),
        searchset(entry(), None),
        searchset(entry(), {}),
        {"resourceType": "Bundle", "entry": "none"},
        {"entry": []},
        {},
    ],
)
@pytest.mark.parametrize("hook", ["patient-view", "order-sign"])
def test_a_chart_that_is_not_seen_as_a_whole_is_not_judged(
    client: Any, chart: Chart, hook: str, conditions: Any
) -> None:
    chart.profile = PATIENT
    body = call(hook, "T-DXd")
    body["prefetch"]["conditions"] = conditions
    answer = client.post(f"/cds-services/her2cds-{hook}", json=body)
    assert answer.status_code == 412
    assert answer.json()["faults"][0]["path"] == "$.prefetch.conditions"
    assert chart.bundles == []


@pytest.mark.parametrize(
    "conditions",
    [
        searchset(total=0),
        searchset(entry(), entry(**MATCH), total=2),
        searchset(entry(**MATCH), entry("Medication", **INCLUDED), total=1),
        searchset(entry(), {"resource": outcome("information", "warning"), **SAID}, total=1),
        searchset(entry(), link=[{"relation": "self", "url": "https://ehr.example.org/"}]),
        searchset(entry()) | {"entry": entry()},
        entry()["resource"],
    ],
)
def test_a_chart_that_is_whole_is_judged_with_every_resource(client: Any, chart: Chart, conditions: Any) -> None:
    chart.profile = PATIENT
    body = call("patient-view")
    body["prefetch"]["conditions"] = conditions
    assert len(cards_of(client, body)) == 1
    (bundle,) = chart.bundles
    found = conditions.get("entry", [entry()])
    assert len(bundle["entry"]) == 1 + len(found if isinstance(found, list) else [found])


def ordering(number: int, text: str) -> Json:
    body = call("order-sign", *["amoxicillin"] * number, text)
    body["context"].pop("selections")
    return body


def test_more_orders_than_are_checked_are_refused_and_none_is_passed_over(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-active-ild")
    (card,) = cards_of(client, ordering(199, "Enhertu"))
    assert card["indicator"] == "critical"
    answer = client.post("/cds-services/her2cds-order-sign", json=ordering(200, "Enhertu"))
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:her2cds:problem:too-many-orders")


def test_of_many_drafts_the_selected_ones_are_checked(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-active-ild")
    body = ordering(250, "Enhertu") | {"hook": "order-select"}
    body["context"]["selections"] = ["MedicationRequest/order-250"]
    (card,) = cards_of(client, body)
    assert "contraindicated" in card["summary"]


def test_a_drug_is_found_at_the_end_of_a_long_text_and_a_longer_one_is_refused(client: Any, chart: Chart) -> None:
    chart.profile = example("second-line-active-ild")
    (card,) = cards_of(client, ordering(0, "as discussed " * 200 + "Enhertu"))
    assert card["indicator"] == "critical"
    answer = client.post("/cds-services/her2cds-order-sign", json=ordering(0, "as discussed " * 300 + "Enhertu"))
    assert (answer.status_code, answer.json()["faults"][0]["found"]) == (400, "an order of 601 words")


@pytest.mark.parametrize("end_of_line", ["\n", "\r\n", "\r", "\u2028", "\x0b"])
def test_a_text_of_the_chart_cannot_begin_a_line_of_a_card(client: Any, chart: Chart, end_of_line: str) -> None:
    chart.profile = {
        "specimens": [{"her2_ihc": f"3+{end_of_line}- **1. Best drug:** give it{end_of_line}{end_of_line}# New"}]
    }
    (card,) = cards_of(client, call("patient-view"))
    assert len(card["summary"].splitlines()) == 1
    assert not any(line.lstrip().startswith(("- **1.", "- \\*\\*1.", "#")) for line in card["detail"].splitlines())
    assert next(line for line in card["detail"].splitlines() if "Best drug" in line).startswith("- **$.specimens")


# --- The keys of an EHR ------------------------------------------------------------------------------


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(key_set()))
    return path


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    moved = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(cds_clients, "time", SimpleNamespace(monotonic=lambda: moved.now))
    return moved


def test_a_key_set_that_is_empty_withdraws_every_key(keys: Path, clock: SimpleNamespace) -> None:
    of_ehr = KeySet(str(keys))
    assert of_ehr.key("ec", "ES384")
    keys.write_text('{"keys": []}')
    clock.now += 601
    assert of_ehr.key("ec", "ES384") is None


@pytest.mark.parametrize(
    "content", [None, "", "<html>", "{}", "[]", '{"keys": 3}', "[" * 50_000, '{"keys": [], "keys": []}']
)
def test_while_a_key_set_cannot_be_read_its_keys_are_good_for_a_day(
    keys: Path, clock: SimpleNamespace, content: str | None
) -> None:
    of_ehr = KeySet(str(keys))
    assert of_ehr.key("ec", "ES384")
    keys.unlink() if content is None else keys.write_text(content)
    for hours, known in ((1, True), (23.9, True), (24.1, False), (48, False)):
        clock.now = 1000.0 + hours * 3600
        assert bool(of_ehr.key("ec", "ES384")) is known
    keys.write_text(json.dumps(key_set()))
    clock.now += 31
    assert of_ehr.key("ec", "ES384")


@pytest.fixture
def key_server() -> Iterator[Callable[..., str]]:
    """Makes a server that answers with these bytes, with a pause before each."""
    listeners: list[socket.socket] = []

    def answer(wire: socket.socket, parts: Iterator[bytes] | list[bytes], pause: float) -> None:
        with wire:
            try:
                wire.recv(65536)
                for part in parts:
                    time.sleep(pause)
                    wire.sendall(part)
            except OSError:
                pass  # the caller has gone

    def accept(listener: socket.socket, parts: list[bytes], pause: float) -> None:
        try:
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0], parts, pause), daemon=True).start()
        except OSError:
            pass  # the test is over

    def make(*parts: bytes, pause: float = 0) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threading.Thread(target=accept, args=(listener, list(parts), pause), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/jwks"

    yield make
    for one in listeners:
        one.shutdown(socket.SHUT_RDWR)
        one.close()


OK = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        (b"\x00\x01 no http at all\r\n\r\n",),
        (b"",),
        (OK, b'{"keys":' + b"[" * 60_000),
        (OK, b"\xff\xfe"),
        (OK, b" " * 200_000 + json.dumps(key_set()).encode()),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b'{"keys": ['),
        (OK, json.dumps({"keys": [{"kid": "ec", "kty": "EC", "crv": "P-384", "x": 5, "y": []}]}).encode()),
        (OK, json.dumps({"keys": [{"kid": "ec", "kty": 7, "crv": "P-384"}]}).encode()),
    ],
)
def test_a_key_server_that_answers_garbage_refuses_the_token(
    client_with: Callable[..., Any], key_server: Callable[..., str], parts: tuple[bytes, ...]
) -> None:
    ehr = client_with(base_url=BASE, cds_clients=(CdsClient(ISSUER, key_server(*parts)),))
    assert discover(ehr, token()).status_code == 401


@pytest.mark.parametrize("start", [b"", OK], ids=["head", "body"])
def test_a_key_server_that_drips_is_given_up_and_keeps_nobody_waiting_who_has_a_key(
    key_server: Callable[..., str], monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(cds_clients, "_KEYS_WHOLE_SECONDS", 1)
    drip = [bytes([one]) for one in start + b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000]
    of_ehr = KeySet(key_server(*drip, pause=0.05))
    monkeypatch.setattr(of_ehr, "_keys", {one["kid"]: one for one in key_set()["keys"]})
    monkeypatch.setattr(of_ehr, "_read", time.monotonic() - 700)
    reading = threading.Thread(target=of_ehr.key, args=("ec", "ES384"))
    began = time.monotonic()
    reading.start()
    time.sleep(0.2)
    assert of_ehr.key("ec", "ES384")
    assert time.monotonic() - began < 0.8
    reading.join()
    assert 0.8 < time.monotonic() - began < 3


def encoded(header: bytes, claims: bytes) -> str:
    return ".".join(jwt.utils.base64url_encode(one).decode() for one in (header, claims, b"signature"))


HEADER = b'{"alg": "ES384", "typ": "JWT", "kid": "ec"}'


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        (b"[" * 20_000, b"{}"),
        (HEADER, b'{"iss": ' + b"[" * 20_000),
        (b'{"alg": ["ES384"], "typ": {}, "kid": "ec"}', b'{"iss": "https://ehr.example.org/"}'),
        (HEADER, b'{"iss": {"a": 1}}'),
        (b"\xff", b"\xff"),
        (b"3", b"3"),
    ],
)
def test_a_token_that_is_made_to_break_the_reader_is_refused(
    client_with: Callable[..., Any], keys: Path, header: bytes, claims: bytes
) -> None:
    ehr = client_with(base_url=BASE, cds_clients=(CdsClient(ISSUER, str(keys)),))
    assert discover(ehr, encoded(header, claims)).status_code == 401


@pytest.mark.parametrize("claim", ["exp", "iat"])
@pytest.mark.parametrize("value", ["soon", [], {}, "later", float("inf"), float("nan"), True])
def test_times_that_are_no_numbers_are_refused(
    client_with: Callable[..., Any], keys: Path, claim: str, value: Any
) -> None:
    ehr = client_with(base_url=BASE, cds_clients=(CdsClient(ISSUER, str(keys)),))
    made = str(int(time.time()) + (300 if claim == "exp" else 0)) if value == "later" else value
    signed = token(**{claim: made}) if not isinstance(made, (list, dict)) else jwt.api_jws.encode(
        json.dumps({"iss": ISSUER, "aud": f"{BASE}/cds-services", "iat": int(time.time()), "exp": int(time.time()) + 9,
                    "jti": "1", claim: made}).encode(), EC, "ES384", {"kid": "ec", "typ": "JWT"})  # fmt: skip
    assert discover(ehr, signed).status_code == 401


# --- Starting ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "behind_proxy"),
    [
        (Settings(base_url="https://cds.example.org"), False),
        (Settings(base_url="https://cds.example.org"), True),
        (Settings(), True),
    ],
)
def test_a_service_that_a_proxy_makes_reachable_needs_tokens(settings: Settings, behind_proxy: bool) -> None:
    with pytest.raises(ServiceError, match="--tokens"):
        run.check_exposure("127.0.0.1", settings, behind_proxy=behind_proxy)
    guarded = Settings(base_url=settings.base_url, tokens=TOKENS)
    run.check_exposure("127.0.0.1", guarded, behind_proxy=behind_proxy)


def test_requests_through_a_proxy_are_counted_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[Settings] = []
    monkeypatch.setattr(run, "serve", lambda _, settings, **__: made.append(settings))
    tokens = tmp_path / "tokens"
    tokens.write_text(f"clinic {digest('x')}")
    for options in (("--behind-proxy",), ("--base-url", "https://cds.example.org")):
        assert CliRunner().invoke(app, ["serve", "--tokens", str(tokens), *options]).exit_code == 0
    assert CliRunner().invoke(app, ["serve", "--tokens", str(tokens)]).exit_code == 0
    assert [one.limits.per_minute for one in made] == [600, 600, None]


@pytest.mark.parametrize(
    ("options", "mention"),
    [
        (("--base-url", "cds.example.org"), "https://cds.example.org"),
        (("--base-url", "ftp://cds.example.org"), "https://cds.example.org"),
        (("--base-url", "https://"), "https://cds.example.org"),
        (("--base-url", "https://[x"), "https://cds.example.org"),
        (("--base-url", "https://cds.example.org:port"), "https://cds.example.org"),
        (("--base-url", ""), "https://cds.example.org"),
        (("--base-url", "https://cds.example.org"), "--tokens"),
        (("--behind-proxy",), "--tokens"),
        (("--new-token", "two words"), "one word"),
        (("--new-token", ""), "one word"),
        (("--new-token", "clinic#1"), "one word"),
        (("--new-token", "x\x07"), "one word"),
    ],
)
def test_what_would_not_be_safe_or_not_work_is_refused_in_words(options: tuple[str, ...], mention: str) -> None:
    done = CliRunner().invoke(app, ["serve", *options])
    assert done.exit_code == 2
    assert mention in done.output.replace("\n", " ")
    assert "Traceback" not in done.output


def test_the_line_for_a_new_token_is_one_that_is_read(tmp_path: Path) -> None:
    for subject in ("clinic", "tumour-board", "Ärztin.2", "x" * 200):
        lines = CliRunner().invoke(app, ["serve", "--new-token", subject]).stdout.splitlines()
        (tmp_path / "tokens").write_text(lines[1].partition(": ")[2])
        assert list(read_tokens(tmp_path / "tokens").values()) == [subject]


@pytest.mark.parametrize("text", ["", "# nobody yet\n", "\n\n  # clinic sha256:...\n"])
def test_a_token_file_without_a_token_does_not_open_the_service(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokens").write_text(text)
    with pytest.raises(ServiceError, match="no token"):
        read_tokens(tmp_path / "tokens")


@pytest.mark.parametrize(
    "text",
    ["[]", "", "# none", "- {issuer: x, jwks: 'https://[x'}", "- {issuer: x, jwks: 'https://a:b/'}",
     "- {issuer: x, jwks: 'https:///keys'}", "[" * 1_500],
)  # fmt: skip
def test_a_file_of_ehrs_that_cannot_be_used_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "ehrs.yaml").write_text(text)
    with pytest.raises(ServiceError, match=r"ehrs\.yaml"):
        read_cds_clients(tmp_path / "ehrs.yaml")


def test_a_base_url_is_kept_without_a_slash_at_its_end() -> None:
    assert checked_base_url("https://cds.example.org/") == "https://cds.example.org"
    assert checked_base_url("http://[::1]:8080") == "http://[::1]:8080"


# --- Who is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "//[", "null", "http://127.0.0.1:8080@evil.example"])
def test_an_origin_that_is_none_is_refused(client: Any, origin: str) -> None:
    assert client.post("/evaluate", json={}, headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("length", ["²", "-1", "1e3", "9" * 5_000])
def test_a_length_that_is_none_is_refused(client: Any, length: str) -> None:
    headers = {**AS_JSON, "Content-Length": length.encode("latin-1")}
    assert client.post("/evaluate", content=b"{}", headers=headers).status_code == 413


def refusals(trail: Any) -> list[tuple[str, str]]:
    return [(one.request, one.refusal) for one in trail.exchanges]


def test_one_caller_who_asks_too_often_is_recorded_once_a_minute(
    knowledge: KnowledgeBase, trail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("her2cds.service.recorder.time", SimpleNamespace(monotonic=lambda: now.now))
    served = create_app(knowledge, Settings(limits=Limits(per_minute=2)), trail=trail)
    callers = [TestClient(served, base_url=BASE, client=(address, 1)) for address in ("192.0.2.1", "192.0.2.2")]
    for _ in range(10):
        for one in callers:
            one.post("/evaluate", json={"diseas": 1})
    too_often = ("unknown", "429 Too Many Requests")
    assert refusals(trail).count(("evaluate", "422 Unprocessable Entity")) == 4
    assert refusals(trail).count(too_often) == 2
    now.now += 61
    callers[0].post("/evaluate", json={})
    assert refusals(trail).count(too_often) == 3
    assert len(trail.exchanges) == 7


def test_strangers_do_not_make_the_log_grow(
    knowledge: KnowledgeBase, trail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("her2cds.service.recorder._MOST_REMEMBERED", 20)
    served = create_app(knowledge, Settings(tokens=TOKENS), trail=trail)
    client = TestClient(served, base_url=BASE)
    for number in range(30):
        client.post("/evaluate", json={}, headers={"Host": f"evil{number}.example"})
        client.post("/evaluate", json={}, headers={"Origin": f"https://evil{number}.example"})
        client.post("/evaluate", json={}, headers={"Authorization": f"Bearer {number}"})
        client.post("/sign-in", data={"token": str(number)})
        client.post(f"/nowhere/{number}", json={})
    assert sorted(refusals(trail)) == [
        ("evaluate", "401 Unauthorized"),
        ("sign-in", "401 Unauthorized"),
        ("unknown", "400 Bad Request"),
        ("unknown", "403 Forbidden"),
        ("unknown", "404 Not Found"),
    ]
    for _ in range(3):  # who is known is recorded each time
        client.post("/evaluate", json={"diseas": 1}, headers={"Authorization": "Bearer right"})
    assert refusals(trail)[5:] == [("evaluate", "422 Unprocessable Entity")] * 3
    for number in range(40):
        TestClient(served, base_url=BASE, client=(f"caller {number}", 1)).post("/evaluate", json={})
    assert len(trail.exchanges) == 20 + 3
