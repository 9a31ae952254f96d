"""Whether a text takes over a run of words from a review: facts are taken over, sentences are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from her2cds.provenance.normalise import plain

LONGEST_RUN = 7
# Numbers and what is joined to them are facts, and facts may be taken over: only words are compared.
_WORD = re.compile(r"[^\W\d_]+(?![\w])")


class Wording:
    """The runs of eight words of all reviews."""

    def __init__(self, bodies: Iterable[tuple[str, str]]) -> None:
        """`bodies` are sources with the plain texts of their places."""
        self._runs: dict[tuple[str, ...], str] = {}
        for source, body in bodies:
            for run in _runs(_words(body)):
                self._runs.setdefault(run, source)

    def copied(self, text: str) -> tuple[str, str] | None:
        """The first run of eight words that stands in a review, with that review, or None."""
        for run in _runs(_words(plain(text))):
            if run in self._runs:
                return " ".join(run), self._runs[run]
        return None


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _runs(words: list[str]) -> Iterator[tuple[str, ...]]:
    length = LONGEST_RUN + 1
    return (tuple(words[i : i + length]) for i in range(len(words) - length + 1))
