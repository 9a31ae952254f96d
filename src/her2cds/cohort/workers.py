"""Parts to processes of this machine, and their results back, in the order in which they finish.

A worker process that dies (killed, out of memory, a crash in native code) takes only its part with it: the parts that
were being worked on are tried again, each alone in a fresh process, and only one that dies alone again is given up.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Generic, TypeVar

from her2cds.cohort.source import Part
from her2cds.errors import CohortError

R = TypeVar("R")
_SECONDS_TO_END = 5
Task = Callable[[Part], R]


@dataclass(frozen=True, slots=True)
class Finished(Generic[R]):
    """A part with its result, or with the error that it ended in."""

    part: Part
    result: R | None = None
    error: CohortError | None = None


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


def run_locally(task: Task[R], parts: Iterable[Part], processes: int) -> Iterator[Finished[R]]:
    """Run a task on every part in `processes` worker processes. Nothing is left running when this ends."""
    waiting = deque(parts)
    while waiting:
        lost = yield from _until_a_worker_dies(task, waiting, processes)
        for part in lost:
            for again in (yield from _until_a_worker_dies(task, deque([part]), 1)):
                yield Finished(again, error=CohortError(f"{again.name}: its worker process died twice"))


def _until_a_worker_dies(
    task: Task[R], waiting: deque[Part], processes: int
) -> Generator[Finished[R], None, list[Part]]:
    """Work through the waiting parts; the parts that were being worked on when a worker died."""
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_begin_worker)
    running: dict[Future[R], Part] = {}
    try:
        while waiting or running:
            while waiting and len(running) < processes + 1:  # one more, so that no worker waits for us
                running[pool.submit(task, waiting[0])] = waiting[0]
                waiting.popleft()
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                finished = _finished(future, running[future])
                del running[future]
                yield finished
    except BrokenProcessPool:
        return list(running.values())
    finally:
        _end(pool)
    return []


def _finished(future: Future[R], part: Part) -> Finished[R]:
    try:
        return Finished(part, result=future.result())
    except BrokenProcessPool:
        raise
    except CohortError as error:
        return Finished(part, error=error)
    except Exception as error:  # no part may end the run; its class is all that is surely free of patient data
        return Finished(part, error=CohortError(f"{part.name}: unexpected {type(error).__name__} in the software"))


def _end(pool: ProcessPoolExecutor) -> None:
    """Stop the pool at once: what is unfinished is done again by the next run."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(_SECONDS_TO_END)
        if process.is_alive():  # stopped, or deep in native code: it does not hear of the end
            process.kill()
            process.join()


def _begin_worker() -> None:
    """In a new worker: leave an interrupt to the parent, and end when the parent does, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
