"""Receptor results to specimens: what belongs together, what disagrees, and what an unread answer makes void.

Results without a reference to a specimen that lie within 28 days belong to one specimen: a biopsy's results arrive
over some weeks, ISH after an equivocal IHC last of all. Two different answers to one question about one specimen make
two entries of the same day: the facts then see the disagreement, and nothing is decided by order.

An answer that cannot be read has its day and its specimen too: where it is the newest of its receptor, the older
results are left out, because they would stand as the current ones.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date as Date
from datetime import timedelta
from heapq import nlargest
from typing import Any

from her2cds.interop.fhir.addresses import server_of, unversioned
from her2cds.interop.fhir.elements import Reading
from her2cds.interop.fhir.resources import Resource, Resources, inside
from her2cds.interop.settle import DECIDING_FIELDS, MARKER_FIELDS, MARKER_NAMES

_WINDOW = timedelta(days=28)
# The fields that an answer to a question gives; a later answer that cannot be read makes an earlier one void.
_GIVES: dict[str, tuple[str, ...]] = {
    "er": ("er", "er_percent"),
    "pr": ("pr", "pr_percent"),
    "er.percent": ("er_percent", "er"),
    "pr.percent": ("pr_percent", "pr"),
    "ki67.percent": ("ki67_percent",),
    "her2.ihc": ("her2_ihc", "her2_reported"),
    "her2.ish": ("her2_ish",),
    "her2.ratio": ("her2_ish_ratio",),
    "her2.copies": ("her2_copies_per_cell",),
    "her2.amount": ("her2_reported",),
    "her2.overall": ("her2_reported",),
}
QUESTIONS = tuple(_GIVES)


@dataclass(frozen=True, slots=True)
class Result:
    """One field of a specimen as one record gives it."""

    field: str
    value: Any
    source: str
    how: str = ""


@dataclass(frozen=True, slots=True)
class Filed:
    """A result with what tells its specimen."""

    result: Result
    reference: str | None
    day: Date | None
    site: str | None

    def decides(self, marker: str) -> bool:
        """Whether it is one by which a specimen decides the status of a receptor."""
        return self.result.field in DECIDING_FIELDS[marker]

    def is_as_late_as(self, day: Date | None) -> bool:
        """Whether it is known to be of this day or a later one."""
        return self.day is not None and day is not None and self.day >= day


@dataclass(frozen=True, slots=True)
class Unread:
    """An answer about a receptor that cannot be read, with what tells its specimen."""

    question: str
    said: str
    source: str
    reference: str | None
    day: Date | None

    @property
    def marker(self) -> str:
        """The receptor."""
        return self.question.partition(".")[0]

    @property
    def shown(self) -> str:
        """The answer for the report."""
        return f"{MARKER_NAMES[self.marker]} '{self.said}' ({self.source}, {self.day or 'undated'})"


@dataclass(slots=True)
class Tested:
    """A specimen in the making: results by the specimen reference or by day."""

    reference: str | None
    day: Date | None
    found: list[Filed] = field(default_factory=list)

    @property
    def site(self) -> str | None:
        """Where it was taken, as far as a record says."""
        return next((one.site for one in self.found if one.site), None)


@dataclass(slots=True)
class Groups:
    """The specimens in their order, found by reference or by day without going through them all.

    A chart may hold thousands of results: what is looked up for each of them must not go through each of the others.
    """

    all: list[Tested] = field(default_factory=list)
    _by_reference: dict[str, Tested] = field(default_factory=dict)
    _by_day: list[Tested] = field(default_factory=list)  # without reference, the oldest first
    _undated: Tested | None = None
    _latest: dict[str, list[tuple[Date, Tested]]] = field(default_factory=dict)

    def of(self, reference: str | None, day: Date | None) -> Tested | None:
        """The specimen that a result of this reference and day belongs to."""
        if reference is not None:
            return self._by_reference.get(reference)
        if day is None:
            return self._undated
        at = bisect_left(self._by_day, day - _WINDOW, key=lambda one: one.day or Date.min)
        return self._by_day[at] if at < len(self._by_day) and _together(self._by_day[at].day, day) else None

    def file(self, one: Filed) -> None:
        """Put a result to its specimen; results come the oldest first."""
        group = self.of(one.reference, one.day)
        if group is None:
            group = Tested(one.reference, one.day)
            self._add(group)
        group.found.append(one)

    def _add(self, group: Tested) -> None:
        self.all.append(group)
        if group.reference is not None:
            self._by_reference[group.reference] = group
        elif group.day is not None:
            self._by_day.append(group)
        else:
            self._undated = group

    def take_out(self, gone: Iterable[Filed]) -> None:
        """Leave out some of the results, and look anew for the latest that decide."""
        left_out = {id(one) for one in gone}
        for group in self.all:
            group.found = [one for one in group.found if id(one) not in left_out]
        self._latest = {marker: self._latest_of(marker) for marker in MARKER_FIELDS}

    def _latest_of(self, marker: str) -> list[tuple[Date, Tested]]:
        """The last day on which a specimen decides a receptor, of the two specimens where that is latest."""
        days = [
            (max(one.day for one in group.found if one.day is not None and one.decides(marker)), group)
            for group in self.all
            if any(one.day is not None and one.decides(marker) for one in group.found)
        ]
        return nlargest(2, days, key=lambda one: one[0])

    def is_outdone(self, unread: Unread) -> bool:
        """Whether another specimen has decided the receptor on that day or since."""
        own, since = self.of(unread.reference, unread.day), unread.day
        return since is not None and any(
            day >= since for day, group in self._latest.get(unread.marker, ()) if group is not own
        )

    def elsewhere(self, unread: Unread) -> list[Filed]:
        """The results of the same receptor in the other specimens."""
        own, fields = self.of(unread.reference, unread.day), MARKER_FIELDS[unread.marker]
        others = (group for group in self.all if group is not own)
        return [filed for group in others for filed in group.found if filed.result.field in fields]


@dataclass(slots=True)
class Specimens:
    """All receptor results; they are grouped into specimens once all are there, whatever their order was."""

    filed: list[Filed] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    stated: list[Result] = field(default_factory=list)

    def add(self, result: Result, reference: str | None, day: Date | None, site: str | None) -> None:
        """File one result."""
        self.filed.append(Filed(result, reference, day, site))

    def add_unread(self, question: str, said: str, resource: Resource, reference: str | None, day: Date | None) -> None:
        """File an answer that cannot be read."""
        self.unread.append(Unread(question, said, resource.label, reference, day))

    def add_stated(self, result: Result) -> None:
        """File a status that a Condition gives: a diagnosis or a billing code, not an assay."""
        self.stated.append(result)

    def put(self, reading: Reading) -> None:
        """Write the specimens into the draft, the oldest first, the undated last."""
        self._file_stated(reading)
        groups = Groups()
        for one in sorted(self.filed, key=lambda one: (one.day or Date.max, one.reference or "")):
            groups.file(one)
        self._leave_out_outdated(groups, reading)
        made = [(tested, results) for tested in groups.all for results in _consistent(tested, reading)]
        if not made:
            return
        reading.draft.tree["specimens"] = [{} for _ in made]
        for index, (tested, results) in enumerate(made):
            _put_one(f"specimens[{index}]", tested, results, reading)
        if any(one.reference is None and one.day is None for one, _ in made):
            reading.draft.assume(
                "Receptor results with neither date nor specimen were taken to come from one specimen."
            )

    def _file_stated(self, reading: Reading) -> None:
        """A status from a Condition counts, undated, only where no assay of that receptor is on record, read or not."""
        tested = {_marker_of(one.result.field) for one in self.filed} | {one.marker for one in self.unread}
        for one in self.stated:
            if _marker_of(one.field) in tested:
                why = "a status from a Condition; not taken, because it never counts beside an assay"
                reading.draft.doubt(one.source, f"{one.field} {one.value}", why)
            else:
                self.add(one, None, None, None)

    def _leave_out_outdated(self, groups: Groups, reading: Reading) -> None:
        """Leave out what is older than an answer that cannot be read, where that is the newest one of its receptor."""
        gone: dict[Unread, list[Filed]] = {}
        in_order = sorted(self.unread, key=lambda one: (one.day or Date.max, one.source, one.question))
        for one in in_order:
            own = groups.of(one.reference, one.day)
            gone[one] = [filed for filed in own.found if _is_void(filed, one)] if own else []
        groups.take_out(filed for found in gone.values() for filed in found)
        for one in in_order:
            if not _is_decided(one, groups):
                gone[one] += [filed for filed in groups.elsewhere(one) if not filed.is_as_late_as(one.day)]
        groups.take_out(filed for found in gone.values() for filed in found)
        for one in in_order:
            _report(one, gone[one], groups, reading)


def _is_void(filed: Filed, unread: Unread) -> bool:
    """Whether a result of the same specimen answers the same question, and not on a day that is as late."""
    return filed.result.field in _GIVES[unread.question] and not filed.is_as_late_as(unread.day)


def _is_decided(unread: Unread, groups: Groups) -> bool:
    """Whether its own specimen, or a result elsewhere that is as late, decides the receptor all the same."""
    own = groups.of(unread.reference, unread.day)
    return any(filed.decides(unread.marker) for filed in (own.found if own else ())) or groups.is_outdone(unread)


def _report(unread: Unread, gone: list[Filed], groups: Groups, reading: Reading) -> None:
    """Name what was left out, and ask, unless a later specimen has told more since."""
    if gone:
        said = "; ".join(f"{one.result.field} {one.result.value} ({one.day or 'undated'})" for one in gone)
        reading.draft.conflict(
            f"$.specimens[].{_GIVES[unread.question][0]}",
            f"{unread.shown} cannot be read; older: {said}",
            [unread.source, *(one.result.source for one in gone)],
            "the older results were not taken: they would stand as the current ones",
        )
    if not groups.is_outdone(unread):
        reading.draft.ask(f"{unread.shown} could not be read; what is the result?")


def _marker_of(name: str) -> str:
    """The receptor that a field of a specimen tells of."""
    return next(marker for marker, names in MARKER_FIELDS.items() if name in names)


def specimen_of(resource: Resource, resources: Resources) -> str | None:
    """What tells the specimen of an Observation: its resource, however it is referred to, else its address."""
    specimen = resource.content.get("specimen")
    reference = inside(specimen, "reference")
    if not isinstance(reference, str) or not reference:
        return None
    found = resources.follow(specimen, resource)
    if found is not None:
        return found.label
    holder = resource.container or resource
    if reference.startswith("#"):
        return f"{holder.label}{reference}"
    server = server_of(reference) or resource.server
    name = "/".join(unversioned(reference).split("/")[-2:])
    return f"{server}/{name}" if server else name


def _put_one(path: str, tested: Tested, results: list[Result], reading: Reading) -> None:
    sources = [one.source for one in results]
    if tested.day is not None:
        reading.draft.put(f"{path}.date", tested.day.isoformat(), sources)
    if tested.site is not None:
        reading.draft.put(f"{path}.site", tested.site, sources)
    for name in dict.fromkeys(one.field for one in results):
        same = [one for one in results if one.field == name]
        how = next((one.how for one in same if one.how), "")
        reading.draft.put(f"{path}.{name}", same[0].value, [one.source for one in same], how)


def _together(one: Date | None, other: Date | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _WINDOW


def _consistent(tested: Tested, reading: Reading) -> list[list[Result]]:
    """The results of one specimen; a second list holds answers that differ from the first ones."""
    first: list[Result] = []
    second: list[Result] = []
    in_order = sorted((one.result for one in tested.found), key=lambda one: (one.field, str(one.value), one.source))
    for result in in_order:
        earlier = next((one for one in first if one.field == result.field), None)
        if earlier is None or earlier.value == result.value:
            first.append(result)
        else:
            second.append(result)
            reading.draft.conflict(
                f"$.specimens[].{result.field}",
                f"{earlier.value} and {result.value}",
                [earlier.source, result.source],
                "both are kept, as two specimens of one day: what they disagree on decides nothing",
            )
    return [part for part in (first, second) if part]
