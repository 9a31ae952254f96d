"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_STREAMS = ("/dev/fd/", "/dev/stdout", "/dev/stderr", "/proc/")


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose content becomes the file when the block ends well; until then what stood there stays.

    What cannot be replaced (a pipe, a device) is written to as it is. Raises OSError, which names `path`.
    """
    try:
        if _is_stream(path):
            with path.open("wb") as stream:
                yield stream
        else:
            with _beside(path.resolve()) as stream:  # of a link the file that it leads to
                yield stream
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises OSError, which names `path`."""
    with replacing(path) as stream:
        stream.write(content)


@contextmanager
def _beside(target: Path) -> Iterator[IO[bytes]]:
    """A new file in the same folder, which takes the place and the permissions of the old one at the end."""
    old = target.exists()
    if old and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    temporary = target.with_name(f".her2cds-{uuid.uuid4().hex}.writing")
    try:
        with temporary.open("xb") as stream:
            yield stream
            if old:
                os.fchmod(stream.fileno(), stat.S_IMODE(target.stat().st_mode))
                stream.flush()
                os.fsync(stream.fileno())  # else a power cut could leave neither the old content nor the new
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _is_stream(path: Path) -> bool:
    """Whether the path is no regular file (nor one that is still to be made), or stands for an open stream."""
    if str(path.absolute()).startswith(_STREAMS):
        return True
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False
