"""Several versions of one record, as a history holds them: only the newest says what is true now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

Entry = tuple[str | None, dict[str, Any]]


def newest_versions(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The entries (fullUrl and resource) that stand, in their order, and those that a newer version replaces.

    Entries of one record without a version that can be compared all stand: nothing says which one is newer.
    """
    records: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, (url, content) in enumerate(entries):
        if (key := _record(url, content)) is not None:
            records[key].append(index)
    replaced = {index for found in records.values() if len(found) > 1 for index in _replaced(entries, found)}
    current = [one for index, one in enumerate(entries) if index not in replaced]
    return current, [one for index, one in enumerate(entries) if index in replaced]


def _record(url: str | None, content: dict[str, Any]) -> tuple[str, ...] | None:
    """What is the same for all versions of one record: its type and id on its server, else its fullUrl."""
    kind, identity = str(content["resourceType"]), content.get("id")
    of_server = url is not None and url.startswith("http")
    if identity:
        return kind, str(identity), url.split("/_history/")[0] if url and of_server else ""
    return (kind, url) if url else None


def _replaced(entries: Sequence[Entry], found: list[int]) -> list[int]:
    """Those of one record's entries that are older than the newest."""
    for order in (_number, _time):
        orders = {index: order(entries[index][1]) for index in found}
        known = [one for one in orders.values() if one is not None]
        if len(known) == len(found):
            return [index for index, one in orders.items() if one != max(known)]
    return []


def _number(content: dict[str, Any]) -> float | None:
    version = _meta(content).get("versionId")
    return float(version) if isinstance(version, str) and version.isdecimal() else None


def _time(content: dict[str, Any]) -> float | None:
    """When the version was written; without a zone it counts as UTC, as all versions of one server do."""
    said = _meta(content).get("lastUpdated")
    try:
        time = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() if time else None


def _meta(content: dict[str, Any]) -> dict[str, Any]:
    meta = content.get("meta")
    return meta if isinstance(meta, dict) else {}
