"""The numbers behind the figures of the page: places on an axis, from figures as the reviews print them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date as Date

from her2cds.knowledge.citations import Citation
from her2cds.knowledge.evidence import Evidence, Outcome
from her2cds.report.model import Therapy, TreatmentShown

# Hazard ratios are drawn from 0.2 to 2 on a logarithmic axis: what lies outside is cut and marked.
_LOW, _HIGH = 0.2, 2.0
TICKS = (0.25, 0.5, 1.0, 2.0)
_ONE_DAY = 1


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One hazard ratio: places are percentages of the axis; `low_cut` and `high_cut` mark an interval that goes on."""

    study: str
    endpoint: str
    comparison: str
    ratio: str
    interval: str
    place: float
    low: float
    high: float
    low_cut: bool
    high_cut: bool
    remark: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One arm's median: its value as printed, and its length in percent of the longest in the figure."""

    arm: str
    value: str
    length: float
    first: bool


@dataclass(frozen=True, slots=True)
class MedianGroup:
    """The medians of one outcome, the studied arm first."""

    study: str
    endpoint: str
    unit: str
    bars: tuple[Bar, ...]
    remark: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class TimelineBar:
    """One dated course: its place and length in percent of the time shown.

    `end_known` is false where only the start is known: nothing but the start may then be drawn.
    """

    course: TreatmentShown
    start: float
    length: float
    end_known: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """The dated courses on one axis, the years on it, and the courses without dates."""

    bars: tuple[TimelineBar, ...]
    years: tuple[tuple[float, str], ...]
    undated: tuple[TreatmentShown, ...]


def axis_place(ratio: float) -> float:
    """Where a hazard ratio lies on the axis, in percent; values outside lie at its ends."""
    inside = min(max(ratio, _LOW), _HIGH)
    return round(100 * math.log(inside / _LOW) / math.log(_HIGH / _LOW), 2)


def forest(therapies: Iterable[Therapy]) -> tuple[ForestRow, ...]:
    """Every hazard ratio with an interval among the candidates' studies, each study once."""
    return tuple(row for study in _studies(therapies) for row in _rows(study))


def medians(therapies: Iterable[Therapy]) -> tuple[MedianGroup, ...]:
    """Every outcome measured in time that has values for its arms."""
    groups = [
        (study, outcome)
        for study in _studies(therapies)
        for outcome in study.outcomes
        if outcome.unit in ("months", "weeks") and outcome.values
    ]
    longest = max((_in_months(value.value, outcome) for _, outcome in groups for value in outcome.values), default=1.0)
    return tuple(_group(study, outcome, longest or 1.0) for study, outcome in groups)


def timeline(history: Iterable[TreatmentShown], today: str | None) -> Timeline:
    """The dated courses from the first start to the last end (or the day of the profile)."""
    courses = tuple(history)
    dated = [one for one in courses if one.start]
    undated = tuple(one for one in courses if not one.start)
    if not dated:
        return Timeline((), (), undated)
    starts = [Date.fromisoformat(one.start) for one in dated if one.start]
    ends = [Date.fromisoformat(one.end) for one in dated if one.end]
    first = min(starts)
    last = max([*starts, *ends, *([Date.fromisoformat(today)] if today else [])])
    span = max((last - first).days, _ONE_DAY)
    bars = tuple(_bar(one, first, last, span) for one in dated)
    years = tuple(
        (round(100 * (Date(year, 1, 1) - first).days / span, 2), str(year))
        for year in range(first.year + 1, last.year + 1)
    )
    return Timeline(bars, years, undated)


def _studies(therapies: Iterable[Therapy]) -> Iterator[Evidence]:
    found = {shown.study.id: shown.study for therapy in therapies for shown in therapy.evidence}
    yield from found.values()


def _rows(study: Evidence) -> Iterator[ForestRow]:
    for outcome in study.outcomes:
        if not (outcome.hazard_ratio and outcome.ci):
            continue
        low, high = outcome.ci
        if not (_is_number(low) and _is_number(high)):
            continue
        yield ForestRow(
            study=study.name,
            endpoint=_endpoint(outcome),
            comparison=" against ".join(arm.name for arm in study.arms[:2]),
            ratio=outcome.hazard_ratio,
            interval=f"{low} to {high}",
            place=axis_place(float(outcome.hazard_ratio)),
            low=axis_place(float(low)),
            high=axis_place(float(high)),
            low_cut=float(low) < _LOW,
            high_cut=float(high) > _HIGH,
            remark=_remark(outcome),
            citations=outcome.cites,
        )


def _group(study: Evidence, outcome: Outcome, longest: float) -> MedianGroup:
    bars = tuple(
        Bar(value.arm, value.value, round(100 * _in_months(value.value, outcome) / longest, 1), index == 0)
        for index, value in enumerate(outcome.values)
    )
    return MedianGroup(study.name, _endpoint(outcome), outcome.unit or "", bars, _remark(outcome), outcome.cites)


def _endpoint(outcome: Outcome) -> str:
    words = outcome.label or outcome.endpoint
    return f"{words}, {outcome.population}" if outcome.population else words


def _remark(outcome: Outcome) -> str:
    parts = ["not statistically significant"] if outcome.significant is False else []
    return "; ".join([*parts, *([outcome.caveat] if outcome.caveat else [])])


def _in_months(value: str, outcome: Outcome) -> float:
    """A printed value on a common axis; one that was not reached has no length."""
    if not _is_number(value):
        return 0.0
    return float(value) * 7 / 30.44 if outcome.unit == "weeks" else float(value)


def _is_number(text: str) -> bool:
    return text not in ("NR", "NE")


def _bar(course: TreatmentShown, first: Date, last: Date, span: int) -> TimelineBar:
    start = Date.fromisoformat(course.start) if course.start else first
    end = Date.fromisoformat(course.end) if course.end else (last if course.goes_on else start)
    length = max(round(100 * (end - start).days / span, 2), 1.0)
    place = min(round(100 * (start - first).days / span, 2), 99.0)
    return TimelineBar(course, place, length, course.end is not None or course.goes_on)
