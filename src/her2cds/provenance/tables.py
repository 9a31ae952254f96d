"""Tables of a text made from PDF: a caption line, rows whose cells are parted by tabs, and notes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from her2cds.provenance.normalise import plain

# "MT: microtubules." or "Keys: ADCs, …" below the rows.
_NOTE = re.compile(r"^[A-Z][\w-]{0,9}: ")

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table's caption, its header row, its rows with blank cells filled in, and its notes."""

    caption: str
    header: Row
    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole table as text, one row a line, cells parted by bars."""
        lines = [self.caption, " | ".join(self.header), *(" | ".join(row) for row in self.rows), *self.notes]
        return "\n".join(lines)

    def mapped(self, change: Callable[[str], str]) -> Table:
        """The table with every cell, the caption and the notes changed by a function."""
        return Table(
            change(self.caption),
            tuple(change(cell) for cell in self.header),
            tuple(tuple(change(cell) for cell in row) for row in self.rows),
            tuple(change(note) for note in self.notes),
        )

    def rows_with(self, identifier: str) -> tuple[Row, ...]:
        """The rows in which the identifier stands as a whole word."""
        word = re.compile(rf"(?<!\w){re.escape(identifier)}(?!\w)")
        return tuple(row for row in self.rows if any(word.search(cell) for cell in row))

    def column(self, title: re.Pattern[str]) -> tuple[str, ...]:
        """The cells below the first header cell that the pattern finds; empty where there is none."""
        index = next((i for i, cell in enumerate(self.header) if title.search(cell)), None)
        return () if index is None else tuple(row[index] for row in self.rows if index < len(row))


def read_table(lines: Sequence[str], start: int) -> tuple[Table, int]:
    """Read the table whose caption is line `start`; returns it and the line after it.

    Rows go on over blank lines (a page break) as long as the next text is a row again. A row that holds only
    a first cell and begins in lower case continues the row before it. In a row whose first cell is blank,
    every blank cell takes the value above it, because the extraction keeps a cell that spans several rows in
    the first of them only. A row with nothing but its first cell is a sub-heading.
    """
    raw: list[list[str]] = []
    index = _next_text(lines, start + 1)
    while index < len(lines) and "\t" in lines[index]:
        raw.append([plain(cell) for cell in lines[index].split("\t")])
        index = _next_text(lines, index + 1)
    notes: list[str] = []
    while raw and index < len(lines) and _NOTE.match(lines[index]):
        notes.append(lines[index])
        index = _next_text(lines, index + 1)
    header = tuple(raw[0]) if raw else ()
    return Table(plain(lines[start]), header, _filled(_joined(raw[1:])), tuple(notes)), index


def _next_text(lines: Sequence[str], index: int) -> int:
    while index < len(lines) and not lines[index].strip():
        index += 1
    return index


def _joined(raw: list[list[str]]) -> list[list[str]]:
    rows: list[list[str]] = []
    for cells in raw:
        only_first = cells[0] and not any(cells[1:])
        if rows and only_first and cells[0][0].islower():
            last = max(i for i, cell in enumerate(rows[-1]) if cell)
            rows[-1][last] += " " + cells[0]
        else:
            rows.append(cells)
    return rows


def _filled(rows: list[list[str]]) -> tuple[Row, ...]:
    filled: list[Row] = []
    for cells in rows:
        above = filled[-1] if filled and not cells[0] else ()
        filled.append(tuple(cell or (above[i] if i < len(above) else "") for i, cell in enumerate(cells)))
    return tuple(filled)
