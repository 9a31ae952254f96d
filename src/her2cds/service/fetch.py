"""What another server publishes at a URL, within bounds: so many bytes, and so long from the first to the last."""

from __future__ import annotations

import http.client
import io
import socket
import time
import urllib.request
from typing import Any


class FetchError(Exception):
    """There was no answer that can be used."""


def fetched(url: str, *, most_bytes: int, seconds: float) -> bytes:
    """What stands at an http or https URL. Raises FetchError; nothing that points elsewhere is followed.

    `seconds` bounds the way to the server, then its whole answer: one that sends a byte now and then gets no longer.
    """
    opener = urllib.request.build_opener(_NoRedirect, _Http, _Https)
    try:
        with opener.open(url, timeout=seconds) as answer:
            content: bytes = answer.read(most_bytes + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:  # URLError is an OSError
        raise FetchError(type(error).__name__) from None
    if len(content) > most_bytes:
        raise FetchError(f"more than {most_bytes} bytes")
    return content


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An answer comes from the place that was asked, and from no other that it points to."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


class _Until(io.RawIOBase):
    """A stream from a socket up to a moment: a socket's own timeout starts anew with each byte that comes."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, until: float) -> None:
        super().__init__()
        self._raw, self._sock, self._until = raw, sock, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer whose status line, headers and content together have the time that the request was given."""

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        until = time.monotonic() + (sock.gettimeout() or 0)
        self.fp = io.BufferedReader(_Until(self.fp.detach(), sock, until))


class _HttpConnection(http.client.HTTPConnection):
    response_class = _Answer


class _HttpsConnection(http.client.HTTPSConnection):
    response_class = _Answer


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HttpConnection, req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HttpsConnection, req)
