"""Why changes that no scenario notices are no gap, one by one, as a file that a clinician reads and a machine checks.

A file is a list of explanations, each of one change or of several of one kind with the same reason:

    - entry: specimens-agree
      kind: condition dropped
      change: her2.discordant is known
      because: Whether results disagree is known as soon as one HER2 result is on file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.yaml_reader import Document
from her2cds.mutation.equivalent import proved_equal
from her2cds.mutation.mutants import Mutant
from her2cds.scenarios.model import ScenarioError, ScenarioFault, read_list
from her2cds.suggest import did_you_mean

_WHAT = "explanations"
# Entry and kind of change, with the changes in the words in which they are printed.
_Changes = Mapping[tuple[str, str], Sequence[str]]


class Explanation(BaseModel):
    """Why changes are no gap. `entry` may hold `*` and `?` where the reason is the same for all that fit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entry: str
    kind: str
    change: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    because: Annotated[str, Field(min_length=20)]

    @field_validator("change", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    def fits(self, mutant: Mutant, change: str) -> bool:
        """Whether a mutant is this change of the entry."""
        return mutant.operator == self.kind and mutant.words == change and fnmatchcase(mutant.entry, self.entry)


@dataclass(frozen=True, slots=True)
class LocatedExplanation:
    """An explanation with its place."""

    explanation: Explanation
    document: Document
    index: int

    def fault(self, message: str, suggestion: str, field: str) -> ScenarioFault:
        """A fault of this explanation, at the line of a field."""
        return ScenarioFault(self.document.file, self.document.line((self.index, field)), message, suggestion)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is to be said of each survivor, by its place among them.

    `proved` are those whose condition is proved to be the same, `explained` the others that an explanation fits, with
    the reason. `stale` are the changes that are explained although none of the rest is such a change.
    """

    proved: frozenset[int]
    explained: dict[int, str]
    stale: tuple[ScenarioFault, ...]

    def note(self, place: int) -> str:
        """What is known of a survivor, in words; empty for one that nothing explains."""
        return "proved equal" if place in self.proved else self.explained.get(place, "")


def read_explanations(path: Path, mutants: Iterable[Mutant]) -> tuple[LocatedExplanation, ...]:
    """The explanations of a file. Raises ScenarioError with every fault, a change that `mutants` lack included."""
    document, found = read_list(path, Explanation, _WHAT, "- entry: …")
    located = tuple(LocatedExplanation(one, document, index) for index, one in enumerate(found))
    changes = defaultdict[tuple[str, str], list[str]](list)
    for mutant in mutants:
        changes[mutant.entry, mutant.operator].append(mutant.words)
    if faults := [fault for one in located for fault in _unknown(one, changes)]:
        raise ScenarioError(faults, _WHAT)
    return located


def _unknown(located: LocatedExplanation, changes: _Changes) -> Iterator[ScenarioFault]:
    """Names that stand for nothing: such an explanation could never fit."""
    one = located.explanation
    entries = {entry for entry, _ in changes}
    kinds = {kind for entry, kind in changes if fnmatchcase(entry, one.entry)}
    if not kinds:
        yield located.fault(f"unknown entry '{one.entry}'", did_you_mean(one.entry, entries), "entry")
    elif one.kind not in kinds:
        hint = did_you_mean(one.kind, kinds) or f"one of: {', '.join(sorted(kinds))}"
        yield located.fault(f"no change of {one.entry} is of the kind '{one.kind}'", hint, "kind")
    else:
        words = {
            text
            for (entry, kind), texts in changes.items()
            if kind == one.kind and fnmatchcase(entry, one.entry)
            for text in texts
        }
        for change in one.change:
            if change not in words:
                hint = did_you_mean(change, words) or f"one of: {'; '.join(sorted(words))}"
                yield located.fault(f"{one.entry}: {one.kind}: there is no change '{change}'", hint, "change")


def standing(survivors: Sequence[Mutant], explanations: Sequence[LocatedExplanation], knowledge: Knowledge) -> Standing:
    """Which survivors are proved equal, which are explained, and which explanations fit none of the rest."""
    proved = frozenset(place for place, one in enumerate(survivors) if proved_equal(one, knowledge))
    explained: dict[int, str] = {}
    stale: list[ScenarioFault] = []
    for located in explanations:
        for change in located.explanation.change:
            fitting = [
                place
                for place, one in enumerate(survivors)
                if place not in proved and place not in explained and located.explanation.fits(one, change)
            ]
            explained.update(dict.fromkeys(fitting, located.explanation.because))
            if not fitting:
                stale.append(_stale(located, change))
    return Standing(proved, explained, tuple(stale))


def _stale(located: LocatedExplanation, change: str) -> ScenarioFault:
    one = located.explanation
    return located.fault(
        f"{one.entry}: {one.kind}: {change}: explained, but no such change survives unproved and unexplained",
        "take the explanation out: a scenario kills the change, it is proved equal, or it is explained above",
        "change",
    )
