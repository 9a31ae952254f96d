"""A profile in the making: every fact with the record it came from, and everything that gave none.

Shared by all imports (FHIR, tables, mutation files). `Draft` is filled by the readers; `Imported` is what they hand
back: the profile as a tree, and the report.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from her2cds.profile.changes import remove_at, set_at
from her2cds.profile.model import Profile


@dataclass(frozen=True, slots=True)
class Fact:
    """One field of the profile: its JSON path, its value, the records that say so, and by which rule if any."""

    path: str
    value: Any
    sources: tuple[str, ...]
    how: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about one record: what stands there, and why it was not taken (or how it was read)."""

    source: str
    found: str
    why: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Records that do not agree: what they say, and what the import did about it."""

    path: str
    found: str
    sources: tuple[str, ...]
    outcome: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of every record.

    `not_understood`: no meaning is known. `set_aside`: understood, but no field of the profile takes it, or its
    status says that it does not count. `read_with_doubt`: taken, with something odd about it. `conflicts`: records that
    disagree. `assumed`: what the import took for granted. `to_ask`: what the record leaves open and a person can say.
    """

    label: str
    records: int
    facts: tuple[Fact, ...]
    not_understood: tuple[Remark, ...]
    set_aside: tuple[Remark, ...]
    read_with_doubt: tuple[Remark, ...]
    conflicts: tuple[Conflict, ...]
    assumed: tuple[str, ...]
    to_ask: tuple[str, ...]

    def to_json(self, indent: int | None = 2) -> str:
        """The report as JSON; the same input gives the same bytes."""
        return json.dumps(asdict(self), indent=indent, ensure_ascii=False)

    def mentioned(self) -> set[str]:
        """Every record that the report names."""
        remarks = (*self.not_understood, *self.set_aside, *self.read_with_doubt)
        many = (*(one.sources for one in self.facts), *(one.sources for one in self.conflicts))
        return {one.source for one in remarks} | {source for sources in many for source in sources}


@dataclass(frozen=True, slots=True)
class Imported:
    """A profile, as a tree that `profile_from_tree` accepts, and the report on how it came about."""

    profile: dict[str, Any]
    report: ImportReport

    def profile_json(self) -> str:
        """The profile as JSON text."""
        return json.dumps(self.profile, indent=2, ensure_ascii=False)


@dataclass(slots=True)
class Draft:
    """Collects facts and remarks; `finish` makes the result."""

    label: str
    tree: dict[str, Any] = field(default_factory=lambda: {"schema_version": "1"})
    facts: list[Fact] = field(default_factory=list)
    not_understood: list[Remark] = field(default_factory=list)
    set_aside: list[Remark] = field(default_factory=list)
    read_with_doubt: list[Remark] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    to_ask: list[str] = field(default_factory=list)

    def put(self, path: str, value: Any, sources: Iterable[str], how: str = "") -> None:
        """Set one field (`patient.ecog`) and remember where it came from."""
        set_at(self.tree, path, value)
        self.facts.append(Fact(f"$.{path}", value, tuple(dict.fromkeys(sources)), how))

    def unread(self, source: str, found: str, why: str) -> None:
        """A record, or a part of one, that no meaning is known for."""
        self.not_understood.append(Remark(source, found, why))

    def aside(self, source: str, found: str, why: str) -> None:
        """A record that is understood and not used."""
        self.set_aside.append(Remark(source, found, why))

    def doubt(self, source: str, found: str, why: str) -> None:
        """A record that was used, with something the reader must know."""
        self.read_with_doubt.append(Remark(source, found, why))

    def conflict(self, path: str, found: str, sources: Iterable[str], outcome: str) -> None:
        """Records that do not agree on a field."""
        self.conflicts.append(Conflict(path, found, tuple(dict.fromkeys(sources)), outcome))

    def assume(self, text: str) -> None:
        """Something taken for granted; said once."""
        if text not in self.assumed:
            self.assumed.append(text)

    def ask(self, text: str) -> None:
        """Something that the record leaves open; said once."""
        if text not in self.to_ask:
            self.to_ask.append(text)

    def take_back(self, path: str) -> None:
        """Remove one field that was set, and what said so."""
        remove_at(self.tree, path)
        self.drop([f"$.{path}"])

    def drop(self, paths: Sequence[str]) -> tuple[Fact, ...]:
        """Forget what was said of these fields and of all below them; returns the facts that are gone."""
        below = tuple(f"{path}{sign}" for path in paths for sign in (".", "["))
        kept: list[Fact] = []
        gone: list[Fact] = []
        for one in self.facts:
            (gone if one.path in paths or one.path.startswith(below) else kept).append(one)
        self.facts = kept
        return tuple(gone)

    def finish(self, records: int) -> Imported:
        """The profile and its report."""
        report = ImportReport(
            self.label,
            records,
            tuple(self.facts),
            tuple(dict.fromkeys(self.not_understood)),
            tuple(dict.fromkeys(self.set_aside)),
            tuple(dict.fromkeys(self.read_with_doubt)),
            tuple(dict.fromkeys(self.conflicts)),
            tuple(self.assumed),
            tuple(self.to_ask),
        )
        ordered = {name: self.tree[name] for name in Profile.model_fields if name in self.tree}
        return Imported(ordered, report)
