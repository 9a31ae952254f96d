"""Who is asking: bearer tokens, sessions of the page, and the signed tokens of EHRs."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict

from starlette.requests import Request

from her2cds.service.cds_clients import CdsClientTokens
from her2cds.service.problems import ProblemError
from her2cds.service.settings import Settings, digest

COOKIE = "her2cds"
SESSION_SECONDS = 8 * 3600
_MOST_SESSIONS = 10_000
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


class Access:
    """Decides whether a request may be answered. Where no token and no EHR is set up, everybody may ask."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients = CdsClientTokens(settings.cds_clients, settings.base_url)
        self._sessions: OrderedDict[str, tuple[str, float]] = OrderedDict()

    @property
    def is_open(self) -> bool:
        """Whether everybody may ask."""
        return not self._settings.needs_access

    async def admit(self, request: Request) -> None:
        """Let a caller with a service token pass. Raises ProblemError 401.

        It never waits, and so takes none of the threads in which the keys of EHRs are fetched.
        """
        if not self.is_open:
            request.state.subject = self._subject(_bearer(request))

    def admit_hook(self, request: Request) -> None:
        """Let an EHR pass that shows the specification's JSON Web Token, or a service token. Raises ProblemError 401.

        Verifying may fetch the EHR's keys, so it runs in a thread of its own.
        """
        if self.is_open:
            return
        token = _bearer(request)
        if self._settings.cds_clients and token.count(".") == 2:
            request.state.subject = self._clients.verify(token, request.url.path)
        else:
            request.state.subject = self._subject(token)

    def admit_page(self, request: Request) -> bool:
        """Whether a browser may see the page: it has signed in, or nobody needs to."""
        if self.is_open:
            return True
        subject = self._signed_in(request.cookies.get(COOKIE, ""))
        if subject:
            request.state.subject = subject
        return bool(subject)

    def sign_in(self, request: Request, token: str) -> str:
        """A new session for a valid service token; the request has its subject from now on. Raises ProblemError 401."""
        subject = request.state.subject = self._subject(token)
        session = secrets.token_urlsafe(32)
        self._sessions[digest(session)] = (subject, time.monotonic() + SESSION_SECONDS)
        while len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def sign_out(self, request: Request) -> bool:
        """End the session of a browser; whether there was one."""
        session = request.cookies.get(COOKIE, "")
        request.state.subject = self._signed_in(session)
        self._sessions.pop(digest(session), None)
        return bool(request.state.subject)

    def _signed_in(self, session: str) -> str:
        subject, until = self._sessions.get(digest(session), ("", 0.0))
        return subject if time.monotonic() < until else ""

    def _subject(self, token: str) -> str:
        """The subject of a service token. Every digest is compared, in constant time, whichever one fits."""
        given = digest(token)
        found = ""
        for known, subject in self._settings.tokens.items():
            if hmac.compare_digest(given, known):
                found = subject
        if not found:
            raise ProblemError(401, "not-signed-in", "A valid bearer token is needed.", headers=_CHALLENGE)
        return found


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ProblemError(401, "not-signed-in", "A valid bearer token is needed.", headers=_CHALLENGE)
    return token.strip()
