"""From a folder of YAML to a checked knowledge base: read, validate, cross-check, cache."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from her2cds.errors import KnowledgeError
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.cache import cache_file, read_cache, write_cache
from her2cds.knowledge.checks import Entries, run_checks
from her2cds.knowledge.data import KnowledgeData, Place
from her2cds.knowledge.files import (
    RULE_FOLDERS,
    LocatedEntry,
    bundled_rules,
    content_hash,
    read_files,
    validate_files,
)

# Raised by hand when a change of code makes older caches wrong without changing the models.
_CHECKS_VERSION = "1"


def load_knowledge_base(root: Path | None = None, *, use_cache: bool = True) -> Knowledge:
    """Load and check the knowledge base in `root`, or the bundled one.

    Raises KnowledgeError with every fault found; a knowledge base is never loaded in part.
    """
    files = read_files(root or bundled_rules())
    digest = content_hash(files)
    path = cache_file(digest, _shape())
    if use_cache:
        cached = read_cache(path, digest)
        if cached is not None:
            return Knowledge(cached)
    validated = validate_files(files)
    entries = Entries(validated.entries, validated.broken)
    faults = validated.faults + run_checks(entries)
    if faults:
        raise KnowledgeError(faults)
    data = _collect(entries, digest)
    if use_cache:
        write_cache(path, data)
    return Knowledge(data)


def _shape() -> str:
    """Changes whenever a model does, so that a cache written by other code is never read."""
    return _CHECKS_VERSION + json.dumps(KnowledgeData.model_json_schema(), sort_keys=True)


def _collect(entries: Entries, digest: str) -> KnowledgeData:
    def of(kind: str) -> list[BaseModel]:
        return [one.entry for one in entries.of(kind)]

    lists: dict[str, Any] = {
        kind: of(kind)
        for kind in (
            "vocabulary",
            "sources",
            "drug_classes",
            "drugs",
            "combinations",
            "genes",
            "regimens",
            "discrepancies",
            "evidence",
            "criteria",
            "trials",
        )
    }
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
