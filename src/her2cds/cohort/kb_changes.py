"""What differs between two knowledge bases, entry by entry and field by field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from her2cds.knowledge.data import KnowledgeData

Change = Literal["added", "removed", "changed"]


class _Dumped(Protocol):
    """A model, as far as its fields are compared."""

    def model_dump(self, *, mode: str, exclude_defaults: bool) -> dict[str, Any]: ...


class _Entry(_Dumped, Protocol):
    """An entry of a knowledge base, whatever its kind."""

    @property
    def id(self) -> str: ...


# In the order of the report: what decides first, then what the decisions rest on.
_KINDS = (
    "criteria",
    "evidence",
    "trials",
    "regimens",
    "drugs",
    "drug_classes",
    "combinations",
    "genes",
    "vocabulary",
    "sources",
    "discrepancies",
)
_SINGLE = ("ranking", "manifest")
_NAMES = {
    "criteria": "criterion",
    "trials": "trial",
    "regimens": "regimen",
    "drugs": "drug",
    "drug_classes": "drug class",
    "combinations": "combination",
    "genes": "gene",
    "vocabulary": "fact",
    "sources": "source",
    "discrepancies": "discrepancy",
}
_LONGEST = 100


@dataclass(frozen=True)
class FieldChange:
    """One field: its path within the entry, and its value before and after as short text."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class EntryChange:
    """One entry that was added, removed or changed, with the fields that differ."""

    kind: str
    id: str
    change: Change
    fields: tuple[FieldChange, ...] = ()


def knowledge_changes(old: KnowledgeData, new: KnowledgeData) -> tuple[EntryChange, ...]:
    """Every entry that differs; rules first, under the name of their kind."""
    return tuple(_all_changes(old, new))


def _all_changes(old: KnowledgeData, new: KnowledgeData) -> Iterator[EntryChange]:
    kinds = {rule.id: f"{rule.kind} rule" for rule in (*old.rules, *new.rules)}
    yield from _changes(old.rules, new.rules, kinds)
    for kind in _KINDS:
        yield from _changes(getattr(old, kind), getattr(new, kind), {}, _NAMES.get(kind, kind))
    for kind in _SINGLE:
        fields = tuple(_fields("", _tree(getattr(old, kind)), _tree(getattr(new, kind))))
        if fields:
            yield EntryChange(kind, kind, "changed", fields)


def _changes(
    old: Iterable[_Entry], new: Iterable[_Entry], kinds: dict[str, str], kind: str = ""
) -> Iterator[EntryChange]:
    before, after = ({one.id: one for one in entries} for entries in (old, new))
    for entry in dict.fromkeys((*before, *after)):
        name = kinds.get(entry, kind)
        if entry not in before:
            yield EntryChange(name, entry, "added")
        elif entry not in after:
            yield EntryChange(name, entry, "removed")
        elif before[entry] != after[entry]:
            fields = tuple(_fields("", _tree(before[entry]), _tree(after[entry])))
            yield EntryChange(name, entry, "changed", fields)


def _tree(entry: _Dumped) -> Any:
    return entry.model_dump(mode="json", exclude_defaults=True)


def _fields(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    """The fields that differ; of lists that differ in length, the elements that went and came."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            yield from _fields(f"{path}.{name}" if path else name, before.get(name), after.get(name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _fields(f"{path}[{index}]", one, other)
    elif isinstance(before, list) and isinstance(after, list):
        gone, come = [one for one in before if one not in after], [one for one in after if one not in before]
        yield FieldChange(path, _short(gone or None), _short(come or None))
    elif before != after:
        yield FieldChange(path, _short(before), _short(after))


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
