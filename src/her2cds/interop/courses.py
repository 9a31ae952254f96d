"""Records of drugs given, to courses and lines of treatment (docs/methods/fhir-import.md states the rules).

1. Records of one drug in one setting, with no more than 120 days between them, are one period.
2. Periods that begin within 28 days of the first one of a course belong to it; a drug that joins later begins a course.
3. A worsening on record after the first day of a course and while it was given, or within 60 days after its last record
   and not after the next course begins, ends it with progression. On its first day it is why the course was begun.
4. The last record is taken for the end where that is so, where the records say "completed", where the next course
   begins after it, or where it lies more than 60 days back: cycles that reach up to now may go on.
5. A course for metastatic disease is maintenance of the one before it where it adds no drug, or only an endocrine drug
   while a drug of that course is still given, and no worsening lies between.
6. The other courses for metastatic disease are numbered as lines, where every course has a setting and a start.

28 and 120 days are the usual conventions of line-of-therapy algorithms on records; the reviews define a line by
progression, so what a record does not say about an end is left open.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date as Date
from datetime import timedelta
from itertools import pairwise
from typing import Any

_GAP = timedelta(days=120)
_WINDOW = timedelta(days=28)
_AFTERWARDS = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Given:
    """One record of a drug: the day or period, the setting, how it ended, and the records' names.

    `going_on` is True or False as the record says, None where it does not say. `end` is the day on which the drug
    ended, `until` the last day of a dose: that says nothing on whether more doses follow.
    """

    drug: str
    source: str
    start: Date | None = None
    end: Date | None = None
    setting: str | None = None
    going_on: bool | None = None
    stop: str | None = None
    until: Date | None = None


@dataclass(slots=True)
class Period:
    """One drug without a longer break."""

    drug: str
    setting: str | None
    records: list[Given] = field(default_factory=list)
    start: Date | None = None
    last: Date | None = None

    def add(self, record: Given) -> None:
        """One more record; `start` and `last` are the first and the last day on record, of whatever kind."""
        self.records.append(record)
        days = [day for day in (record.start, record.end, record.until) if day]
        self.last = max([*days, *([self.last] if self.last else [])], default=None)
        self.start = min([one for one in (self.start, record.start) if one], default=None)

    @property
    def end(self) -> Date | None:
        """The day it ended: a stated end, or the last of several days; None where neither is on record."""
        stated = [one.end for one in self.records if one.end]
        days = {day for one in self.records for day in (one.start, one.until) if day}
        return max([*stated, *(days if len(days) > 1 else ())], default=None)

    @property
    def going_on(self) -> bool | None:
        """As the newest record says."""
        newest = max(self.records, key=lambda one: (one.start or Date.min, one.source))
        return newest.going_on

    @property
    def stop(self) -> str | None:
        """Why it ended, where the records agree."""
        stops = {one.stop for one in self.records if one.stop}
        return stops.pop() if len(stops) == 1 else None


@dataclass(slots=True)
class Course:
    """Drugs that were begun together."""

    setting: str | None
    periods: list[Period]
    worsened: bool = False
    maintenance: bool = False
    line: int | None = None
    followed: bool = False
    over: bool = False

    @property
    def start(self) -> Date | None:
        """First day on record."""
        return min((one.start for one in self.periods if one.start), default=None)

    @property
    def last(self) -> Date | None:
        """Last day on record."""
        return max((one.last for one in self.periods if one.last), default=None)

    @property
    def drugs(self) -> set[str]:
        """All drugs of the course."""
        return {one.drug for one in self.periods}

    @property
    def sources(self) -> list[str]:
        """The records behind it."""
        return [record.source for period in self.periods for record in period.records]

    def fields(self) -> dict[str, Any]:
        """The treatment as a profile writes it; what is not known is left out."""
        states = {one.going_on for one in self.periods}
        stops = {one.stop for one in self.periods}
        ends = [one.end for one in self.periods]
        found: dict[str, Any] = {
            "setting": self.setting,
            "line": self.line,
            "agents": sorted(self.drugs),
            "start": self.start.isoformat() if self.start else None,
        }
        if self.worsened:
            found["stop_reason"] = "progression"
        elif len(stops) == 1 and None not in stops:
            found["stop_reason"] = stops.pop()
        elif True in states and not self.followed:
            found["ongoing"] = True
        elif states == {False}:
            found["ongoing"] = False
        intolerable = sorted(one.drug for one in self.periods if one.stop == "toxicity")
        if intolerable and found.get("stop_reason") != "toxicity":
            found["stopped_agents"] = intolerable
        if not found.get("ongoing") and None not in ends and (self.over or states == {False}):
            found["end"] = max(end for end in ends if end).isoformat()
        if self.maintenance:
            found["maintenance_of_previous"] = True
        return {name: value for name, value in found.items() if value is not None}


def group(
    records: Sequence[Given], worsened: Collection[Date], is_endocrine: Callable[[str], bool], as_of: Date
) -> list[Course]:
    """The courses of a patient on a day, the oldest first, those without a date last."""
    courses = _courses(_periods(records))
    for index, course in enumerate(courses):
        later = next((one.start for one in courses[index + 1 :] if one.start and one.start != course.start), None)
        course.followed = later is not None
        course.worsened = any(_ends_it(course, day, later) for day in worsened)
        course.over = course.worsened or _is_over(course, later, as_of)
    _mark_maintenance(courses, worsened, is_endocrine)
    _number(courses)
    return courses


def _periods(records: Sequence[Given]) -> list[Period]:
    periods: list[Period] = []
    newest: dict[tuple[str, str | None, bool], Period] = {}  # in the order of their starts only the newest can go on
    for one in sorted(records, key=lambda one: (one.drug, one.start or Date.max, one.end or Date.max, one.source)):
        key = (one.drug, one.setting, one.start is None)
        same = newest.get(key)
        if same is None or not _joins(same, one):
            same = newest[key] = Period(one.drug, one.setting)
            periods.append(same)
        same.add(one)
    return sorted(periods, key=lambda one: (one.start or Date.max, one.drug))


def _joins(period: Period, record: Given) -> bool:
    if record.start is None or period.last is None:
        return record.start is None and period.start is None
    return record.start - period.last <= _GAP


def _courses(periods: Sequence[Period]) -> list[Course]:
    courses: list[Course] = []
    for period in periods:
        for course in courses:
            if _begins_with(course, period):
                course.periods.append(period)
                break
        else:
            courses.append(Course(period.setting, [period]))
    return courses


def _begins_with(course: Course, period: Period) -> bool:
    if course.start is None or period.start is None or course.setting != period.setting:
        return False
    return period.start - course.start <= _WINDOW and period.drug not in course.drugs


def _ends_it(course: Course, day: Date, later: Date | None) -> bool:
    if course.start is None or course.last is None or day <= course.start:
        return False
    if later is not None and day > later:
        return False
    return day <= course.last + _AFTERWARDS


def _is_over(course: Course, later: Date | None, as_of: Date) -> bool:
    """Whether the last record may be taken for the end: cycles that reach up to now may go on."""
    if course.last is None:
        return False
    return as_of - course.last > _AFTERWARDS or (later is not None and course.last < later)


def _mark_maintenance(
    courses: Sequence[Course], worsened: Collection[Date], is_endocrine: Callable[[str], bool]
) -> None:
    metastatic = [one for one in courses if one.setting == "metastatic" and one.start]
    for before, course in pairwise(metastatic):
        first, begins = before.start, course.start
        if first is None or begins is None or any(first < day <= begins for day in worsened):
            continue
        overlaps = any((one.last and one.last >= begins) or one.going_on for one in before.periods)
        endocrine = all(map(is_endocrine, course.drugs))
        course.maintenance = course.drugs <= before.drugs or (endocrine and overlaps)


def _number(courses: Sequence[Course]) -> None:
    metastatic = [one for one in courses if one.setting == "metastatic"]
    if any(one.setting is None for one in courses) or any(one.start is None for one in metastatic):
        return
    line = 0
    for course in metastatic:
        line += not course.maintenance
        course.line = max(line, 1)
