"""The queue of the writers to one SQLite file. It serves fairness alone: where it cannot be used, one writes without.

SQLite lets in whoever asks first, and a waiting process asks ten times a second: between others that write without
a pause it could wait for minutes. So only one process at a time asks, and the others queue behind it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL_SECONDS = 0.01
_PATIENCE = 10  # whoever stands at the head for longer was stopped, and is not waited for
_LEFT_ALONE = 60  # so long the queue is not used after it was waited for in vain


class Queue:
    """A lock on `FILE-queue`, beside the database `FILE` that has to be given by its resolved path."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = Path(f"{database}-queue")
        self._usable_from = 0.0

    @contextmanager
    def at_its_head(self, deadline: float) -> Iterator[None]:
        """Run the block at the head of the queue; after ten seconds, or at the deadline, wherever one stands."""
        handle = self._opened() if time.monotonic() >= self._usable_from else None
        if handle is None:
            yield
            return
        try:
            enough = time.monotonic() + _PATIENCE
            if not _locked(handle, min(deadline, enough)) and time.monotonic() >= enough:
                self._usable_from = time.monotonic() + _LEFT_ALONE
            yield
        finally:
            # A process that was forked meanwhile has the handle too: the lock would stay with it.
            fcntl.flock(handle, fcntl.LOCK_UN)
            os.close(handle)

    def _opened(self) -> int | None:
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(self._path, flags)
        except FileNotFoundError:
            return self._made(flags)
        except OSError:
            return None

    def _made(self, flags: int) -> int | None:
        """A new file that everyone can use who can use the database, even where root is the first to need it."""
        try:
            handle = os.open(self._path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return self._opened()
        except OSError:
            return None
        try:
            like = self._database.stat()
            if os.geteuid() == 0:
                os.fchown(handle, like.st_uid, like.st_gid)
            os.fchmod(handle, like.st_mode & 0o666)
        except OSError:
            pass  # others then write without the queue
        return handle


def _locked(handle: int, deadline: float) -> bool:
    """Whether the lock was ours before the deadline."""
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        except OSError:
            return False  # a file system without such locks
