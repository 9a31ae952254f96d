"""Answers are computed beside the event loop, a few at once, with a bounded queue and a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from her2cds.service.problems import ProblemError
from her2cds.service.settings import Limits

T = TypeVar("T")


class Workers:
    """A bounded number of threads. What does not fit is refused at once rather than kept waiting without end."""

    def __init__(self, limits: Limits) -> None:
        self._most = limits.workers + limits.waiting
        self._seconds = limits.answer_seconds
        self._threads = ThreadPoolExecutor(limits.workers, thread_name_prefix="her2cds")
        self._running = 0

    async def run(self, answer: Callable[[], T]) -> T:
        """The answer. Raises ProblemError 503 where the queue is full or the answer takes too long."""
        if self._running >= self._most:
            raise ProblemError(503, "busy", "Too many requests at once; try again.", headers={"Retry-After": "1"})
        self._running += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, answer)
        future.add_done_callback(self._done)  # a thread cannot be stopped: its place is taken until it ends
        try:
            return await asyncio.wait_for(asyncio.shield(future), self._seconds)
        except TimeoutError:
            raise ProblemError(503, "too-slow", f"No answer within {self._seconds:g} seconds.") from None

    def _done(self, answered: asyncio.Future[T]) -> None:
        self._running -= 1
        if not answered.cancelled():
            answered.exception()  # taken note of: a caller who has gone does not make it be logged with what it holds
