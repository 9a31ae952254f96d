"""The summary of a cohort as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from her2cds.cohort.summary import CLASSES, Summary

_BAR = 20


def summary_lines(summary: Summary, top: int) -> Iterator[str]:
    """The lines; of each long list the `top` most frequent entries."""
    yield from _heading(f"Cohort: {', '.join(summary.inputs)}", "=")
    yield (
        f"{summary.lines:,} lines: {summary.answered:,} answered, {summary.invalid:,} invalid, "
        f"{summary.failed:,} failed, {summary.blank:,} empty"
    )
    if summary.parts_done < summary.parts:
        yield f"NOT COMPLETE: {summary.parts_done:,} of {summary.parts:,} parts"
    outcomes = summary.outcomes
    yield (
        f"Answers: {outcomes['ranked']:,} with ranked therapies, {outcomes['deferred']:,} deferred until more is "
        f"known, {outcomes['none']:,} with nothing to rank"
    )
    yield f"Knowledge base {summary.knowledge_id} {summary.knowledge_version} ({summary.knowledge_hash[:12]})"
    yield from _classes(summary)
    yield from _regimens(summary, top)
    yield from _trials(summary, top)
    yield from _missing(summary, top)
    yield from _faults(summary, top)
    yield ""
    yield summary.intended_use


def _classes(summary: Summary) -> Iterator[str]:
    yield from _heading("HER2 class by line")
    rows = [(one.line, *(f"{count:,}" for count in (*one.classes, one.patients))) for one in summary.classes_by_line]
    yield from _table(("", *CLASSES, "all"), rows)


def _regimens(summary: Summary, top: int) -> Iterator[str]:
    yield from _heading("Regimens, by patients for whom they come first")
    most = max((one.first for one in summary.regimens), default=0)
    rows = [
        (
            one.regimen,
            _bar(one.first, most),
            f"{one.first:,}",
            f"{one.alone_first:,}",
            f"{one.ranked:,}",
            f"{one.ruled_out:,}",
        )
        for one in summary.regimens[:top]
    ]
    yield from _table(("", "", "first", "alone", "ranked", "ruled out"), rows)


def _trials(summary: Summary, top: int) -> Iterator[str]:
    yield from _heading("Trials, by eligible patients")
    most = max((one.eligible for one in summary.trials), default=0)
    rows = [
        (f"{one.trial} {one.acronym or ''}".strip(), _bar(one.eligible, most), f"{one.eligible:,}", f"{one.possible:,}")
        for one in summary.trials[:top]
    ]
    yield from _table(("", "", "eligible", "possible"), rows)


def _missing(summary: Summary, top: int) -> Iterator[str]:
    yield from _heading("What is missing most, and how many decisions it alone would settle")
    rows = [
        (
            one.fact,
            *(f"{count:,}" for count in (one.patients, one.needed, one.regimens, one.checks, one.trials, one.settles)),
        )
        for one in summary.missing[:top]
    ]
    yield from _table(("", "patients", "needed", "regimens", "checks", "trials", "settles"), rows)


def _faults(summary: Summary, top: int) -> Iterator[str]:
    if summary.faults:
        yield from _heading("Where invalid profiles have their faults")
        yield from _table(("", "profiles"), [(one.path, f"{one.profiles:,}") for one in summary.faults[:top]])


def _heading(text: str, underline: str = "-") -> Iterator[str]:
    yield from ("", text, underline * len(text))


def _bar(count: int, most: int) -> str:
    return "█" * round(_BAR * count / most) if most else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns in line: the first and the bars to the left, numbers to the right."""
    if not rows:
        yield "  none"
        return
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if title else cell.ljust(width)
            for cell, width, title in zip(row, widths, head, strict=True)
        ]
        yield "  " + "  ".join(cells).rstrip()
