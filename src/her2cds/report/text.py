"""The report for a terminal: readable at 80 columns, colour only where the terminal wants it."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.text import Text

from her2cds.report.model import Report
from her2cds.report.outline import Bullets, Heading, outline

_INDENT = "  "
_NARROWEST = 20
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
            _print_wrapped(console, block.text, style=_STYLES[block.level])
            if block.level < 3:
                console.print(("=" if block.level == 1 else "-") * min(len(block.text), console.width), markup=False)
        elif isinstance(block, Bullets):
            for label, text in block.lines:
                _print_bullet(console, label, text)
        else:
            _print_wrapped(console, block.text, style="bold" if block.strong else "")


def _print_wrapped(console: Console, text: str, style: str) -> None:
    for line in _lines(text, console.width):
        console.print(Text(line, style=style), soft_wrap=True)


def _print_bullet(console: Console, label: str, text: str) -> None:
    """One labelled item, indented; the label has its own style."""
    head = f"{label}: " if label else ""
    for number, line in enumerate(_lines(head + text, console.width - len(_INDENT))):
        shown = Text(_INDENT + line)
        if number == 0:
            shown.stylize(_LABEL_STYLES.get(label, "bold"), len(_INDENT), len(_INDENT) + len(head.rstrip()))
        console.print(shown, soft_wrap=True)


def _lines(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width=max(width, _NARROWEST), break_on_hyphens=False) or [""]
