"""Writes a text report to standard output: with colour on a terminal that wants it, plain into a pipe."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from her2cds.report.model import Report


def print_report(report: Report) -> None:
    """Print the report. Nothing in it is read as markup."""
    from her2cds.report.text import styled_lines

    if not (sys.stdout.isatty() or os.environ.get("FORCE_COLOR")):
        sys.stdout.write("\n".join(line.text for line in styled_lines(report)) + "\n")
        return
    # Rich takes as long to import as a whole evaluation: only a terminal needs it.
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 80)
    for line in styled_lines(report, console.width):
        text = Text(line.text)
        text.stylize(line.style, line.start, line.end)
        console.print(text, soft_wrap=True)
