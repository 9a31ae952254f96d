"""Bodies on their way in: read only when a route asks for one, and bounded in size, in time and all together.

A route asks after it knows who is calling, so that nobody else can make the service hold what it sends.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.requests import Request

from her2cds.service.problems import ProblemError
from her2cds.service.settings import Limits

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope

_LENGTH = re.compile(r"[0-9]{1,15}")


class Room:
    """The bytes that may be held of all bodies together."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> None:
        """Hold so many more. Raises ProblemError 503 where there is no room for them."""
        if size > self._left:
            raise ProblemError(503, "busy", "Too much is sent at once; try again.", headers={"Retry-After": "1"})
        self._left -= size

    def give_back(self, size: int) -> None:
        """Hold so many less."""
        self._left += size


class Arrival:
    """The body of one request. `most` is the largest that is read of it; `body` is empty until all of it is there."""

    def __init__(self, scope: Scope, receive: Receive, limits: Limits, room: Room) -> None:
        self._scope, self._receive, self._seconds, self._room = scope, receive, limits.body_seconds, room
        self._begun = False
        self._held = 0
        self.most = limits.body_bytes
        self.body = b""

    async def receive(self) -> Message:
        """What the application receives: the whole body at once, then whatever comes after it.

        Raises ProblemError where the body is too large, or takes too long to arrive.
        """
        if self._begun:
            return await self._receive()
        self._begun = True
        self.body = await self._whole()
        return {"type": "http.request", "body": self.body, "more_body": False}

    def end(self) -> None:
        """The request is answered: its body is held no longer."""
        self._room.give_back(self._held)
        self._held = 0

    async def _whole(self) -> bytes:
        announced = Headers(scope=self._scope).get("content-length", "0")
        if not _LENGTH.fullmatch(announced) or int(announced) > self.most:
            raise self._too_large()
        try:
            async with asyncio.timeout(self._seconds):
                return await self._parts()
        except TimeoutError:
            words = f"The body took longer than {self._seconds:g} seconds."
            raise ProblemError(408, "too-slow", words, headers={"Connection": "close"}) from None

    async def _parts(self) -> bytes:
        parts: list[bytes] = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ProblemError(400, "incomplete", "The request ended before its body.")
            part = message.get("body", b"")
            if self._held + len(part) > self.most:
                raise self._too_large()
            self._room.take(len(part))
            self._held += len(part)
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)

    def _too_large(self) -> ProblemError:
        return ProblemError(413, "too-large", f"At most {self.most} bytes are read.")


def read_at_most(request: Request, size: int) -> None:
    """Let no more than so many bytes be read of the body of this request."""
    arrival: Arrival = request.state.arrival
    arrival.most = min(arrival.most, size)
