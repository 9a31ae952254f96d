"""The blocks that every rendering is made of: headings, paragraphs, lists and trees."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from her2cds.knowledge.citations import Citation


class Heading(NamedTuple):
    """A heading of level 1 to 3."""

    level: int
    text: str


class Paragraph(NamedTuple):
    """A paragraph; `strong` ones carry what must not be overlooked."""

    text: str
    strong: bool = False


class Bullets(NamedTuple):
    """A list of labelled lines; the label may be empty."""

    lines: tuple[tuple[str, str], ...]


class TreeLine(NamedTuple):
    """One line of a tree: its depth from 0, a mark (yes, no, ?) and the text."""

    depth: int
    mark: str
    text: str


class Tree(NamedTuple):
    """A tree, line by line."""

    lines: tuple[TreeLine, ...]


Block = Heading | Paragraph | Bullets | Tree


def cite(citations: Iterable[Citation]) -> str:
    """Citations in brackets: source, section number or table, reference numbers."""
    return "[" + "; ".join(_one_citation(one) for one in citations) + "]" if citations else ""


def _one_citation(citation: Citation) -> str:
    number = re.match(r"\d+(?:\.\d+)*", citation.at)
    place = f"§{number.group()}" if number else citation.at
    references = f" ref. {', '.join(str(one) for one in citation.reference)}" if citation.reference else ""
    return f"{citation.source} {place}{references}"
