"""Drug, gene and alteration names: from what a chart says to the knowledge base's ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from her2cds.suggest import nearest

_FOLD = re.compile(r"[^0-9a-zα-ω+]+")
_WORD = re.compile(r"[^\W_]+")
_AMOUNT = re.compile(
    r"\d+(?:mg|ml|mcg|ug|µg|μg|g|kg|m|m2|m²|iu|u|h|hr|d|w|x|l|st|nd|rd|th)?|x\d+|q\d*[dwhm]|[cd]\d+|auc\d*"
)
_PADDING_TEXT = (
    "mg ml mcg ug µg μg g kg m m2 m² iu u unt unit units h hr r tm x dose doses dosed cycle cycles course courses "
    "day days week weeks month months hour hours daily weekly monthly every once twice per bid tid qd od po iv sc im "
    "injection injections injectable infusion infusions intravenous intravenously subcutaneous subcutaneously "
    "intramuscular oral orally tablet tablets capsule capsules pill pills solution suspension powder vial vials "
    "prefilled syringe cream ointment topical drops film coated extended release product generic biosimilar "
    "monotherapy therapy treatment chemotherapy regimen maintenance single agent alone only neoadjuvant adjuvant "
    "palliative metastatic line first second third and plus with then followed by in of for the at to"
)
_PADDING = frozenset(_PADDING_TEXT.split())
_LONGEST_NAME = 10  # words, with those between hyphens counted
_SHORT_NAME = 4  # fewer letters than this say nothing beside words that are not known: "AC" is also "before meals"
_MOST_REMEMBERED = 10_000


def folded(name: str) -> str:
    """A name without case, spaces and punctuation: `T-DXd`, `t dxd` and `TDXd` are one name."""
    return _FOLD.sub("", name.casefold())


class NameIndex:
    """Looks names up by id, name or synonym, however they are punctuated."""

    def __init__(self, entries: Iterable[tuple[str, Iterable[str]]]) -> None:
        self._ids: dict[str, str] = {}
        self._as_written: dict[str, str] = {}
        self._spelled: dict[str, str] = {}
        self._close: dict[str, list[str]] = {}
        for entry_id, names in entries:
            for name in (entry_id, *names):
                fold = folded(name)
                if fold not in self._ids:
                    self._ids[fold], self._spelled[fold] = entry_id, name
                self._as_written[name] = self._ids[fold]

    def find(self, name: str) -> str | None:
        """The id that goes by this name, or None."""
        return self._as_written.get(name) or self._ids.get(folded(name))

    def close_to(self, name: str) -> list[str]:
        """Known names so like this one that it may be a slip of the pen, best first.

        Two names are held to be close at a similarity of 0.8 or above; short names (under five characters
        once folded) only where they differ in a single character.
        """
        fold = folded(name)
        found = self._close.get(fold)
        if found is None:
            found = [self._spelled[hit] for hit in nearest(fold, self._ids) if _is_slip(fold, hit)]
            if len(self._close) < _MOST_REMEMBERED:  # a search takes milliseconds, and cohorts repeat their names
                self._close[fold] = found
        return found


class NamesWithin(NamedTuple):
    """What a text holds that is no known name as a whole: known names, and the words beside them.

    `meanings` is what each name stands for, in the order of the text. `padded`: words of dose, form or schedule stand
    beside the names. `left` are the words that are neither.
    """

    meanings: tuple[tuple[str, ...], ...] = ()
    padded: bool = False
    left: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """All that the names stand for, each once."""
        return tuple(dict.fromkeys(one for meaning in self.meanings for one in meaning))

    @property
    def names_one_thing_only(self) -> bool:
        """Whether the text is nothing but several names of the same thing."""
        return len(self.meanings) > 1 and not self.padded and not self.left and len(set(self.meanings)) == 1


def names_within(text: str, meaning_of: Callable[[str], tuple[str, ...]]) -> NamesWithin:
    """The known names among the words of a text, longest first; `meaning_of` gives () for what is no name.

    The longest name wins, also across a dose ("trastuzumab 3.6 mg/kg emtansine"): a conjugate is never taken for the
    antibody that stands at the head of its name.
    """
    words = _WORD.findall(text.casefold())
    whole, bare = _scan(words, meaning_of), _scan([word for word in words if not _is_padding(word)], meaning_of)
    if (len(bare.left), len(bare.meanings)) < (len(whole.left), len(whole.meanings)):
        return bare._replace(padded=True)
    return whole


def without_padding(text: str) -> str:
    """The words of a text without those of dose, form and schedule."""
    return " ".join(word for word in _WORD.findall(text.casefold()) if not _is_padding(word))


def _is_padding(word: str) -> bool:
    return word in _PADDING or _AMOUNT.fullmatch(word) is not None


def _scan(words: Sequence[str], meaning_of: Callable[[str], tuple[str, ...]]) -> NamesWithin:
    names: list[str] = []
    beside: list[str] = []
    at = 0
    while at < len(words):
        length = _length_of_name(words[at:], meaning_of)
        if length:
            names.append(" ".join(words[at : at + length]))
        else:
            beside.append(words[at])
        at += length or 1
    left = tuple(word for word in beside if not _is_padding(word))
    if left and all(len(folded(name)) < _SHORT_NAME for name in names):
        return NamesWithin(left=(*words,))
    return NamesWithin(tuple(map(meaning_of, names)), len(left) < len(beside), left)


def _length_of_name(words: Sequence[str], meaning_of: Callable[[str], tuple[str, ...]]) -> int:
    """How many words the longest known name takes that the words begin with; 0 where there is none."""
    lengths = range(min(_LONGEST_NAME, len(words)), 0, -1)
    return next((length for length in lengths if meaning_of(" ".join(words[:length]))), 0)


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
