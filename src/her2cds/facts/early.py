"""Anti-HER2 therapy before and after surgery, and the time from its end to relapse."""

from __future__ import annotations

from datetime import date as Date

from her2cds.facts.courses import LIST, Course, DrugClasses
from her2cds.facts.values import NOT_KNOWN, FactBase, ScalarFact, known, not_applicable
from her2cds.profile.model import Profile

_DAYS_PER_MONTH = 30.4375


def early_facts(profile: Profile, courses: list[Course], drugs: DrugClasses) -> FactBase:
    """The facts `early.*` and `relapse.*`."""
    early = [
        one
        for one in courses
        if one.treatment.setting in ("neoadjuvant", "adjuvant") and drugs.any_in(one.treatment.agents, "anti-her2")
    ]
    unclear = [one for one in courses if one.treatment.setting is None and _may_be_anti_her2(one, drugs)]
    return {
        "early.neoadjuvant_anti_her2_given": _neoadjuvant_given(early, courses, drugs),
        "relapse.months_since_adjuvant_anti_her2": NOT_KNOWN if unclear else _months_to_relapse(profile, early),
        "early.adjuvant_trastuzumab_months": _months_of_trastuzumab(early),
    }


def _may_be_anti_her2(course: Course, drugs: DrugClasses) -> bool:
    agents = set(course.treatment.agents)
    return drugs.any_in(agents, "anti-her2") or bool(agents & drugs.unknown)


def _neoadjuvant_given(early: list[Course], courses: list[Course], drugs: DrugClasses) -> ScalarFact:
    """Whether anti-HER2 therapy came before surgery; open where a course that may be it has no setting or drug."""
    given = [one for one in early if one.treatment.setting == "neoadjuvant"]
    if given:
        return known(True, given[0].path)
    maybe = (one for one in courses if one.treatment.setting in (None, "neoadjuvant"))
    return NOT_KNOWN if any(_may_be_anti_her2(one, drugs) for one in maybe) else known(False, LIST)


def _months_to_relapse(profile: Profile, early: list[Course]) -> ScalarFact:
    """Months from the end of the last (neo)adjuvant anti-HER2 course to relapse; 0 for relapse under adjuvant."""
    disease = profile.disease
    never_free = disease.setting == "locally_advanced_unresectable" and disease.relapse_date is None
    if disease.setting == "early" or never_free or not early:
        return not_applicable(LIST)
    adjuvant = [one for one in early if one.treatment.setting == "adjuvant"]
    if any(one.is_ongoing for one in adjuvant):
        return known(0.0, LIST)
    last = _last_to_end(adjuvant or early)
    if adjuvant and last and last.treatment.stop_reason == "progression":
        return known(0.0, last.path)
    if last is None or last.treatment.end is None or disease.relapse_date is None:
        return NOT_KNOWN
    return known(max(0.0, months_between(last.treatment.end, disease.relapse_date)), "$.disease.relapse_date")


def _last_to_end(courses: list[Course]) -> Course | None:
    """The course that ended last; None where that cannot be told."""
    if len(courses) == 1:
        return courses[0]
    ended = [(one.treatment.end, one) for one in courses if one.treatment.end is not None]
    return max(ended, key=lambda pair: pair[0])[1] if len(ended) == len(courses) else None


def _months_of_trastuzumab(early: list[Course]) -> ScalarFact:
    """How long trastuzumab was given in early disease, all courses together, where some of it was adjuvant."""
    given = [one.treatment for one in early if "trastuzumab" in one.treatment.agents]
    if all(one.setting != "adjuvant" for one in given):
        return not_applicable(LIST)
    days = sum((one.end - one.start).days for one in given if one.start and one.end)
    if any(one.start is None or one.end is None for one in given):
        return NOT_KNOWN
    return known(round(days / _DAYS_PER_MONTH, 1), LIST)


def months_between(earlier: Date, later: Date) -> float:
    """Months from one day to another, as days over the mean length of a month, to one decimal."""
    return round((later - earlier).days / _DAYS_PER_MONTH, 1)
