"""ER, PR, HER2 and Ki-67 from Observations to specimens, and PD-L1.

Results without a reference to a specimen that lie within 28 days belong to one specimen: a biopsy's results arrive
over some weeks, ISH after an equivocal IHC last of all. Two different answers to one question about one specimen make
two entries of the same day: the facts then see the disagreement, and nothing is decided by order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date as Date
from datetime import timedelta
from typing import Any

from her2cds.interop.fhir.elements import Answer, Reading
from her2cds.interop.fhir.resources import Resource

_WINDOW = timedelta(days=28)
_STATUS = {"positive": "positive", "negative": "negative"}
_DUPLICATION = {**_STATUS, "equivocal": "equivocal", "present": "positive", "absent": "negative"}
_OVERALL = {**_STATUS, "low": "low", "her2.positive": "positive", "her2.negative": "negative", "her2.low": "low"}
_MAX_RATIO, _MAX_COPIES = 100.0, 200.0


@dataclass(frozen=True, slots=True)
class Result:
    """One field of a specimen as one record gives it."""

    field: str
    value: Any
    source: str
    how: str = ""


@dataclass(slots=True)
class Tested:
    """A specimen in the making: results by the specimen reference or by day."""

    reference: str | None
    day: Date | None
    found: list[Filed] = field(default_factory=list)

    @property
    def site(self) -> str | None:
        """Where it was taken, as far as a record says."""
        return next((one.site for one in self.found if one.site), None)


@dataclass(frozen=True, slots=True)
class Filed:
    """A result with what tells its specimen."""

    result: Result
    reference: str | None
    day: Date | None
    site: str | None


@dataclass(slots=True)
class Specimens:
    """All receptor results; they are grouped into specimens once all are there, whatever their order was."""

    filed: list[Filed] = field(default_factory=list)

    def add(self, result: Result, reference: str | None, day: Date | None, site: str | None) -> None:
        """File one result."""
        self.filed.append(Filed(result, reference, day, site))

    def put(self, reading: Reading) -> None:
        """Write the specimens into the draft, the oldest first, the undated last."""
        made = [(tested, results) for tested in self._grouped() for results in _consistent(tested, reading)]
        if not made:
            return
        reading.draft.tree["specimens"] = [{} for _ in made]
        for index, (tested, results) in enumerate(made):
            _put_one(f"specimens[{index}]", tested, results, reading)
        if any(one.reference is None and one.day is None for one, _ in made):
            reading.draft.assume(
                "Receptor results with neither date nor specimen were taken to come from one specimen."
            )

    def _grouped(self) -> list[Tested]:
        groups: list[Tested] = []
        for one in sorted(self.filed, key=lambda one: (one.day or Date.max, one.reference or "")):
            for group in groups:
                same = group.reference == one.reference
                if same and (one.reference is not None or _together(group.day, one.day)):
                    break
            else:
                group = Tested(one.reference, one.day)
                groups.append(group)
            group.found.append(one)
        return groups


def _put_one(path: str, tested: Tested, results: list[Result], reading: Reading) -> None:
    sources = [one.source for one in results]
    if tested.day is not None:
        reading.draft.put(f"{path}.date", tested.day.isoformat(), sources)
    if tested.site is not None:
        reading.draft.put(f"{path}.site", tested.site, sources)
    for name in dict.fromkeys(one.field for one in results):
        same = [one for one in results if one.field == name]
        how = next((one.how for one in same if one.how), "")
        reading.draft.put(f"{path}.{name}", same[0].value, [one.source for one in same], how)


def _together(one: Date | None, other: Date | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _WINDOW


def _consistent(tested: Tested, reading: Reading) -> list[list[Result]]:
    """The results of one specimen; a second list holds answers that differ from the first ones."""
    first: list[Result] = []
    second: list[Result] = []
    in_order = sorted((one.result for one in tested.found), key=lambda one: (one.field, str(one.value), one.source))
    for result in in_order:
        earlier = next((one for one in first if one.field == result.field), None)
        if earlier is None or earlier.value == result.value:
            first.append(result)
        else:
            second.append(result)
            reading.draft.conflict(
                f"$.specimens[].{result.field}",
                f"{earlier.value} and {result.value}",
                [earlier.source, result.source],
                "both are kept, as two specimens of one day: what they disagree on decides nothing",
            )
    return [part for part in (first, second) if part]


def read_receptor(question: str, answer: Answer, resource: Resource, reading: Reading) -> list[Result]:
    """The specimen fields that an answer to a receptor question gives; none is a remark in the report."""
    found = [Result(name, value, resource.label, how) for name, value, how in _fields(question, answer)]
    if not found:
        reading.draft.unread(resource.label, f"{question}: {answer.said}", _why_not(question, answer))
    elif answer.number is not None and not any(
        isinstance(one.value, float) or one.field == "her2_ihc" for one in found
    ):
        reading.draft.unread(resource.label, f"{question}: {answer.said}", "the number is not of the kind asked for")
    return found


def _fields(question: str, answer: Answer) -> Iterable[tuple[str, Any, str]]:
    match question:
        case "er" | "pr":
            yield from _steroid(question, answer)
        case "er.percent" | "pr.percent" | "ki67.percent":
            percent = answer.percent(unit_needed=False)
            if percent is not None and 0 <= percent <= 100:
                yield question.replace(".", "_"), percent, ""
        case "her2.ihc":
            yield from _ihc(answer)
        case "her2.ish":
            yield from _one_of("her2_ish", answer, _DUPLICATION)
        case "her2.ratio":
            yield from _plain("her2_ish_ratio", answer, _MAX_RATIO)
        case "her2.copies":
            yield from _plain("her2_copies_per_cell", answer, _MAX_COPIES)
        case "her2.overall":
            yield from _one_of("her2_reported", answer, _OVERALL)


def _steroid(marker: str, answer: Answer) -> Iterable[tuple[str, Any, str]]:
    words = {**_STATUS, f"{marker}.positive": "positive", f"{marker}.negative": "negative"}
    yield from _one_of(marker, answer, words)
    percent = answer.percent(unit_needed=True)
    if percent is not None and 0 <= percent <= 100:
        yield f"{marker}_percent", percent, ""


def _ihc(answer: Answer) -> Iterable[tuple[str, Any, str]]:
    scores = sorted(token.removeprefix("ihc.") for token in answer.tokens if token.startswith("ihc."))
    bare = answer.plain()
    if len(scores) == 1:
        yield "her2_ihc", scores[0], ""
    elif not scores and bare in (0.0, 1.0, 2.0, 3.0):
        yield "her2_ihc", "0" if bare == 0 else f"{bare:g}+", "a number from 0 to 3 without unit is the IHC score"
    for name, value, _ in _one_of("her2_reported", answer, _OVERALL):
        yield name, value, "IHC said without a score: kept as a reported status, which leaves the score open"


def _one_of(name: str, answer: Answer, words: dict[str, str]) -> Iterable[tuple[str, Any, str]]:
    values = {words[token] for token in answer.tokens if token in words}
    if len(values) == 1:
        yield name, values.pop(), ""


def _plain(name: str, answer: Answer, limit: float) -> Iterable[tuple[str, Any, str]]:
    number = answer.plain()
    if number is not None and 0 <= number <= limit:
        yield name, number, ""


def _why_not(question: str, answer: Answer) -> str:
    if question == "her2.ihc" and "present" in answer.tokens:
        return "'present' is neither a score nor a status; give the IHC score"
    if question == "her2.ihc" and answer.tokens & {"equivocal", "indeterminate"}:
        return "no score is given; give the IHC score and ISH"
    if "not_done" in answer.tokens:
        return "the test was not done"
    if answer.comparator:
        return f"a bound ('{answer.comparator}') is not a value"
    if answer.number is not None:
        return (
            f"a number with the unit '{answer.unit}' out of range or of another kind" if answer.unit else "out of range"
        )
    return "no answer that the code map holds"
