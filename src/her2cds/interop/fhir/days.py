"""The days on which something is on record: exact, or the first and the last day that a vague date allows."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import date as Date
from typing import Any

from her2cds.interop.fhir.resources import Json, Resource, inside, listed

_DATE = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ].*)?)?)?$")
_DATES = (
    *("effectiveDateTime", "effectiveInstant", "effectiveTimeDateTime", "onsetDateTime", "performedDateTime"),
    *("authoredOn", "recordedDate", "dateWritten", "whenHandedOver", "whenPrepared"),
)
_ASSERTED = "condition-assertedDate"
_PERIODS = ("effectivePeriod", "effectiveTimePeriod", "performedPeriod", "onsetPeriod")


def span(text: object) -> tuple[Date, Date] | None:
    """The first and the last day that a date may mean (`2024-05` the whole of May); None where it is no date."""
    match = _DATE.match(text) if isinstance(text, str) else None
    if match is None:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        first = Date(year or 0, month or 1, day or 1)
    except ValueError:
        return None
    if day is not None:
        return first, first
    last = month or 12
    return first, Date(first.year, last, calendar.monthrange(first.year, last)[1])


def days_of(resource: Resource) -> list[Date]:
    """The days of a resource; of a vague date the first that it allows: then, or later, it was on record."""
    return [found[0] for text in _texts(resource.content) if (found := span(text)) is not None]


def last_day(resources: list[Resource], today: Date) -> Date | None:
    """The last day on which something about the patient is on record; days after today do not count."""
    days = (day for one in resources for day in (*days_of(one), *ends_of(one)))
    return max((day for day in days if day <= today), default=None)


def ends_of(resource: Resource) -> list[Date]:
    """The days on which a Condition or an allergy ended, as far as they are dates."""
    said = (resource.content.get("abatementDateTime"), inside(resource.content, "abatementPeriod", "start"))
    return [found[0] for text in said if (found := span(text)) is not None]


def observed(content: Json) -> object:
    """When an Observation was made, as it says so."""
    said = content.get("effectiveDateTime") or content.get("effectiveInstant")
    return said or inside(content, "effectivePeriod", "start")


def _texts(content: Json) -> Iterator[Any]:
    yield from (content.get(key) for key in _DATES)
    if not any(key.startswith("effective") for key in content):
        yield content.get("issued")
    extensions = listed(content.get("extension"))
    yield from (one.get("valueDateTime") for one in extensions if str(one.get("url", "")).endswith(_ASSERTED))
    periods = [content.get(key) for key in _PERIODS]
    periods += [inside(one, "timing", "repeat", "boundsPeriod") for one in listed(content.get("dosageInstruction"))]
    for period in periods:
        yield from (inside(period, "start"), inside(period, "end"))
