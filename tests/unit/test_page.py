"""The report as a page: complete, escaped, self-contained, and its figures to scale."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from her2cds import KnowledgeBase, evaluate
from her2cds.evaluation import examine, report_on
from her2cds.exploration.effects import what_is_missing
from her2cds.rendering.figures import axis_place, forest, medians, timeline
from her2cds.rendering.page import to_html
from her2cds.report.model import TreatmentShown
from tests.conftest import PROJECT

EXAMPLES = sorted((PROJECT / "patient_examples").glob("*.json"))
HOSTILE = "<script>alert('x')</script>"
VOID = {"meta", "br", "rect", "line", "link", "img", "input", "hr"}


def page_of(tree: dict[str, Any], knowledge: KnowledgeBase) -> str:
    case = examine(tree, knowledge)
    return to_html(report_on(case, knowledge), what_is_missing(case, knowledge))


class Outline(HTMLParser):
    """Headings, ids, links and whether tags are balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.levels: list[int] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if re.fullmatch(r"h[1-6]", tag):
            self.levels.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, tag


def outline_of(page: str) -> Outline:
    outline = Outline()
    outline.feed(page)
    return outline


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_page_is_well_formed_and_every_link_inside_it_leads_somewhere(
    knowledge: KnowledgeBase, example: Any
) -> None:
    outline = outline_of(page_of(json.loads(example.read_text()), knowledge))
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert {one[1:] for one in outline.links if one.startswith("#")} <= set(outline.ids)
    assert all(later - earlier <= 1 for earlier, later in zip(outline.levels, outline.levels[1:], strict=False))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_page_needs_no_network_and_no_script(knowledge: KnowledgeBase, example: Any) -> None:
    page = page_of(json.loads(example.read_text()), knowledge)
    outline = outline_of(page)
    assert not outline.tags & {"script", "link", "img", "iframe", "object"}
    assert "url(" not in page
    outside = [one for one in outline.links if not one.startswith("#")]
    assert all(one.startswith(("https://doi.org/", "https://clinicaltrials.gov/study/")) for one in outside)


def test_the_page_says_all_that_the_report_says(knowledge: KnowledgeBase) -> None:
    tree = json.loads((PROJECT / "patient_examples" / "later-line-after-t-dxd.json").read_text())
    report, page = evaluate(tree, knowledge), page_of(tree, knowledge)
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert report.intended_use in text
    for therapy in report.therapies:
        assert therapy.name in text
        assert all(warning.title in text for warning in therapy.warnings)
        assert all(shown.study.name in text for shown in therapy.evidence)
    assert all(one.name in text for one in report.not_recommended)
    assert all(trial.id in text for group in report.trials for trial in group.trials)
    assert all(source.id in text for source in report.sources)
    assert all(course.ended in text for course in report.history)
    assert report.knowledge.version in text


def test_markup_in_any_text_of_the_profile_is_shown_as_text(knowledge: KnowledgeBase) -> None:
    tree = {
        "disease": {"primary": "breast", "setting": "metastatic"},
        "specimens": [{"her2_ihc": "3+"}],
        "note": HOSTILE,
        "treatments": [{"setting": "metastatic", "agents": [HOSTILE, "trastuzumab"], "stop_reason": "progression"}],
        "genomic_tests": [
            {
                "genes_covered": ["ERBB2"],
                "alterations": [{"gene": "XYZ9", "kind": "mutation", "protein_change": HOSTILE}],
            }
        ],
        "biomarkers": {"pd_l1": {"status": "positive", "assay": HOSTILE}},
        "health": {"concomitant_drugs": [HOSTILE]},
    }
    page = page_of(tree, knowledge)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_report_without_therapies_says_why(knowledge: KnowledgeBase) -> None:
    page = page_of({}, knowledge)
    assert 'class="statement"' in page
    assert "No therapy is listed yet" in page
    assert 'id="therapies"' not in page


# --- Figures ----------------------------------------------------------------------------------------


def test_the_axis_is_logarithmic_and_cuts_at_its_ends() -> None:
    assert axis_place(0.2) == 0
    assert axis_place(2) == 100
    assert axis_place(1) == round(100 * math.log(5) / math.log(10), 2)
    assert axis_place(1) - axis_place(0.5) == pytest.approx(axis_place(0.5) - axis_place(0.25), abs=0.02)
    assert (axis_place(0.01), axis_place(9)) == (0, 100)


def test_hazard_ratios_are_drawn_where_the_reviews_print_them(knowledge: KnowledgeBase) -> None:
    tree = json.loads((PROJECT / "patient_examples" / "second-line-her2-positive.json").read_text())
    rows = {(row.study, row.endpoint): row for row in forest(evaluate(tree, knowledge).therapies)}
    emilia = rows["EMILIA", "OS"]
    assert (emilia.ratio, emilia.interval) == ("0.68", "0.55 to 0.85")
    assert emilia.low < emilia.place < emilia.high < axis_place(1.0)
    assert emilia.place == axis_place(0.68)
    assert emilia.citations


def test_a_study_that_two_regimens_share_is_drawn_once(knowledge: KnowledgeBase) -> None:
    for example in EXAMPLES:
        therapies = evaluate(json.loads(example.read_text()), knowledge).therapies
        rows = [(row.study, row.endpoint, row.ratio, row.interval) for row in forest(therapies)]
        assert len(rows) == len(set(rows))


def test_bars_share_one_scale_and_weeks_are_not_months(knowledge: KnowledgeBase) -> None:
    tree = json.loads((PROJECT / "patient_examples" / "later-line-after-t-dxd.json").read_text())
    groups = medians(evaluate(tree, knowledge).therapies)
    bars = [(float(bar.value), group.unit, bar.length) for group in groups for bar in group.bars if bar.length]
    assert max(length for *_, length in bars) == 100
    scale = {round(length / (value * (7 / 30.44 if unit == "weeks" else 1)), 1) for value, unit, length in bars}
    assert len(scale) <= 2  # one scale, but for rounding
    assert any(unit == "weeks" for _, unit, _ in bars)


def course(start: str | None, end: str | None, ended: str = "progression", *, goes_on: bool = False) -> TreatmentShown:
    return TreatmentShown("metastatic", None, ("Trastuzumab",), start, end, ended, goes_on)


def test_the_timeline_is_to_scale() -> None:
    line = timeline(
        [course("2022-01-01", "2023-01-01"), course("2023-01-01", None, "goes on, progressing", goes_on=True)],
        "2024-01-01",
    )
    assert [(bar.start, bar.length, bar.end_known) for bar in line.bars] == [(0, 50, True), (50, 50, True)]
    assert [year for _, year in line.years] == ["2023", "2024"]


def test_a_course_whose_end_is_not_dated_is_marked_at_its_start_and_has_no_bar(knowledge: KnowledgeBase) -> None:
    line = timeline([course("2022-01-01", None, "end not stated")], "2024-01-01")
    assert [(bar.start, bar.end_known) for bar in line.bars] == [(0, False)]
    tree = {
        "date": "2024-01-01",
        "disease": {"primary": "breast", "setting": "metastatic"},
        "specimens": [{"her2_ihc": "3+"}],
        "treatments": [{"setting": "metastatic", "agents": ["trastuzumab"], "start": "2022-01-01"}],
    }
    page = page_of(tree, knowledge)
    assert "begun; end not dated" in page
    assert 'class="course"' not in page
    assert "A course without a date of its end has no bar" in page


def test_courses_without_dates_are_listed_beside_the_timeline() -> None:
    line = timeline([course(None, None), course("2022-01-01", "2022-02-01")], None)
    assert len(line.bars) == len(line.undated) == 1
    assert timeline([course(None, None)], None).bars == ()
