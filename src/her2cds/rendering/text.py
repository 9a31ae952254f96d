"""Blocks as lines of text for a terminal, each with the style of its parts. Knows nothing of terminals."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from her2cds.rendering.blocks import Block, Bullets, Heading, Tree, TreeLine
from her2cds.rendering.plain import one_line

WIDTH = 80
_INDENT = "  "
_NARROWEST = 20
_STYLES = {1: "bold", 2: "bold cyan", 3: "bold"}
_MARK_STYLES = {"yes": "green", "no": "red", "?": "magenta"}
_LABEL_STYLES = {
    "Warning": "yellow",
    "Specialist's decision": "bold yellow",
    "Lowered": "yellow",
    "To check first": "magenta",
    "Conditional on": "magenta",
}


class StyledLine(NamedTuple):
    """One line; its first `styled` characters (after the indent) have the style."""

    text: str
    style: str = ""
    start: int = 0
    end: int = 0


def styled_lines(blocks: Iterable[Block], width: int = WIDTH) -> Iterator[StyledLine]:
    """The blocks wrapped to a width; no text in them can end a line or steer the terminal."""
    for block in blocks:
        if isinstance(block, Heading):
            yield StyledLine("")
            title = one_line(block.text)
            yield from _styled(title, width, _STYLES[block.level])
            if block.level < 3:
                yield StyledLine(("=" if block.level == 1 else "-") * min(len(title), width))
        elif isinstance(block, Bullets):
            for label, text in block.lines:
                yield from _bullet(label, text, width)
        elif isinstance(block, Tree):
            for line in block.lines:
                yield from _branch(line, width)
        else:
            yield from _styled(block.text, width, "bold" if block.strong else "")


def _styled(text: str, width: int, style: str) -> Iterator[StyledLine]:
    for line in _wrapped(text, width):
        yield StyledLine(line, style, 0, len(line))


def _bullet(label: str, text: str, width: int) -> Iterator[StyledLine]:
    """One labelled item, indented; the label has its own style."""
    head = f"{one_line(label)}: " if label else ""
    for number, line in enumerate(_wrapped(head + text, width - len(_INDENT))):
        styled = len(head.rstrip()) if number == 0 else 0
        yield StyledLine(_INDENT + line, _LABEL_STYLES.get(label, "bold"), len(_INDENT), len(_INDENT) + styled)


def _branch(line: TreeLine, width: int) -> Iterator[StyledLine]:
    """One line of a tree; what does not fit hangs below its text, and the mark has its own style."""
    indent = _INDENT * (line.depth + 1)
    hang = indent + " " * (len(line.mark) + 1)
    first, *rest = _wrapped(line.text, width - len(hang))
    yield StyledLine(f"{indent}{line.mark} {first}", _MARK_STYLES.get(line.mark, ""), len(indent), len(hang))
    for text in rest:
        yield StyledLine(hang + text)


def _wrapped(text: str, width: int) -> list[str]:
    """As `textwrap.wrap` breaks it, in a tenth of the time where no word is wider than a line."""
    line, room = one_line(text).strip(" "), max(width, _NARROWEST)
    if max(map(len, line.split(" "))) > room:
        return textwrap.wrap(line, width=room, break_on_hyphens=False) or [""]
    return [found.rstrip(" ") for found in _lines_of(room).findall(line)] or [""]


@cache
def _lines_of(width: int) -> re.Pattern[str]:
    return re.compile(rf"[^ ].{{0,{width - 1}}}(?![^ ])")
