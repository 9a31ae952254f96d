"""The page in a real browser: from an empty form to a changed decision, on a desk and on a phone, with and without
script. With HER2CDS_SHOTS=DIR each step is kept as a picture."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from her2cds import KnowledgeBase
from tests.service.conftest import Running, example, serving

pytestmark = pytest.mark.slow

SHOTS = os.environ.get("HER2CDS_SHOTS")
DESK, PHONE = 1280, 390


@pytest.fixture(scope="module")
def running(knowledge: KnowledgeBase) -> Iterator[Running]:
    yield from serving(knowledge)


@pytest.fixture
def visit(browser: Any, running: Running) -> Iterator[Callable[..., Any]]:
    contexts = []

    def open_page(width: int = DESK, scheme: str = "light", *, script: bool = True) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.problems = []
        page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda one: None if one.url.startswith(running.url) else page.problems.append(one.url))
        page.goto(running.url)
        return page

    yield open_page
    for context in contexts:
        context.close()


def shoot(page: Any, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def evaluate(page: Any) -> None:
    page.get_by_role("button", name="Evaluate", exact=True).click()
    page.wait_for_load_state()


def paste(page: Any, tree: Any) -> None:
    page.get_by_text("Paste a profile").click()
    page.get_by_label("JSON", exact=True).fill(json.dumps(tree))
    page.get_by_role("button", name="Read and evaluate").click()
    page.wait_for_load_state()


def first(page: Any) -> str:
    text: str = page.locator(".ranking a").first.inner_text()
    return text


@pytest.mark.parametrize(("width", "scheme"), [(DESK, "light"), (PHONE, "dark")])
def test_from_an_empty_form_to_a_changed_decision(visit: Callable[..., Any], width: int, scheme: str) -> None:
    page = visit(width, scheme)
    shoot(page, f"{width}-1-empty")
    page.get_by_label("Primary").select_option("breast")
    page.locator('[name="disease.setting"]').select_option("metastatic")
    page.locator('[name="specimens.0.her2_ihc"]').select_option("3+")
    page.locator('[name="treatments.0.setting"]').select_option("metastatic")
    page.locator('[name="treatments.0.stop_reason"]').select_option("progression")
    page.locator('[name="treatments.0.agents"]').fill("trastuzumap, pertuzumab, docetaxel")
    evaluate(page)
    shoot(page, f"{width}-2-faults")
    assert page.get_by_role("alert").is_visible()
    assert page.evaluate("document.activeElement.id") == "faults"
    page.get_by_role("alert").get_by_role("link").first.click()
    fault = page.locator('[id="f-treatments.0.agents-fault"]')
    assert "Did you mean" in fault.inner_text()
    page.locator('[name="treatments.0.agents"]').fill("trastuzumab, pertuzumab, docetaxel")
    page.problems.clear()  # the browser reports the status 422 of the page with the fault
    evaluate(page)
    shoot(page, f"{width}-3-report")
    assert first(page) == "Trastuzumab deruxtecan (T-DXd)"
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.locator("#what-if").get_by_label("Brain metastases").select_option("progressing")
    page.locator("#comparison .card").wait_for()
    shoot(page, f"{width}-4-what-if")
    assert "Tucatinib + trastuzumab + capecitabine: moved" in page.locator("#comparison").inner_text()
    assert first(page) == "Trastuzumab deruxtecan (T-DXd)"  # what if is not what is

    page.locator("#therapies").get_by_role("button", name="Why?").first.click()
    page.locator("#why .card").wait_for()
    shoot(page, f"{width}-5-why")
    assert page.evaluate("document.activeElement.id") == "why"
    assert "therapy." in page.locator("#why").inner_text()

    page.locator('[name="answer:brain_metastases.status"]').select_option("progressing")
    page.get_by_role("button", name="Evaluate with these answers").click()
    page.wait_for_load_state()
    shoot(page, f"{width}-6-answered")
    assert first(page) == "Tucatinib + trastuzumab + capecitabine"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.problems == []


def test_the_page_works_without_script(visit: Callable[..., Any]) -> None:
    page = visit(script=False)
    page.get_by_role("button", name="Add another").first.click()
    page.wait_for_load_state()
    paste(page, example("second-line-her2-positive"))
    assert first(page) == "Trastuzumab deruxtecan (T-DXd)"
    page.locator("#what-if").get_by_label("Brain metastases").select_option("progressing")
    page.get_by_role("button", name="Compare").click()
    page.wait_for_load_state()
    assert ": moved" in page.locator("#comparison").inner_text()
    page.locator("#therapies").get_by_role("button", name="Why?").first.click()
    page.wait_for_load_state()
    assert page.url.endswith("#why")
    assert "therapy." in page.locator("#why").inner_text()


def test_rows_are_added_and_removed_in_place(visit: Callable[..., Any]) -> None:
    page = visit()
    treatments = page.locator('[id="f-treatments"] > .row')
    page.locator('[name="treatments.0.agents"]').fill("trastuzumab")
    page.locator('button[value="treatments"]').click()
    assert treatments.count() == 2
    assert page.locator('[name="treatments.1.agents"]').input_value() == ""
    assert page.evaluate("document.activeElement.name") == "treatments.1.setting"
    page.locator('[name="treatments.1.agents"]').fill("T-DM1")
    assert page.locator('label[for="f-treatments.1.agents"]').count() == 1
    treatments.nth(0).get_by_role("button", name="Remove").click()
    assert treatments.count() == 1
    page.get_by_text("Genomic tests").first.click()
    page.locator('button[value="genomic_tests.0.alterations"]').click()
    page.locator('[name="genomic_tests.0.alterations.1.gene"]').fill("PIK3CA")
    page.locator('button[value="genomic_tests"]').click()
    page.locator('button[value="genomic_tests.1.alterations"]').click()
    assert page.locator('[name="genomic_tests.1.alterations.1.gene"]').input_value() == ""
    page.locator('[name="genomic_tests.0.alterations.1.kind"]').select_option("mutation")
    evaluate(page)
    assert page.locator('[name="treatments.0.agents"]').input_value() == "T-DM1"
    assert page.locator('[name="genomic_tests.0.alterations.0.gene"]').input_value() == "PIK3CA"
    assert page.problems == []


def holding_back(page: Any, question: str) -> list[Any]:
    """The requests that hold this text; each waits until it is let go on."""
    held: list[Any] = []

    def hold(route: Any) -> None:
        if question in (route.request.post_data or "") and not held:
            held.append(route)
        else:
            route.continue_()

    page.route("**/", hold)
    return held


def test_an_answer_that_arrives_late_does_not_replace_the_newer_one(visit: Callable[..., Any]) -> None:
    page = visit()
    paste(page, example("second-line-her2-positive"))
    held = holding_back(page, "if%3Abrain_metastases.status=progressing")
    switch = page.locator("#what-if").get_by_label("Brain metastases")
    switch.select_option("progressing")
    page.wait_for_function("document.getElementById('comparison').getAttribute('aria-busy') === 'true'")
    switch.select_option("none")
    page.locator("#comparison .card").wait_for()
    newer = page.locator("#comparison").inner_text()
    assert held
    held[0].continue_()
    page.wait_for_timeout(1_500)
    assert page.locator("#comparison").inner_text() == newer
    assert page.locator("#comparison").get_attribute("aria-busy") is None
    assert page.problems == []


def test_once_the_profile_is_changed_the_report_says_that_it_is_older_and_no_answer_is_put_beside_it(
    visit: Callable[..., Any],
) -> None:
    page = visit()
    paste(page, example("second-line-her2-positive"))
    notice = page.get_by_role("status")
    brain = page.locator('[name="brain_metastases.status"]')
    was = brain.input_value()
    assert not page.locator("#older").is_visible()
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.locator("#what-if").get_by_label("ECOG").fill("2")  # what if is no change of the profile
    page.locator('button[value="treatments"]').click()  # nor is an empty row
    assert not page.locator("#older").is_visible()
    brain.select_option("progressing")
    assert "older than the form" in notice.inner_text()
    brain.select_option(was)
    assert not page.locator("#older").is_visible()
    brain.select_option("progressing")
    page.locator("#explain-other").select_option(index=1)
    with page.expect_navigation():
        page.get_by_role("button", name="Explain").click()
    assert first(page) == "Tucatinib + trastuzumab + capecitabine"  # report and explanation are of the changed profile
    page.locator("#why .card").wait_for()
    assert not page.locator("#older").is_visible()
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.locator('[id="f-treatments"] > .row').first.get_by_role("button", name="Remove").click()
    with page.expect_navigation():
        notice.get_by_role("button", name="Evaluate the changed profile").click()
    assert page.problems == []


def test_an_answer_in_place_makes_the_report_older_too(visit: Callable[..., Any]) -> None:
    page = visit()
    tree = example("second-line-her2-positive")
    del tree["brain_metastases"]
    paste(page, tree)
    page.locator('[name="answer:brain_metastases.status"]').select_option("progressing")
    assert page.locator("#older").is_visible()
    with page.expect_navigation():
        page.locator("#therapies").get_by_role("button", name="Why?").first.click()
    assert first(page) == "Tucatinib + trastuzumab + capecitabine"


def test_a_report_is_saved_as_a_file(visit: Callable[..., Any]) -> None:
    page = visit()
    paste(page, example("her2-zero"))
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save report.json").click()
    assert saved.value.suggested_filename == "her2cds-report.json"
    assert json.loads(Path(saved.value.path()).read_text())["patient_id"] == "her2-zero"


def test_markup_in_the_profile_does_nothing_in_the_browser(visit: Callable[..., Any]) -> None:
    page = visit()
    hostile = '<img src=/x onerror="window.hit=1"><script>window.hit=1</script>'
    tree = example("second-line-her2-positive")
    tree["note"] = hostile
    tree["treatments"][0]["agents"].append(hostile)
    tree["health"]["concomitant_drugs"] = [hostile]
    paste(page, tree)
    page.locator("#what-if").get_by_label("ECOG").fill(hostile)
    page.get_by_role("button", name="Compare").click()
    page.locator("#comparison .fault").wait_for()
    assert page.evaluate("window.hit") is None
    assert page.locator("img").count() == 0


def test_a_script_that_got_in_would_not_be_run(visit: Callable[..., Any]) -> None:
    page = visit()
    page.evaluate("""() => {
        const one = document.createElement("script");
        one.textContent = "window.hit = 1";
        document.body.append(one);
    }""")
    assert page.evaluate("window.hit") is None
    assert any("Content Security Policy" in one for one in page.problems)


def test_the_keyboard_alone_reaches_the_answer(visit: Callable[..., Any]) -> None:
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator('[name="disease.primary"]').select_option("other")
    page.locator('[name="treatments.0.agents"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    page.locator("#in-short .statement").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESK, 320])
def test_the_accessibility_audit_finds_nothing(
    visit: Callable[..., Any],
    axe: str,
    width: int,
    scheme: str,
) -> None:
    page = visit(width, scheme)

    def audit(what: str) -> None:
        # The checker is handed to the browser by the driver: the page's own policy would not let it in.
        found = page.evaluate(f"{axe}; axe.run(document, {{resultTypes: ['violations']}})")["violations"]
        named = [(one["id"], one["impact"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found]
        assert named == [], what
        assert page.evaluate("document.documentElement.scrollWidth") <= width, what

    audit("empty form")
    paste(page, {"patient": {"ecog": 9}, "treatments": [{"agents": ["trastuzumap"]}]})
    audit("faults")
    page.goto(page.url.partition("#")[0])
    paste(page, example("sparse-profile"))
    page.locator("#what-if").get_by_label("Brain metastases").select_option("progressing")
    page.locator("#comparison .card").wait_for()
    page.locator("#therapies").get_by_role("button", name="Why?").first.click()
    page.locator("#why .card").wait_for()
    audit("report")
    page.locator('[name="answer:brain_metastases.status"]').select_option("progressing")
    page.locator("#older").wait_for()
    audit("report that is older than the form")
