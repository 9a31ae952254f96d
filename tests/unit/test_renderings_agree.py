"""Text, Markdown, page and FHIR say the same for safety: the same cautions, conditions and sources of each regimen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest

from her2cds import KnowledgeBase, evaluate, load_knowledge
from her2cds.evaluation import examine
from her2cds.exploration.effects import what_is_missing
from her2cds.interop.fhir.export import report_bundle
from her2cds.knowledge.citations import Citation
from her2cds.rendering.markdown import to_markdown
from her2cds.rendering.outline import outline
from her2cds.rendering.page import to_html
from her2cds.rendering.text import styled_lines
from her2cds.report.model import (
    EvidenceShown,
    Investigational,
    Modifier,
    OpenCheck,
    Report,
    RuledOutReason,
    Therapy,
    Warning,
)
from tests.conftest import PROJECT

Json = dict[str, Any]
Said = dict[str, str]
EXAMPLES = sorted(path.stem for path in (PROJECT / "patient_examples").glob("*.json"))
EFFECTS = {
    "conditional": "Specialist's decision:",
    "demote": "Lowered:",
    "warn": "Warning:",
    "monitor": "Monitor:",
}


def example(name: str) -> Json:
    tree: Json = json.loads((PROJECT / "patient_examples" / f"{name}.json").read_text())
    return tree


def hypersensitive_to_one_option() -> Json:
    tree = example("first-line-de-novo")
    tree["health"]["hypersensitivity_to"] = ["docetaxel"]
    return tree


def stopped_for_toxicity() -> Json:
    tree = example("second-line-her2-positive")
    stopped = {"setting": "metastatic", "line": 2, "agents": ["T-DXd"], "stop_reason": "toxicity"}
    tree["treatments"] = [*tree["treatments"], stopped]
    return tree


def nothing_known_of_the_heart() -> Json:
    tree = example("erbb2-mutated-non-amplified")
    tree["health"] = {}
    return tree


PATIENTS: dict[str, Callable[[], Json]] = {
    **{name: (lambda name=name: example(name)) for name in EXAMPLES},
    "hypersensitive-to-one-option": hypersensitive_to_one_option,
    "stopped-for-toxicity": stopped_for_toxicity,
    "nothing-known-of-the-heart": nothing_known_of_the_heart,
}


@cache
def report_of(patient: str, knowledge: KnowledgeBase) -> Report:
    return evaluate(PATIENTS[patient](), knowledge)


# --- What each rendering says, under the heading of each regimen ---------------------------------------------


class _Page(HTMLParser):
    """The text of a page by the heading of each card; a link to a source reads as the source's id."""

    def __init__(self) -> None:
        super().__init__()
        self.said: Said = {}
        self._all: list[str] = []
        self._card: list[str] | None = None
        self._title = ""
        self._in_title = self._in_link = False

    @classmethod
    def read(cls, page: str) -> Said:
        reader = cls()
        reader.feed(page)
        return {**reader.said, "": plain("".join(reader._all))}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        link = dict(attrs).get("href") or ""
        if tag == "a" and link.startswith("#source-"):
            self._text(link.removeprefix("#source-"))
            self._in_link = True
        elif tag == "article":
            self._card, self._title = [], ""
        elif tag == "h3" and self._card is not None:
            self._in_title = not self._title

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._in_link = False
        elif tag == "h3":
            self._in_title = False
        elif tag == "article" and self._card is not None:
            self.said.setdefault(plain(self._title), plain("".join(self._card)))
            self._card = None

    def handle_data(self, data: str) -> None:
        if not self._in_link:
            self._text(data)

    def _text(self, text: str) -> None:
        self._all.append(text)
        if self._card is not None:
            self._card.append(text)
        if self._in_title:
            self._title += text


def plain(text: str) -> str:
    return " ".join(text.split())


def in_text(report: Report, _: KnowledgeBase) -> Said:
    said, heading = {"": ""}, ""
    for line in styled_lines(outline(report), width=1_000_000):
        if line.text.startswith("  "):
            said[heading] = f"{said.get(heading, '')} {line.text.strip()}"
        else:
            heading = (line.text.strip("=-") and plain(line.text)) or heading
        said[""] += f" {line.text.strip()}"
    return said


def in_markdown(report: Report, _: KnowledgeBase) -> Said:
    text = re.sub(r"\\(.)", r"\1", to_markdown(outline(report)).replace("**", ""))
    parts = re.split(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {"": plain(text), **{name: plain(body) for name, body in zip(parts[1::2], parts[2::2], strict=True)}}


def on_the_page(report: Report, knowledge: KnowledgeBase, questions: Json | None = None) -> Said:
    missing = what_is_missing(examine(questions, knowledge), knowledge) if questions else None
    return _Page.read(to_html(report, missing))


def in_fhir(report: Report, _: KnowledgeBase) -> Said:
    bundle = report_bundle(report)
    (group,) = (one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "RequestGroup")
    actions = (one for part in group.get("action", ()) for one in part["action"])
    return {
        "": plain(" ".join(strings(bundle))),
        **{one["title"]: plain(f"{one.get('description', '')} {one.get('textEquivalent', '')}") for one in actions},
    }


def strings(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for one in part.values():
            yield from strings(one)
    elif isinstance(part, list):
        for one in part:
            yield from strings(one)


RENDERINGS = {"text": in_text, "markdown": in_markdown, "page": on_the_page, "fhir": in_fhir}


def under(name: str, said: Said) -> str:
    """What a rendering says of one regimen: text puts its rank before its name, a page a badge after it."""
    found = [text for heading, text in said.items() if heading and re.sub(r"^\d+\. ", "", heading).startswith(name)]
    assert found, f"nothing under {name}"
    return found[0]


# --- What must be said of a patient ---------------------------------------------------------------------------


def cited(text: str, citations: Iterable[Citation]) -> str:
    """A sentence with its sources: id, section, reference numbers."""
    places = []
    for one in citations:
        section = re.match(r"\d+(?:\.\d+)*", one.at)
        references = f" ref. {', '.join(map(str, one.reference))}" if one.reference else ""
        places.append(f"{one.source} {f'§{section.group()}' if section else one.at}{references}")
    return plain(f"{text} [{'; '.join(places)}]" if places else text)


def of_warning(one: Warning) -> str:
    origin = f" ({one.origin})" if one.origin else ""
    action = f" {one.action}" if one.action else ""
    return cited(f"{EFFECTS[one.effect]} {one.title}: {one.because}{action}{origin}", one.citations)


def of_exclusion(one: RuledOutReason) -> str:
    return cited(f"{one.drug}: {one.because} ({one.rule or one.origin})", one.citations)


def of_check(one: OpenCheck, questions: dict[str, str]) -> str:
    asked = "; ".join(questions[fact] for fact in one.missing)
    effect = "would rule out" if one.effect == "exclude" else "would need a specialist's decision on"
    check = f"To check first: {one.title}, which {effect} {', '.join(one.drugs)}: {asked}"
    return cited(check, one.citations)


def of_finding(one: Modifier) -> str:
    trials = f" Trials: {', '.join(one.see_trials)}." if one.see_trials else ""
    conflicts = f" Read differently by {', '.join(one.conflicts_with)}." if one.conflicts_with else ""
    return cited(f"{one.because}{trials}{conflicts}", one.citations)


def of_evidence(one: EvidenceShown) -> Iterator[str]:
    yield cited(one.study.summary, one.study.reported_by)
    yield from one.study.caveats


def of_regimen(one: Therapy | Investigational, report: Report) -> Iterator[str]:
    """The sentences on a regimen that no rendering may leave out."""
    questions = {each.fact: each.question.rstrip("?") for each in report.questions}
    yield one.status
    yield from (questions[fact] for fact in one.conditional_on)
    yield from (cited(reason.because, reason.citations) for reason in one.because)
    yield from map(of_warning, one.warnings)
    yield from (of_check(check, questions) for check in one.open_checks)
    yield from (f"Option ruled out: {of_exclusion(option)}" for option in one.options_ruled_out)
    yield from (sentence for shown in one.evidence for sentence in of_evidence(shown))
    yield from one.caveats
    if isinstance(one, Therapy):
        yield "lowered one step for safety" if one.lowered_for_safety else ""
        yield from (f"Given again: {text}" for text in one.rechallenge)
        yield from map(of_finding, one.modifiers)
        yield from (cited(each.approval.note or "", ()) for each in one.regulatory)
    else:
        yield "investigational"
        yield ", ".join(one.see_trials)


def of_the_rest(report: Report) -> Iterator[str]:
    """What is said of the patient as a whole."""
    yield report.intended_use
    yield report.statement or ""
    yield from (course.ended for course in report.history)
    for ruled_out in report.not_recommended:
        yield ruled_out.name
        yield from map(of_exclusion, ruled_out.reasons)
    yield from map(of_finding, report.findings)
    yield from (cited(one.text, one.citations) for one in report.notices)
    for question in report.questions:
        yield question.question.rstrip("?")
        yield f"Safety of: {', '.join(question.safety_of)}." if question.safety_of else ""
        yield f"Decides on: {', '.join(question.decides)}." if question.decides else ""
    yield from (cited(one.because, one.citations) for one in report.tests_to_request)
    for discrepancy in report.discrepancies:
        yield discrepancy.followed
        yield discrepancy.outside or ""
    for trial in (one for group in report.trials for one in group.trials):
        yield trial.id
        yield trial.status_words
        yield from trial.inferred
        yield from trial.caveats
    for source in report.sources:
        yield source.citation
        yield source.reliability


# --- The renderings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rendering", RENDERINGS)
@pytest.mark.parametrize("patient", PATIENTS)
def test_every_rendering_says_of_each_regimen_its_conditions_cautions_and_sources(
    knowledge: KnowledgeBase, patient: str, rendering: str
) -> None:
    report = report_of(patient, knowledge)
    said = RENDERINGS[rendering](report, knowledge)
    for one in (*report.therapies, *report.investigational):
        of_it = under(one.name, said)
        assert [sentence for sentence in of_regimen(one, report) if plain(sentence) not in of_it] == [], one.name


@pytest.mark.parametrize("rendering", RENDERINGS)
@pytest.mark.parametrize("patient", PATIENTS)
def test_every_rendering_says_what_is_ruled_out_found_asked_noticed_and_cited(
    knowledge: KnowledgeBase, patient: str, rendering: str
) -> None:
    report = report_of(patient, knowledge)
    everything = RENDERINGS[rendering](report, knowledge)[""]
    assert [sentence for sentence in of_the_rest(report) if plain(sentence) not in everything] == []


def test_the_page_that_says_what_each_answer_would_change_leaves_no_caution_out(knowledge: KnowledgeBase) -> None:
    tree = example("sparse-profile")
    report = report_of("sparse-profile", knowledge)
    said = on_the_page(report, knowledge, tree)
    for one in report.therapies:
        of_it = under(one.name, said)
        assert [sentence for sentence in of_regimen(one, report) if plain(sentence) not in of_it] == []
    assert [sentence for sentence in of_the_rest(report) if plain(sentence) not in said[""]] == []


@pytest.mark.parametrize("rendering", RENDERINGS)
def test_every_rendering_says_what_the_site_changed(rendering: str) -> None:
    overlay = PROJECT / "docs" / "examples" / "hospital-overlay"
    knowledge = load_knowledge(PROJECT / "rules", overlay=overlay, use_cache=False)
    report = evaluate(example("second-line-her2-positive"), knowledge)
    everything = RENDERINGS[rendering](report, knowledge)[""]
    assert report.overlay is not None
    for one in report.overlay.changes:
        for part in (one.id, one.by, one.date, one.does, one.because, *one.touches):
            assert plain(part) in everything


def test_the_patients_of_these_tests_have_every_kind_of_caution(knowledge: KnowledgeBase) -> None:
    """Otherwise the tests above would pass for renderings that leave one out."""
    reports = [report_of(patient, knowledge) for patient in PATIENTS]
    therapies = [one for report in reports for one in report.therapies]
    investigational = [one for report in reports for one in report.investigational]
    assert {warning.effect for one in therapies for warning in one.warnings} >= {"conditional", "warn", "monitor"}
    assert any(warning.origin for one in therapies for warning in one.warnings)
    assert any(one.options_ruled_out for one in therapies)
    assert any(one.rechallenge for one in therapies)
    assert any(one.lowered_for_safety for one in therapies)
    assert any(one.modifiers for one in therapies)
    assert {check.effect for one in therapies for check in one.open_checks} == {"exclude", "conditional"}
    assert any(one.warnings for one in investigational)
    assert any(one.conditional_on for one in investigational)
    assert any(one.open_checks for one in investigational)
    assert any(one.evidence for one in investigational)
    assert any(report.not_recommended for report in reports)
