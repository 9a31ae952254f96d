"""The patient's courses of treatment for the reader, in the order in which they were given."""

from __future__ import annotations

from collections.abc import Iterator

from her2cds.facts.courses import Course, courses_of
from her2cds.knowledge.base import Knowledge
from her2cds.profile.model import Treatment
from her2cds.profile.normalise import Chart
from her2cds.report.model import TreatmentShown

_SETTINGS = {"neoadjuvant": 0, "adjuvant": 1, "metastatic": 2, None: 3}
_ENDED = {
    "progression": "progression",
    "toxicity": "stopped for toxicity",
    "completed": "completed",
    "maintenance_switch": "switched to maintenance",
    "patient_choice": "stopped by the patient's choice",
    "other": "stopped for another reason",
}


def history(chart: Chart, knowledge: Knowledge) -> Iterator[TreatmentShown]:
    """The courses by date where dates are given, else by setting, line and place in the list."""
    for course in sorted(courses_of(chart.profile), key=lambda one: _order(one.treatment)):
        given = course.treatment
        yield TreatmentShown(
            setting=given.setting or "setting not stated",
            line=given.line,
            agents=tuple(_name(agent, knowledge) for agent in given.agents),
            start=given.start.isoformat() if given.start else None,
            end=given.end.isoformat() if given.end else None,
            ended=_ended(course),
            goes_on=course.is_ongoing,
        )


def _order(course: Treatment) -> tuple[str, int, int, tuple[str, ...]]:
    start = course.start or course.end
    day = start.isoformat() if start else ""
    return (day, _SETTINGS[course.setting], course.line or 0, tuple(sorted(course.agents)))


def _name(agent: str, knowledge: Knowledge) -> str:
    drug = knowledge.drugs.get(agent)
    return drug.name if drug else agent


def _ended(course: Course) -> str:
    """How the course ended or stands. That it goes on is said only where the chart says so."""
    where = " in the brain only" if course.cns_only else ""
    if course.is_ongoing:
        return f"goes on{_progress_on_it(course.progressed, where)}"
    reason = course.treatment.stop_reason
    if reason == "progression":
        return f"{_ENDED[reason]}{where}"
    ended = _ENDED[reason] if reason else _end_without_reason(course.treatment)
    return f"progression{where}; {ended}" if course.progressed else ended


def _progress_on_it(progressed: bool | None, where: str) -> str:
    if progressed is None:
        return "; whether the disease progresses on it is open"
    return f", progressing{where}" if progressed else ""


def _end_without_reason(course: Treatment) -> str:
    if course.end is not None:
        return "ended, reason not stated"
    return "ended, reason and date not stated" if course.ongoing is False else "end not stated"
