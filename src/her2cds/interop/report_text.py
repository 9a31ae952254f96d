"""An import report for people: what was taken and from where, then everything that was not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from her2cds.interop.draft import ImportReport, Remark

_MOST_SOURCES = 3


def report_lines(report: ImportReport) -> Iterator[str]:
    """The report line by line; remarks that say the same of many records are put together, with their number."""
    yield f"{report.label}: {len(report.facts)} facts from {report.records} records"
    for one in report.facts:
        value = one.value if isinstance(one.value, str) else json.dumps(one.value, ensure_ascii=False)
        how = f" ({one.how})" if one.how else ""
        yield f"  {one.path} = {value} <- {_shortened(one.sources)}{how}"
    yield from _section("Conflicts: not resolved here", (
        f"{one.path}: {one.found} <- {_shortened(one.sources)}: {one.outcome}" for one in report.conflicts
    ))  # fmt: skip
    yield from _section("Not understood", _together(report.not_understood))
    yield from _section("Read with doubt", _together(report.read_with_doubt))
    yield from _section("Understood and not used", _together(report.set_aside))
    yield from _section("Taken for granted", report.assumed)
    yield from _section("To ask", report.to_ask)


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    listed = list(lines)
    if listed:
        yield f"{title}:"
        yield from (f"  {one}" for one in listed)


def _together(remarks: Iterable[Remark]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for one in remarks:
        groups.setdefault((one.found, one.why), []).append(one.source)
    for (found, why), sources in groups.items():
        yield f"{found} <- {_shortened(sources)}: {why}"


def _shortened(sources: Iterable[str]) -> str:
    listed = list(dict.fromkeys(sources))
    shown = ", ".join(listed[:_MOST_SOURCES])
    more = len(listed) - _MOST_SOURCES
    return f"{shown} and {more} more" if more > 0 else shown or "the whole record"
