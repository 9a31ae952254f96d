"""All exhaustive checks, in the order in which they rest on each other."""

from __future__ import annotations

from collections.abc import Iterator

from her2cds.evaluation import KnowledgeBase
from her2cds.exhaustive.answers import answers
from her2cds.exhaustive.derivations import derivations
from her2cds.exhaustive.model import Answer
from her2cds.exhaustive.ranking import ranking
from her2cds.exhaustive.regimens import regimens


def exhaust(base: KnowledgeBase) -> Iterator[Answer]:
    """The answers one by one. Where classification rules contradict each other nothing else can be asked."""
    found = list(derivations(base.knowledge))
    yield from found
    if any(answer.faults for answer in found):
        return
    yield from regimens(base)
    yield from answers(base)
    yield ranking(base)
