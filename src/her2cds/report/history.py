"""The patient's courses of treatment for the reader, in the order in which they were given."""

from __future__ import annotations

from collections.abc import Iterator

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
    courses = chart.profile.treatments or ()
    for course in sorted(courses, key=_order):
        yield TreatmentShown(
            setting=course.setting or "setting not stated",
            line=course.line,
            agents=tuple(_name(agent, knowledge) for agent in course.agents),
            start=course.start.isoformat() if course.start else None,
            end=course.end.isoformat() if course.end else None,
            ended=_ended(course),
        )


def _order(course: Treatment) -> tuple[str, int, int, tuple[str, ...]]:
    start = course.start or course.end
    day = start.isoformat() if start else ""
    return (day, _SETTINGS[course.setting], course.line or 0, tuple(sorted(course.agents)))


def _name(agent: str, knowledge: Knowledge) -> str:
    drug = knowledge.drugs.get(agent)
    return drug.name if drug else agent


def _ended(course: Treatment) -> str:
    if course.stop_reason is None:
        return "goes on" if course.ongoing or (course.end is None and course.ongoing is not False) else "end not stated"
    where = {"cns_only": " in the brain only", "systemic": "", None: ""}[course.progression_site]
    return f"{_ENDED[course.stop_reason]}{where if course.stop_reason == 'progression' else ''}"
