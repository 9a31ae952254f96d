"""Round every request: who may address the service, how much, how fast; what leaves it, and what is kept of it.

Nothing that a patient's chart holds is logged: a line names method, route, status, time and the id of the request.
An unforeseen error is logged by its kind and place, without its message, and leaves as a problem without either.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers, MutableHeaders

from her2cds.service.problems import ProblemError, response_of, speaks_fhir
from her2cds.service.trail import ANONYMOUS, refused_kind

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from her2cds.service.state import State

log = logging.getLogger("her2cds.service")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser sends its own form with `Origin: null`
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Shield:
    """ASGI middleware; the outermost, so that no answer leaves without its headers."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app, self._state = app, state
        limits = state.settings.limits
        self._rate = RateLimitItemPerMinute(limits.per_minute) if limits.per_minute else None
        self._window = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, request = time.perf_counter(), f"urn:uuid:{uuid.uuid4()}"
        scope.setdefault("state", {})["request"] = request
        body, held = b"", _Held()
        try:
            self._admit(scope)
            body = await _read(scope, receive, self._state)
            await self._app(scope, _replay(body, receive), held.take)
            held = await self._recorded(scope, body, held)
        except Exception as error:
            held = await _refusal(scope, error, request)
            held = await self._recorded(scope, body, held)
        self._finish(scope, held)
        for message in held.messages:
            await send(message)
        milliseconds = (time.perf_counter() - began) * 1000
        log.info("%s %s %d %.0f ms %s", scope["method"], route_of(scope), held.status, milliseconds, request)

    def _admit(self, scope: Scope) -> None:
        """Refuse what is addressed to another host, sent by another site's page, or too frequent."""
        headers = Headers(scope=scope)
        settings = self._state.settings
        host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
        if host.lower() not in settings.hosts and headers.get("host", "").lower() not in settings.hosts:
            raise ProblemError(400, "wrong-host", "The service is not known by the name in the Host header.")
        origin = headers.get("origin")
        if origin and origin not in settings.origins and urlsplit(origin).netloc != headers.get("host"):
            raise ProblemError(403, "wrong-origin", "Requests from pages of this origin are not allowed.")
        client = scope.get("client")
        if self._rate and not self._window.hit(self._rate, client[0] if client else ""):
            raise ProblemError(429, "too-many-requests", f"At most {self._rate}.", headers={"Retry-After": "10"})

    async def _recorded(self, scope: Scope, body: bytes, held: _Held) -> _Held:
        """Have an exchange recorded; where that fails the answer is withheld."""
        try:
            await asyncio.to_thread(self._record, scope, body, held.status)
        except Exception as error:
            _log_unforeseen(error, scope["state"]["request"])
            problem = ProblemError(503, "not-recorded", "The exchange could not be recorded; the answer is withheld.")
            return await _held_problem(scope, problem, scope["state"]["request"])
        return held

    def _record(self, scope: Scope, body: bytes, status: int) -> None:
        """Tell the audit trail what the route wants kept; of a refused request no more than that, and its hash."""
        trail, state = self._state.trail, scope["state"]
        who, identity, kept = state.get("subject") or ANONYMOUS, self._state.knowledge.identity, state.get("kept")
        if trail is None or scope["method"] != "POST":
            return
        if status >= 400:
            words = f"{status} {HTTPStatus(status).phrase}"
            kind = refused_kind(route_of(scope))
            trail.record(who=who, request=kind, knowledge=identity, input=body or None, refusal=words)
        elif kept is not None:
            trail.record(who=who, request=kept.request, knowledge=identity, input=kept.input, output=kept.output)

    def _finish(self, scope: Scope, held: _Held) -> None:
        headers = MutableHeaders(raw=held.messages[0]["headers"])
        for name, value in _HEADERS.items():
            headers[name] = value
        if self._state.settings.base_url.startswith("https:"):
            headers["Strict-Transport-Security"] = "max-age=31536000"
        headers.setdefault("Cache-Control", "no-store")
        headers["X-Request-Id"] = scope["state"]["request"]


@dataclass
class _Held:
    """An answer that is held back until it is complete and recorded. No route streams."""

    messages: list[Message] = field(default_factory=list)

    async def take(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])


def route_of(scope: Scope) -> str:
    """The path template that was matched; never the path itself where none was, for it may hold anything."""
    return getattr(scope.get("route"), "path", "-")


async def _read(scope: Scope, receive: Receive, state: State) -> bytes:
    """The whole body. Raises ProblemError where it is too large, or takes too long to arrive."""
    limits = state.settings.limits
    too_large = ProblemError(413, "too-large", f"At most {limits.body_bytes} bytes are read.")
    announced = Headers(scope=scope).get("content-length", "0")
    if not announced.isdigit() or int(announced) > limits.body_bytes:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.body_seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ProblemError(400, "incomplete", "The request ended before its body.")
                size += len(message.get("body", b""))
                if size > limits.body_bytes:
                    raise too_large
                parts.append(message.get("body", b""))
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        raise ProblemError(408, "too-slow", f"The body took longer than {limits.body_seconds:g} seconds.") from None


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hand a body that was read already to the application, then whatever comes after it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message


async def _refusal(scope: Scope, error: Exception, request: str) -> _Held:
    if isinstance(error, ProblemError):
        return await _held_problem(scope, error, request)
    _log_unforeseen(error, request)
    return await _held_problem(scope, ProblemError(500, "internal", "The service could not answer."), request)


async def _held_problem(scope: Scope, problem: ProblemError, request: str) -> _Held:
    held = _Held()
    await response_of(problem, instance=request, fhir=speaks_fhir(Headers(scope=scope)))(scope, _nothing, held.take)
    return held


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _log_unforeseen(error: Exception, request: str) -> None:
    """Kind and place only: the message of an unforeseen error may hold anything."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    log.error("%s at %s:%s, request %s", type(error).__name__, place.filename, place.lineno, request)
