"""Results as tables: shown in the terminal, and written as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Section:
    """One table of results; `note` says how it was measured."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def show(section: Section, console: Console) -> None:
    """Print a section."""
    table = Table(title=section.title, caption=section.note, title_justify="left", caption_justify="left")
    for number, column in enumerate(section.columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    for row in section.rows:
        table.add_row(*row)
    console.print(table)


def to_markdown(machine: str, sections: Iterable[Section]) -> str:
    """All sections as one Markdown page."""
    lines = [
        "# Benchmark results",
        "",
        "Made by `python -m benchmarks --write`; all figures come from one run.",
        "",
        machine,
    ]
    for section in sections:
        lines += ["", f"## {section.title}", "", section.note, ""]
        lines.append("| " + " | ".join(section.columns) + " |")
        lines.append("|" + "|".join(["---", *["---:"] * (len(section.columns) - 1)]) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in section.rows]
    return "\n".join(lines) + "\n"


def microseconds(seconds: float) -> str:
    """A short time, in µs or ms as suits it."""
    return f"{seconds * 1e6:,.0f} µs" if seconds < 0.01 else f"{seconds * 1e3:,.0f} ms"


def ratio(value: float, to: float) -> str:
    """How many times as much."""
    return f"{value / to:.2f}×"
