"""The folder of a cohort's results: what it is made from, which parts are done, and writing each part as a whole.

    manifest.json                    what the results are made from; a run with anything else is refused
    patients/ candidates/ trials/ questions/    part-000001.parquet …
    quarantine/ reports/             part-000001.ndjson … (quarantine only where there is something in it)
    parts/part-000001.json           written last: the part is done, with its counts and the hash of each of its files

Every file is written under another name and renamed when it is complete; a rename is on disk before the next one
begins. A run that is stopped at any moment leaves finished parts, and files that the next run replaces.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from her2cds.cohort.source import Part
from her2cds.errors import CohortError, CohortWriteError

FORMAT = "her2cds-cohort-1"
_WRITING = ".writing"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputRecord(_Record):
    """One input file as the manifest knows it: where it lies does not matter, what is in it does."""

    name: str
    size: int
    sha256: str


class Manifest(_Record):
    """What results are made from. Two runs with the same manifest give the same bytes."""

    format: str = FORMAT
    software_version: str
    knowledge_id: str
    knowledge_version: str
    knowledge_hash: str
    registry_hash: str | None
    today: str
    part_size: int
    reports: bool
    inputs: tuple[InputRecord, ...]
    parts: int
    lines: int


class PartDone(_Record):
    """A finished part: its counts, which add up to `lines`, and size and hash of its files by relative path."""

    number: int
    lines: int
    blank: int
    answered: int
    invalid: int
    failed: int
    files: dict[str, tuple[int, str]]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.blank + self.answered + self.invalid + self.failed != self.lines:
            raise ValueError("the counts do not add up")
        return self


class Store:
    """One folder of results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # --- Manifest -------------------------------------------------------------------------------------------

    def manifest(self) -> Manifest | None:
        """What the results here are made from; None where there are none. Raises CohortError."""
        path = self.folder / "manifest.json"
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a manifest of this format"
            raise CohortError(f"{path}: {reason}; give the folder of a cohort run, or a new one") from None

    def begin(self, manifest: Manifest) -> None:
        """Begin a run here, or go on with one. Raises CohortError where the results are made from something else."""
        before = self.manifest()
        if before is None:
            self._refuse_strangers()
            self.write("manifest.json", manifest.model_dump_json(indent=2).encode() + b"\n")
        elif before != manifest:
            raise CohortError(_differences(self.folder, before, manifest))
        self.tidy()

    def tidy(self) -> None:
        """Remove what workers that died left half-written. Only while no worker is at work."""
        shutil.rmtree(self.folder / _WRITING, ignore_errors=True)

    def _refuse_strangers(self) -> None:
        if self.folder.is_dir() and any(one.name not in (".lock", _WRITING) for one in self.folder.iterdir()):
            raise CohortError(f"{self.folder}: holds files that are no cohort results; give a new or empty folder")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of this folder. The lock goes with the process, however it ends."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise CohortWriteError(f"{self.folder}: {error.strerror}") from None
        try:
            self._lock(handle)
            yield
        finally:
            os.close(handle)

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CohortError(f"{self.folder}: another run is writing here; wait for it or stop it") from None
        except OSError as error:
            raise CohortError(f"{self.folder}: cannot be locked on this file system ({error.strerror})") from None

    # --- Parts ----------------------------------------------------------------------------------------------

    def done(self, part: Part) -> PartDone | None:
        """The record of a part if it is finished and its files are, byte for byte, what was written."""
        try:
            found = PartDone.model_validate_json((self.folder / "parts" / f"{part.name}.json").read_bytes())
        except (OSError, ValidationError):
            return None
        sound = (found.number, found.lines) == (part.number, part.count) and self.damaged(found) is None
        return found if sound else None

    def damaged(self, done: PartDone, but: str = "") -> str | None:
        """The first file of a finished part that is not what was written; `but` names a folder to pass over.

        Each file is read in pieces: memory stays flat.
        """
        names = (name for name in done.files if name.partition("/")[0] != but)
        return next((name for name in names if not self._is(name, *done.files[name])), None)

    def _is(self, name: str, size: int, digest: str) -> bool:
        path = self.folder / name
        try:
            if path.stat().st_size != size:
                return False
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest() == digest
        except OSError:
            return False

    def all_done(self) -> list[PartDone]:
        """The records of all finished parts. Raises CohortError for one that cannot be read."""
        try:
            return [
                PartDone.model_validate_json(path.read_bytes()) for path in sorted(self.folder.glob("parts/*.json"))
            ]
        except (OSError, ValidationError):
            raise CohortError(f"{self.folder / 'parts'}: a record cannot be read; run the cohort again") from None

    @contextmanager
    def writing(self, part: Part) -> Iterator[Path]:
        """A folder of its own for the files of a part in the making; gone afterwards."""
        place = self.folder / _WRITING / f"{part.name}-{uuid.uuid4().hex}"
        try:
            place.mkdir(parents=True)
            yield place
        except OSError as error:
            raise CohortWriteError(f"{part.name} cannot be written: {error.strerror or error}") from None
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def take_over(self, path: Path, name: str) -> tuple[int, str]:
        """Move a complete file to its place among the results; its size and hash."""
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            os.fsync(stream.fileno())
        size = path.stat().st_size
        self._place(path, name)
        return size, digest

    def remove_others(self, part: Part, files: Collection[str]) -> None:
        """Remove what an earlier attempt at a part left among the results and this one did not write."""
        try:
            for path in self.folder.glob(f"*/{part.name}.*"):
                name = path.relative_to(self.folder).as_posix()
                if name not in files and path.parent.name != "parts":
                    path.unlink(missing_ok=True)
                    _sync(path.parent)
        except OSError as error:
            raise CohortWriteError(f"{part.name} cannot be written: {error.strerror or error}") from None

    def write(self, name: str, content: bytes) -> None:
        """Write a small file as a whole or not at all. Raises CohortWriteError."""
        temporary = self.folder / _WRITING / uuid.uuid4().hex
        try:
            temporary.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            self._place(temporary, name)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise CohortWriteError(f"{self.folder / name}: {error.strerror}") from None

    def _place(self, temporary: Path, name: str) -> None:
        """Rename a complete file to its place, on disk too: no power cut keeps a later rename and loses this one."""
        target = self.folder / name
        if not target.parent.is_dir():
            target.parent.mkdir(exist_ok=True)
            _sync(self.folder)
        temporary.replace(target)
        _sync(target.parent)


def _sync(folder: Path) -> None:
    """Wait until the names in a folder are on disk, where the file system knows how."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def _differences(folder: Path, before: Manifest, now: Manifest) -> str:
    """Why a run cannot go on in this folder, difference by difference."""
    old, new = before.model_dump(), now.model_dump()
    lines = [f"  {name}: {_short(old[name])} there, {_short(new[name])} now" for name in old if old[name] != new[name]]
    heading = f"{folder}: the results there are made from something else; they are not mixed"
    return "\n".join([heading, *lines, "  Give another folder, or the input, rules and options of that run."])


def _short(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"{len(value)} files ({', '.join(str(one['name']) for one in value[:3])})"
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 else text
