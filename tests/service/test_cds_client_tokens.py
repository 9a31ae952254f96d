"""The EHR's JSON Web Token: what the specification asks of it, and every way of getting round it."""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from her2cds.service.cds_clients import KeySet
from her2cds.service.settings import CdsClient, digest
from tests.service.conftest import BASE, Chart

ISSUER = "https://ehr.example.org/"
EC = ec.generate_private_key(ec.SECP384R1())
SMALL_EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = ec.generate_private_key(ec.SECP384R1())


def key_set(**more: Any) -> dict[str, Any]:
    keys = []
    for kid, key, algorithm in (("ec", EC, "ES384"), ("rsa", RSA, "RS384"), ("small", SMALL_EC, "ES256")):
        public = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
        keys.append({**public, "kid": kid, "use": "sig", **more})
    return {"keys": keys}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(key_set()))
    return path


@pytest.fixture
def ehr(client_with: Callable[..., Any], keys: Path) -> Any:
    clients = (CdsClient(ISSUER, str(keys)),)
    return client_with(base_url=BASE, cds_clients=clients, tokens={digest("a service token"): "sandbox"})


def token(
    key: Any = EC, algorithm: str = "ES384", kid: str = "ec", header: dict[str, Any] | None = None, **claims: Any
) -> str:
    now = int(time.time())
    payload = {
        "iss": ISSUER,
        "aud": f"{BASE}/cds-services",
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid.uuid4()),
        **claims,
    }
    payload = {name: value for name, value in payload.items() if value is not None}
    made: str = jwt.encode(payload, key, algorithm=algorithm, headers={"kid": kid, "typ": "JWT", **(header or {})})
    return made


def discover(ehr: Any, value: str | None) -> Any:
    headers = {"Authorization": f"Bearer {value}"} if value is not None else {}
    return ehr.get("/cds-services", headers=headers)


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(EC, "ES384", "ec"), (RSA, "RS384", "rsa")])
def test_a_valid_token_of_a_trusted_ehr_is_accepted(ehr: Any, key: Any, algorithm: str, kid: str) -> None:
    assert discover(ehr, token(key, algorithm, kid)).status_code == 200


def test_the_audience_may_be_a_list_and_each_service_is_its_own_audience(ehr: Any, chart: Chart) -> None:
    chart.profile = {}
    assert discover(ehr, token(aud=[f"{BASE}/cds-services", "https://else.example"])).status_code == 200
    service = f"{BASE}/cds-services/her2cds-patient-view"
    answer = ehr.post(
        "/cds-services/her2cds-patient-view", json={}, headers={"Authorization": f"Bearer {token(aud=service)}"}
    )
    assert answer.status_code == 400  # admitted, and then found malformed
    answer = ehr.post(
        "/cds-services/her2cds-order-sign", json={}, headers={"Authorization": f"Bearer {token(aud=service)}"}
    )
    assert answer.status_code == 401


def test_a_token_is_good_for_one_request(ehr: Any) -> None:
    once = token()
    assert discover(ehr, once).status_code == 200
    again = discover(ehr, once)
    assert again.status_code == 401
    assert "used before" in again.json()["detail"]


NOW = int(time.time())


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: token(OTHER), "signature is wrong"),
        (lambda: token(exp=NOW - 100, iat=NOW - 200), "expired"),
        (lambda: token(iat=NOW + 900, exp=NOW + 1000), "not valid yet"),
        (lambda: token(exp=NOW + 90_000), "longer than"),
        (lambda: token(aud="https://else.example/cds-services"), "another service"),
        (lambda: token(aud=f"{BASE}/cds-services/"), "another service"),
        (lambda: token(iss="https://evil.example/"), "issuer"),
        (lambda: token(iss=None), "issuer"),
        (lambda: token(jti=None), "missing"),
        (lambda: token(exp=None), "missing"),
        (lambda: token(iat=None), "missing"),
        (lambda: token(aud=None), "missing"),
        (lambda: token(jti=""), "jti"),
        (lambda: token(kid="unknown"), "key"),
        (lambda: token(SMALL_EC, "ES256", "small"), "algorithm"),
        (lambda: token("a shared secret of thirty-two bytes!", "HS256"), "algorithm"),
        (lambda: token("a shared secret of forty-eight bytes and some more", "HS384"), "algorithm"),
        (lambda: token(RSA, "RS256", "rsa"), "algorithm"),
        (lambda: token(RSA, "RS384", "ec"), "key"),
        (lambda: token(header={"typ": "at+jwt"}), "typ"),
        (lambda: token(header={"jku": "https://evil.example/jwks"}), "key set"),
        (lambda: jwt.encode({"iss": ISSUER}, "", algorithm="none"), "algorithm"),
        (lambda: "a.b.c", "read"),
        (lambda: token()[:-8] + "AAAAAAAA", "signature"),
    ],
)
def test_a_token_that_is_not_as_specified_is_refused(ehr: Any, made: Callable[[], str], why: str) -> None:
    answer = discover(ehr, made())
    assert answer.status_code == 401
    assert why in answer.json()["detail"]
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.filterwarnings("ignore:The RSA key is")
def test_an_rsa_key_that_is_too_short_is_no_key(ehr: Any, keys: Path) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    public = jwt.get_algorithm_by_name("RS384").to_jwk(short.public_key(), as_dict=True)
    keys.write_text(json.dumps({"keys": [{**public, "kid": "short", "use": "sig"}]}))
    answer = discover(ehr, token(short, "RS384", "short"))
    assert answer.status_code == 401
    assert "key" in answer.json()["detail"]


# --- The bounds, to the second ----------------------------------------------------------------------


class Frozen(datetime):
    """A clock that stands still, so that a bound can be met to the second."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Frozen:
        return cls.fromtimestamp(NOW, tz)


@pytest.mark.parametrize(
    ("issued", "expires", "why"),
    [
        (0, 600, None),
        (0, 601, "longer than 600 seconds"),
        (-300, -29, None),
        (-300, -31, "expired"),
        (29, 300, None),
        (31, 300, "not valid yet"),
    ],
)
def test_a_token_lives_ten_minutes_and_clocks_may_differ_by_half_a_minute(
    ehr: Any, monkeypatch: pytest.MonkeyPatch, issued: int, expires: int, why: str | None
) -> None:
    made = token(iat=NOW + issued, exp=NOW + expires)
    monkeypatch.setattr("jwt.api_jwt.datetime", Frozen)
    answer = discover(ehr, made)
    if why is None:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 401
        assert why in answer.json()["detail"]


def test_the_public_key_is_no_shared_secret(ehr: Any, keys: Path) -> None:
    """The classic confusion: a token signed with HMAC, the published key being the secret."""

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    import hashlib
    import hmac

    signed = f"{part({'alg': 'HS384', 'typ': 'JWT', 'kid': 'ec'})}.{part({'iss': ISSUER})}"
    mac = hmac.new(keys.read_bytes(), signed.encode(), hashlib.sha384).digest()
    forged = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    assert discover(ehr, forged).status_code == 401


def test_no_token_and_a_service_token(ehr: Any) -> None:
    assert discover(ehr, None).status_code == 401
    assert discover(ehr, "").status_code == 401
    assert discover(ehr, "a service token").status_code == 200
    assert discover(ehr, "a service tokem").status_code == 401


def test_an_ehrs_token_opens_only_the_hooks(ehr: Any) -> None:
    answer = ehr.post("/evaluate", json={}, headers={"Authorization": f"Bearer {token(aud=f'{BASE}/evaluate')}"})
    assert answer.status_code == 401


def test_a_key_whose_set_says_another_algorithm_is_not_used(client_with: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(key_set(alg="RS384")))
    ehr = client_with(base_url=BASE, cds_clients=(CdsClient(ISSUER, str(path)),))
    assert discover(ehr, token()).status_code == 401


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": 3}', '{"keys": [1, {"kid": "ec"}]}', "not json"])
def test_a_broken_key_set_refuses_and_does_not_fail(
    client_with: Callable[..., Any], tmp_path: Path, content: str
) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(content)
    ehr = client_with(base_url=BASE, cds_clients=(CdsClient(ISSUER, str(path)),))
    assert discover(ehr, token()).status_code == 401


# --- Key sets by URL --------------------------------------------------------------------------------


@pytest.fixture
def key_server() -> Iterator[Any]:
    class Handler(BaseHTTPRequestHandler):
        asked: ClassVar[list[str]] = []

        def do_GET(self) -> None:
            self.asked.append(self.path)
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/jwks")
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(key_set()).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_keys_are_fetched_once_and_an_unknown_key_does_not_make_the_service_a_flood(key_server: Any) -> None:
    keys = KeySet(f"http://127.0.0.1:{key_server.server_port}/jwks")
    assert keys.key("ec", "ES384") is not None
    assert all(keys.key(f"unknown-{number}", "ES384") is None for number in range(50))
    assert key_server.RequestHandlerClass.asked == ["/jwks"]


def test_a_key_set_is_read_again_after_ten_minutes_and_for_an_unknown_key_after_half_a_minute(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that the EHR withdraws is not good for longer; a new one is found soon."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("her2cds.service.cds_clients.time", SimpleNamespace(monotonic=lambda: clock.now))
    key_set_of_ehr = KeySet(str(keys))

    def known(identifier: str, seconds: float) -> bool:
        clock.now = 1000.0 + seconds
        return key_set_of_ehr.key(identifier, "ES384") is not None

    assert known("ec", 0)
    keys.write_text(json.dumps(key_set()).replace('"kid": "ec"', '"kid": "next"'))
    assert known("ec", 600)
    assert not known("ec", 601)
    assert known("next", 601)
    keys.write_text(json.dumps(key_set()).replace('"kid": "ec"', '"kid": "last"'))
    assert not known("last", 631)
    assert known("last", 632)


def test_a_key_set_that_points_elsewhere_is_not_followed(key_server: Any) -> None:
    assert KeySet(f"http://127.0.0.1:{key_server.server_port}/moved").key("ec", "ES384") is None
    assert "/jwks" not in key_server.RequestHandlerClass.asked


def test_a_key_server_that_is_down_refuses_and_does_not_fail() -> None:
    assert KeySet("http://127.0.0.1:9/jwks").key("ec", "ES384") is None
