"""Lines, exposure and progression from the list of treatments.

A line of metastatic therapy is systemic anti-cancer therapy in the metastatic setting that ended in
progression. Stopping one agent for toxicity, or a switch to maintenance, does not use up a line: a course
marked `maintenance_of_previous` belongs to the line before it, and courses with the same line number are one
line. What the chart leaves open (why a course ended, in which setting it was given) leaves the count open too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date as Date

from her2cds.facts.gaps import with_gaps
from her2cds.facts.values import UNKNOWN, FactBase, ScalarFact, SetFact, known, not_applicable
from her2cds.knowledge.base import Knowledge
from her2cds.profile.model import Profile, Treatment

_DAYS_PER_MONTH = 30.4375
_LIST = "$.treatments"


@dataclass(slots=True)
class Course:
    """One treatment with its place in the profile."""

    treatment: Treatment
    index: int

    @property
    def path(self) -> str:
        """JSON path of the treatment."""
        return f"{_LIST}[{self.index}]"

    @property
    def is_ongoing(self) -> bool:
        """Whether the course goes on: said so, and no reason given why it ended."""
        return bool(self.treatment.ongoing)

    @property
    def progressed(self) -> bool | None:
        """Whether the disease progressed on it, wherever; None where the chart leaves that open."""
        one = self.treatment
        if one.stop_reason == "progression" or one.progression_site is not None or one.best_response == "progression":
            return True
        return False if one.stop_reason is not None else None

    @property
    def cns_only(self) -> bool:
        """Whether that progression was in the central nervous system only."""
        return self.treatment.progression_site == "cns_only"


@dataclass(slots=True)
class Line:
    """Courses that make up one line."""

    courses: list[Course] = field(default_factory=list)

    @property
    def agents(self) -> set[str]:
        """All agents of the line."""
        return {agent for course in self.courses for agent in course.treatment.agents}

    @property
    def ended_by_progression(self) -> bool | None:
        """Whether the line is over because the disease progressed; None where that is open.

        Progression in the brain only, under a treatment that goes on, does not end the line.
        """
        outcomes: list[bool | None] = []
        for course in self.courses:
            if course.is_ongoing:
                outcomes.append(course.treatment.progression_site == "systemic")
            else:
                outcomes.append(course.progressed)
        if any(outcomes):
            return True
        return None if None in outcomes else False


def history_facts(profile: Profile, knowledge: Knowledge, unknown_drugs: set[str]) -> FactBase:
    """The facts `lines.*`, `prior.*`, `current.*`, `relapse.*`, `early.*` and `disease.progressing`."""
    has_gaps = profile.treatments_complete is False
    if profile.treatments is None or (has_gaps and not profile.treatments):
        return {"disease.progressing": _progressing_given(profile) or UNKNOWN}
    courses = [Course(treatment, index) for index, treatment in enumerate(profile.treatments)]
    drugs = _Classes(knowledge, unknown_drugs)
    facts: FactBase = {
        **_line_facts(courses, drugs),
        **_exposure_facts(courses, drugs),
        **_outcome_facts(courses),
        **_current_facts(profile, courses),
        **_early_facts(profile, courses, drugs),
    }
    return with_gaps(facts, knowledge, sure=_known_of_now(profile, courses)) if has_gaps else facts


class _Classes:
    """Which classes an agent belongs to; an agent the knowledge base does not know may belong to any."""

    def __init__(self, knowledge: Knowledge, unknown: set[str]) -> None:
        self._knowledge = knowledge
        self.unknown = unknown

    def of(self, agent: str) -> tuple[str, ...]:
        drug = self._knowledge.drugs.get(agent)
        return drug.classes if drug else ()

    def any_in(self, agents: Iterable[str], drug_class: str) -> bool:
        return any(drug_class in self.of(agent) for agent in agents)


# --- Lines ------------------------------------------------------------------------------------------


def _line_facts(courses: list[Course], drugs: _Classes) -> FactBase:
    metastatic = [course for course in courses if course.treatment.setting == "metastatic"]
    anti_her2_any = sum(drugs.any_in(course.treatment.agents, "anti-her2") for course in courses)
    facts: FactBase = {"lines.anti_her2_any_setting": known(float(anti_her2_any), _LIST)}
    lines = _lines(metastatic)
    if lines is None or any(course.treatment.setting is None for course in courses):
        return facts
    facts["lines.metastatic"] = _count(line.ended_by_progression for line in lines)
    for fact, drug_class in (("lines.chemotherapy", "chemotherapy"), ("lines.anti_her2", "anti-her2")):
        facts[fact] = _count(_has_class(line.agents, drug_class, drugs) for line in lines)
    return facts


def _has_class(agents: set[str], drug_class: str, drugs: _Classes) -> bool | None:
    if drugs.any_in(agents, drug_class):
        return True
    return None if agents & drugs.unknown else False


def _count(outcomes: Iterable[bool | None]) -> ScalarFact:
    """How many are true; a range of candidates where some are open."""
    listed = list(outcomes)
    sure, open_ = listed.count(True), listed.count(None)
    return ScalarFact(tuple(float(sure + extra) for extra in range(open_ + 1)), _LIST)


def _lines(metastatic: list[Course]) -> list[Line] | None:
    """The courses as lines in order; None where a maintenance course belongs to no line that can be told."""
    numbered: dict[int, Line] = {}
    lines: list[Line] = []
    for course in sorted(metastatic, key=_order):
        number = course.treatment.line
        if number is not None and number in numbered:
            numbered[number].courses.append(course)
        elif course.treatment.maintenance_of_previous:
            if not lines or not _ordered(metastatic):
                return None
            lines[-1].courses.append(course)
        else:
            line = Line([course])
            lines.append(line)
            if number is not None:
                numbered[number] = line
    return lines


def _order(course: Course) -> tuple[int, Date, bool, tuple[str, ...]]:
    """Line number first, then start; the agents make the order independent of the list's."""
    one = course.treatment
    return (
        one.line or 99,
        one.start or one.end or Date.max,
        bool(one.maintenance_of_previous),
        tuple(sorted(one.agents)),
    )


def _ordered(courses: Sequence[Course]) -> bool:
    """Whether every course has a place in the order: all numbered, or all dated."""
    return (
        len(courses) < 2
        or all(one.treatment.line is not None for one in courses)
        or all(one.treatment.start is not None for one in courses)
    )


# --- Exposure and outcome ------------------------------------------------------------------------------


def _exposure_facts(courses: list[Course], drugs: _Classes) -> FactBase:
    facts: FactBase = {}
    for suffix, settings in (
        ("", None),
        ("_advanced", ("metastatic",)),
        ("_early", ("neoadjuvant", "adjuvant")),
    ):
        within = [one for one in courses if settings is None or one.treatment.setting in settings]
        unclear = [one for one in courses if settings is not None and one.treatment.setting is None]
        agents, maybe = _agents(within), _agents(unclear)
        origins = {agent: f"{one.path}.agents" for one in reversed(within) for agent in one.treatment.agents}
        facts[f"prior.agents{suffix}"] = SetFact(
            frozenset(agents), frozenset(maybe - agents), absent=None, origins=origins, origin=_LIST
        )
        classes = {one for agent in agents for one in drugs.of(agent)}
        class_origins = {one: path for agent, path in origins.items() for one in drugs.of(agent)}
        open_ = bool((agents | maybe) & drugs.unknown)
        facts[f"prior.classes{suffix}"] = SetFact(
            frozenset(classes),
            frozenset({one for agent in maybe for one in drugs.of(agent)} - classes),
            absent=frozenset() if open_ else None,
            origins=class_origins,
            origin=_LIST,
        )
    return facts


def _agents(courses: Iterable[Course]) -> set[str]:
    return {agent for course in courses for agent in course.treatment.agents}


def _outcome_facts(courses: list[Course]) -> FactBase:
    return {
        "prior.progressed_on": _outcome_set(courses, lambda one: one.progressed and not one.cns_only),
        "prior.cns_progressed_on": _outcome_set(courses, lambda one: one.progressed and one.cns_only),
        "prior.not_tolerated": _not_tolerated(courses),
    }


def _outcome_set(courses: list[Course], outcome: Callable[[Course], bool | None]) -> SetFact:
    """Agents of courses with the outcome; those of courses that ended for no stated reason may be in it."""
    present = {agent: one.path for one in reversed(courses) if outcome(one) for agent in one.treatment.agents}
    maybe = {agent for one in courses if outcome(one) is None and not one.is_ongoing for agent in one.treatment.agents}
    return SetFact(frozenset(present), frozenset(maybe - present.keys()), absent=None, origins=present, origin=_LIST)


def _not_tolerated(courses: list[Course]) -> SetFact:
    present: dict[str, str] = {}
    for one in reversed(courses):
        treatment = one.treatment
        blamed = treatment.stopped_agents or (treatment.agents if treatment.stop_reason == "toxicity" else ())
        present.update(dict.fromkeys(blamed, one.path))
    return SetFact(frozenset(present), absent=None, origins=present, origin=_LIST)


# --- Now ------------------------------------------------------------------------------------------------


def _current_facts(profile: Profile, courses: list[Course]) -> FactBase:
    ongoing = [one for one in courses if one.is_ongoing]
    # A course without an end, a reason or a word on whether it goes on may be going on.
    unclear = [one for one in courses if _may_go_on(one)]
    agents = _agents(ongoing)
    progressing = _progressing_given(profile) or _progressing_read(courses, ongoing, unclear)
    return {
        "current.agents": SetFact(frozenset(agents), frozenset(_agents(unclear) - agents), absent=None, origin=_LIST),
        "disease.progressing": progressing,
        "current.controlled": _controlled(ongoing, unclear, progressing),
    }


def _known_of_now(profile: Profile, courses: list[Course]) -> frozenset[str]:
    """What courses that are not listed could not change of the present: it is given, or a listed one goes on."""
    ongoing = [one.treatment.setting for one in courses if one.is_ongoing]
    found = {"disease.progressing"} if ongoing or _progressing_given(profile) else set()
    return frozenset(found | ({"current.controlled"} if "metastatic" in ongoing else set()))


def _may_go_on(course: Course) -> bool:
    one = course.treatment
    return one.ongoing is None and one.end is None and one.stop_reason is None and one.progression_site is None


def _progressing_given(profile: Profile) -> ScalarFact | None:
    value = profile.disease.progressing_now
    return known(value, "$.disease.progressing_now") if value else None


def _progressing_read(courses: list[Course], ongoing: list[Course], unclear: list[Course]) -> ScalarFact:
    """Where the disease is progressing, as the latest metastatic treatment tells it."""
    if unclear:
        return UNKNOWN
    if ongoing:
        sites = {one.treatment.progression_site for one in ongoing}
        if len(ongoing) > 1 or None in sites:
            responding = all(one.treatment.best_response in ("complete", "partial", "stable") for one in ongoing)
            return known("no", ongoing[0].path) if responding and sites == {None} else UNKNOWN
        return known(next(site for site in sites if site), f"{ongoing[0].path}.progression_site")
    metastatic = [one for one in courses if one.treatment.setting == "metastatic"]
    if not metastatic:
        return not_applicable(_LIST)
    if not _ordered(metastatic):
        return UNKNOWN
    last = max(metastatic, key=_order)
    if last.progressed:
        return known("cns_only" if last.cns_only else "systemic", last.path)
    return UNKNOWN


def _controlled(ongoing: list[Course], unclear: list[Course], progressing: ScalarFact) -> ScalarFact:
    metastatic = [one for one in ongoing if one.treatment.setting == "metastatic"]
    if not metastatic:
        return UNKNOWN if any(one.treatment.setting != "adjuvant" for one in unclear) else known(False, _LIST)
    if progressing.candidates is None:
        return UNKNOWN
    return known(progressing.value in ("no", "cns_only"), progressing.origin)


# --- Early disease and relapse ------------------------------------------------------------------------------


def _early_facts(profile: Profile, courses: list[Course], drugs: _Classes) -> FactBase:
    early = [
        one
        for one in courses
        if one.treatment.setting in ("neoadjuvant", "adjuvant") and drugs.any_in(one.treatment.agents, "anti-her2")
    ]
    neoadjuvant = [one for one in early if one.treatment.setting == "neoadjuvant"]
    return {
        "early.neoadjuvant_anti_her2_given": known(bool(neoadjuvant), neoadjuvant[0].path if neoadjuvant else _LIST),
        "relapse.months_since_adjuvant_anti_her2": _months_to_relapse(profile, early),
        "early.months_since_adjuvant_trastuzumab": _months_since_trastuzumab(profile, early),
    }


def _months_to_relapse(profile: Profile, early: list[Course]) -> ScalarFact:
    if profile.disease.setting == "early" or not early:
        return not_applicable(_LIST)
    if any(one.treatment.stop_reason == "progression" or one.is_ongoing for one in early):
        return known(0.0, _LIST)
    ends, relapse = [one.treatment.end for one in early], profile.disease.relapse_date
    if relapse is None or None in ends:
        return UNKNOWN
    last = max(end for end in ends if end)
    return known(max(0.0, months_between(last, relapse)), "$.disease.relapse_date")


def _months_since_trastuzumab(profile: Profile, early: list[Course]) -> ScalarFact:
    adjuvant = [one for one in early if one.treatment.setting == "adjuvant" and "trastuzumab" in one.treatment.agents]
    if profile.disease.setting != "early" or not adjuvant:
        return not_applicable(_LIST)
    ends = [one.treatment.end for one in adjuvant]
    if profile.date is None or None in ends:
        return UNKNOWN
    return known(max(0.0, months_between(max(end for end in ends if end), profile.date)), f"{adjuvant[0].path}.end")


def months_between(earlier: Date, later: Date) -> float:
    """Months from one day to another, as days over the mean length of a month, to one decimal."""
    return round((later - earlier).days / _DAYS_PER_MONTH, 1)
