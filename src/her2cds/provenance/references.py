"""Reference numbers: the list at a review's end, and the numbers printed inside a passage."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBERED = re.compile(r"^\s*(?:- +)?\[?(\d{1,3})[.\]]\s+(?=\S)")
# "- Sung H, Ferlay J, …": a list item whose number was lost opens with an author and initials.
_BULLET_WITH_AUTHOR = re.compile(r"^\s*- +(?:[^\W\d_][\w'’-]* ){1,4}[A-ZÀ-Ý]{1,4}(?:,| et al)")
_BULLET = re.compile(r"^\s*- +")
_SERIES = r"(\d{1,3}(?:\s*[,-]\s*\d{1,3})*)"
_IN_BRACKETS = re.compile(rf" ?\[{_SERIES}\]")
_IN_PARENTHESES = re.compile(rf" ?\({_SERIES}\)")


def reference_list(lines: Sequence[str]) -> dict[int, str]:
    """The entries of a reference list by number, from the lines below its heading.

    An entry begins with the next number (`12. Author`, `[12] Author`), or is a list item whose number was
    lost but that begins with an author; any other list item continues the entry before it (a page break).
    Whatever else stands between (a heading, a paragraph moved there by the page layout) is no reference.
    """
    entries: dict[int, str] = {}
    for line in lines:
        number = len(entries) + 1
        numbered = _NUMBERED.match(line)
        if numbered and int(numbered[1]) == number:
            entries[number] = line[numbered.end() :].strip()
        elif _BULLET_WITH_AUTHOR.match(line):
            entries[number] = _BULLET.sub("", line).strip()
        elif entries and _BULLET.match(line):
            entries[number - 1] += " " + _BULLET.sub("", line).strip()
    return entries


class ReferenceMarks:
    """How a review prints reference numbers: `[12,13]` and `[12-15]`, or `(12, 13)`.

    `highest` is the last number of its list: a larger number in parentheses is a year or a count.
    """

    def __init__(self, body: str, highest: int) -> None:
        """`body` is the review's plain text: where any bracket holds a number, brackets hold the references."""
        self._mark = _IN_BRACKETS if _IN_BRACKETS.search(body) else _IN_PARENTHESES
        self._highest = highest

    def printed_in(self, text: str) -> frozenset[int]:
        """All reference numbers printed in a plain text, ranges written out."""
        return frozenset(number for mark in self._mark.finditer(text) for number in self._numbers(mark[1]))

    def removed_from(self, text: str) -> str:
        """The text without its reference marks, so that no reference number is taken for a figure."""
        return self._mark.sub(lambda mark: "" if self._numbers(mark[1]) else mark[0], text)

    def _numbers(self, series: str) -> list[int]:
        numbers: list[int] = []
        for part in series.split(","):
            first, _, last = part.strip().partition("-")
            numbers += range(int(first), int(last or first) + 1)
        return numbers if numbers and min(numbers) >= 1 and max(numbers) <= self._highest else []
