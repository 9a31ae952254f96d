"""From files to checked entries: validate, cross-check, collect; every fault at once."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from her2cds.errors import KnowledgeError
from her2cds.knowledge import checks_of_care  # noqa: F401 (registers its checks)
from her2cds.knowledge.checks import Entries, run_checks
from her2cds.knowledge.data import KnowledgeData, Place
from her2cds.knowledge.files import LIST_KINDS, RULE_FOLDERS, RuleFile
from her2cds.knowledge.validate import LocatedEntry, validate_files


def build(files: tuple[RuleFile, ...], digest: str) -> KnowledgeData:
    """The checked entries of a knowledge base. Raises KnowledgeError with every fault found."""
    validated = validate_files(files)
    entries = Entries(validated.entries, validated.broken)
    faults = validated.faults + run_checks(entries)
    if faults:
        raise KnowledgeError(faults)
    return _collect(entries, digest)


def _collect(entries: Entries, digest: str) -> KnowledgeData:
    def of(kind: str) -> list[BaseModel]:
        return [one.entry for one in entries.of(kind)]

    lists: dict[str, Any] = {kind: of(kind) for kind in LIST_KINDS}
    return KnowledgeData(
        content_hash=digest,
        manifest=of("manifest")[0],
        ranking=of("ranking")[0],
        rules=tuple(rule for _, rule in entries.rules),
        places={_place_key(one): Place(file=one.document.file, line=one.line()) for one in entries.all},
        **lists,
    )


def _place_key(one: LocatedEntry) -> str:
    shared = one.kind in RULE_FOLDERS or one.kind in ("criteria", "trials")
    return one.entry_id if shared else f"{one.kind}:{one.entry_id}"
