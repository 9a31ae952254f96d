"""The JSON Web Tokens by which an EHR identifies itself, as CDS Hooks 2.0 specifies them ("Trusting CDS Clients").

Issuer and key set are allow-listed together: a key set that a token names in `jku` is used only where it is the one
that was set up for its issuer. Signatures are ES384 or RS384; `none` and shared secrets are never accepted.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
from jwt import PyJWK

from her2cds.service.problems import ProblemError
from her2cds.service.settings import CdsClient

log = logging.getLogger("her2cds.service")

ALGORITHMS = ("ES384", "RS384")
_REQUIRED = ("iss", "aud", "exp", "iat", "jti")
_LEEWAY_SECONDS = 30
_LONGEST_SECONDS = 600
_MOST_REMEMBERED = 100_000
_KEYS_FRESH_SECONDS = 600
_KEYS_RETRY_SECONDS = 30
_KEYS_TIMEOUT_SECONDS = 3
_KEYS_MOST_BYTES = 100_000


class CdsClientTokens:
    """Verifies the tokens of the EHRs that are set up; each token is good for one request."""

    def __init__(self, clients: Iterable[CdsClient], base_url: str) -> None:
        self._clients = {one.issuer: (one, KeySet(one.jwks)) for one in clients}
        self._base_url = base_url
        self._seen = _Seen()

    def verify(self, token: str, path: str) -> str:
        """The issuer of a token for the service at a path. Raises ProblemError 401, which says what is wrong."""
        try:
            header = jwt.get_unverified_header(token)
            unverified = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError:
            raise _refused("it cannot be read") from None
        client, keys = self._clients.get(str(unverified.get("iss")), (None, None))
        if client is None or keys is None:
            raise _refused("its issuer is not trusted")
        if header.get("alg") not in ALGORITHMS:
            raise _refused(f"its algorithm is not one of {', '.join(ALGORITHMS)}")
        if header.get("typ") != "JWT":
            raise _refused("its header's `typ` is not JWT")
        if "jku" in header and header["jku"] != client.jwks:
            raise _refused("its key set is not the one that is set up for its issuer")
        key = keys.key(str(header.get("kid")), header["alg"])
        if key is None:
            raise _refused("its key is not in the key set of its issuer")
        claims = self._claims(token, key, path)
        self._once(client.issuer, claims)
        return client.issuer

    def _claims(self, token: str, key: PyJWK, path: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=f"{self._base_url}{path}",
                leeway=_LEEWAY_SECONDS,
                options={"require": list(_REQUIRED)},
            )
        except jwt.PyJWTError as error:
            raise _refused(_WRONG.get(type(error), "its signature or a claim is not valid")) from None
        return claims

    def _once(self, issuer: str, claims: dict[str, Any]) -> None:
        if claims["exp"] - claims["iat"] > _LONGEST_SECONDS:
            raise _refused(f"it is valid for longer than {_LONGEST_SECONDS} seconds")
        if not isinstance(claims["jti"], str) or not claims["jti"]:
            raise _refused("its `jti` is not text")
        if not self._seen.first_time(f"{issuer} {claims['jti']}", claims["exp"] + _LEEWAY_SECONDS):
            raise _refused("it was used before")


_WRONG: dict[type[Exception], str] = {
    jwt.ExpiredSignatureError: "it has expired",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidAudienceError: "it is meant for another service",
    jwt.MissingRequiredClaimError: f"one of {', '.join(_REQUIRED)} is missing",
    jwt.InvalidSignatureError: "its signature is wrong",
}


class _Seen:
    """The tokens that were used and have not expired. Where too many are remembered, new ones are refused."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def first_time(self, token: str, until: float) -> bool:
        """Whether this token was not seen before."""
        now = time.time()
        with self._lock:
            if len(self._until) >= _MOST_REMEMBERED:
                self._until = {one: end for one, end in self._until.items() if end > now}
            if token in self._until or len(self._until) >= _MOST_REMEMBERED:
                return False
            self._until[token] = until
            return True


class KeySet:
    """The public keys of one EHR, from a file or from the URL that was set up; fetched when needed, then kept."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._keys: dict[str, dict[str, Any]] = {}
        self._fetched = float("-inf")
        self._lock = threading.Lock()

    def key(self, identifier: str, algorithm: str) -> PyJWK | None:
        """The key with this id, for this algorithm; None where there is none that fits.

        An id that is not known makes the set be fetched again, but only rarely.
        """
        with self._lock:
            age = time.monotonic() - self._fetched
            if age > _KEYS_FRESH_SECONDS or (identifier not in self._keys and age > _KEYS_RETRY_SECONDS):
                self._fetched = time.monotonic()
                self._keys = _keys_in(self._content()) or self._keys
            found = self._keys.get(identifier)
        if found is None or found.get("alg", algorithm) != algorithm or found.get("use", "sig") != "sig":
            return None
        if algorithm == "ES384" and found.get("crv") != "P-384":
            return None
        try:
            return PyJWK(found, algorithm=algorithm)
        except jwt.PyJWTError:
            return None

    def _content(self) -> bytes:
        try:
            if urlsplit(self._place).scheme not in ("http", "https"):
                return Path(self._place).read_bytes()
            opener = urllib.request.build_opener(_NoRedirect)
            with opener.open(self._place, timeout=_KEYS_TIMEOUT_SECONDS) as answer:
                content: bytes = answer.read(_KEYS_MOST_BYTES)
                return content
        except OSError as error:  # URLError is one
            log.warning("the key set at %s cannot be read: %s", self._place, type(error).__name__)
            return b""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Keys come from the place that was set up, and from no other that it points to."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def _keys_in(content: bytes) -> dict[str, dict[str, Any]]:
    """The keys of a set by their ids; none where the content is no key set."""
    try:
        tree = json.loads(content)
    except ValueError:
        return {}
    keys = tree.get("keys") if isinstance(tree, dict) else None
    return {
        key["kid"]: key
        for key in (keys if isinstance(keys, list) else ())
        if isinstance(key, dict) and isinstance(key.get("kid"), str)
    }


def _refused(why: str) -> ProblemError:
    return ProblemError(401, "token-refused", f"The token is refused: {why}.", headers={"WWW-Authenticate": "Bearer"})
