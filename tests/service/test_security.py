"""The service as an attacker meets it: what it does not say, does not do, and does not keep waiting for."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from her2cds import KnowledgeBase
from her2cds.cli.app import app
from her2cds.errors import ServiceError
from her2cds.service import run
from her2cds.service.settings import Limits, Settings, digest, read_cds_clients, read_tokens
from tests.service.conftest import Running, example

TOKENS = {digest("right"): "tumour-board", digest("also right"): "clinic"}


# --- Who may ask ------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "cds.example.org", ""])
def test_a_service_that_others_can_reach_needs_tokens(host: str) -> None:
    with pytest.raises(ServiceError, match="--tokens"):
        run.check_exposure(host, Settings())
    run.check_exposure(host, Settings(tokens=TOKENS))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.9.1"])
def test_on_loopback_nobody_has_to_sign_in(host: str) -> None:
    run.check_exposure(host, Settings())


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic right", "bearer righ", "Bearer right right"]
)
def test_without_a_valid_token_there_is_no_answer(client_with: Callable[..., Any], header: str | None) -> None:
    client = client_with(tokens=TOKENS)
    headers = {"Authorization": header} if header is not None else {}
    for method, path in (("POST", "/evaluate"), ("GET", "/knowledge"), ("GET", "/cds-services")):
        answer = client.request(method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"


def test_each_token_opens_the_service(client_with: Callable[..., Any]) -> None:
    client = client_with(tokens=TOKENS)
    for token in ("right", "also right"):
        assert client.get("/knowledge", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_tokens_are_kept_as_digests_and_compared_in_constant_time(
    client_with: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def compare(one: str, other: str) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr("her2cds.service.access.hmac.compare_digest", compare)
    client = client_with(tokens=TOKENS)
    assert client.get("/knowledge", headers={"Authorization": "Bearer right"}).status_code == 200
    assert compared == list(TOKENS)  # all of them, also after the one that fits
    assert all(one.startswith("sha256:") for one in compared)


def test_a_token_file_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"# who may ask\nclinic {digest('x')}  # since May\n\n")
    assert read_tokens(path) == {digest("x"): "clinic"}
    for line in ("clinic x", "clinic", f"clinic {digest('x')} more", "clinic sha256:abc"):
        path.write_text(line)
        with pytest.raises(ServiceError, match="tokens:1"):
            read_tokens(path)
    with pytest.raises(ServiceError, match="missing"):
        read_tokens(tmp_path / "missing")


def test_a_file_of_ehrs_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "ehrs.yaml"
    path.write_text("- {issuer: https://ehr.example.org, jwks: https://ehr.example.org/jwks}\n")
    assert read_cds_clients(path)[0].issuer == "https://ehr.example.org"
    for text in ("- {issuer: x}", "- 3", "[", "- {issuer: x, jwks: http://e.org/k}", "- {issuer: x, jwks: ftp://e/k}"):
        path.write_text(text)
        with pytest.raises(ServiceError):
            read_cds_clients(path)


def test_a_session_of_the_page_ends_after_eight_hours_used_or_not(
    client_with: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("her2cds.service.access.time", SimpleNamespace(monotonic=lambda: clock.now))
    browser = client_with(tokens=TOKENS)
    signed_in = browser.post("/sign-in", data={"token": "right"}, follow_redirects=False)
    assert f"Max-Age={8 * 3600};" in signed_in.headers["set-cookie"]
    for seconds, expected in ((0, 200), (4 * 3600, 200), (8 * 3600 - 1, 200), (8 * 3600, 401), (9 * 3600, 401)):
        clock.now = 1000.0 + seconds
        assert browser.get("/").status_code == expected
    assert browser.post("/", data={}).status_code == 401


# --- What leaves the service ------------------------------------------------------------------------


def test_every_answer_carries_the_security_headers(client: Any) -> None:
    answers = [
        client.get("/knowledge"),
        client.get("/nowhere"),
        client.post("/evaluate", content=b"["),
        client.post("/evaluate", json=example("her2-zero")),
        client.get("/knowledge", headers={"Host": "evil.example"}),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"


def test_an_unforeseen_error_tells_nothing_and_logs_no_patient(
    client: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ValueError("patient Jane Doe")

    monkeypatch.setattr("her2cds.service.answers.evaluate", fail)
    with caplog.at_level(logging.DEBUG):
        answer = client.post("/evaluate", json={"id": "jane-doe"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "ValueError" not in answer.text
    assert "Jane" not in answer.text
    assert "ValueError" in caplog.text
    assert "jane" not in caplog.text.lower()


def test_nothing_of_a_patient_is_logged(client: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="her2cds.service"):
        client.post("/evaluate", json={**example("her2-zero"), "id": "secret-id", "note": "secret note"})
        client.post("/evaluate", json={"secret-field": "secret value"})
        client.get("/secret-path?secret=query")
        client.post("/cds-services/secret-service", json={})
    lines = [record.getMessage() for record in caplog.records if record.name == "her2cds.service"]
    assert len(lines) == 4
    assert "secret" not in " ".join(lines)


def test_cors_is_off_unless_it_is_asked_for(client: Any, client_with: Callable[..., Any]) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    refused = client.options("/evaluate", headers=asked)
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers
    open_to_one = client_with(origins=("https://ehr.example.org",))
    allowed = open_to_one.options("/evaluate", headers={**asked, "Origin": "https://ehr.example.org"})
    assert allowed.headers["access-control-allow-origin"] == "https://ehr.example.org"
    assert open_to_one.options("/evaluate", headers=asked).status_code == 403


def test_a_page_elsewhere_cannot_send_a_patient_or_point_its_name_here(client: Any) -> None:
    foreign = client.post("/evaluate", json={}, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert client.post("/evaluate", json={}, headers={"Origin": "null"}).status_code == 403
    rebound = client.post("/evaluate", json={}, headers={"Host": "evil.example:8080"})
    assert rebound.status_code == 400
    own = client.post("/evaluate", json={}, headers={"Origin": "http://127.0.0.1:8080"})
    assert own.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../etc/passwd",
        "/static/../../../etc/passwd",
        "/static/..%2f..%2fpyproject.toml",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static//etc/passwd",
        "/cds-services/..%2f..%2fevaluate",
        "/static/page.css%00.html",
        "/\\..\\..\\etc\\passwd",
    ],
)
def test_path_tricks_find_nothing(running: Running, path: str) -> None:
    answer = running.raw(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    assert answer.split(b" ")[1] in (b"404", b"405", b"400")
    assert b"root:" not in answer


# --- What is promised --------------------------------------------------------------------------------


@pytest.fixture
def tokens(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "tokens").write_text(f"clinic {digest('x')}")
    return ("--tokens", str(tmp_path / "tokens"))


def started_with(options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> tuple[Settings, dict[str, Any]]:
    """The settings that the command makes, and what it tells the server."""
    made: list[Settings] = []
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(run, "create_app", lambda _, settings, **__: made.append(settings))
    monkeypatch.setattr("her2cds.service.run.uvicorn.run", lambda _, **arguments: told.append(arguments))
    result = CliRunner().invoke(app, ["serve", *options])
    assert result.exit_code == 0, result.output
    return made[0], told[0]


def test_the_limits_are_those_that_the_documents_promise() -> None:
    limits = Settings().limits
    assert limits == Limits()
    assert (limits.body_bytes, limits.bytes_at_once) == (5_000_000, 200_000_000)
    assert (limits.body_seconds, limits.answer_seconds) == (10, 20)
    assert (limits.workers, limits.waiting, limits.per_minute) == (4, 200, None)


def test_five_megabytes_are_read_and_not_a_byte_more(client: Any) -> None:
    whole = b"{" + b" " * 4_999_998 + b"}"
    headers = {"Content-Type": "application/json"}
    assert client.post("/evaluate", content=whole, headers=headers).status_code == 200
    assert client.post("/evaluate", content=whole + b" ", headers=headers).status_code == 413


def test_a_caller_from_another_machine_has_600_requests_a_minute(
    tokens: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    reachable = ("--host", "192.0.2.1", *tokens)
    assert started_with(reachable, monkeypatch)[0].limits == Limits(per_minute=600)
    assert started_with((*reachable, "--per-minute", "50"), monkeypatch)[0].limits == Limits(per_minute=50)
    assert started_with((), monkeypatch)[0].limits == Limits()


@pytest.mark.parametrize(("options", "trusted"), [((), False), (("--behind-proxy",), True)])
def test_the_server_bounds_connections_shows_no_banner_and_believes_a_proxy_only_where_there_is_one(
    options: tuple[str, ...], trusted: bool, tokens: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, told = started_with((*options, *tokens), monkeypatch)
    assert told["limit_concurrency"] == 500
    assert told["timeout_keep_alive"] == 5
    assert told["server_header"] is False
    assert told["access_log"] is False
    assert told["proxy_headers"] is trusted
    assert (told["host"], told["port"]) == ("127.0.0.1", 8080)


# --- How much and how fast --------------------------------------------------------------------------


def request(body: bytes, *headers: str, path: str = "/evaluate") -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def status(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(running: Running) -> None:
    answer = running.raw(request(b"", "Content-Length: 1000000000"))
    assert status(answer) == 413


def test_a_body_that_grows_without_announcing_it_is_cut_off(running: Running) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = running.raw(request(b"", "Transfer-Encoding: chunked"), *[chunk] * 8, b"0\r\n\r\n")
    assert status(answer) == 413


def test_a_slow_body_is_cut_off(running: Running) -> None:
    began = time.monotonic()
    answer = running.raw(request(b"", "Content-Length: 100"), *[b"{"] * 10, pause=0.4)
    assert status(answer) == 408
    assert time.monotonic() - began < 10


def test_slow_callers_do_not_keep_others_waiting(running: Running) -> None:
    slow = [
        threading.Thread(target=running.raw, args=(request(b"", "Content-Length: 100"), b"{"), kwargs={"patience": 4})
        for _ in range(40)
    ]
    for one in slow:
        one.start()
    body = json.dumps(example("her2-zero")).encode()
    began = time.monotonic()
    answer = running.raw(request(body, f"Content-Length: {len(body)}"))
    assert status(answer) == 200
    assert time.monotonic() - began < 2
    for one in slow:
        one.join()


@pytest.mark.parametrize(
    "wire",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /evaluate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /evaluate HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_the_service_goes_on(running: Running, wire: bytes) -> None:
    answer = running.raw(wire, patience=3)
    assert not answer.startswith(b"HTTP/1.1 2")
    assert b"Traceback" not in answer
    assert status(running.raw(b"GET /knowledge HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")) == 200


def test_too_many_requests_of_one_caller_are_refused(client_with: Callable[..., Any]) -> None:
    client = client_with(limits=Limits(per_minute=20))
    statuses = [client.get("/knowledge").status_code for _ in range(40)]
    assert statuses[:20] == [200] * 20
    assert set(statuses[20:]) == {429}


def test_what_does_not_fit_the_queue_is_refused_at_once(
    client_with: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr("her2cds.service.answers.evaluate", lambda *_, **__: release.wait(10) and None)
    with client_with(limits=Limits(workers=1, waiting=1, answer_seconds=15)) as client:
        busy = [threading.Thread(target=client.post, args=("/evaluate",), kwargs={"json": {}}) for _ in range(2)]
        for one in busy:
            one.start()
            time.sleep(0.3)
        refused = client.post("/evaluate", json={})
        release.set()
        for one in busy:
            one.join()
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"


def test_an_answer_that_takes_too_long_is_given_up(
    client_with: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("her2cds.service.answers.evaluate", lambda *_, **__: time.sleep(1))
    client = client_with(limits=Limits(answer_seconds=0.1))
    answer = client.post("/evaluate", json={})
    assert answer.status_code == 503
    assert "too-slow" in answer.text


def test_hostile_profiles_are_answered_in_time(client: Any, knowledge: KnowledgeBase) -> None:
    genes = [f"G{number}" for number in range(30_000)]
    drugs = [drug.name for drug in knowledge.knowledge.data.drugs]
    hostile: list[dict[str, Any]] = [
        {"genomic_tests": [{"genes_covered": genes} for _ in range(8)]},
        {"treatments": [{"agents": drugs[:20]} for _ in range(200)]},
        {"treatments": [{"agents": [f"{'x' * 100}{number}"]} for number in range(200)]},
        {"specimens": [{"her2_ihc": "2+"} for _ in range(200)]},
        {"health": {"concomitant_drugs": [f"trastuzumap{number}" for number in range(200)]}},
        {"genomic_tests": [{"alterations": [{"gene": f"ERB{n}", "kind": "mutation"} for n in range(2000)]}]},
        {"note": "x" * 4_000_000},
        {str(number): number for number in range(100_000)},
    ]
    for profile in hostile:
        for path in ("/evaluate", "/questions"):
            began = time.monotonic()
            answer = client.post(path, json=profile)
            assert answer.status_code in (200, 400, 422)
            assert time.monotonic() - began < 20, list(profile)
