"""Reading and renewing the overlay file. A failure leaves the file as it was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date as Date
from pathlib import Path

from pydantic import ValidationError

from her2cds.errors import RegistryError, RegistryFault
from her2cds.knowledge.base import Knowledge
from her2cds.registry.record import OVERLAY_FORMAT, RegistryOverlay, RegistryRecord
from her2cds.registry.study import MAX_BYTES, read_studies
from her2cds.whole_files import write_file


@dataclass(frozen=True, slots=True)
class Refresh:
    """A renewed overlay, the trials that were renewed, and everything that could not be used."""

    overlay: RegistryOverlay
    renewed: tuple[RegistryRecord, ...]
    faults: tuple[RegistryFault, ...]


def read_overlay(path: Path) -> RegistryOverlay:
    """The overlay in a file. Raises RegistryError where it cannot be read or is none."""
    return read_with_hash(path)[0]


def read_with_hash(path: Path) -> tuple[RegistryOverlay, str]:
    """The overlay in a file and the SHA-256 of the very bytes it was read from. Raises as `read_overlay` does."""
    try:
        content = path.read_bytes()
        return RegistryOverlay.model_validate_json(content), hashlib.sha256(content).hexdigest()
    except OSError as error:
        raise RegistryError(
            [RegistryFault(path.name, error.strerror or "unreadable", "give a readable file")]
        ) from None
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "the file"
        remedy = f"expected a file in the form {OVERLAY_FORMAT}, made by `her2cds trials refresh`"
        raise RegistryError([RegistryFault(path.name, f"{where}: {error.errors()[0]['msg']}", remedy)]) from None


def refresh(files: Iterable[Path], knowledge: Knowledge, today: Date, before: RegistryOverlay | None) -> Refresh:
    """The overlay renewed from study files: what cannot be used is told, and the rest is taken over.

    A record older than the one the overlay already holds is not taken over.
    """
    records = before.by_id() if before else {}
    renewed: dict[str, RegistryRecord] = {}
    faults: list[RegistryFault] = []
    for file in files:
        for found in _studies(file):
            if isinstance(found, RegistryFault):
                faults.append(found)
            elif fault := _unusable(found, file.name, knowledge, records):
                faults.append(fault)
            else:
                records[found.id] = renewed[found.id] = found
    ordered = tuple(records[identifier] for identifier in sorted(records))
    overlay = RegistryOverlay(made_on=today, records=ordered)
    return Refresh(overlay, tuple(renewed[one] for one in sorted(renewed)), tuple(faults))


def write_overlay(path: Path, overlay: RegistryOverlay) -> None:
    """Write the overlay whole or not at all; the old file gives place and permissions. Raises RegistryError."""
    content = overlay.model_dump_json(indent=2, exclude_none=True).encode() + b"\n"
    try:
        path.resolve().parent.mkdir(parents=True, exist_ok=True)
        write_file(path, content)
    except OSError as error:
        fault = RegistryFault(str(path), error.strerror or "cannot be written", "the file is as it was before")
        raise RegistryError([fault]) from None


def _studies(file: Path) -> Iterable[RegistryRecord | RegistryFault]:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return [RegistryFault(file.name, error.strerror or "unreadable", "give a readable study file")]
    return read_studies(content, file.name)


def _unusable(
    record: RegistryRecord, file: str, knowledge: Knowledge, held: dict[str, RegistryRecord]
) -> RegistryFault | None:
    if record.id not in knowledge.trials:
        remedy = "only trials that the knowledge base names are taken over"
        return RegistryFault(f"{file}: {record.id}", "a trial that the knowledge base does not name", remedy)
    older = held.get(record.id)
    if older is not None and record.updated < older.updated:
        found = f"updated {record.updated}, older than the {older.updated} already held"
        return RegistryFault(f"{file}: {record.id}", found, "download the study again")
    return None
