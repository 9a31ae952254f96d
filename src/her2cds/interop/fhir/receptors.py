"""ER, PR, HER2 and Ki-67 from Observations: what an answer gives, exact in meaning, or why it gives nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from her2cds.interop.fhir.elements import Answer, Reading
from her2cds.interop.fhir.resources import Resource
from her2cds.interop.fhir.specimens import Result
from her2cds.profile.assays import ER_PR_POSITIVE_PERCENT

_STATUS = {"positive": "positive", "negative": "negative"}
_DUPLICATION = {**_STATUS, "equivocal": "equivocal", "present": "positive", "absent": "negative"}
_OVERALL = {**_STATUS, "low": "low", "her2.positive": "positive", "her2.negative": "negative", "her2.low": "low"}
_IS_A_BOUND = "is a bound"
_PER_CELL = ("copies/cell", "copies/nucleus", "{copies}/{cell}", "{copies}/{nucleus}", "/{cell}", "/{nucleus}")
_MAX_RATIO, _MAX_COPIES = 100.0, 200.0
# An IHC text in words: one score, and beside it nothing but words that say the same.
_SCORE = re.compile(r"(?<![\w+/.-])(0|[123]\+)(?![\w+/.-])")
_AROUND_SCORE = re.compile(r"[\s():,;=]+")
_IHC_WORDS = frozenset({"", "score", "ihc", "immunohistochemistry", "her2", "her-2", "her2/neu", "her-2/neu"})
_MEANS_THE_SAME = {
    "0": {"negative"},
    "1+": {"negative"},
    "2+": {"equivocal", "borderline"},
    "3+": {"positive"},
}


def read_receptor(question: str, answer: Answer, resource: Resource, reading: Reading) -> list[Result]:
    """The specimen fields that an answer to a receptor question gives; none is a remark in the report."""
    found = [Result(name, value, resource.label, how) for name, value, how in _fields(question, answer)]
    if not found:
        reading.draft.unread(resource.label, f"{question}: {answer.said}", _why_not(question, answer))
    elif answer.number is not None and not any(
        isinstance(one.value, float) or one.field == "her2_ihc" or _IS_A_BOUND in one.how for one in found
    ):
        reading.draft.unread(resource.label, f"{question}: {answer.said}", "the number is not of the kind asked for")
        reading.draft.ask(f"{question}: '{answer.said}' ({resource.label}): what does the number say?")
    return found


def _fields(question: str, answer: Answer) -> Iterable[tuple[str, Any, str]]:
    match question:
        case "er" | "pr":
            yield from _steroid(question, answer)
        case "er.percent" | "pr.percent" | "ki67.percent":
            percent = answer.percent(unit_needed=False)
            if percent is not None and 0 <= percent <= 100:
                yield question.replace(".", "_"), percent, ""
            if question != "ki67.percent":
                yield from _beyond_cut_off(question.partition(".")[0], answer.bound(unit_needed=False))
        case "her2.ihc":
            yield from _ihc(answer)
        case "her2.ish":
            yield from _one_of("her2_ish", answer, _DUPLICATION)
        case "her2.ratio":
            yield from _plain("her2_ish_ratio", answer, _MAX_RATIO)
        case "her2.copies":
            if answer.unit.casefold() in _PER_CELL:
                answer = replace(answer, unit="")
            yield from _plain("her2_copies_per_cell", answer, _MAX_COPIES)
        case "her2.overall":
            yield from _one_of("her2_reported", answer, _OVERALL)
        case "her2.amount":
            for name, value, _ in _one_of("her2_reported", answer, _OVERALL):
                yield name, value, "said of an amount in tissue: kept as a reported status, which leaves the score open"


def _steroid(marker: str, answer: Answer) -> Iterable[tuple[str, Any, str]]:
    words = {**_STATUS, f"{marker}.positive": "positive", f"{marker}.negative": "negative"}
    yield from _one_of(marker, answer, words)
    percent = answer.percent(unit_needed=True)
    if percent is not None and 0 <= percent <= 100:
        yield f"{marker}_percent", percent, ""
    yield from _beyond_cut_off(marker, answer.bound(unit_needed=True))


def _beyond_cut_off(marker: str, bound: tuple[str, float] | None) -> Iterable[tuple[str, Any, str]]:
    """The status where a bound lies on one side of the cut-off of ASCO/CAP 2020; a percentage it is not."""
    sign, percent = bound or ("", 0.0)
    if not 0 <= percent <= 100:
        return
    how = f"{sign}{percent:g} % {_IS_A_BOUND}: the status by the cut-off of {ER_PR_POSITIVE_PERCENT:g} %, no percentage"
    if (sign == "<" and percent <= ER_PR_POSITIVE_PERCENT) or (sign == "<=" and percent < ER_PR_POSITIVE_PERCENT):
        yield marker, "negative", how
    elif sign in (">", ">=") and percent >= ER_PR_POSITIVE_PERCENT:
        yield marker, "positive", how


def _ihc(answer: Answer) -> Iterable[tuple[str, Any, str]]:
    scores = sorted(token.removeprefix("ihc.") for token in answer.tokens if token.startswith("ihc."))
    bare = answer.plain()
    written = {score for text in answer.texts if (score := ihc_score(text)) is not None}
    if len(scores) == 1:
        yield "her2_ihc", scores[0], ""
    elif not scores and len(written) == 1:
        yield "her2_ihc", written.pop(), f"the one score in '{answer.said}'"
    elif not scores and bare in (0.0, 1.0, 2.0, 3.0):
        yield "her2_ihc", "0" if bare == 0 else f"{bare:g}+", "a number from 0 to 3 without unit is the IHC score"
    for name, value, _ in _one_of("her2_reported", answer, _OVERALL):
        yield name, value, "IHC said without a score: kept as a reported status, which leaves the score open"


def ihc_score(text: str) -> str | None:
    """The IHC score in a text such as "Negative (1+)": exactly one, with no word beside it that says anything else."""
    plain = text.casefold().strip(" .")
    scores = _SCORE.findall(plain)
    if len(scores) != 1:
        return None
    words = set(_AROUND_SCORE.split(_SCORE.sub(" ", plain)))
    return scores[0] if words <= _IHC_WORDS | _MEANS_THE_SAME[scores[0]] else None


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
