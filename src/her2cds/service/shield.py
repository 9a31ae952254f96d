"""Round every request: who may address the service, how much, how fast; what leaves it, and what is kept of it.

Nothing that a patient's chart holds is logged: a line names method, route, status, time and the id of the request.
An unforeseen error is logged by its kind and place, without its message, and leaves as a problem without either.
"""

from __future__ import annotations

import logging
import time
import traceback
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers, MutableHeaders

from her2cds.errors import AuditError
from her2cds.service.arrival import Arrival, Room
from her2cds.service.problems import ProblemError, response_of, speaks_fhir
from her2cds.service.recorder import Recorder, caller_of, route_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from her2cds.service.settings import Settings
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
        self._app, self._settings = app, state.settings
        self._limits = state.settings.limits
        self._rate = RateLimitItemPerMinute(self._limits.per_minute) if self._limits.per_minute else None
        self._window = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._room = Room(self._limits.bytes_at_once)
        self._recorder = Recorder(state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, request = time.perf_counter(), f"urn:uuid:{uuid.uuid4()}"
        arrival = Arrival(scope, receive, self._limits, self._room)
        scope.setdefault("state", {}).update(request=request, arrival=arrival)
        try:
            held = await self._answered(scope, arrival)
        finally:
            arrival.end()
        self._finish(scope, held)
        for message in held.messages:
            await send(message)
        milliseconds = (time.perf_counter() - began) * 1000
        log.info("%s %s %d %.0f ms %s", scope["method"], route_of(scope), held.status, milliseconds, request)

    async def _answered(self, scope: Scope, arrival: Arrival) -> _Held:
        held = _Held()
        try:
            self._admit(scope)
            scope["state"]["admitted"] = True
            await self._app(scope, arrival.receive, held.take)
        except Exception as error:
            held = await _refusal(scope, error, scope["state"]["request"])
        return await self._recorded(scope, arrival.body, held)

    def _admit(self, scope: Scope) -> None:
        """Refuse what is addressed to another host, sent by another site's page, or too frequent."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
        if host.lower() not in self._settings.hosts and headers.get("host", "").lower() not in self._settings.hosts:
            raise ProblemError(400, "wrong-host", "The service is not known by the name in the Host header.")
        if not _may_send(headers, self._settings):
            raise ProblemError(403, "wrong-origin", "Requests from pages of this origin are not allowed.")
        if self._rate and not self._window.hit(self._rate, caller_of(scope)):
            raise ProblemError(429, "too-many-requests", f"At most {self._rate}.", headers={"Retry-After": "10"})

    async def _recorded(self, scope: Scope, body: bytes, held: _Held) -> _Held:
        """Have an exchange recorded; where that fails the answer is withheld."""
        try:
            await self._recorder.record(scope, body, held.status)
        except Exception as error:
            _log_not_recorded(error, scope["state"]["request"])
            problem = ProblemError(503, "not-recorded", "The exchange could not be recorded; the answer is withheld.")
            return await _held_problem(scope, problem, scope["state"]["request"])
        return held

    def _finish(self, scope: Scope, held: _Held) -> None:
        headers = MutableHeaders(raw=held.messages[0]["headers"])
        for name, value in _HEADERS.items():
            headers[name] = value
        if self._settings.base_url.startswith("https:"):
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


def _may_send(headers: Headers, settings: Settings) -> bool:
    """Whether no page sent the request, or one of this service or of a site that may."""
    origin = headers.get("origin")
    if not origin or origin in settings.origins:
        return True
    try:
        return urlsplit(origin).netloc == headers.get("host")
    except ValueError:
        return False


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


def _log_not_recorded(error: Exception, request: str) -> None:
    """The audit log's own words say what is to be mended, and hold nothing of a patient."""
    if isinstance(error, AuditError):
        log.error("%s, request %s", error, request)
    elif isinstance(error, TimeoutError):
        log.error("the audit log does not answer, request %s", request)
    else:
        _log_unforeseen(error, request)


def _log_unforeseen(error: Exception, request: str) -> None:
    """Kind and place only: the message of an unforeseen error may hold anything."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    log.error("%s at %s:%s, request %s", type(error).__name__, place.filename, place.lineno, request)
