"""The JSON Web Tokens by which an EHR identifies itself, as CDS Hooks 2.0 specifies them ("Trusting CDS Clients").

Issuer and key set are allow-listed together: a key set that a token names in `jku` is used only where it is the one
that was set up for its issuer. Signatures are ES384 or RS384; `none` and shared secrets are never accepted.

A set that was read replaces the one before it, keys that are gone and an empty set included. While it cannot be read,
the keys of the last reading stay good for a day.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
from jwt import PyJWK

from her2cds.errors import ProfileError
from her2cds.profile.json_text import parse_json
from her2cds.service.fetch import FetchError, fetched
from her2cds.service.problems import ProblemError
from her2cds.service.settings import CdsClient

log = logging.getLogger("her2cds.service")

ALGORITHMS = ("ES384", "RS384")
_RSA_LEAST_BITS = 2048  # RFC 7518, 3.3
_REQUIRED = ("iss", "aud", "exp", "iat", "jti")
_LEEWAY_SECONDS = 30
_LONGEST_SECONDS = 600
_MOST_REMEMBERED = 100_000
_KEYS_FRESH_SECONDS = 600
_KEYS_RETRY_SECONDS = 30
_KEYS_OLDEST_SECONDS = 24 * 3600
_KEYS_WHOLE_SECONDS = 5
_KEYS_WAIT_SECONDS = 3
_KEYS_MOST_BYTES = 100_000
# What a hostile token or a broken key can raise beyond PyJWT's own errors: deep nesting, numbers without end or of
# another type, parts of a key that are no text.
_UNREADABLE = (jwt.PyJWTError, RecursionError, ValueError, TypeError, OverflowError, AttributeError)


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
        except _UNREADABLE:
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
        except _UNREADABLE as error:
            raise _refused(_WRONG.get(type(error), "its signature or a claim is not valid")) from None
        return claims

    def _once(self, issuer: str, claims: dict[str, Any]) -> None:
        if not all(isinstance(claims[name], (int, float)) for name in ("exp", "iat")):
            raise _refused("its `exp` or `iat` is not a number")
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
        self._read = self._tried = float("-inf")
        self._reading = threading.Lock()

    def key(self, identifier: str, algorithm: str) -> PyJWK | None:
        """The key with this id, for this algorithm; None where there is none that fits.

        An id that is not known makes the set be fetched again, but only rarely.
        """
        self._read_again(identifier)
        return _usable(self._known().get(identifier), algorithm)

    def _known(self) -> dict[str, dict[str, Any]]:
        return self._keys if time.monotonic() - self._read <= _KEYS_OLDEST_SECONDS else {}

    def _is_due(self, identifier: str) -> bool:
        now = time.monotonic()
        wanted = now - self._read > _KEYS_FRESH_SECONDS or identifier not in self._known()
        return wanted and now - self._tried > _KEYS_RETRY_SECONDS

    def _read_again(self, identifier: str) -> None:
        """Read the set where that is due. One caller reads; who has a key does not wait for the key server."""
        if not self._is_due(identifier):
            return
        patience = 0 if identifier in self._known() else _KEYS_WAIT_SECONDS
        if not self._reading.acquire(timeout=patience):
            return
        try:
            if self._is_due(identifier):  # another caller may have read it while this one waited
                keys = self._content()
                if keys is not None:
                    self._keys, self._read = keys, time.monotonic()
                self._tried = time.monotonic()
        finally:
            self._reading.release()

    def _content(self) -> dict[str, dict[str, Any]] | None:
        """The keys as they are published now; None where they cannot be read, which is not the same as none."""
        try:
            if urlsplit(self._place).scheme in ("http", "https"):
                content = fetched(self._place, most_bytes=_KEYS_MOST_BYTES, seconds=_KEYS_WHOLE_SECONDS)
            else:
                content = Path(self._place).read_bytes()
            return _keys_in(parse_json(content, "key set", _KEYS_MOST_BYTES))
        except (OSError, FetchError, ProfileError, _NoKeySetError) as error:
            log.warning("the key set at %s cannot be read: %s", self._place, type(error).__name__)
            return None


class _NoKeySetError(Exception):
    """What was read is no key set."""


def _keys_in(tree: object) -> dict[str, dict[str, Any]]:
    """The keys of a set by their ids."""
    keys = tree.get("keys") if isinstance(tree, dict) else None
    if not isinstance(keys, list):
        raise _NoKeySetError
    return {key["kid"]: key for key in keys if isinstance(key, dict) and isinstance(key.get("kid"), str)}


def _usable(found: dict[str, Any] | None, algorithm: str) -> PyJWK | None:
    if found is None or found.get("alg", algorithm) != algorithm or found.get("use", "sig") != "sig":
        return None
    if algorithm == "ES384" and found.get("crv") != "P-384":
        return None
    try:
        key = PyJWK(found, algorithm=algorithm)
    except _UNREADABLE:
        return None
    return None if algorithm == "RS384" and key.key.key_size < _RSA_LEAST_BITS else key


def _refused(why: str) -> ProblemError:
    return ProblemError(401, "token-refused", f"The token is refused: {why}.", headers={"WWW-Authenticate": "Bearer"})
