"""Text copied from a review: eight words or more in a row. Needs the reviews' texts, which are not in the project."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from her2cds.errors import MissingTextsError
from her2cds.knowledge.base import Knowledge
from her2cds.lint.checks import own_texts
from her2cds.lint.findings import Finding, finding

WORDS_IN_A_ROW = 8
_MAX_NUMBERS = 2
_WORD = re.compile(r"[a-z0-9αβγκ]+")


def copied_texts(knowledge: Knowledge, texts: Path) -> Iterator[Finding]:
    """Every text of the knowledge base that shares eight words in a row with a review in `texts`.

    Raises MissingTextsError with the list of missing files.
    """
    files = {source.id: texts / source.file for source in knowledge.data.sources if source.file is not None}
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        raise MissingTextsError(f"finding copied text needs the reviews' texts; not found: {', '.join(missing)}")
    known: dict[tuple[str, ...], str] = {}
    for source_id, path in files.items():
        known.update(dict.fromkeys(_runs(_words(path.read_text(encoding="utf-8"))), source_id))
    for key, text in own_texts(knowledge):
        for run in _runs(_words(text)):
            if run in known:
                message = f"copies {known[run]}: '{' '.join(run)}'"
                yield finding(knowledge, "copied_texts", "error", key, message)
                break


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _runs(words: list[str]) -> Iterator[tuple[str, ...]]:
    """Runs of words; those with more than two numbers are figures, which are taken over on purpose."""
    for start in range(len(words) - WORDS_IN_A_ROW + 1):
        run = tuple(words[start : start + WORDS_IN_A_ROW])
        if sum(word.isdigit() for word in run) <= _MAX_NUMBERS:
            yield run
