"""From files to checked entries: validate, cross-check, collect; every fault at once."""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel

from her2cds.errors import KnowledgeError
from her2cds.knowledge.checks import CHECKS, Entries
from her2cds.knowledge.checks_of_care import CARE_CHECKS
from her2cds.knowledge.checks_of_ranking import RANKING_CHECKS
from her2cds.knowledge.checks_of_references import REFERENCE_CHECKS
from her2cds.knowledge.data import KnowledgeData, Place, entry_key
from her2cds.knowledge.files import LIST_KINDS, RuleFile, content_hash
from her2cds.knowledge.overlay import OverlayMerge, site_sources_in_the_base
from her2cds.knowledge.overlay_model import AppliedOverlay
from her2cds.knowledge.rules import Ranking
from her2cds.knowledge.validate import Validated, validate_files

ALL_CHECKS = (*CHECKS, *REFERENCE_CHECKS, *CARE_CHECKS, *RANKING_CHECKS)


def build(files: tuple[RuleFile, ...], digest: str, overlay: tuple[RuleFile, ...] = ()) -> KnowledgeData:
    """The checked entries of a knowledge base, with an overlay's on top. Raises KnowledgeError with every fault."""
    base = validate_files(files)
    faults = [*base.faults, *site_sources_in_the_base(base)]
    entries, applied = Entries(base.entries, base.broken, base.unread), None
    if overlay:
        if faults:
            raise KnowledgeError(faults, base.unread)
        entries, applied = _overlaid(base, files, overlay)
    faults += [fault for check in ALL_CHECKS for fault in check(entries)]
    if faults:
        raise KnowledgeError(faults, base.unread)
    return _collect(entries, digest, applied)


def _overlaid(
    base: Validated, files: tuple[RuleFile, ...], overlay: tuple[RuleFile, ...]
) -> tuple[Entries, AppliedOverlay]:
    """Base and overlay together, not yet checked across entries. Raises KnowledgeError."""
    over = validate_files(overlay)
    if over.faults:
        raise KnowledgeError(over.faults, over.unread)
    merge = OverlayMerge(base, over)
    merged = merge.merged()
    if merge.faults:
        raise KnowledgeError(merge.faults)
    return Entries(merged.entries), merge.applied(content_hash(overlay), content_hash(files))


def _collect(entries: Entries, digest: str, applied: AppliedOverlay | None) -> KnowledgeData:
    def of(kind: str) -> list[BaseModel]:
        return [one.entry for one in entries.of(kind)]

    lists: dict[str, Any] = {kind: of(kind) for kind in LIST_KINDS}
    places = {entry_key(one.kind, one.entry_id): Place(file=one.document.file, line=one.line()) for one in entries.all}
    ranking = entries.of("ranking")[0]
    for index, situation in enumerate(cast(Ranking, ranking.entry).situations):
        line = ranking.line("situations", index)
        places[entry_key("situations", situation.id)] = Place(file=ranking.document.file, line=line)
    return KnowledgeData(
        content_hash=digest,
        manifest=of("manifest")[0],
        ranking=ranking.entry,
        rules=tuple(rule for _, rule in entries.rules),
        places=places,
        overlay=applied.model_dump_json() if applied else None,
        **lists,
    )
