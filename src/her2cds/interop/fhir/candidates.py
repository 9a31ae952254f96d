"""Several records about one field: the newest decides what changes over time, all must agree on what does not."""

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


@dataclass(slots=True)
class Candidates:
    """Values met for each field of the profile, by path."""

    by_path: dict[str, list[Candidate]] = field(default_factory=dict)

    def add(self, path: str, value: Any, day: Date | None, source: str, how: str = "") -> None:
        """One more value for a field."""
        self.by_path.setdefault(path, []).append(Candidate(value, day, source, how))

    def settle_newest(self, path: str, draft: Draft) -> Candidate | None:
        """The newest value of something that changes; undated values count only where none is dated."""
        found = self.by_path.get(path, [])
        dated = [one for one in found if one.day is not None]
        latest = max((one.day for one in dated if one.day), default=None)
        newest = [one for one in dated if one.day == latest] or found
        for one in found:
            if one not in newest:
                draft.aside(one.source, f"{path} {one.value}", "an older or undated value; the newest one was taken")
        return _agreed(path, newest, draft)

    def settle_agreed(self, path: str, draft: Draft) -> Candidate | None:
        """The value of something that does not change, where all records agree."""
        return _agreed(path, self.by_path.get(path, []), draft)


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
