"""Lines, exposure and progression from the list of treatments."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from her2cds.facts.courses import (
    LIST,
    Course,
    DrugClasses,
    agents_of,
    are_ordered,
    by_line,
    courses_of,
    lines_missing,
    lines_of,
)
from her2cds.facts.early import early_facts
from her2cds.facts.gaps import with_gaps
from her2cds.facts.values import NOT_KNOWN, FactBase, ScalarFact, SetFact, known, not_applicable
from her2cds.knowledge.base import Knowledge
from her2cds.profile.model import Profile


def history_facts(profile: Profile, knowledge: Knowledge, unknown_drugs: set[str]) -> FactBase:
    """The facts `lines.*`, `prior.*`, `current.*`, `relapse.*`, `early.*` and `disease.progressing`."""
    courses = courses_of(profile)
    has_gaps = profile.treatments_complete is False or lines_missing(profile, courses)
    if profile.treatments is None or (has_gaps and not courses):
        return {"disease.progressing": _progressing_given(profile) or NOT_KNOWN}
    drugs = DrugClasses(knowledge, unknown_drugs)
    facts: FactBase = {
        **_line_facts(courses, drugs),
        **_exposure_facts(courses, drugs),
        **_outcome_facts(courses),
        **_current_facts(profile, courses),
        **early_facts(profile, courses, drugs),
    }
    return with_gaps(facts, knowledge, sure=_known_of_now(profile, courses)) if has_gaps else facts


# --- Lines ------------------------------------------------------------------------------------------


def _line_facts(courses: list[Course], drugs: DrugClasses) -> FactBase:
    metastatic = [course for course in courses if course.treatment.setting == "metastatic"]
    anti_her2_any = sum(drugs.any_in(course.treatment.agents, "anti-her2") for course in courses)
    facts: FactBase = {"lines.anti_her2_any_setting": known(float(anti_her2_any), LIST)}
    lines = lines_of(metastatic)
    if lines is None or any(course.treatment.setting is None for course in courses):
        return facts
    facts["lines.metastatic"] = _count(line.ended_by_progression for line in lines)
    for fact, drug_class in (("lines.chemotherapy", "chemotherapy"), ("lines.anti_her2", "anti-her2")):
        facts[fact] = _count(_has_class(line.agents, drug_class, drugs) for line in lines)
    return facts


def _has_class(agents: set[str], drug_class: str, drugs: DrugClasses) -> bool | None:
    if drugs.any_in(agents, drug_class):
        return True
    return None if agents & drugs.unknown else False


def _count(outcomes: Iterable[bool | None]) -> ScalarFact:
    """How many are true; a range of candidates where some are open."""
    listed = list(outcomes)
    sure, open_ = listed.count(True), listed.count(None)
    return ScalarFact(tuple(float(sure + extra) for extra in range(open_ + 1)), LIST)


# --- Exposure and outcome ------------------------------------------------------------------------------


def _exposure_facts(courses: list[Course], drugs: DrugClasses) -> FactBase:
    facts: FactBase = {}
    for suffix, settings in (
        ("", None),
        ("_advanced", ("metastatic",)),
        ("_early", ("neoadjuvant", "adjuvant")),
    ):
        within = [one for one in courses if settings is None or one.treatment.setting in settings]
        unclear = [one for one in courses if settings is not None and one.treatment.setting is None]
        agents, maybe = agents_of(within), agents_of(unclear)
        origins = {agent: f"{one.path}.agents" for one in reversed(within) for agent in one.treatment.agents}
        facts[f"prior.agents{suffix}"] = SetFact(
            frozenset(agents), frozenset(maybe - agents), absent=None, origins=origins, origin=LIST
        )
        classes = {one for agent in agents for one in drugs.of(agent)}
        class_origins = {one: path for agent, path in origins.items() for one in drugs.of(agent)}
        open_ = bool((agents | maybe) & drugs.unknown)
        facts[f"prior.classes{suffix}"] = SetFact(
            frozenset(classes),
            frozenset({one for agent in maybe for one in drugs.of(agent)} - classes),
            absent=frozenset() if open_ else None,
            origins=class_origins,
            origin=LIST,
        )
    return facts


def _outcome_facts(courses: list[Course]) -> FactBase:
    return {
        "prior.progressed_on": _outcome_set(courses, lambda one: one.progressed and not one.cns_only),
        "prior.cns_progressed_on": _outcome_set(courses, lambda one: one.progressed and one.cns_only),
        "prior.not_tolerated": _not_tolerated(courses),
    }


def _outcome_set(courses: list[Course], outcome: Callable[[Course], bool | None]) -> SetFact:
    """Agents of courses with the outcome; those of courses that ended for no stated reason may be in it."""
    present = {agent: one.path for one in reversed(courses) if outcome(one) for agent in one.treatment.agents}
    maybe = {agent for one in courses if outcome(one) is None for agent in one.treatment.agents}
    return SetFact(frozenset(present), frozenset(maybe - present.keys()), absent=None, origins=present, origin=LIST)


def _not_tolerated(courses: list[Course]) -> SetFact:
    present: dict[str, str] = {}
    for one in reversed(courses):
        treatment = one.treatment
        blamed = treatment.stopped_agents or (treatment.agents if treatment.stop_reason == "toxicity" else ())
        present.update(dict.fromkeys(blamed, one.path))
    return SetFact(frozenset(present), absent=None, origins=present, origin=LIST)


# --- Now ------------------------------------------------------------------------------------------------


def _current_facts(profile: Profile, courses: list[Course]) -> FactBase:
    ongoing = [one for one in courses if one.is_ongoing]
    # A course without an end, a reason or a word on whether it goes on may be going on.
    unclear = [one for one in courses if _may_go_on(one, profile)]
    agents = agents_of(ongoing)
    progressing = _progressing_given(profile) or _progressing_read(profile, courses, ongoing, unclear)
    return {
        "current.agents": SetFact(frozenset(agents), frozenset(agents_of(unclear) - agents), absent=None, origin=LIST),
        "disease.progressing": progressing,
        "current.controlled": _controlled(ongoing, unclear, progressing),
    }


def _known_of_now(profile: Profile, courses: list[Course]) -> frozenset[str]:
    """What courses that are not listed could not change of the present: it is given, or a listed one goes on."""
    ongoing = [one.treatment.setting for one in courses if one.is_ongoing]
    found = {"disease.progressing"} if ongoing or _progressing_given(profile) else set()
    return frozenset(found | ({"current.controlled"} if "metastatic" in ongoing else set()))


def _may_go_on(course: Course, profile: Profile) -> bool:
    one = course.treatment
    if one.setting == "neoadjuvant" and profile.disease.setting == "metastatic":
        return False  # it ended with surgery or with the spread
    return one.ongoing is None and one.end is None and one.stop_reason is None and one.progression_site is None


def _progressing_given(profile: Profile) -> ScalarFact | None:
    value = profile.disease.progressing_now
    return known(value, "$.disease.progressing_now") if value else None


def _progressing_read(
    profile: Profile, courses: list[Course], ongoing: list[Course], unclear: list[Course]
) -> ScalarFact:
    """Where the disease is progressing, as the latest metastatic treatment tells it."""
    if unclear:
        return NOT_KNOWN
    if ongoing:
        sites = {_site_now(one, profile) for one in ongoing}
        if len(ongoing) > 1 or None in sites:
            responding = all(one.treatment.best_response in ("complete", "partial", "stable") for one in ongoing)
            return known("no", ongoing[0].path) if responding and sites == {None} else NOT_KNOWN
        return known(next(site for site in sites if site), f"{ongoing[0].path}.progression_site")
    metastatic = [one for one in courses if one.treatment.setting == "metastatic"]
    if not metastatic:
        return not_applicable(LIST)
    if not are_ordered(metastatic):
        return NOT_KNOWN
    last = max(metastatic, key=by_line)
    if last.progressed:
        return known("cns_only" if last.cns_only else "systemic", last.path)
    return NOT_KNOWN


def _site_now(course: Course, profile: Profile) -> str | None:
    """Where the disease progresses under a course; in the brain no more once its metastases are treated and stable.

    Progression without a word on where is read as outside the brain, as it is where it ended a course.
    """
    site = course.treatment.progression_site
    if site is None and course.treatment.best_response == "progression":
        return "systemic"
    return "no" if site == "cns_only" and profile.brain_metastases.status == "stable" else site


def _controlled(ongoing: list[Course], unclear: list[Course], progressing: ScalarFact) -> ScalarFact:
    metastatic = [one for one in ongoing if one.treatment.setting == "metastatic"]
    if not metastatic:
        return NOT_KNOWN if any(one.treatment.setting != "adjuvant" for one in unclear) else known(False, LIST)
    if progressing.candidates is None:
        return NOT_KNOWN
    return known(progressing.value in ("no", "cns_only"), progressing.origin)
