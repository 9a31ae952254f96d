"""The report as one self-contained page: printable, accessible, without script and without network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from her2cds.exploration.effects import WhatIsMissing
from her2cds.knowledge.citations import Citation
from her2cds.rendering import words
from her2cds.rendering.figures import TICKS, axis_place, forest, medians, timeline
from her2cds.rendering.outline import AT_A_GLANCE
from her2cds.rendering.outline_answers import effect_words
from her2cds.rendering.trials import RULED_OUT_HEADING, drug_note_words, ruled_out_words
from her2cds.report.model import Report

_MOST_QUESTIONS = 12


def to_html(report: Report, missing: WhatIsMissing | None = None) -> str:
    """The page. With `missing`, the questions say what each possible answer would change."""
    return _environment().get_template("page.html.j2").render(_context(report, missing))


def report_sections(report: Report, missing: WhatIsMissing, controls: Mapping[str, Callable[..., Markup]]) -> Markup:
    """The sections of the page alone, for a page that surrounds them.

    `controls` are what that page adds: `ask(regimen, name)` beside each regimen, `answer(question)` below each
    question, `apply()` below them all.
    """
    template = _environment().get_template("sections.html.j2")
    return Markup(template.render(_context(report, missing), **controls))


def style() -> str:
    """The style sheet of the page."""
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), "style.css")[0]


def _context(report: Report, missing: WhatIsMissing | None) -> dict[str, Any]:
    numbers = {source.id: number for number, source in enumerate(report.sources, start=1)}

    def cite(citations: Iterable[Citation]) -> Markup:
        return _citations(citations, numbers)

    glance = {one.fact: one for one in report.classification}
    return {
        "report": report,
        "glance": [(label, glance[fact]) for fact, label in AT_A_GLANCE if fact in glance],
        "forest": forest(report.therapies),
        "ticks": [(tick, axis_place(tick)) for tick in TICKS],
        "medians": medians(report.therapies),
        "timeline": timeline(report.history, report.profile_date),
        "missing": missing,
        "asked": {one.fact: one for one in report.questions},
        "most_questions": _MOST_QUESTIONS,
        "cite": cite,
        "drug_note_words": drug_note_words,
        "ruled_out_words": ruled_out_words,
        "ruled_out_heading": RULED_OUT_HEADING,
        "numbers": numbers,
        "registry_url": words.registry_url,
        "effect_name": words.EFFECT_WORDS.get,
        "effect_words": effect_words,
        "words": words,
        "facts_in_words": lambda facts: words.facts_in_words(facts, report.questions),
        "open_check_words": lambda check: words.open_check_words(check, report.questions),
    }


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("her2cds.rendering"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _citations(citations: Iterable[Citation], numbers: dict[str, int]) -> Markup:
    """Citations as links to the numbered sources, each with its section and reference numbers."""
    parts = [_citation(one, numbers) for one in citations]
    return Markup('<span class="cite">[{}]</span>').format(Markup("; ").join(parts)) if parts else Markup("")


def _citation(one: Citation, numbers: dict[str, int]) -> Markup:
    section = re.match(r"\d+(?:\.\d+)*", one.at)
    place = f"§{section.group()}" if section else one.at
    references = f" ref. {', '.join(map(str, one.reference))}" if one.reference else ""
    link = '<a href="#source-{}" title="{}, {}">{}</a> {}{}'
    number = numbers.get(one.source, 0)
    return Markup(link).format(one.source, one.source, one.at, number, place, references)
