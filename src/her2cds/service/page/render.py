"""The page as HTML: the form from the profile, the answers from the report."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from her2cds.exploration.effects import OpenQuestion
from her2cds.rendering.outline_answers import outline_comparison, outline_why
from her2cds.rendering.page import report_sections, style
from her2cds.service.page.fields import Field, sections, simple_fields
from her2cds.service.page.form import controls, faults_by_control, fitting, place_for
from her2cds.service.page.visit import EXPORTS, Visit
from her2cds.service.state import State
from her2cds.version import __version__

SWITCHES = (
    "brain_metastases.status",
    "brain_metastases.leptomeningeal",
    "health.interstitial_lung_disease.status",
    "health.lvef_percent",
    "health.heart_failure",
    "patient.ecog",
    "patient.pregnancy",
    "disease.setting",
)
_DEPTH = 6


def page(visit: Visit, state: State) -> str:
    """The whole page for a visit."""
    knowledge = state.knowledge.knowledge
    shown, lengths = fitting(visit.tree)
    labels = controls(shown)
    macros = _environment().get_template("controls.html.j2").make_module()
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            visit=visit,
            shown=shown,
            lengths=lengths,
            sections=sections(),
            labels=labels,
            faults=faults_by_control(visit.faults, labels),
            value_of=value_of,
            switches=[simple_fields()[path] for path in SWITCHES],
            drugs=_drugs(state),
            regimens=knowledge.data.regimens,
            answer=_report(visit, state, macros) if visit.report and visit.missing else None,
            why=list(outline_why(visit.why, _DEPTH)) if visit.why else [],
            comparison=list(outline_comparison(visit.comparison)) if visit.comparison else [],
            exports=EXPORTS,
            recorded=state.trail is not None,
            signed_in=not state.access.is_open,
            intended_use=knowledge.data.manifest.intended_use,
            evidence_cut_off=knowledge.data.manifest.evidence_cut_off,
            version=__version__,
            knowledge_version=knowledge.data.manifest.version,
        )
    )


def sign_in_page(*, refused: bool = False) -> str:
    """The page that asks for a token."""
    return _environment().get_template("sign-in.html.j2").render(refused=refused)


@cache
def style_sheet() -> str:
    """The style of reports, and what the form adds to it."""
    return style() + _static("page.css")


@cache
def script() -> str:
    """The page's own script."""
    return _static("page.js")


def value_of(tree: Any, field: Field) -> Any:
    """What a profile holds for a field; None for nothing."""
    if field.path == "":
        return tree
    return tree.get(field.name) if isinstance(tree, dict) else None


def _report(visit: Visit, state: State, macros: Any) -> Markup:
    assert visit.report is not None
    assert visit.missing is not None

    def answer(question: OpenQuestion) -> Markup:
        place = place_for(state.knowledge.knowledge.facts[question.fact].origin, visit.tree)
        made: Markup = macros.answer(place[0], place[1], question.fact) if place else macros.no_answer()
        return made

    added: dict[str, Callable[..., Markup]] = {"ask": macros.ask, "answer": answer, "apply": macros.apply}
    return report_sections(visit.report, visit.missing, added)


def _drugs(state: State) -> list[tuple[str, str]]:
    """The drugs that a regimen holds, by id and name: those on which a patient may progress next."""
    knowledge = state.knowledge.knowledge
    held = {drug for one in knowledge.data.regimens for part in one.components for drug in part.options}
    return sorted(((drug, knowledge.drugs[drug].name) for drug in held), key=lambda one: one[1].casefold())


def _static(name: str) -> str:
    return (files("her2cds.service.page") / "static" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("her2cds.service.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
