"""Drug, gene and alteration names: from what a chart says to the knowledge base's ids."""

from __future__ import annotations

import re
from collections.abc import Iterable

from her2cds.suggest import nearest

_FOLD = re.compile(r"[^0-9a-zα-ω+]+")


def folded(name: str) -> str:
    """A name without case, spaces and punctuation: `T-DXd`, `t dxd` and `TDXd` are one name."""
    return _FOLD.sub("", name.casefold())


class NameIndex:
    """Looks names up by id, name or synonym, however they are punctuated."""

    def __init__(self, entries: Iterable[tuple[str, Iterable[str]]]) -> None:
        self._ids: dict[str, str] = {}
        self._spelled: dict[str, str] = {}
        for entry_id, names in entries:
            for name in (entry_id, *names):
                fold = folded(name)
                if fold not in self._ids:
                    self._ids[fold], self._spelled[fold] = entry_id, name

    def find(self, name: str) -> str | None:
        """The id that goes by this name, or None."""
        return self._ids.get(folded(name))

    def close_to(self, name: str) -> list[str]:
        """Known names so like this one that it may be a slip of the pen, best first.

        Two names are held to be close at a similarity of 0.8 or above; short names (under five characters
        once folded) only where they differ in a single character.
        """
        fold = folded(name)
        hits = nearest(fold, self._ids)
        return [self._spelled[hit] for hit in hits if _is_slip(fold, hit)]


def _is_slip(one: str, other: str) -> bool:
    limit = 1 if min(len(one), len(other)) < 8 else 2
    return _edits_within(one, other, limit)


def _edits_within(one: str, other: str, limit: int) -> bool:
    """Whether Damerau-Levenshtein distance (adjacent swaps count once) is at most `limit`."""
    if abs(len(one) - len(other)) > limit:
        return False
    before: list[int] = []
    previous = list(range(len(other) + 1))
    for row, left in enumerate(one, start=1):
        current = [row]
        for column, right in enumerate(other, start=1):
            cost = min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (left != right))
            if row > 1 and column > 1 and left == other[column - 2] and one[row - 2] == right:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, previous = previous, current
    return previous[-1] <= limit
