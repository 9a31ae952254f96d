"""Whether the disease progresses now: by the latest disease status, unless something came after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date as Date

from her2cds.interop.fhir.candidates import Candidate
from her2cds.interop.fhir.disease import Disease

# The older versions of mCODE have more answers than the present one: no sign of it, remission.
_NOT_PROGRESSING = ("improved", "stable", "full_remission", "partial_remission", "not_detected")
_ASK = "Is the disease progressing now, in the central nervous system only or elsewhere too?"
_PATH = "disease.progressing_now"


def put_status(disease: Disease, courses: Sequence[tuple[Date, str]]) -> None:
    """Write whether the disease progresses now; `courses` are the days on which courses of treatment began."""
    draft = disease.reading.draft
    if disease.candidates.blocked("status", draft):
        draft.ask(_ASK)
        return
    newest, older = disease.candidates.newest("status")
    for one in older:
        draft.aside(one.source, f"disease status {one.value}", "an older status; used to tell how a course ended")
    if newest:
        _put_newest(newest, disease, courses)


def _put_newest(newest: Sequence[Candidate], disease: Disease, courses: Sequence[tuple[Date, str]]) -> None:
    values = sorted({str(one.value) for one in newest})
    sources, said = [one.source for one in newest], ", ".join(values)
    day = max((one.day for one in newest if one.day is not None), default=None)
    if not all(value in _NOT_PROGRESSING for value in values):
        if len(values) > 1:
            disease.reading.draft.conflict(f"$.{_PATH}", said, sources, "not taken")
            disease.reading.draft.ask(_ASK)
        else:
            _leave_open(disease, said, sources, "where the disease progresses is not said")
    elif since := _since(disease, day, courses):
        _leave_open(disease, said, sources, f"not known to hold: {', '.join(since)} may have come after it")
    else:
        disease.reading.draft.put(_PATH, "no", sources, f"latest disease status: {said}")


def _leave_open(disease: Disease, said: str, sources: Sequence[str], why: str) -> None:
    for source in sources:
        disease.reading.draft.aside(source, f"latest disease status: {said}", why)
    disease.reading.draft.ask(_ASK)


def _since(disease: Disease, day: Date | None, courses: Sequence[tuple[Date, str]]) -> list[str]:
    """What may have come after a status: spread, recurrence, a new course; without a day no order can be told."""
    signs = [*((one.day, one.source) for one in disease.spread), *disease.signs, *courses]
    return list(dict.fromkeys(label for sign, label in signs if day is None or sign is None or sign > day))
