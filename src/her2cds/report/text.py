"""The report for a terminal: readable at 80 columns, colour only where the terminal wants it."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from her2cds.report.model import Report
from her2cds.report.outline import Bullets, Heading, outline

_STYLES = {1: "bold", 2: "bold cyan", 3: "bold"}
_LABEL_STYLES = {
    "Warning": "yellow",
    "Specialist's decision": "bold yellow",
    "Lowered": "yellow",
    "To check first": "magenta",
    "Conditional on": "magenta",
}


def print_report(report: Report, console: Console) -> None:
    """Print the report. Nothing in it is read as markup."""
    for block in outline(report):
        if isinstance(block, Heading):
            console.print()
            console.print(Text(block.text, style=_STYLES[block.level]))
            if block.level < 3:
                console.print(Text(("=" if block.level == 1 else "-") * min(len(block.text), console.width)))
        elif isinstance(block, Bullets):
            for label, text in block.lines:
                console.print(_bullet(label, text))
        else:
            console.print(Text(block.text, style="bold" if block.strong else ""))


def _bullet(label: str, text: str) -> Padding:
    line = Text("")
    if label:
        line.append(f"{label}: ", style=_LABEL_STYLES.get(label, "bold"))
    line.append(text)
    return Padding(line, (0, 0, 0, 2))
