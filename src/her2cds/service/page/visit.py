"""What one visit of the page is about: the profile as it stands, and all that was asked of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date as Date
from typing import Any

from her2cds.errors import Her2CdsError, ProfileError, ProfileFault
from her2cds.evaluation import Case, examine, explain, report_on
from her2cds.exploration.change import Comparison, what_if
from her2cds.exploration.effects import WhatIsMissing, what_is_missing
from her2cds.interop.fhir.export import to_fhir_json
from her2cds.rendering.page import to_html
from her2cds.report.model import Report
from her2cds.report.why import Why
from her2cds.service.answers import changes_in as changes_of
from her2cds.service.bodies import imported, object_in
from her2cds.service.bundles import ChartRead, is_bundle
from her2cds.service.page.form import Submitted, changes_in, profile_in
from her2cds.service.problems import FHIR_JSON, ProblemError
from her2cds.service.state import State

Json = dict[str, Any]


@dataclass
class Visit:
    """The profile, and the answers that there are.

    `faults` are those of the profile, `refusal` is why what was pasted cannot be used at all; `trouble` is why a
    what-if or an explanation has no answer. `chart` is a FHIR document that was read; the list `spare` gets one more
    empty row. `changed` is what a what-if changes, in the parts of the JSON interface's body, and `asked` what is
    explained.
    """

    tree: Json
    pasted: str = ""
    faults: tuple[ProfileFault, ...] = ()
    refusal: str = ""
    trouble: str = ""
    spare: str = ""
    report: Report | None = None
    missing: WhatIsMissing | None = None
    comparison: Comparison | None = None
    why: Why | None = None
    chart: ChartRead | None = None
    changed: Json = field(default_factory=dict)
    asked: str = ""

    @property
    def switched(self) -> Mapping[str, Any]:
        """The fields that a what-if sets, by path."""
        found: Json = self.changed.get("set", {})
        return found

    @property
    def progresses_on(self) -> str:
        """The drug on which a what-if lets the disease progress; empty for none."""
        return "".join(self.changed.get("progresses_on", ()))


def visit(form: Submitted, state: State, today: Date) -> Visit:
    """The visit that a submitted form asks for, on a day."""
    pasted = _one(form, "pasted") if _one(form, "action") == "paste" else ""
    try:
        found = _read(form, pasted, state, today)
    except ProblemError as error:
        places = "; ".join(str(fault) for fault in error.faults)
        return Visit({}, pasted, refusal=f"{error.detail} {places}".strip())
    except ProfileError as error:
        return Visit({}, pasted, error.faults)
    if _one(form, "add"):
        found.spare = _one(form, "add")
        return found
    try:
        case = examine(found.tree, state.knowledge, today=today)
    except ProfileError as error:
        found.faults = error.faults if pasted else tuple(map(_as_typed, error.faults))
        return found
    found.report, found.missing = report_on(case, state.knowledge), what_is_missing(case, state.knowledge)
    _ask_more(found, form, state, today)
    return found


def _read(form: Submitted, pasted: str, state: State, today: Date) -> Visit:
    if _one(form, "action") != "paste":
        return Visit(profile_in(form))
    tree = object_in(pasted.encode())
    if not is_bundle(tree):
        return Visit(tree, pasted)
    chart = imported(tree, state.reader_on(today))
    return Visit(chart.profile, pasted, chart=chart)


def _as_typed(fault: ProfileFault) -> ProfileFault:
    """A fault as one sees it in a form, where nobody writes quotation marks."""
    if fault.remedy.startswith("Write numbers without"):
        return fault._replace(expected="a number", remedy="Write digits, with a point before decimals.")
    return fault


def _ask_more(found: Visit, form: Submitted, state: State, today: Date) -> None:
    """The what-if and the explanation that were asked for."""
    parts = {"set": changes_in(form), "progresses_on": list(filter(None, [_one(form, "if-progresses-on")]))}
    found.changed = {name: part for name, part in parts.items() if part}
    found.asked = _one(form, "explain") or _one(form, "explain-other")
    try:
        if found.changed:
            found.comparison = what_if(found.tree, changes_of(found.changed), state.knowledge, today=today)
        if found.asked:
            found.why = explain(found.tree, found.asked, state.knowledge, today=today)
    except Her2CdsError as error:
        found.trouble = str(error)


def _one(form: Submitted, name: str) -> str:
    return (form.get(name) or [""])[-1]


def _case(tree: Json, state: State, today: Date) -> Case:
    return examine(tree, state.knowledge, today=today)


def _report_json(tree: Json, state: State, today: Date) -> tuple[str, str]:
    return report_on(_case(tree, state, today), state.knowledge).to_json(), "application/json"


def _report_html(tree: Json, state: State, today: Date) -> tuple[str, str]:
    case = _case(tree, state, today)
    return to_html(report_on(case, state.knowledge), what_is_missing(case, state.knowledge)), "text/html"


def _report_fhir(tree: Json, state: State, today: Date) -> tuple[str, str]:
    return to_fhir_json(report_on(_case(tree, state, today), state.knowledge)), FHIR_JSON


def _profile_json(tree: Json, state: State, today: Date) -> tuple[str, str]:
    _case(tree, state, today)  # a profile with faults is not handed out as one that can be used
    return json.dumps({"schema_version": "1", **tree}, indent=2, ensure_ascii=False) + "\n", "application/json"


EXPORTS: dict[str, Callable[[Json, State, Date], tuple[str, str]]] = {
    "report.json": _report_json,
    "report.html": _report_html,
    "report.fhir.json": _report_fhir,
    "profile.json": _profile_json,
}
