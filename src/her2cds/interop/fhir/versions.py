"""Several versions of one record, as a history holds them: only the newest says what is true now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Entry = tuple[str | None, dict[str, Any]]


def newest_versions(entries: Sequence[Entry], deleted: Mapping[str, float | None]) -> tuple[list[Entry], list[Entry]]:
    """The entries (fullUrl and resource) that stand, in their order, and those that a newer version replaces.

    `deleted` are the records (`Condition/b`) that were deleted, and when; only a later version of one stands. Entries
    of one record without a version that can be compared all stand: nothing says which one is newer.
    """
    records: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, (url, content) in enumerate(entries):
        if (key := _record(url, content)) is not None:
            records[key].append(index)
    replaced = {index for found in records.values() if len(found) > 1 for index in _replaced(entries, found)}
    replaced |= {index for index, (_, content) in enumerate(entries) if _is_deleted(content, deleted)}
    current = [one for index, one in enumerate(entries) if index not in replaced]
    return current, [one for index, one in enumerate(entries) if index in replaced]


def deletions(tree: object) -> dict[str, float | None]:
    """The records that a history says were deleted, with the time where it is known."""
    found: dict[str, float | None] = {}
    entries = tree.get("entry") if isinstance(tree, dict) and tree.get("type") == "history" else None
    for entry in entries if isinstance(entries, list) else ():
        request = entry.get("request") if isinstance(entry, dict) else None
        if isinstance(request, dict) and request.get("method") == "DELETE":
            name = "/".join(str(request.get("url") or entry.get("fullUrl")).split("/_history/")[0].split("/")[-2:])
            response = entry.get("response")
            found.setdefault(name, _moment(response.get("lastModified") if isinstance(response, dict) else None))
    return found


def _is_deleted(content: dict[str, Any], deleted: Mapping[str, float | None]) -> bool:
    name = f"{content['resourceType']}/{content.get('id')}"
    if name not in deleted:
        return False
    when, written = deleted[name], _time(content)
    return when is None or written is None or written <= when


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
    return _moment(_meta(content).get("lastUpdated"))


def _moment(said: object) -> float | None:
    """A time as a number; without a zone it counts as UTC, as all times of one server do."""
    try:
        time = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() if time else None


def _meta(content: dict[str, Any]) -> dict[str, Any]:
    meta = content.get("meta")
    return meta if isinstance(meta, dict) else {}
