"""The checked knowledge base on disk, keyed by content, so that a second start need not check it again.

The cache is a convenience: any trouble with it (corrupt, stale, unwritable, two writers at once) means that
the knowledge base is read from its files. It holds JSON, never code. An entry is used only where its name,
made from the content hash, this software's version and the shape of the models, fits exactly, and its own
checksum is right. Neither says who wrote it, so that file and folder must be the user's own (or root's), and nobody
else may be able to write there: else any user of the machine could put other rules in place of those in the files.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from platformdirs import user_cache_path

from her2cds.knowledge.data import KnowledgeData
from her2cds.knowledge.restore import restored

_KEEP = 4


def cache_folder() -> Path:
    """The user's cache folder for this program; `HER2CDS_CACHE` overrides it."""
    override = os.environ.get("HER2CDS_CACHE")
    return Path(override) if override else user_cache_path("her2cds", appauthor=False)


def cache_file(content_hash: str, shape: str) -> Path:
    """The file for a knowledge base with this content, checked by code of this shape."""
    key = hashlib.sha256(f"{content_hash}\0{shape}".encode()).hexdigest()[:32]
    return cache_folder() / f"knowledge-{key}.json"


def read_cache(path: Path, content_hash: str) -> KnowledgeData | None:
    """The cached entries, or None where there is no sound cache."""
    try:
        stored = _own_content(path)
        checksum, _, body = stored.partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != checksum:
            return None
        data = restored(KnowledgeData, body)
    except (OSError, ValueError):
        return None
    return data if data.content_hash == content_hash else None


def _own_content(path: Path) -> bytes:
    """The bytes of a file that nobody but this user and root can have written. Raises OSError for any other.

    The file is opened within the folder that was looked at, and looked at once it is open: neither can be exchanged
    in between.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _refuse_others(folder)
        handle = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    with os.fdopen(handle, "rb") as stream:
        _refuse_others(handle)
        return stream.read()


def _refuse_others(handle: int) -> None:
    found = os.fstat(handle)
    if found.st_uid not in (os.geteuid(), 0) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(errno.EPERM, "others can write there, so that nothing in it is believed")


def usable_folder(folder: Path) -> None:
    """Make the cache folder where there is none. Raises OSError where it cannot be, or where others can write there."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _refuse_others(handle)
    finally:
        os.close(handle)


def write_cache(path: Path, data: KnowledgeData) -> bool:
    """Write atomically (two processes may do so at once); False where nothing can be written or would be believed."""
    body = data.model_dump_json(exclude_defaults=True).encode()
    temporary = ""
    try:
        usable_folder(path.parent)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        Path(temporary).replace(path)
        _drop_old(path.parent)
    except OSError:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        return False
    return True


def _drop_old(folder: Path) -> None:
    entries = sorted(folder.glob("knowledge-*.json"), key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in entries[_KEEP:]:
        entry.unlink(missing_ok=True)
