"""A review's text cut into the places that a citation can name: sections, tables, figure captions.

A section runs from its heading to the next heading of any level, and holds its own text only: a citation of
"3.1. X" does not reach into "3.1.1. Y", because a claim cites the exact section. Tables and figure captions
are places of their own, taken out of the section round them: what stands in a table is cited by the table.
The reference list is cited by its numbers only: the place is then made of these entries and of nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from her2cds.knowledge.catalogue import Source
from her2cds.provenance.figures import figure_places, p_values
from her2cds.provenance.normalise import FoldedText, fold, plain
from her2cds.provenance.references import ReferenceMarks, reference_list
from her2cds.provenance.tables import Table, read_table

_NUMBERING = re.compile(r"^(\d+(?:\.\d+)*)\.?\s+(?=\S)")
_FLOAT = re.compile(r"^(table|figure) (\d+)$", re.IGNORECASE)
# "Table 1. …", "TABLE 1 …", "Figure 1. …"; but "Figure 1 shows …" is a sentence.
_CAPTION = re.compile(r"^(?:(table)\s+(\d+)\.?|(figure)\s+(\d+)\.)\s+(?=\S)", re.IGNORECASE)
# What stands round the numbered sections: no place to cite, and the end of the section before it.
_MATTER = re.compile(
    r"^(?:keywords|citation|academic editors?|received|revised|accepted|published|copyright|"
    r"author contributions|funding|institutional review board statement|informed consent statement|"
    r"data availability statement|acknowledgments|conflicts? of interest|abbreviations|references|"
    r"publisher's note|disclaimer)\b(?::|$)",
    re.IGNORECASE,
)
_LONGEST_HEADING = 150
REFERENCES = "References"


@dataclass(frozen=True)
class Passage:
    """One citable place of a review: its plain text without reference marks, and the numbers of those."""

    source: str
    heading: str
    text: str
    references: frozenset[int]
    table: Table | None = field(default=None, repr=False)

    @cached_property
    def figure_places(self) -> tuple[tuple[str, int], ...]:
        """The figures of the passage in order, each with its place."""
        return figure_places(self.text)

    @property
    def figures(self) -> tuple[str, ...]:
        """The figures of the passage, in order."""
        return tuple(figure for figure, _ in self.figure_places)

    @cached_property
    def p_values(self) -> frozenset[tuple[str, str]]:
        """The p values of the passage with their signs."""
        return p_values(self.text)

    @cached_property
    def folded(self) -> FoldedText:
        """The passage as names are looked up in it."""
        return FoldedText(self.text)

    def about(self, identifier: str) -> Passage:
        """Of a table, the caption and the rows that hold the identifier; any other passage as it is.

        A table without such a row is returned whole: the comparison says that the identifier is missing.
        """
        if self.table is None or not (rows := self.table.rows_with(identifier)):
            return self
        narrowed = Table(self.table.caption, self.table.header, rows, ())
        return Passage(self.source, self.heading, narrowed.text, self.references, narrowed)


class Review:
    """One review's text, cut by the headings that `sources.yaml` lists for it."""

    def __init__(self, source: Source, text: str) -> None:
        """Cut `text`. Nothing is raised for what is missing: `faults` says it, and the passage is absent."""
        self.source = source
        self.faults: list[str] = []
        lines = text.splitlines()
        end = next((i for i, line in enumerate(lines) if plain(line).casefold() == "references"), len(lines))
        self._references = reference_list(lines[end + 1 :])
        body = lines[:end]
        self._marks = ReferenceMarks(plain("\n".join(body)), max(self._references, default=0))
        self.passages: dict[str, Passage] = {}
        self._cut(body)
        self.faults += [f"'{heading}' stands nowhere in the text" for heading in self._not_found()]
        self.faults += [f"the text prints a heading that is not listed: '{one}'" for one in self._unlisted(body)]

    def reference(self, number: int) -> str | None:
        """The entry of the review's reference list with this number, or None."""
        return self._references.get(number)

    def cited_entries(self, numbers: Iterable[int]) -> Passage:
        """The entries of the reference list with these numbers, as a place of its own."""
        entries = {number: self._references[number] for number in numbers if number in self._references}
        return Passage(self.source.id, REFERENCES, plain("\n".join(entries.values())), frozenset(entries))

    @property
    def reference_count(self) -> int:
        """How many entries the reference list has."""
        return len(self._references)

    def _not_found(self) -> list[str]:
        return [heading for heading in self.source.sections if heading not in (*self.passages, REFERENCES)]

    def _cut(self, body: list[str]) -> None:
        """Walk the lines once: each belongs to a table, to a caption, or to the section that is open."""
        headings = [_Heading.of(heading) for heading in self.source.sections if not _FLOAT.match(heading)]
        collected: dict[str, list[str]] = {}
        open_section: str | None = None
        index = 0
        while index < len(body):
            after = self._take_float(body, index)
            if after > index:
                index = after
                continue
            line = plain(body[index])
            heading, rest = _heading_of(line, headings)
            if heading is not None:
                open_section = heading.words
                if heading.words in collected:
                    self.faults.append(f"'{heading.words}' stands more than once in the text")
                collected.setdefault(heading.words, []).append(rest)
            elif _MATTER.match(line):
                self._take_unheaded_abstract(line, body[:index], collected)
                open_section = None
            elif open_section is not None:
                collected[open_section].append(body[index])
            index += 1
        for heading in headings:
            if heading.words in collected:
                self._add_section(heading, "\n".join(collected[heading.words]))

    def _take_float(self, body: list[str], index: int) -> int:
        """Take the table or caption that begins at this line; returns the line after it, or the same line."""
        caption = _CAPTION.match(plain(body[index]))
        heading = f"{caption[1] or caption[3]} {caption[2] or caption[4]}".capitalize() if caption else ""
        if caption is None or heading not in self.source.sections:
            return index
        if caption[3]:
            self._add(heading, body[index])
            return index + 1
        table, after = read_table(body, index)
        if table.rows:
            self._add(heading, table.text, table)
            return after
        return index

    def _take_unheaded_abstract(self, line: str, before: list[str], collected: dict[str, list[str]]) -> None:
        """An abstract printed without its heading is the paragraph before the key words."""
        listed = "Abstract" in self.source.sections and "Abstract" not in collected
        if listed and line.casefold().startswith("keywords"):
            collected["Abstract"] = [next((one for one in reversed(before) if one.strip()), "")]

    def _add_section(self, heading: _Heading, raw: str) -> None:
        # The words of a heading are part of what its section says; its number is not. A heading without text
        # of its own stays empty, so that nothing can be confirmed by it.
        self._add(heading.words, f"{heading.title}.\n{raw}" if raw.strip() else "")

    def _add(self, heading: str, raw: str, table: Table | None = None) -> None:
        if heading in self.passages:
            self.faults.append(f"'{heading}' stands more than once in the text")
        text = plain(raw)
        clean = self._marks.removed_from
        self.passages[heading] = Passage(
            self.source.id,
            heading,
            clean(text),
            self._marks.printed_in(text),
            table.mapped(clean) if table else None,
        )

    def _unlisted(self, body: list[str]) -> list[str]:
        """Numbered lines that look like headings and are not listed: they widen the section before them."""
        listed = {_Heading.of(heading).key for heading in self.source.sections}
        short = [line for line in map(plain, body) if _NUMBERING.match(line) and len(line) < _LONGEST_HEADING]
        headings = [line for line in short if not line.endswith((".", ";", ","))]
        return [line for line in headings if _Heading.of(line).key not in listed]


@dataclass(frozen=True, slots=True)
class _Heading:
    """A listed heading: its words, its title without number, and the key that its line must have."""

    words: str
    title: str
    key: tuple[str, str]

    @classmethod
    def of(cls, words: str) -> _Heading:
        spelled = plain(words)
        number = _NUMBERING.match(spelled)
        title = spelled[number.end() :] if number else spelled
        return cls(words, title, (number[1] if number else "", fold(title)))


def _heading_of(line: str, headings: list[_Heading]) -> tuple[_Heading | None, str]:
    """The heading that this plain line is or runs in with, and the text that follows it on the line."""
    number = _NUMBERING.match(line)
    printed = number[1] if number else ""
    title = line[number.end() :] if number else line
    for heading in headings:
        if heading.key[0] != printed or _FLOAT.match(heading.words):
            continue
        if fold(title) == heading.key[1]:
            return heading, ""
        run_in = title[len(heading.title) :]
        if title.startswith(heading.title) and run_in[:2] in (". ", ": "):
            return heading, run_in[2:]
    return None, ""
