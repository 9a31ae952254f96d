"""Current receptor status from dated specimens.

The specimen that decides is the newest one that carries an assay, metastases before the primary
(guidi2023, sections 3 and 6: HER2 expression changes under therapy, so the newest sample counts; tapia2023,
section 2.4: HER2 differs between primary and metastasis in 9-60 %). For HER2 an assay is an IHC score or an
ISH result; a status that is only reported decides where there is no assay at all, and never against one. For
ER and PR the newest specimen with a percentage or a status of either decides alone: an older result says nothing more.
Specimens between which no order can be told (no date, the same date, or no word on whether a newer one is of a
metastasis) and that disagree decide nothing; where they agree, one completes the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date as Date
from typing import Any, NamedTuple

from her2cds.facts.values import NOT_KNOWN, FactBase, ScalarFact, given, known
from her2cds.profile.assays import ER_PR_POSITIVE_PERCENT, ish_of
from her2cds.profile.model import Profile, Specimen, Treatment

_HER2_FIELDS = {
    "her2.ihc": "her2_ihc",
    "her2.ish_result": "her2_ish",
    "her2.ish_ratio": "her2_ish_ratio",
    "her2.ish_copies": "her2_copies_per_cell",
    "her2.reported": "her2_reported",
    "her2.heterogeneous": "her2_heterogeneous",
    "her2.specimen_from": "site",
}
_RETESTED = ("her2.retested_since_progression", "her2.retested_since_t_dxd")


class _Located(NamedTuple):
    specimen: Specimen
    place: int

    def path(self, field: str) -> str:
        return f"$.specimens[{self.place}].{field}"


def receptor_facts(profile: Profile) -> FactBase:
    """The facts `her2.*`, `er.*`, `pr.*` and `ki67.*` of the deciding specimens."""
    specimens, courses = profile.specimens, profile.treatments or ()
    if not specimens:
        return {}
    located = [_Located(specimen, place) for place, specimen in enumerate(specimens)]
    facts = _her2_facts(located)
    facts |= _steroid_facts(located)
    facts["ki67.percent"] = _shared_value(_newest(_having(located, "ki67_percent")), "ki67_percent")
    facts["her2.retested_since_progression"] = _taken_since(located, filter(_progressed, courses))
    facts["her2.retested_since_t_dxd"] = _taken_since(located, (one for one in courses if "t-dxd" in one.agents))
    if profile.treatments_complete is False:  # a course that is not listed may have ended after the newest specimen
        facts |= {name: NOT_KNOWN for name in _RETESTED if getattr(facts[name], "value", None) is True}
    return facts


def _has_assay(specimen: Specimen) -> bool:
    numbers = (specimen.her2_ish_ratio, specimen.her2_copies_per_cell)
    return specimen.her2_ihc is not None or specimen.her2_ish is not None or numbers != (None, None)


def _her2_facts(located: list[_Located]) -> FactBase:
    assayed = [one for one in located if _has_assay(one.specimen)]
    reported = [one for one in located if one.specimen.her2_reported is not None]
    deciding = _newest(assayed or reported)
    if not deciding:
        return {}
    facts: FactBase = {"her2.discordant": _discordance(deciding, reported)}
    if _her2_differ(deciding):
        return facts
    for fact, field in _HER2_FIELDS.items():
        first = next(iter(_having(deciding, field)), deciding[0])
        value = getattr(first.specimen, field)
        facts[fact] = given(
            float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value,
            first.path(field),
        )
    facts["her2.earlier_positive"] = _earlier_positive(assayed, deciding)
    return facts


def _her2_differ(located: list[_Located]) -> bool:
    """Whether specimens give different values for a field that says something of HER2."""
    fields = (field for fact, field in _HER2_FIELDS.items() if fact != "her2.specimen_from")
    return any(_differ([getattr(one.specimen, field) for one in _having(located, field)]) for field in fields)


def _differ(values: list[Any]) -> bool:
    return any(value != values[0] for value in values[1:])


def _newest(located: list[_Located]) -> list[_Located]:
    """The newest specimens, metastases before the rest; several where no order can be told among them."""
    metastases = [one for one in located if one.specimen.site == "metastasis"]
    if not metastases:
        return _latest(located)
    found = _latest(metastases)
    since = max((one.specimen.date for one in found if one.specimen.date), default=None)
    siteless = [one for one in located if one.specimen.site is None and _not_before(one.specimen.date, since)]
    return found + siteless


def _not_before(date: Date | None, since: Date | None) -> bool:
    return date is None or since is None or date >= since


def _latest(group: list[_Located]) -> list[_Located]:
    undated = [one for one in group if one.specimen.date is None]
    dated = [one for one in group if one.specimen.date is not None]
    if not dated:
        return undated
    latest = max(one.specimen.date for one in dated if one.specimen.date)
    return [one for one in dated if one.specimen.date == latest] + undated


def _steroid_facts(located: list[_Located]) -> FactBase:
    deciding = _newest([one for one in located if any(_steroid_status(one.specimen, name) for name in ("er", "pr"))])
    return _of_receptor(deciding, "er") | _of_receptor(deciding, "pr")


def _of_receptor(deciding: list[_Located], receptor: str) -> FactBase:
    """Percentage and status of one receptor; the status alone where specimens agree on it and not on the percentage."""
    field = f"{receptor}_percent"
    saying = [one for one in deciding if _steroid_status(one.specimen, receptor)]
    statuses = {_steroid_status(one.specimen, receptor) for one in saying}
    reported, percent = NOT_KNOWN, NOT_KNOWN
    if len(statuses) == 1:
        reported = _shared_value(_having(saying, receptor), receptor)
        percent = _shared_value(_having(saying, field), field)
        if not reported.is_known and not percent.is_known:
            reported = given(statuses.pop(), saying[0].path(field))
    return {f"{receptor}.reported": reported, f"{receptor}.percent": percent}


def _steroid_status(specimen: Specimen, receptor: str) -> str | None:
    """What a specimen says of ER or PR: the percentage before the status, by the cut-off of ASCO/CAP 2020."""
    percent = getattr(specimen, f"{receptor}_percent")
    if percent is not None:
        return "positive" if percent >= ER_PR_POSITIVE_PERCENT else "negative"
    status: str | None = getattr(specimen, receptor)
    return status


def _having(located: list[_Located], field: str) -> list[_Located]:
    return [one for one in located if getattr(one.specimen, field) is not None]


def _shared_value(having: list[_Located], field: str) -> ScalarFact:
    """The value of a field on which specimens agree between which no order can be told."""
    values = [getattr(one.specimen, field) for one in having]
    if not having or _differ(values):
        return NOT_KNOWN
    value = values[0]
    return known(float(value) if isinstance(value, (int, float)) else value, having[0].path(field))


def _discordance(deciding: list[_Located], reported: list[_Located]) -> ScalarFact:
    """True where deciding specimens disagree, or a status reported since then contradicts the assay."""
    first = deciding[0]
    if _her2_differ(deciding):
        return known(True, "; ".join(sorted(one.path("her2_ihc") for one in deciding)))
    assay = assay_positive(first.specimen)
    for one in reported:
        counts = one not in deciding and _may_be_newer(one.specimen, first.specimen)
        if counts and assay is not None and _contradicts(one.specimen.her2_reported, assay, first.specimen):
            return known(True, one.path("her2_reported"))
    return known(False, first.path("her2_ihc"))


def _contradicts(reported: str | None, positive: bool, assayed: Specimen) -> bool:
    """Whether a reported status cannot be what the assay found: HER2-low needs some staining."""
    return (reported == "positive") != positive or (reported == "low" and assayed.her2_ihc == "0")


def _may_be_newer(one: Specimen, deciding: Specimen) -> bool:
    """Whether a specimen may be newer than the deciding one; an undated primary counts as older than a metastasis."""
    if one.date is not None and deciding.date is not None:
        return one.date >= deciding.date
    return one.site == deciding.site or one.site == "metastasis"


def assay_positive(specimen: Specimen) -> bool | None:
    """HER2-positive by assay: IHC 3+, IHC 2+ with ISH positive, or ISH alone; None where the assays do not decide.

    Source: mercogliano2023, section 1 (score 3+, or 2+ with positive ISH).
    """
    ihc, ish = specimen.her2_ihc, ish_of(specimen)
    if ihc == "3+":
        return True
    if ihc in ("2+", None):
        return {"positive": True, "negative": False}.get(ish or "")
    return False if ihc in ("0", "1+") and ish != "positive" else None


def _earlier_positive(assayed: list[_Located], deciding: list[_Located]) -> ScalarFact:
    since = max((one.specimen.date for one in deciding if one.specimen.date), default=None)
    earlier = [one for one in assayed if one not in deciding and not _after(one.specimen.date, since)]
    for one in earlier:
        if assay_positive(one.specimen):
            return known(True, one.path("her2_ihc"))
    return known(False, "$.specimens")


def _after(date: Date | None, since: Date | None) -> bool:
    return date is not None and since is not None and date > since


def _progressed(treatment: Treatment) -> bool:
    site, response = treatment.progression_site, treatment.best_response
    return treatment.stop_reason == "progression" or site is not None or response == "progression"


def _taken_since(located: list[_Located], courses: Iterable[Treatment]) -> ScalarFact:
    """Whether a HER2 assay was made on a specimen taken at or after the end of every one of the courses."""
    dates = [one.specimen.date for one in located if _has_assay(one.specimen)]
    last = max((date for date in dates if date is not None), default=None)
    answers = [None if last is None or None in dates else _since_end(last, course) for course in courses]
    if False in answers:
        return known(False, "$.specimens[].date")
    return NOT_KNOWN if not answers or None in answers else known(True, "$.specimens[].date")


def _since_end(date: Date, course: Treatment) -> bool | None:
    """Whether a date is at or after the end of a course; without an end it can only be told to be before the start."""
    if course.end is not None:
        return date >= course.end
    return False if course.start is not None and date < course.start else None
