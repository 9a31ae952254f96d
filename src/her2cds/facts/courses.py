"""The courses of treatment in a profile, and the lines that they make up.

A line of metastatic therapy is systemic anti-cancer therapy in the metastatic setting that ended in
progression. Stopping one agent for toxicity, or a switch to maintenance, does not use up a line: a course
marked `maintenance_of_previous` belongs to the line before it, and courses with the same line number are one
line. What the chart leaves open (why a course ended, in which setting it was given) leaves the count open too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date as Date

from her2cds.knowledge.base import Knowledge
from her2cds.profile.model import Profile, Treatment

LIST = "$.treatments"


@dataclass(slots=True)
class Course:
    """One treatment with its place in the profile.

    `progressing_now` is what the profile says of the disease now, where this is the one course for advanced disease
    that goes on; "open" where several go on and the disease progresses outside the brain under them together.
    """

    treatment: Treatment
    index: int
    progressing_now: str | None = None

    @property
    def path(self) -> str:
        """JSON path of the treatment."""
        return f"{LIST}[{self.index}]"

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
        if self.is_ongoing:
            if self.progressing_now is None and one.setting == "metastatic":
                return False if one.best_response in ("complete", "partial", "stable") else None
            return {"systemic": True, "cns_only": True, "open": None}.get(self.progressing_now or "", False)
        return False if one.stop_reason is not None else None

    @property
    def cns_only(self) -> bool:
        """Whether that progression was in the central nervous system only."""
        site = self.treatment.progression_site
        return site == "cns_only" or (site is None and self.is_ongoing and self.progressing_now == "cns_only")


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
        outcomes = [False if course.is_ongoing and course.cns_only else course.progressed for course in self.courses]
        if any(outcomes):
            return True
        return None if None in outcomes else False


def courses_of(profile: Profile) -> list[Course]:
    """The courses in the order of the profile, each with what it says of the disease now."""
    courses = [Course(treatment, index) for index, treatment in enumerate(profile.treatments or ())]
    now = [one for one in courses if one.is_ongoing and one.treatment.setting == "metastatic"]
    for course in now:
        several = len(now) > 1 and profile.disease.progressing_now == "systemic"
        course.progressing_now = "open" if several else profile.disease.progressing_now
    return courses


class DrugClasses:
    """Which classes an agent belongs to; an agent the knowledge base does not know may belong to any."""

    def __init__(self, knowledge: Knowledge, unknown: set[str]) -> None:
        self._knowledge = knowledge
        self.unknown = unknown

    def of(self, agent: str) -> tuple[str, ...]:
        """The classes of an agent; none of one that is not known."""
        drug = self._knowledge.drugs.get(agent)
        return drug.classes if drug else ()

    def any_in(self, agents: Iterable[str], drug_class: str) -> bool:
        """Whether any of the agents is known to belong to the class."""
        return any(drug_class in self.of(agent) for agent in agents)


def agents_of(courses: Iterable[Course]) -> set[str]:
    """All agents of the courses."""
    return {agent for course in courses for agent in course.treatment.agents}


def lines_of(metastatic: list[Course]) -> list[Line] | None:
    """The courses as lines in order; None where a maintenance course belongs to no line that can be told."""
    numbered: dict[int, Line] = {}
    lines: list[Line] = []
    for course in sorted(metastatic, key=by_line if _all_numbered(metastatic) else _by_date):
        number = course.treatment.line
        if number is not None and number in numbered:
            numbered[number].courses.append(course)
        elif course.treatment.maintenance_of_previous:
            if not lines or not are_ordered(metastatic):
                return None
            lines[-1].courses.append(course)
        else:
            line = Line([course])
            lines.append(line)
            if number is not None:
                numbered[number] = line
    return lines


def by_line(course: Course) -> tuple[int, Date, bool, tuple[str, ...]]:
    """Line number first, then start; the agents make the order independent of the list's."""
    one = course.treatment
    return (
        one.line or 99,
        one.start or one.end or Date.max,
        bool(one.maintenance_of_previous),
        tuple(sorted(one.agents)),
    )


def _by_date(course: Course) -> tuple[Date, int, bool, tuple[str, ...]]:
    """Start first: where only some courses are numbered, numbers say which belong together and not which came last."""
    number, start, maintenance, agents = by_line(course)
    return (start, number, maintenance, agents)


def _all_numbered(courses: Sequence[Course]) -> bool:
    return all(one.treatment.line is not None for one in courses)


def lines_missing(profile: Profile, courses: Sequence[Course]) -> bool:
    """Whether line numbers tell of lines that are not listed, and nobody says that the list is complete."""
    if profile.treatments_complete:
        return False
    numbers = {one.treatment.line for one in courses if one.treatment.line is not None}
    lines = lines_of([one for one in courses if one.treatment.setting == "metastatic"])
    return bool(numbers) and lines is not None and max(numbers) > len(lines)


def are_ordered(courses: Sequence[Course]) -> bool:
    """Whether every course has a place in the order: all numbered, or all dated."""
    return len(courses) < 2 or _all_numbered(courses) or all(one.treatment.start is not None for one in courses)
