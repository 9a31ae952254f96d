"""Figures that a text names: numbers that say something, not the digits that belong to a name.

The same reading is used on a claim and on the passage it cites, whole numbers only: `0.5` is found neither in
`0.55` nor in `10.5`, nor as `0.50`.
"""

from __future__ import annotations

import re

_NUMBER = r"\d+(?:\.\d+)?"
_UNIT = r"(?:mg|kg|g|µg|μg|ml|mL|mm|cm|h|d|mo|y)(?:/(?:kg|m|ml|mL|d|h))?"
# A number, range or fraction; then a unit or hyphenated plain words ("12-month", "13/20", "5.4mg/kg", "12.7-NE").
_FIGURE = re.compile(rf"-?({_NUMBER}%?(?:[-/]{_NUMBER}%?)*)(?:{_UNIT})?(?:-(?:[a-z]+|NE|NR))*")
_EACH_NUMBER = re.compile(_NUMBER)
_CHUNK = re.compile(r"[^\s()\[\]{};:,=<>≥≤~≈|\"'±×&]+")
# Removed only here: in "[100,101]" a comma parts two reference numbers.
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
# A confidence level is how an interval is written, not a result.
_CONFIDENCE_LEVEL = re.compile(r"\b9[059] ?% ?(?=[\[(]?(?:CI\b|confidence))", re.IGNORECASE)
_P_VALUE = re.compile(
    r"\bp(?:[- ]values?)?\s*(?:of|was|is)?\s*([<>=≤≥])\s*(\d?\.\d+|\d\b)",
    re.IGNORECASE,
)

# What follows these words numbers something and measures nothing: a place in a document, a grade, a phase.
_LABELS = frozenset(
    ["table", "tables", "figure", "figures", "section", "sections", "reference", "references", "exon", "breast"]
)
_SMALL_LABELS = frozenset(
    [
        *("phase", "phases", "grade", "grades", "stage", "ihc", "score", "type", "class", "domain"),
        *("line", "lines", "arm", "arms", "cohort", "cohorts"),
    ]
)
_LABEL_LINKS = frozenset(["or", "and", "to", "versus", "vs"])
_LABEL_NUMBER = re.compile(r"\d+(?:[-/]\d+)*")
_HIGHEST_SMALL_LABEL = 5

NUMBER_WORDS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14",
    "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19", "twenty": "20",
}  # fmt: skip

# "two prior lines", "six months", "three-year", "two or more regimens"
_COUNTED = re.compile(
    r"[a-z]+[- ](?:or (?:more|fewer|[a-z]+)\b|(?:(?:prior|previous|earlier|anti-HER2|additional|median) )*"
    r"(?:lines?|regimens?|therapies|treatments?|cycles?|doses?|patients?|women|days?|weeks?|months?|years?)\b)",
    re.IGNORECASE,
)

_SCORE = re.compile(r"(?<![\w.+])[1-3]\+(?!\w)")
_A_UNIT = re.compile(r"%|\b(?:month|week|year)s?\b")
_UNIT_WITHIN = 60
CHECKED_UNITS = frozenset(["%", "months", "weeks", "years"])

# How a review may print that a value could not be given.
UNREACHED = {
    "NR": re.compile(r"\bNR\b|\bnot (?:yet )?reached\b"),
    "NE": re.compile(r"\bNE\b|\bnot (?:estimable|evaluable|estimated)\b"),
}


def figures(text: str) -> tuple[str, ...]:
    """The figures of a plain text in order, digits as printed; thousands lose their comma.

    Number words from one to twenty count as digits. Left out, because they are part of a name or a label: digits
    with letters before or after them (`HER2`, `CDK4/6`, `NCT04740918`, `4-1BB`, `5-FU`), scores (`IHC 3+`),
    integers with a leading zero (`DESTINY-Breast 03`), ordinals (`2nd`), powers (`10^6`), the level of a
    confidence interval, and the numerals of phases, grades, stages, tables, figures, sections and arms.
    """
    return tuple(figure for figure, _, _ in _read(text))


def figure_places(text: str) -> tuple[tuple[str, int], ...]:
    """The figures of a plain text as `figures` gives them, each with its place (a count of characters)."""
    return tuple((figure, place) for figure, _, place in _read(text))


def named_figures(text: str) -> tuple[tuple[str, bool], ...]:
    """The figures that a claim's text names, each with whether it is written in digits.

    As `figures`, but a number word from two up counts only where it is a clinical count ("two prior lines",
    "six months"); elsewhere it is our own counting ("two reviews disagree").
    """
    return tuple((figure, in_digits) for figure, in_digits, _ in _read(text, counted_words_only=True))


def scores(text: str) -> frozenset[str]:
    """The immunohistochemistry scores in a plain text: `1+`, `2+`, `3+`."""
    return frozenset(_SCORE.findall(text))


def p_values(text: str) -> frozenset[tuple[str, str]]:
    """The p values of a plain text: sign and number, such as `("<", "0.001")`."""
    return frozenset((sign, number) for sign, number in _P_VALUE.findall(text))


def units_after(text: str, figure: str) -> frozenset[str]:
    """The units that follow a figure in a plain text: of each place, the first within some sixty characters.

    So "9.6 vs. 6.4 months" gives months for both; a figure without a unit near it gives nothing.
    """
    places = re.finditer(rf"(?<![\w.]){re.escape(figure)}(?!\.?\d)", text)
    nearest = (_A_UNIT.search(text, place.end(), place.end() + _UNIT_WITHIN) for place in places)
    return frozenset(unit[0] if unit[0] == "%" else f"{unit[0].rstrip('s')}s" for unit in nearest if unit)


def _read(text: str, *, counted_words_only: bool = False) -> list[tuple[str, bool, int]]:
    """Each figure with whether it is written in digits, and its place."""
    found: list[tuple[str, bool, int]] = []
    text = _THOUSANDS.sub("", _CONFIDENCE_LEVEL.sub(" ", text))
    label, end = _Label(), 0
    for match in _CHUNK.finditer(text):
        chunk = match[0].rstrip(".!?").strip("/")
        if label.takes(chunk, adjacent=text[end : match.start()].isspace()):
            end = match.end()
            continue
        label, end = _Label(chunk.casefold().rpartition("-")[2]), match.end()
        found += [(number, True, match.start()) for number in _numbers(chunk)]
        spelled = NUMBER_WORDS.get(chunk.casefold().partition("-")[0])
        if spelled is not None and (not counted_words_only or _is_count(text, match.start(), spelled)):
            found.append((spelled, False, match.start()))
    return found


def _is_count(text: str, position: int, spelled: str) -> bool:
    return spelled != "1" and _COUNTED.match(text, position) is not None


class _Label:
    """A label such as "grade 3 or 4" as it is read, chunk by chunk; most words begin none."""

    def __init__(self, word: str = "") -> None:
        self._any_number = word in _LABELS
        self._wants_number = self._any_number or word in _SMALL_LABELS
        self._wants_link = False

    def takes(self, chunk: str, *, adjacent: bool) -> bool:
        """Whether the next chunk belongs to the label. In "phase 1 and 54 patients" the 54 does not."""
        if not adjacent:
            return False
        word = chunk.casefold()
        if self._wants_number and _LABEL_NUMBER.fullmatch(chunk):
            small = all(int(number) <= _HIGHEST_SMALL_LABEL for number in _EACH_NUMBER.findall(chunk))
            if not (self._any_number or small):
                return False
            # A second number ("and 54 patients") is held to be a label only where it is small.
            self._any_number, self._wants_number, self._wants_link = False, False, True
            return True
        if self._wants_link and word in _LABEL_LINKS:
            self._wants_number, self._wants_link = True, False
            return True
        return self._wants_number and word == "of"


def _numbers(chunk: str) -> list[str]:
    match = _FIGURE.fullmatch(chunk)
    if match is None:
        return []
    return [number for number in _EACH_NUMBER.findall(match[1]) if not _is_name_numeral(number)]


def _is_name_numeral(number: str) -> bool:
    return len(number) > 1 and number[0] == "0" and number[1] != "."
