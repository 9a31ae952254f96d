"""Records of drugs given, to courses and lines of treatment (docs/methods/fhir-import.md states the rules).

1. Records of one drug in one setting, with no more than 120 days between them, are one period.
2. Periods that begin within 28 days of the first one of a course belong to it; a drug that joins later begins a course.
3. A worsening on record after the first day of a course and while it was given, or within 60 days after its last record
   and not after the next course begins, ends it with progression. On its first day it is why the course was begun.
   Where the records state another reason for an end before that, the reason is left open.
4. A drug for metastatic disease that is still given when a later course begins, which a worsening or a drug other than
   an endocrine one brought about, belongs to that course from then on: trastuzumab beyond progression.
5. The last record is taken for the end where that is so, where the records say "completed", where the next course
   begins after it, or where it lies more than 60 days back: cycles that reach up to now may go on.
6. A course for metastatic disease is maintenance of the one before it where it adds no drug, or only an endocrine drug
   while a drug of that course is still given, no worsening lies between, and no more than 120 days.
7. The other courses for metastatic disease are numbered as lines, where every course has a setting and a start, up to
   a course that a drug begins by joining others without a worsening: whether that is a new line, a person says.

28 and 120 days are the usual conventions of line-of-therapy algorithms on records; the reviews define a line by
progression, so what a record does not say about an end is left open.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
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

    def part_from(self, day: Date, ended: Date) -> Period:
        """Keep what lies before a day, and return the rest; a record that spans it `ended` as far as it is kept."""
        kept, rest = Period(self.drug, self.setting), Period(self.drug, self.setting)
        for one in self.records:
            upto = max((until for until in (one.end, one.until) if until), default=None)
            if one.start is None or one.start >= day:
                rest.add(one)
            elif upto is None or upto < day:
                kept.add(one)
            else:
                last = max(ended, one.start)
                until, going_on = (last, None) if one.end is None else (None, False)
                kept.add(replace(one, end=last if one.end else None, until=until, going_on=going_on, stop=None))
                rest.add(replace(one, start=day))
        self.records, self.start, self.last = kept.records, kept.start, kept.last
        return rest

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
    """Drugs that were begun together, or given on when others were begun.

    `worsened_on` are the worsenings that ended it, `joined` the drugs to which it added others without a worsening.
    """

    setting: str | None
    start: Date | None
    periods: list[Period]
    worsened_on: tuple[Date, ...] = ()
    joined: tuple[str, ...] = ()
    maintenance: bool = False
    line: int | None = None
    followed: bool = False
    over: bool = False

    @property
    def stated_stop(self) -> str | None:
        """Why it ended, where the records of all its drugs say the same."""
        stops = {one.stop for one in self.periods}
        return stops.pop() if len(stops) == 1 else None

    @property
    def contested(self) -> bool:
        """Whether the records state why it ended, and the disease worsened only after that."""
        last = self.last
        return bool(self.stated_stop and last and self.worsened_on and min(self.worsened_on) > last)

    @property
    def given_on_after_worsening(self) -> bool:
        """Whether it went on for more than 60 days after the disease worsened."""
        return bool(self.last and self.worsened_on and self.last - min(self.worsened_on) > _AFTERWARDS)

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
        ends = [one.end for one in self.periods]
        found: dict[str, Any] = {
            "setting": self.setting,
            "line": self.line,
            "agents": sorted(self.drugs),
            "start": self.start.isoformat() if self.start else None,
        }
        if self.worsened_on and not self.contested:
            found["stop_reason"] = "progression"
        elif self.stated_stop and not self.contested:
            found["stop_reason"] = self.stated_stop
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
    _give_on(courses, worsened, is_endocrine)
    starts = sorted({one.start for one in courses if one.start})
    for course in courses:
        if course.start is None:
            continue
        after = bisect_right(starts, course.start)
        later = starts[after] if after < len(starts) else None
        course.followed = later is not None
        course.worsened_on = tuple(day for day in sorted(worsened) if _ends_it(course, day, later))
        course.over = bool(course.worsened_on) or _is_over(course, later, as_of)
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
    """The courses of periods in the order of their starts: only the newest one of a setting can be added to."""
    courses: list[Course] = []
    newest: dict[str | None, Course] = {}
    for period in periods:
        course = newest.get(period.setting)
        if course is not None and _begins_with(course, period):
            course.periods.append(period)
        else:
            newest[period.setting] = Course(period.setting, period.start, [period])
            courses.append(newest[period.setting])
    return courses


def _begins_with(course: Course, period: Period) -> bool:
    return course.start is not None and period.start is not None and period.start - course.start <= _WINDOW


def _give_on(courses: Sequence[Course], worsened: Collection[Date], is_endocrine: Callable[[str], bool]) -> None:
    """Drugs that are still given when a later course begins become part of it."""
    earlier: list[tuple[Date, Course]] = []
    for course in courses:
        begins = course.start
        if course.setting != "metastatic" or begins is None:
            continue
        new = course.drugs
        for since, before in earlier:
            reasons = [day for day in worsened if since < day <= begins]
            still_given = [one for one in before.periods if one.last and one.last >= begins and one.drug not in new]
            if not still_given or not (reasons or not all(map(is_endocrine, new))):
                continue
            course.periods += [one.part_from(begins, max(reasons, default=begins)) for one in still_given]
            if not reasons and not new <= before.drugs:
                course.joined = tuple(sorted({*course.joined, *(one.drug for one in still_given)}))
        earlier.append((begins, course))


def _ends_it(course: Course, day: Date, later: Date | None) -> bool:
    if course.start is None or course.last is None or day <= course.start:
        return False
    if later is not None and day > later:
        return day <= course.last  # given beside the later course
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
        still_given = any((one.last and one.last >= begins) or one.going_on for one in before.periods)
        endocrine = all(map(is_endocrine, course.drugs))
        follows = still_given or (before.last is not None and begins - before.last <= _GAP)
        course.maintenance = (follows and course.drugs <= before.drugs) or (endocrine and still_given)


def _number(courses: Sequence[Course]) -> None:
    metastatic = [one for one in courses if one.setting == "metastatic"]
    if any(one.setting is None for one in courses) or any(one.start is None for one in metastatic):
        return
    line = 0
    for course in metastatic:
        if course.joined:
            return
        line += not course.maintenance
        course.line = max(line, 1)
