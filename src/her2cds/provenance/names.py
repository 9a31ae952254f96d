"""Names that a text holds: drugs and genes by any name, studies by their acronyms, registry numbers.

A drug is looked up longest name first, so that "trastuzumab deruxtecan" is never a mention of trastuzumab.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from her2cds.provenance.normalise import FoldedText, fold

# Every passage of these reviews is about HER2: naming it proves nothing and refutes nothing.
ALWAYS_ALLOWED_GENES = frozenset({"ERBB2"})

_IDENTIFIER = re.compile(r"\bNCT\d+\b|\b\d{4}-\d{6}-\d{2}\b", re.IGNORECASE)
_STUDY_NAME = re.compile(r"[A-Za-z0-9.\-]*[A-Z]{2}[A-Za-z0-9.\-]*(?: ?\d{1,3})?")
_NUMBERED_STUDY = re.compile(r"(.*[a-z])0*(\d+)", re.DOTALL)
# Five capitals in a row: mostly a study (MARIANNE). Shorter ones are abbreviations of ours (LVEF, ECOG).
_ACRONYM = re.compile(r"(?<!\w)[A-Za-z]*[A-Z]{5,}[A-Za-z]*(?:-?\d+)?(?!\w)")
_REMARK = re.compile(r"\s+\([^()]*\)$")
_SHORTEST_NAME = 2
_PREFIX = 2
_LONGEST_SYMBOL = 9


def identifiers(text: str) -> frozenset[str]:
    """The trial registry identifiers (ClinicalTrials.gov, EudraCT) in a plain text, in upper case."""
    return frozenset(found.upper() for found in _IDENTIFIER.findall(text))


def without_remark(name: str) -> str:
    """A name without a remark in brackets behind it."""
    return _REMARK.sub("", name.strip())


def is_study_name(name: str) -> bool:
    """Whether a name is an acronym that a text can be searched for (`KATE2`), not a description."""
    return _STUDY_NAME.fullmatch(name) is not None and not identifiers(name)


@dataclass(frozen=True, slots=True)
class Mention:
    """One name found in a text: the id it stands for, its spelling there, and where."""

    id: str
    spelled: str
    start: int
    end: int

    def overlaps(self, other: Mention) -> bool:
        """Whether two mentions share a letter."""
        return self.start < other.end and other.start < self.end


class NameTable:
    """Finds the names of one kind in folded texts."""

    def __init__(self, entries: Iterable[tuple[str, Iterable[str]]], *, title_case: bool) -> None:
        """`entries` are ids with their names. A short symbol in capitals (`MET`, `NALA`) must be spelled in
        capitals in a text too, or, where `title_case`, with only its first letter in capitals (`Src`).
        """
        self._title_case = title_case
        self._buckets: dict[str, list[tuple[str, str, bool]]] = {}
        seen: set[tuple[str, str]] = set()
        for entry_id, names in entries:
            for name in names:
                folded = fold(without_remark(name))
                if len(folded) >= _SHORTEST_NAME and (folded, entry_id) not in seen:
                    seen.add((folded, entry_id))
                    bucket = self._buckets.setdefault(folded[:_PREFIX], [])
                    bucket.append((folded, entry_id, _is_symbol(name)))
        for bucket in self._buckets.values():
            bucket.sort(key=lambda one: -len(one[0]))

    def mentions(self, text: FoldedText) -> list[Mention]:
        """Every mention, the longest name at each place, none inside another."""
        found: list[Mention] = []
        for position in text.starts:
            if found and text.origin(position) < found[-1].end:
                continue
            found += self._at(text, position)
        return found

    def _at(self, text: FoldedText, position: int) -> Iterator[Mention]:
        longest = ""
        for folded, entry_id, symbol in self._buckets.get(text.folded[position : position + _PREFIX], ()):
            if longest and folded != longest:
                break
            spelled = text.holds_at(position, folded)
            if spelled is not None and (not symbol or self._is_symbol_spelling(spelled)):
                longest = folded
                yield Mention(entry_id, spelled, *text.span(position, folded))

    def _is_symbol_spelling(self, spelled: str) -> bool:
        letters = "".join(letter for letter in spelled if letter.isalpha())
        return letters.isupper() or (self._title_case and letters[:1].isupper() and letters[1:].islower())


class StudyTable:
    """Finds study acronyms, and numbered members of a known programme that are not listed themselves.

    From "DESTINY-Breast03" it learns "DESTINY-Breast" followed by any number: a wrong number is then a study
    that the passage does not name, instead of a word that nobody compares.
    """

    def __init__(self, names: Iterable[str]) -> None:
        listed = {plainly for name in names if is_study_name(plainly := without_remark(name))}
        self._exact = NameTable(((study_id(name), [name]) for name in sorted(listed)), title_case=False)
        numbered = (_NUMBERED_STUDY.fullmatch(fold(name)) for name in listed)
        self._stems = sorted({match[1] for match in numbered if match}, key=len, reverse=True)

    def mentions(self, text: FoldedText) -> list[Mention]:
        """Every mention of a study."""
        found = [one for position in text.starts for one in self._numbered(text, position)]
        exact = [one for one in self._exact.mentions(text) if not any(one.overlaps(other) for other in found)]
        return sorted([*found, *exact], key=lambda one: one.start)

    def _numbered(self, text: FoldedText, position: int) -> Iterator[Mention]:
        for stem in self._stems:
            if text.folded.startswith(stem, position):
                end = position + len(stem)
                while end < len(text.folded) and text.folded[end].isdigit():
                    end += 1
                name = text.folded[position:end]
                if len(name) > len(stem) and (spelled := text.holds_at(position, name)) is not None:
                    yield Mention(study_id(name), spelled, *text.span(position, name))
                    return


def study_id(name: str) -> str:
    """One id for all spellings of a study: `DESTINY-Breast03`, `DESTINYBreast 3`."""
    numbered = _NUMBERED_STUDY.fullmatch(fold(name))
    return f"{numbered[1]}{numbered[2]}" if numbered else fold(name)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All names that the knowledge base knows."""

    drugs: NameTable
    genes: NameTable
    studies: StudyTable

    def drugs_in(self, text: FoldedText) -> dict[str, str]:
        """Drug ids in a text with their first spelling."""
        return _first(self.drugs.mentions(text))

    def genes_in(self, text: FoldedText) -> dict[str, str]:
        """Gene ids in a text with their first spelling, also where a drug's name holds them (`anti-CD47`)."""
        return _first(self.genes.mentions(text))

    def genes_named(self, text: FoldedText) -> dict[str, str]:
        """Gene ids that a claim names: not HER2, and not a gene inside the name of a drug or a study."""
        taken = [*self.drugs.mentions(text), *self.studies.mentions(text)]
        own = [one for one in self.genes.mentions(text) if not any(one.overlaps(other) for other in taken)]
        return {gene: spelled for gene, spelled in _first(own).items() if gene not in ALWAYS_ALLOWED_GENES}

    def acronyms_named(self, text: FoldedText) -> list[str]:
        """Acronyms of a claim that no table knows, so that a study from nowhere is noticed as well."""
        tables = (self.drugs, self.genes, self.studies)
        taken = [one for table in tables for one in table.mentions(text)]
        found = [Mention(one[0], one[0], *one.span()) for one in _ACRONYM.finditer(text.text)]
        own = [one for one in found if not any(one.overlaps(other) for other in taken)]
        return [word for word in dict.fromkeys(one.spelled for one in own) if not identifiers(word)]

    def studies_in(self, text: FoldedText) -> dict[str, str]:
        """Study ids in a text with their first spelling."""
        return _first(self.studies.mentions(text))


def _first(mentions: Iterable[Mention]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in mentions:
        found.setdefault(one.id, one.spelled)
    return found


def _is_symbol(name: str) -> bool:
    return name.isalpha() and name.isupper() and len(name) <= _LONGEST_SYMBOL
