"""What is told to the audit trail: each answer, and of what was refused as much as says that it was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import date as Date
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from her2cds.service.trail import ANONYMOUS, Kept, refused_kind

if TYPE_CHECKING:
    from starlette.types import Scope

    from her2cds.service.state import State

_QUIET_SECONDS = 60
_MOST_SECONDS = 40  # more than a log's own limit, so that it can say why
_MOST_REMEMBERED = 1000


class Recorder:
    """Records exchanges that are posted. What nobody whom the service knows is refused, it records sparingly."""

    def __init__(self, state: State) -> None:
        self._trail, self._identity = state.trail, state.knowledge.identity
        self._everybody_may_ask = state.access.is_open
        self._refused = _Sparingly()

    async def record(self, scope: Scope, body: bytes, status: int) -> None:
        """Tell the audit trail what the route wants kept; of a refused request no more than that, and its hash.

        Raises what the trail raises, and TimeoutError where it does not answer.
        """
        if self._trail is None or scope["method"] != "POST":
            return
        entries = list(self._entries(scope, body, status))
        if entries:
            who = scope["state"].get("subject") or ANONYMOUS
            await asyncio.wait_for(asyncio.to_thread(self._write, who, entries), _MOST_SECONDS)

    def _entries(self, scope: Scope, body: bytes, status: int) -> Iterator[_Entry]:
        if status < 400:
            kept: tuple[Kept, ...] = scope["state"].get("kept", ())
            yield from (_Entry(one.request, one.input, output=one.output, day=one.day) for one in kept)
            return
        kind = refused_kind(route_of(scope))
        if self._is_known(scope) or self._refused.is_first(f"{caller_of(scope)} {status} {kind}"):
            yield _Entry(kind, body or None, refusal=f"{status} {HTTPStatus(status).phrase}")

    def _is_known(self, scope: Scope) -> bool:
        """Whether a refused caller is one who may ask: strangers could make the log grow without end."""
        state = scope["state"]
        return bool(state.get("admitted")) and (self._everybody_may_ask or bool(state.get("subject")))

    def _write(self, who: str, entries: list[_Entry]) -> None:
        assert self._trail is not None
        for one in entries:
            self._trail.record(
                who=who,
                request=one.request,
                knowledge=self._identity,
                input=one.input,
                output=one.output,
                refusal=one.refusal,
                day=one.day,
            )


class _Entry(NamedTuple):
    request: str
    input: str | bytes | None
    output: str | None = None
    refusal: str | None = None
    day: Date | None = None


class _Sparingly:
    """Lets a thing pass once a minute, and no more than a thousand things in all."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def is_first(self, thing: str) -> bool:
        """Whether it did not pass within the last minute."""
        now = time.monotonic()
        if len(self._last) >= _MOST_REMEMBERED:
            self._last = {one: then for one, then in self._last.items() if now - then < _QUIET_SECONDS}
        if now - self._last.get(thing, float("-inf")) < _QUIET_SECONDS or len(self._last) >= _MOST_REMEMBERED:
            return False
        self._last[thing] = now
        return True


def route_of(scope: Scope) -> str:
    """The path template that was matched; never the path itself where none was, for it may hold anything."""
    return getattr(scope.get("route"), "path", "-")


def caller_of(scope: Scope) -> str:
    """The address of the caller; empty where it is not known."""
    client = scope.get("client")
    return str(client[0]) if client else ""
