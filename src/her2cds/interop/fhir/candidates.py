"""Several records about one field: the newest decides what changes over time, all must agree on what does not.

A record about a field from which no value can be taken is kept too: where it is the newest, no older value may stand as
the current one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date as Date
from typing import Any

from her2cds.interop.draft import Draft


@dataclass(frozen=True, slots=True)
class Candidate:
    """One value for a field, its day (None: undated), and its record."""

    value: Any
    day: Date | None
    source: str
    how: str = ""


@dataclass(frozen=True, slots=True)
class Valueless:
    """A record about a field that gives no value for it: what it says, its day, and why that is no value."""

    said: str
    day: Date | None
    source: str
    why: str


@dataclass(slots=True)
class Candidates:
    """Values met for each field of the profile, by path, and the records that gave none."""

    by_path: dict[str, list[Candidate]] = field(default_factory=dict)
    valueless: dict[str, list[Valueless]] = field(default_factory=dict)

    def add(self, path: str, value: Any, day: Date | None, source: str, how: str = "") -> None:
        """One more value for a field."""
        self.by_path.setdefault(path, []).append(Candidate(value, day, source, how))

    def add_valueless(
        self, path: str, said: str, day: Date | None, source: str, why: str = "could not be read"
    ) -> None:
        """A record about a field that gives no value for it."""
        self.valueless.setdefault(path, []).append(Valueless(said, day, source, why))

    def settle_newest(self, path: str, draft: Draft) -> Candidate | None:
        """The newest value of something that changes; undated values count only where none is dated."""
        if self.blocked(path, draft):
            return None
        found = self.by_path.get(path, [])
        latest = self._latest(path)
        newest = [one for one in found if latest is not None and one.day == latest] or found
        for one in found:
            if one not in newest:
                draft.aside(one.source, f"{path} {one.value}", "an older or undated value; the newest one was taken")
        return _agreed(path, newest, draft)

    def settle_agreed(self, path: str, draft: Draft) -> Candidate | None:
        """The value of something that does not change, where all records agree."""
        return None if self.blocked(path, draft) else _agreed(path, self.by_path.get(path, []), draft)

    def newer_valueless(self, path: str) -> list[Valueless]:
        """The records without a value that are newer than every value of a field, or may be: none is dated."""
        latest = self._latest(path)
        return [
            one for one in self.valueless.get(path, []) if latest is None or (one.day is not None and one.day > latest)
        ]

    def blocked(self, path: str, draft: Draft) -> bool:
        """Whether the newest record of a field gives no value, so that none is taken; the report says so and asks."""
        newer, found = self.newer_valueless(path), self.by_path.get(path, [])
        for one in newer:
            draft.ask(f"{path}: '{one.said}' ({one.source}) {one.why}; what is it now?")
        for one in newer if found else ():
            draft.doubt(one.source, f"{path}: {one.said}", f"it {one.why}: no older value was taken")
        for value in found if newer else ():
            draft.aside(value.source, f"{path} {value.value}", "not taken: a newer record gives no value")
        if not newer:
            self._remark_others(path, draft)
        return bool(newer)

    def _remark_others(self, path: str, draft: Draft) -> None:
        """Records without a value of the newest day, or of none: they are not known to be newer than what is taken."""
        for one in self.valueless.get(path, []):
            if one.day is None or one.day == self._latest(path):
                draft.doubt(one.source, f"{path}: {one.said}", f"it {one.why}; the value of another record was taken")
                draft.ask(f"{path}: '{one.said}' ({one.source}) {one.why}; does the value that was taken hold?")

    def _latest(self, path: str) -> Date | None:
        return max((one.day for one in self.by_path.get(path, []) if one.day is not None), default=None)


def _agreed(path: str, found: Sequence[Candidate], draft: Draft) -> Candidate | None:
    if not found:
        return None
    values = [one.value for index, one in enumerate(found) if one.value not in [other.value for other in found[:index]]]
    if len(values) > 1:
        said = "; ".join(f"{one.value} ({one.source})" for one in found)
        draft.conflict(f"$.{path}", said, [one.source for one in found], "none of the values was taken")
        return None
    how = next((one.how for one in found if one.how), "")
    draft.put(path, values[0], [one.source for one in found], how)
    return found[0]
