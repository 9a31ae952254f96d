"""What the service may do, and for whom: read once at start, never changed afterwards."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import yaml

from her2cds.errors import ServiceError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SUBJECT = re.compile(r"[^\s#]{1,200}")
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what one request, and all together, may cost.

    `body_bytes` is the largest request; `bytes_at_once` are held of all requests together; `body_seconds` the longest
    that a body may take to arrive; `answer_seconds` the longest that an answer may take; `workers` answers are computed
    at once and `waiting` more may queue; `per_minute` is the number of requests that one caller may make (None: any
    number).
    """

    body_bytes: int = 5_000_000
    bytes_at_once: int = 200_000_000
    body_seconds: float = 10.0
    answer_seconds: float = 20.0
    workers: int = 4
    waiting: int = 200
    per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class CdsClient:
    """An EHR that may call the CDS Hooks services: its issuer, and its key set, an https URL or a file."""

    issuer: str
    jwks: str


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one service.

    `base_url` is how clients reach it, without a slash at its end; `tokens` are the digests of the bearer tokens with
    the subject of each; `cds_clients` the EHRs that are trusted; `origins` may call it from a browser (CORS).
    """

    base_url: str = "http://127.0.0.1:8080"
    tokens: dict[str, str] = field(default_factory=dict)
    cds_clients: tuple[CdsClient, ...] = ()
    origins: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    @property
    def needs_access(self) -> bool:
        """Whether a caller has to say who it is."""
        return bool(self.tokens or self.cds_clients)

    @property
    def hosts(self) -> frozenset[str]:
        """The names by which the service may be addressed: a page elsewhere that resolves to it is refused."""
        name = urlsplit(self.base_url).hostname or ""
        shown = f"[{name}]" if ":" in name else name
        return frozenset((*_LOOPBACK_NAMES, shown)) if is_loopback(name) else frozenset((shown,))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_exposed(host: str, settings: Settings, *, behind_proxy: bool) -> bool:
    """Whether other machines can reach the service: at its own address, or through what stands before it."""
    name = urlsplit(settings.base_url).hostname or ""
    return behind_proxy or not is_loopback(host) or not is_loopback(name)


def checked_base_url(url: str) -> str:
    """The address of the service without a slash at its end. Raises ServiceError for what is no such address."""
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ServiceError(f"--base-url: {url!r}: expected a whole address, such as https://cds.example.org")
    return url.rstrip("/")


def digest(token: str) -> str:
    """How a token is kept: tokens are long and random, so that a plain hash is enough."""
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def check_subject(subject: str) -> None:
    """Raises ServiceError for a name that cannot stand in a token file, or in an audit log."""
    if not _is_subject(subject):
        raise ServiceError(f"{subject!r}: a subject is one word without `#`, of 200 characters at most")


def read_tokens(path: Path) -> dict[str, str]:
    """The digests of a token file, one `SUBJECT sha256:HEX` a line, each with its subject.

    Raises ServiceError for a line that cannot be used, and for a file that holds no token: nobody could sign in, and
    a service without tokens is open to everybody.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(_text(path).splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2 or not _is_subject(words[0]) or not _DIGEST.fullmatch(words[1]):
            raise ServiceError(
                f"{path}:{number}: expected SUBJECT sha256:HEX; `her2cds serve --new-token NAME` makes it"
            )
        found[words[1]] = words[0]
    if not found:
        raise ServiceError(f"{path}: no token; `her2cds serve --new-token NAME` makes one")
    return found


def read_cds_clients(path: Path) -> tuple[CdsClient, ...]:
    """The EHRs of a YAML file: a list of `issuer` and `jwks`.

    Raises ServiceError for an entry that cannot be used, and for a file without any.
    """
    try:
        entries = yaml.safe_load(_text(path))
    except (yaml.YAMLError, RecursionError) as error:
        raise ServiceError(f"{path}: not YAML: {error}") from None
    found = tuple(_client(entry, path) for entry in (entries if isinstance(entries, list) else [entries]))
    if not found:
        raise ServiceError(f"{path}: no EHR; each entry needs `issuer` and `jwks`")
    return found


def _is_subject(word: str) -> bool:
    return bool(_SUBJECT.fullmatch(word)) and word.isprintable()


def _client(entry: object, path: Path) -> CdsClient:
    if not isinstance(entry, dict) or set(entry) != {"issuer", "jwks"} or not all(map(_is_text, entry.values())):
        raise ServiceError(f"{path}: each entry needs exactly `issuer` and `jwks`, both as text")
    parts = _split(entry["jwks"])
    if parts is None or parts.scheme not in ("", "http", "https") or (parts.scheme and not parts.hostname):
        raise ServiceError(f"{path}: {entry['jwks']}: expected an https URL or the path of a file")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ServiceError(f"{path}: {entry['jwks']}: keys are fetched over https only")
    return CdsClient(entry["issuer"], entry["jwks"])


def _split(url: str) -> SplitResult | None:
    """The parts of a URL, its port looked at too; None where it has none."""
    try:
        parts = urlsplit(url)
        return parts if parts.port is None or parts.port > 0 else None
    except ValueError:
        return None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ServiceError(f"{path}: {error}") from None
