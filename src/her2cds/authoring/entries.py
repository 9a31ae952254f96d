"""Finding entries: by id with everything that refers to them, and by words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from her2cds.errors import UnknownNameError
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.data import RANKING_KEY, Place, entry_key
from her2cds.knowledge.files import LIST_KINDS
from her2cds.knowledge.names import folded
from her2cds.suggest import did_you_mean

_COLLECTIONS = (*LIST_KINDS, "rules")
_SHARED = ("criteria", "rules", "trials")
# Fields whose text is the entry's own, and never a reference.
_OWN = ("id", "name", "synonyms", "marker", "test", "at")


@dataclass(frozen=True, slots=True)
class Found:
    """One entry: what it is, where it stands, and what it is called."""

    kind: str
    id: str
    place: Place
    title: str
    entry: BaseModel

    def __str__(self) -> str:
        """The entry in one line."""
        return f"{self.place.file}:{self.place.line}: {self.kind} {self.id}: {self.title}"


@dataclass(frozen=True, slots=True)
class Reference:
    """Where another entry names the one that was asked for."""

    by: Found
    field: str


def every_entry(knowledge: Knowledge) -> Iterator[Found]:
    """All entries of a knowledge base."""
    for collection in _COLLECTIONS:
        for entry in getattr(knowledge.data, collection):
            kind = entry.kind if collection == "rules" else collection
            key = entry.id if collection in _SHARED else f"{collection}:{entry.id}"
            title = getattr(entry, "title", None) or getattr(entry, "name", None) or getattr(entry, "meaning", None)
            yield Found(kind, entry.id, knowledge.data.place(key), title or entry.citation, entry)
    ranking = knowledge.data.ranking
    order = ranking.model_copy(update={"situations": ()})  # each situation stands for itself
    yield Found("ranking", "ranking", knowledge.data.place(RANKING_KEY), "order of the candidates", order)
    for one in ranking.situations:
        yield Found("situation", one.id, knowledge.data.place(entry_key("situations", one.id)), one.name, one)


def find(knowledge: Knowledge, entry_id: str) -> tuple[Found, ...]:
    """The entries with this id: a drug and a regimen can share one.

    Raises UnknownNameError, with the nearest ids.
    """
    entries = tuple(every_entry(knowledge))
    found = tuple(one for one in entries if one.id == entry_id)
    if not found:
        hint = did_you_mean(entry_id, (one.id for one in entries)) or "`her2cds kb search WORDS` finds entries"
        raise UnknownNameError(f"no entry is called '{entry_id}'; {hint}")
    return found


def references(knowledge: Knowledge, entry_id: str) -> tuple[Reference, ...]:
    """Everything that names an entry, and in which field."""
    return tuple(
        Reference(one, field)
        for one in every_entry(knowledge)
        for field in dict.fromkeys(_fields_naming(one.entry.model_dump(), entry_id))
    )


def _fields_naming(value: object, entry_id: str, path: str = "") -> Iterator[str]:
    """The fields that hold the id: as a value, as the fact of a condition, or as the gene of an alteration."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _OWN:
                continue
            below = f"{path}.{key}" if path else key
            if key == entry_id:
                yield path
            yield from _fields_naming(inner, entry_id, below)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _fields_naming(inner, entry_id, path)
    elif isinstance(value, str) and (value == entry_id or value.startswith(f"{entry_id}:")):
        yield path


def search(knowledge: Knowledge, words: tuple[str, ...]) -> tuple[Found, ...]:
    """The entries whose texts hold every word, however it is spelled.

    Those called so come first, then those with the words in id or title.
    """
    wanted = [folded(word) for word in words]
    hits = []
    for one in every_entry(knowledge):
        names = (folded(one.id), folded(one.title))
        text = folded(one.entry.model_dump_json())
        if all(word in text for word in wanted):
            missed = sum(not any(word in name for name in names) for word in wanted)
            called_otherwise = not any(word in names for word in wanted)
            hits.append((called_otherwise, missed, one.kind, one.id, one))
    return tuple(one for *_, one in sorted(hits, key=lambda hit: hit[:4]))


def source_text(root: Path, place: Place) -> str:
    """The lines of an entry as they stand in its file, comments included: all of the file where it is one entry."""
    lines = (root / place.file).read_text(encoding="utf-8").splitlines()
    start = place.line - 1
    before, dash, _ = lines[start].partition("- ")
    if not dash or before.strip():
        return "\n".join(lines).rstrip()
    end = start + 1
    while end < len(lines) and not lines[end].startswith((f"{before}- ", "#")):
        end += 1
    return "\n".join(lines[start:end]).rstrip()
