"""Several records about one field: the newest decides what changes over time, all must agree on what does not.

A record without an exact day may be of any day that its date allows, so it may be the newest: where it differs from the
newest dated one, nothing is taken. A record about a field from which no value can be taken is kept too: where it is the
newest, no older value may stand as the current one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    spans: Mapping[str, tuple[Date, Date]] = field(default_factory=dict)  # the days that vague dates allow, by record

    def add(self, path: str, value: Any, day: Date | None, source: str, how: str = "") -> None:
        """One more value for a field."""
        self.by_path.setdefault(path, []).append(Candidate(value, day, source, how))

    def add_valueless(
        self, path: str, said: str, day: Date | None, source: str, why: str = "could not be read"
    ) -> None:
        """A record about a field that gives no value for it."""
        self.valueless.setdefault(path, []).append(Valueless(said, day, source, why))

    def settle_newest(self, path: str, draft: Draft) -> Candidate | None:
        """The newest value of something that changes; None where that is not known."""
        if self.blocked(path, draft):
            return None
        newest, older = self.newest(path)
        for one in older:
            draft.aside(one.source, f"{path} {one.value}", "an older value; the newest one was taken")
        if len(_distinct(newest)) > 1 and any(one.day is None for one in newest):
            said = "; ".join(f"{one.value} ({one.source}, {self._shown(one)})" for one in newest)
            outcome = "not taken: which one is the newest cannot be told"
            draft.conflict(f"$.{path}", said, [one.source for one in newest], outcome)
            draft.ask(f"{path}: {said}: which holds now?")
            return None
        return _agreed(path, sorted(newest, key=lambda one: one.day or Date.min, reverse=True), draft)

    def newest(self, path: str) -> tuple[list[Candidate], list[Candidate]]:
        """The values of a field that may be the newest, and those that are known to be older."""
        found = self.by_path.get(path, [])
        since = max((self._span(one)[0] for one in found), default=Date.min)
        return [one for one in found if self._span(one)[1] >= since], [
            one for one in found if self._span(one)[1] < since
        ]

    def _span(self, one: Candidate | Valueless) -> tuple[Date, Date]:
        """The first and the last day that a record may be of."""
        return (one.day, one.day) if one.day is not None else self.spans.get(one.source, (Date.min, Date.max))

    def _shown(self, one: Candidate) -> str:
        first, last = self._span(one)
        if one.day is not None or (first, last) == (Date.min, Date.max):
            return str(one.day or "undated")
        return f"{first} to {last}" if first > Date.min else f"up to {last}"

    def settle_agreed(self, path: str, draft: Draft) -> Candidate | None:
        """The value of something that does not change, where all records agree."""
        return None if self.blocked(path, draft) else _agreed(path, self.by_path.get(path, []), draft)

    def newer_valueless(self, path: str) -> list[Valueless]:
        """The records without a value that are newer than every value of a field, or may be: none is dated."""
        latest = self._latest(path)
        found = self.valueless.get(path, [])
        return [one for one in found if latest is None or (self._is_placed(one) and self._span(one)[1] > latest)]

    def _is_placed(self, one: Valueless) -> bool:
        """Whether it has a date, be it a vague one."""
        return one.day is not None or one.source in self.spans

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
            if not self._is_placed(one) or one.day == self._latest(path):
                draft.doubt(one.source, f"{path}: {one.said}", f"it {one.why}; the value of another record was taken")
                draft.ask(f"{path}: '{one.said}' ({one.source}) {one.why}; does the value that was taken hold?")

    def _latest(self, path: str) -> Date | None:
        days = [self._span(one)[0] for one in self.by_path.get(path, [])]
        return max((one for one in days if one > Date.min), default=None)


def _distinct(found: Iterable[Candidate]) -> list[Any]:
    values: list[Any] = []
    for one in found:
        if one.value not in values:
            values.append(one.value)
    return values


def _agreed(path: str, found: Sequence[Candidate], draft: Draft) -> Candidate | None:
    if not found:
        return None
    values = _distinct(found)
    if len(values) > 1:
        said = "; ".join(f"{one.value} ({one.source})" for one in found)
        draft.conflict(f"$.{path}", said, [one.source for one in found], "none of the values was taken")
        return None
    how = next((one.how for one in found if one.how), "")
    draft.put(path, values[0], [one.source for one in found], how)
    return found[0]
