"""Parts to the workers of a Dask scheduler, and their results back, in the order in which they finish.

The client sends the description of a part and gets back its counts: patients are read and results written by the
workers, on a file system that all of them see. Nothing is shuffled.
"""

from __future__ import annotations

import logging
import re
import uuid
from asyncio import CancelledError
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from her2cds.cohort.source import Part
from her2cds.cohort.workers import Finished, Task
from her2cds.errors import CohortError

if TYPE_CHECKING:
    from distributed import Client, Future

R = TypeVar("R")
_SECONDS_TO_CONNECT = 10
_ADDRESS = re.compile(r"(tcp|tls)://[^/\s]+:\d+")


def run_on_dask(task: Task[R], parts: Iterable[Part], address: str) -> Iterator[Finished[R]]:
    """Run a task on every part on the workers of the scheduler at `address` (tcp://host:port).

    The scheduler gives up all parts that workers died with time and again: those too that only stood beside the one
    that killed them. So each is tried once more, alone. Raises CohortError where no scheduler answers, or where it goes
    away.
    """
    from distributed import KilledWorker, as_completed

    with _client(address) as client:
        run = uuid.uuid4().hex  # keys are the scheduler's: another run with parts of these names may be on it
        futures = {client.submit(task, part, pure=False, key=f"her2cds-{run}-{part.name}"): part for part in parts}
        suspects = []
        for future in as_completed(list(futures), loop=client.loop):
            part = futures.pop(future)
            if future.status == "error" and isinstance(future.exception(), KilledWorker):
                suspects.append(part)
            else:
                yield _finished(future, part, address)
        for part in suspects:
            alone = client.submit(task, part, pure=False, key=f"her2cds-{run}-{part.name}-alone")
            yield _finished(alone, part, address)


def _client(address: str) -> Client:
    try:
        from distributed import Client
    except ImportError:
        raise CohortError("--scheduler needs Dask: pip install 'her2cds[dask]'") from None
    if not _ADDRESS.fullmatch(address):
        raise CohortError(f"--scheduler {address}: expected tcp://HOST:PORT (or tls://HOST:PORT)")
    # What its own log would say of a lost connection, our error says in one line.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        return Client(address, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except OSError as error:
        reason = str(error).partition("\n")[0]
        raise CohortError(f"no Dask scheduler answers at {address}: {reason}") from None


def _finished(future: Future[R], part: Part, address: str) -> Finished[R]:
    """The result of a part; it is waited for where it went with its worker and is being made again."""
    try:
        return Finished(part, result=future.result())
    except CohortError as error:
        return Finished(part, error=error)
    except (Exception, CancelledError) as error:
        if future.status != "error":
            raise CohortError(f"the Dask scheduler at {address} went away") from None
        return Finished(part, error=CohortError(f"{part.name}: {type(error).__name__} on the Dask workers"))
