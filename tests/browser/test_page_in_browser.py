"""The report page in a real browser: readable at any width, accessible, printable, without errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from her2cds import KnowledgeBase
from her2cds.evaluation import examine, report_on
from her2cds.exploration.effects import what_is_missing
from her2cds.rendering.page import to_html
from tests.conftest import PROJECT

pytestmark = pytest.mark.slow

PATIENTS = ["active-brain-metastases", "later-line-after-t-dxd", "sparse-profile", "her2-zero"]


@pytest.fixture(scope="session")
def pages(knowledge: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    files = {}
    for name in PATIENTS:
        tree = json.loads((PROJECT / "patient_examples" / f"{name}.json").read_text())
        case = examine(tree, knowledge)
        files[name] = folder / f"{name}.html"
        files[name].write_text(to_html(report_on(case, knowledge), what_is_missing(case, knowledge)), "utf-8")
    return files


def opened(browser: Any, file: Path, width: int, scheme: str = "light") -> Any:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.problems = []
    page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith("file:") else page.problems.append(request.url))
    page.goto(file.as_uri())
    return page


@pytest.mark.parametrize("patient", PATIENTS)
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_the_page_has_no_error_and_no_horizontal_scroll(
    browser: Any, pages: dict[str, Path], patient: str, width: int
) -> None:
    page = opened(browser, pages[patient], width)
    assert page.problems == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("patient", PATIENTS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_accessibility_audit_finds_nothing(
    browser: Any, pages: dict[str, Path], axe: str, patient: str, scheme: str
) -> None:
    page = opened(browser, pages[patient], 1280, scheme)
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [(one["id"], one["impact"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found] == []


def test_the_audit_can_fail(browser: Any, tmp_path: Path, axe: str) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<html><body><img src='data:,'><p style='color:#ccc;background:#fff'>pale</p></body></html>")
    page = opened(browser, bad, 800)
    page.evaluate(axe)
    assert page.evaluate("axe.run(document)")["violations"]


def test_the_ranked_regimens_stand_in_order_with_their_figures(browser: Any, pages: dict[str, Path]) -> None:
    page = opened(browser, pages["active-brain-metastases"], 1280)
    ranks = page.eval_on_selector_all("#therapies .rank", "all => all.map(one => parseInt(one.textContent))")
    assert ranks == sorted(ranks)
    assert page.locator("#therapies article h3").first.inner_text() == "Tucatinib + trastuzumab + capecitabine"
    assert page.locator("table.forest tbody tr").count() >= 4
    boxes = page.eval_on_selector_all("table.forest tbody rect.ratio", "all => all.map(one => one.getBBox().width)")
    assert all(width > 0 for width in boxes)


def test_the_keyboard_reaches_the_content(browser: Any, pages: dict[str, Path]) -> None:
    page = opened(browser, pages["active-brain-metastases"], 1280)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.url.endswith("#therapies")
    page.locator("summary").first.focus()
    was_open = page.evaluate("document.activeElement.parentElement.open")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open") is not was_open


def test_print_shows_what_is_folded_on_screen(browser: Any, pages: dict[str, Path]) -> None:
    page = opened(browser, pages["active-brain-metastases"], 1280)
    page.emulate_media(media="print")
    # What a closed <details> holds is laid out in print: it has a height.
    heights = page.eval_on_selector_all(
        "#therapies details:not([open]) > *:not(summary)", "all => all.map(one => one.getBoundingClientRect().height)"
    )
    assert heights
    assert all(height > 0 for height in heights)
    assert page.locator("nav.contents").is_hidden()
