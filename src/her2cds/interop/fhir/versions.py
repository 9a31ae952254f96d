"""Several versions of one record, as a history holds them: only the newest says what is true now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from her2cds.interop.fhir.addresses import plain_address, server_of, unversioned

Json = dict[str, Any]
Entry = tuple[str | None, Json]


@dataclass(slots=True)
class Versions:
    """The entries (fullUrl and resource) that stand, in their order, those that a newer version replaces, and doubts.

    `namesakes` are the names (`Observation/1`) under which records that cannot be one were found.
    """

    current: list[Entry] = field(default_factory=list)
    outdated: list[Entry] = field(default_factory=list)
    namesakes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Deletion:
    """A record (`Condition/b`) that a history says was deleted, on which server and when, where that is known."""

    name: str
    server: str | None
    when: float | None

    def is_of(self, entry: Entry) -> bool:
        """Whether this version of a record was deleted; only a later one stands."""
        url, content = entry
        server = server_of(url) if url else None
        if _name(content) != self.name or (None not in (server, self.server) and server != self.server):
            return False
        written = _time(content)
        return self.when is None or written is None or written <= self.when


def newest_versions(entries: Sequence[Entry], deleted: Sequence[Deletion]) -> Versions:
    """What stands of the entries. Those of one record that nothing puts in order all stand."""
    found = Versions()
    gone: set[int] = set()
    for record in _records(entries):
        older, namesakes = _replaced(entries, record)
        gone.update(older)
        found.namesakes += [_name(entries[index][1]) for index in namesakes]
    by_name = defaultdict(list)
    for one in deleted:
        by_name[one.name].append(one)
    for index, entry in enumerate(entries):
        replaced = index in gone or any(one.is_of(entry) for one in by_name.get(_name(entry[1]), ()))
        (found.outdated if replaced else found.current).append(entry)
    return found


def deletions(tree: object) -> list[Deletion]:
    """What the histories in a tree say was deleted, however deep they lie in arrays, Bundles and answers of a batch."""
    return list(_deletions(tree))


def _deletions(tree: object) -> Iterator[Deletion]:
    if isinstance(tree, list):
        for one in tree:
            yield from _deletions(one)
    if not isinstance(tree, dict):
        return
    yield from _deletions(tree.get("resource"))
    if tree.get("resourceType") != "Bundle":
        return
    entries = tree.get("entry")
    for entry in entries if isinstance(entries, list) else [entries]:
        if not isinstance(entry, dict):
            continue
        yield from _deletions(entry.get("resource"))
        request = entry.get("request")
        if tree.get("type") == "history" and isinstance(request, dict) and request.get("method") == "DELETE":
            yield _deletion(str(request.get("url") or ""), str(entry.get("fullUrl") or ""), entry.get("response"))


def _deletion(url: str, full_url: str, response: object) -> Deletion:
    name = "/".join(unversioned(url or full_url).split("/")[-2:])
    when = _moment(response.get("lastModified")) if isinstance(response, dict) else None
    return Deletion(name, server_of(url) or server_of(full_url), when)


# --- Which entries are one record ------------------------------------------------------------------------------------


def _records(entries: Sequence[Entry]) -> Iterator[list[int]]:
    """The entries of each record: one address, or one type and id where not more than one address is told."""
    records: dict[tuple[str, str], list[int]] = defaultdict(list)
    addresses: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for url, content in entries:
        if url:
            addresses[_name(content)].add((_name(content), _address(url)))
    for index, (url, content) in enumerate(entries):
        name = _name(content)
        if url:
            records[name, _address(url)].append(index)
        elif content.get("id"):
            known = addresses.get(name, set())
            records[next(iter(known)) if len(known) == 1 else (name, "")].append(index)
    return (found for found in records.values() if len(found) > 1)


def _address(url: str) -> str:
    return plain_address(unversioned(url))


def _name(content: Json) -> str:
    return f"{content['resourceType']}/{content.get('id') or ''}"


def _may_be_one(one: Entry, other: Entry) -> bool:
    """Whether two entries with one id can be versions of one record: they share an address, or code and subject."""
    if one[0] and other[0]:
        return True  # of one group, so of one address
    subjects = [_subject(content) for _, content in (one, other)]
    return _agree(*subjects) and _agree(*(_coded(content) for _, content in (one, other)))


def _agree(one: set[str], other: set[str]) -> bool:
    return not one or not other or bool(one & other)


def _subject(content: Json) -> set[str]:
    subject = content.get("subject") or content.get("patient")
    reference = subject.get("reference") if isinstance(subject, dict) else None
    return {unversioned(reference).split("/")[-1].removeprefix("urn:uuid:")} if isinstance(reference, str) else set()


def _coded(content: Json) -> set[str]:
    concept = content.get("code") or content.get("medicationCodeableConcept")
    if not isinstance(concept, dict):
        return set()
    codings = concept.get("coding")
    codes = [one.get("code") for one in codings if isinstance(one, dict)] if isinstance(codings, list) else []
    return {str(one) for one in codes if one} or {str(concept["text"]).casefold() for _ in [0] if "text" in concept}


# --- Which of them is the newest -------------------------------------------------------------------------------------

_REACHED = {"registered": 0, "preliminary": 1, "final": 2, "amended": 3, "corrected": 3, "appended": 3}
_TAKEN_BACK, _TAKEN_BACK_LAST = ("entered-in-error", "cancelled"), 4


def _replaced(entries: Sequence[Entry], record: list[int]) -> tuple[list[int], list[int]]:
    """Those of one record's entries that are older than the newest, and those that are a record of their own."""
    left, older = record, []
    for order in (_number, _time, _status):
        orders = {index: order(entries[index][1]) for index in left}
        known = [one for one in orders.values() if one is not None]
        if len(known) == len(left):
            left = [index for index, one in orders.items() if one == max(known)]
            older += [index for index in orders if index not in left]
    namesakes = [one for one in older if not any(_may_be_one(entries[one], entries[new]) for new in left)]
    return [one for one in older if one not in namesakes], namesakes


def _number(content: Json) -> float | None:
    version = _meta(content).get("versionId")
    return float(version) if isinstance(version, str) and version.isdecimal() else None


def _time(content: Json) -> float | None:
    return _moment(_meta(content).get("lastUpdated"))


def _status(content: Json) -> float:
    """How far a record has come by its status: what is corrected was final before, and is taken back last of all."""
    said = f"{content.get('status')} {content.get('verificationStatus')}".casefold().replace(" ", "-")
    if any(one in said for one in _TAKEN_BACK):
        return _TAKEN_BACK_LAST
    return _REACHED.get(str(content.get("status")), _REACHED["final"])


def _moment(said: object) -> float | None:
    """A time as a number; without a zone it counts as UTC, as all times of one server do."""
    try:
        time = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() if time else None


def _meta(content: Json) -> Json:
    meta = content.get("meta")
    return meta if isinstance(meta, dict) else {}
