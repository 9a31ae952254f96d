"""How far a cohort run is: a bar on a terminal, now and then a plain line elsewhere. Always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from her2cds.cohort.run import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

_SECONDS_BETWEEN_LINES = 10.0


class Shown(Protocol):
    """Something that shows progress."""

    def tell(self, progress: Progress) -> None:
        """Show how far the run is now."""


@contextmanager
def progress_shown() -> Iterator[Shown]:
    """A bar if standard error is a terminal, else plain lines."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bar:
        yield _Bar(bar)


class _Pace:
    """Patients per second of this run, what an earlier run did left out."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def rate(self, progress: Progress) -> float:
        """Lines per second since the start."""
        seconds = max(time.monotonic() - self._start, 1e-6)
        return (progress.lines_done - progress.kept) / seconds


class _Bar:
    def __init__(self, bar: RichProgress) -> None:
        self._bar = bar
        self._pace = _Pace()
        self._task = bar.add_task("patients", total=None, rate="")

    def tell(self, progress: Progress) -> None:
        rate = f"{self._pace.rate(progress):,.0f}/s, {progress.invalid + progress.failed:,} in quarantine"
        self._bar.update(self._task, total=progress.lines, completed=progress.lines_done, rate=rate)


class _Lines:
    def __init__(self) -> None:
        self._pace = _Pace()
        self._last = 0.0

    def tell(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last < _SECONDS_BETWEEN_LINES and not progress.complete:
            return
        self._last = now
        rate = self._pace.rate(progress)
        left = f", {(progress.lines - progress.lines_done) / rate / 60:.0f} min left" if rate else ""
        sys.stderr.write(f"{progress.lines_done:,} of {progress.lines:,} patients, {rate:,.0f} a second{left}\n")
