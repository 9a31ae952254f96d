"""The days on which something is on record: exact, or the first and the last day that a vague date allows."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import date as Date
from typing import Any

from her2cds.interop.fhir.resources import Json, Resource, Resources, inside, listed

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


def implied_days(resource: Resource, resources: Resources) -> list[Date]:
    """The day that another resource gives an Observation without one of its own; the first where that is vague."""
    found = span(implied(resource, resources)[0])
    return [found[0]] if found is not None else []


def last_day(about: list[Resource], resources: Resources, today: Date) -> Date | None:
    """The last day on which something about the patient is on record; days after today do not count."""
    days = (day for one in about for day in (*days_of(one), *ends_of(one), *implied_days(one, resources)))
    return max((day for day in days if day <= today), default=None)


def ends_of(resource: Resource) -> list[Date]:
    """The days on which a Condition or an allergy ended, as far as they are dates."""
    said = (resource.content.get("abatementDateTime"), inside(resource.content, "abatementPeriod", "start"))
    return [found[0] for text in said if (found := span(text)) is not None]


def observed(content: Json) -> object:
    """When an Observation was made, as it says so."""
    said = content.get("effectiveDateTime") or content.get("effectiveInstant")
    return said or inside(content, "effectivePeriod", "start")


def implied(resource: Resource, resources: Resources) -> tuple[object, str]:
    """When an Observation that does not say so was made, and who says it: its report around it, else its specimen."""
    if resource.type != "Observation" or observed(resource.content) is not None:
        return None, ""
    if resource.container is not None and (said := observed(resource.container.content)) is not None:
        return said, resource.container.label
    specimen = resources.follow(resource.content.get("specimen"), resource)
    said = _collected(specimen.content) if specimen is not None and specimen.type == "Specimen" else None
    return said, specimen.label if specimen is not None and said is not None else ""


def _collected(specimen: Json) -> object:
    said = inside(specimen, "collection", "collectedDateTime")
    return said or inside(specimen, "collection", "collectedPeriod", "start")


def _texts(content: Json) -> Iterator[Any]:
    yield from (content.get(key) for key in _DATES)
    yield _collected(content)
    if not any(key.startswith("effective") for key in content):
        yield content.get("issued")
    extensions = listed(content.get("extension"))
    yield from (one.get("valueDateTime") for one in extensions if str(one.get("url", "")).endswith(_ASSERTED))
    periods = [content.get(key) for key in _PERIODS]
    periods += [inside(one, "timing", "repeat", "boundsPeriod") for one in listed(content.get("dosageInstruction"))]
    for period in periods:
        yield from (inside(period, "start"), inside(period, "end"))
