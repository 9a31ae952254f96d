"""The page as HTML: every field of the profile has a control, nothing is lost on the way, nothing is run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from starlette.testclient import TestClient

from her2cds import KnowledgeBase, evaluate
from her2cds.profile.model import Profile
from her2cds.profile.read import profile_from_tree
from her2cds.service.app import create_app
from her2cds.service.page.fields import Field, sections
from her2cds.service.page.form import place_for, profile_in
from her2cds.service.settings import Settings, digest
from tests.conftest import PROJECT
from tests.service.conftest import Chart, example

EXAMPLES = sorted(path.stem for path in (PROJECT / "patient_examples").glob("*.json"))
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'`{{7*7}}"


class Controls(HTMLParser):
    """What a browser would submit for the form `profile`, and what it would run."""

    def __init__(self) -> None:
        super().__init__()
        self.submitted: list[tuple[str, str]] = []
        self.suspicious: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.controls: list[dict[str, str]] = []
        self._form = self._select = ""
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if any(name.startswith("on") or name == "style" for name in found) or tag in ("img", "iframe", "style"):
            self.suspicious.append(f"{tag} {found}")
        if tag == "script" and found.get("src") != "/static/her2cds.js":
            self.suspicious.append(f"script {found}")
        self.ids += [found["id"]] if "id" in found else []
        self.labelled |= {found["for"]} if "for" in found else set()
        if tag == "form":
            self._form = found.get("id", "other")
        owner = found.get("form", self._form)
        if tag in ("input", "select", "textarea"):
            self.controls.append({"tag": tag, **found})
        if owner != "profile":
            return
        if tag == "input" and (found["type"] != "checkbox" or "checked" in found):
            self.submitted.append((found["name"], found.get("value", "on")))
        elif tag == "select":
            self._select = found["name"]
        elif tag == "option" and self._select and "selected" in found:
            self.submitted.append((self._select, found["value"]))
        elif tag == "textarea":
            self._area = found["name"]

    def handle_data(self, data: str) -> None:
        if self._area:
            self.submitted.append((self._area, data))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = ""
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""


def read(page: str) -> Controls:
    controls = Controls()
    controls.feed(page)
    return controls


def as_form(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    form: dict[str, list[str]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def paste(client: Any, tree: Any) -> Any:
    return client.post("/", data={"action": "paste", "pasted": json.dumps(tree)})


# --- The form -----------------------------------------------------------------------------------------


def test_every_field_of_the_profile_has_a_control_with_a_label() -> None:
    def paths(fields: tuple[Field, ...], prefix: str = "") -> Iterator[str]:
        for one in fields:
            if one.parts and one.path:
                yield from paths(one.parts, f"{prefix}{one.name}.")
            elif one.parts:
                yield from paths(one.parts, prefix)
            else:
                yield f"{prefix}{one.name}"
            assert one.label

    def of_model(schema: Any, node: Any, prefix: str = "") -> Iterator[str]:
        for name, inner in node["properties"].items():
            options = [one for one in inner.get("anyOf", [inner]) if one.get("type") != "null"]
            core = options[0]
            core = core.get("items", core)
            core = schema["$defs"][core["$ref"].rpartition("/")[2]] if "$ref" in core else core
            if "properties" in core:
                yield from of_model(schema, core, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}"

    schema = Profile.model_json_schema()
    assert set(paths(sections())) == set(of_model(schema, schema)) - {"schema_version"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_profile_comes_out_of_the_form_as_it_went_in(client: Any, name: str) -> None:
    page = paste(client, example(name))
    assert page.status_code == 200
    before, again = example(name), profile_in(as_form(read(page.text).submitted))
    for tree in (before, again):  # boxes have an order of their own, which means nothing
        tree["disease"].get("sites_of_metastasis", []).sort()
    assert profile_from_tree(again) == profile_from_tree(before)


def test_none_and_unknown_stay_apart_in_the_form(client: Any) -> None:
    for tree in (
        {"treatments": []},
        {},
        {"health": {"hypersensitivity_to": []}},
        {"disease": {"node_positive": False}},
    ):
        again = profile_in(as_form(read(paste(client, tree).text).submitted))
        assert again == tree


def test_the_page_gives_the_librarys_ranking(client: Any, knowledge: KnowledgeBase) -> None:
    page = paste(client, example("later-line-after-t-dxd")).text
    report = evaluate(example("later-line-after-t-dxd"), knowledge)
    ranking = re.search(r'<ol class="ranking">(.*?)</ol>', page, re.S)
    assert ranking is not None
    assert re.findall(r"#regimen-([^\"]+)\"", ranking.group(1)) == [one.regimen for one in report.therapies]


def test_controls_have_labels_and_ids_are_unique(client: Any) -> None:
    for page in (client.get("/").text, paste(client, example("sparse-profile")).text):
        controls = read(page)
        assert len(controls.ids) == len(set(controls.ids))
        unlabelled = [
            one
            for one in controls.controls
            if one.get("id") not in controls.labelled and one.get("type") not in ("hidden", "checkbox")
        ]
        assert unlabelled == []


# --- Faults -------------------------------------------------------------------------------------------


def test_faults_stand_beside_their_fields(client: Any) -> None:
    answer = client.post("/", data={"action": "evaluate", "patient.ecog": "nine", "treatments.0.agents": "trastuzumab"})
    assert answer.status_code == 422
    assert 'id="f-patient.ecog-fault"' in answer.text
    assert 'aria-describedby="f-patient.ecog-fault"' in answer.text
    assert 'value="nine"' in answer.text
    assert '<a href="#f-patient.ecog">Patient: ECOG</a>' in answer.text


def test_a_slip_in_a_drugs_name_is_shown_beside_its_course_and_never_dropped(client: Any) -> None:
    form = {"action": "evaluate", "treatments.0.agents": "trastuzumab", "treatments.3.agents": "docetaxel, trastuzumap"}
    answer = client.post("/", data=form)
    assert 'id="f-treatments.1.agents-fault"' in answer.text  # the empty rows between are gone
    assert "Did you mean" in answer.text
    assert 'value="docetaxel, trastuzumap"' in answer.text


def test_a_field_that_the_form_lacks_is_said_to_be_lost(client: Any) -> None:
    answer = paste(client, {"diseas": {"setting": "metastatic"}, "patient": {"ecog": 1}})
    assert answer.status_code == 422
    assert "$.diseas" in answer.text
    assert "The form has no field for it" in answer.text
    assert "diseas" in answer.text.split('id="pasted"')[1]  # what was pasted is still there


@pytest.mark.parametrize("text", ["", "[", "[1]", '{"note": "\\ud800"}', '{"a":' * 500, '{"resourceType": "Bundle"'])
def test_what_cannot_be_read_is_refused_on_the_page(client: Any, text: str) -> None:
    answer = client.post("/", data={"action": "paste", "pasted": text})
    assert answer.status_code == 422
    assert "Nothing was evaluated" in answer.text


@pytest.mark.parametrize(
    "form",
    [
        {"treatments.x.agents": "a", "treatments.99999999.agents": "b", "treatments..agents": "c"},
        {"answer:": "x", "answer:a.b.c": "y", "answer:specimens.7.her2_ihc": "3+", "answer:specimens.x.er": "z"},
        {"if:nothing": "x", "if-progresses-on": "no such drug"},
        {"explain": "no such regimen"},
        {"explain": HOSTILE, "if:patient.ecog": HOSTILE, "add": HOSTILE},
        {"disease.sites_of_metastasis": "moon", "patient": "x", "patient.ecog.deep": "1", "\x00": "\x00"},
    ],
)
def test_a_form_that_no_browser_sends_is_answered_in_words(client: Any, form: dict[str, str]) -> None:
    answer = client.post("/", data={"action": "evaluate", "disease.primary": "breast", **form})
    assert answer.status_code in (200, 422)
    assert read(answer.text).suspicious == []


def test_only_a_form_is_read(client: Any) -> None:
    assert client.post("/", json={}).status_code == 415
    many = "&".join(f"f{number}=1" for number in range(30_000))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/", content=many, headers=headers).status_code == 400
    assert client.post("/", content=b"a=%ff", headers=headers).status_code == 400


# --- Text is text ---------------------------------------------------------------------------------------


def text_fields() -> Iterator[str]:
    def walk(fields: tuple[Field, ...], prefix: str) -> Iterator[str]:
        for one in fields:
            name = prefix + one.name
            if one.kind == "rows":
                yield from walk(one.parts, f"{name}.0.")
            elif one.kind == "part":
                yield from walk(one.parts, f"{name}." if one.path else prefix)
            else:
                yield name

    return walk(sections(), "")


@pytest.mark.parametrize("name", list(text_fields()))
def test_markup_in_any_field_is_shown_and_not_run(client: Any, name: str) -> None:
    basis = {"action": "evaluate", "disease.primary": "breast", "disease.setting": "metastatic"}
    answer = client.post(
        "/", data={**basis, "specimens.0.her2_ihc": "3+", "treatments.0.agents": "T-DXd", name: HOSTILE}
    )
    assert read(answer.text).suspicious == []
    assert "<script>alert" not in answer.text
    assert "49" not in re.findall(r"`([0-9]+)", answer.text)  # nothing in it is read as a template


def test_markup_in_pasted_text_is_shown_and_not_run(client: Any) -> None:
    for text in (HOSTILE, json.dumps({HOSTILE: HOSTILE}), json.dumps({"note": HOSTILE}), "</textarea>" + HOSTILE):
        assert read(client.post("/", data={"action": "paste", "pasted": text}).text).suspicious == []


def test_how_a_fhir_document_was_read_is_shown(client: Any, chart: Chart) -> None:
    chart.profile = example("her2-zero")
    page = paste(client, {"resourceType": "Bundle", "entry": []}).text
    assert "0 facts read from 2 records" in page
    assert "Observation/&lt;b&gt;" in page
    assert profile_in(as_form(read(page).submitted))["id"] == "her2-zero"


# --- Questions, what if, why, exports ---------------------------------------------------------------------


def test_a_question_answered_in_place_enters_the_profile(client: Any) -> None:
    form = as_form(read(paste(client, example("sparse-profile")).text).submitted)
    answered = client.post("/", data={**form, "action": "evaluate", "answer:brain_metastases.status": "progressing"})
    assert profile_in(as_form(read(answered.text).submitted))["brain_metastases"] == {"status": "progressing"}
    assert re.search(r'<ol class="ranking">\s*<li value="1"><a href="#regimen-tucatinib', answered.text)


def test_an_answer_about_the_tumour_goes_to_the_newest_specimen() -> None:
    tree = {"specimens": [{"date": "2024-01-01"}, {"date": "2020-01-01"}]}
    place = place_for("specimens[].her2_ish", tree)
    assert place is not None
    assert place[0] == "specimens.0.her2_ish"
    assert place_for("specimens[].her2_ish", {}) is not None
    assert place_for("treatments[]", tree) is None
    assert profile_in({"answer:specimens.0.her2_ish": ["positive"]}) == {"specimens": [{"her2_ish": "positive"}]}


def test_what_if_is_shown_beside_the_report_and_changes_no_profile(client: Any) -> None:
    form = as_form(read(paste(client, example("second-line-her2-positive")).text).submitted)
    page = client.post("/", data={**form, "action": "evaluate", "if:brain_metastases.status": "progressing"}).text
    assert "brain_metastases.status = progressing" in page
    assert ": moved" in page
    again = profile_in(as_form(read(page).submitted))
    assert again["brain_metastases"]["status"] == "none"


def test_a_regimen_that_is_not_listed_is_explained(client: Any) -> None:
    form = as_form(read(paste(client, example("her2-zero")).text).submitted)
    page = client.post("/", data={**form, "action": "evaluate", "explain-other": "t-dxd"}).text
    assert "not offered" in page
    assert 'class="tree"' in page


def test_exports_are_files_with_the_librarys_content(client: Any, knowledge: KnowledgeBase) -> None:
    form = as_form(read(paste(client, example("her2-zero")).text).submitted)
    report = client.post("/export/report.json", data=form)
    assert report.headers["content-disposition"] == 'attachment; filename="her2cds-report.json"'
    assert report.text == evaluate(example("her2-zero"), knowledge).to_json()
    assert client.post("/export/report.html", data=form).text.startswith("<!DOCTYPE html>")
    saved = client.post("/export/profile.json", data=form).json()
    assert profile_from_tree(saved) == profile_from_tree(example("her2-zero"))
    assert client.post("/export/..%2fpasswd", data=form).status_code == 404
    assert client.post("/export/report.exe", data=form).status_code == 404


def test_a_faulty_profile_is_not_exported(client: Any) -> None:
    answer = client.post("/export/report.json", data={"patient.ecog": "9"})
    assert answer.status_code == 422
    assert "Nothing was evaluated" in answer.text


# --- Signing in -------------------------------------------------------------------------------------------


def test_where_tokens_are_needed_the_page_asks_for_one_and_keeps_it_from_scripts(
    client_with: Callable[..., Any],
) -> None:
    client = client_with(tokens={digest("right"): "clinic"})
    asked = client.get("/")
    assert asked.status_code == 401
    assert 'type="password"' in asked.text
    assert client.post("/", data={"action": "evaluate"}).status_code == 401
    assert client.post("/sign-in", data={"token": "wrong"}).status_code == 401
    signed_in = client.post("/sign-in", data={"token": "right"}, follow_redirects=False)
    cookie = signed_in.headers["set-cookie"].lower()
    assert signed_in.status_code == 303
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "right" not in cookie
    assert client.post("/", data={"action": "evaluate"}).status_code == 200
    assert client.get("/knowledge").status_code == 401  # a session opens the page, not the interface
    client.post("/sign-out", data={}, follow_redirects=False)
    assert client.post("/", data={"action": "evaluate"}).status_code == 401


def test_a_session_cookie_travels_over_https_only_where_there_is_https(client_with: Callable[..., Any]) -> None:
    client = client_with(tokens={digest("right"): "clinic"}, base_url="https://cds.example.org")
    answer = client.post(
        "/sign-in", data={"token": "right"}, headers={"Host": "cds.example.org"}, follow_redirects=False
    )
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "strict-transport-security" in answer.headers


def test_the_trail_keeps_profile_and_report_of_the_page_and_never_a_token(knowledge: KnowledgeBase, trail: Any) -> None:
    app = create_app(knowledge, Settings(tokens={digest("right"): "clinic"}), trail=trail)
    client = TestClient(app, base_url="http://127.0.0.1")
    client.post("/sign-in", data={"token": "wrong"})
    client.post("/sign-in", data={"token": "right"}, follow_redirects=False)
    paste(client, example("her2-zero"))
    client.post("/", data={"action": "evaluate", "patient.ecog": "9"})
    client.post("/sign-out", follow_redirects=False)
    client.post("/sign-out", follow_redirects=False)
    assert [(one.who, one.request, one.refusal) for one in trail.exchanges] == [
        ("anonymous", "sign-in", "401 Unauthorized"),
        ("clinic", "sign-in", None),
        ("clinic", "evaluate", None),
        ("clinic", "questions", None),
        ("clinic", "page", "422 Unprocessable Entity"),
        ("clinic", "sign-out", None),  # once: afterwards nobody is signed in
    ]
    assert trail.exchanges[1].input is None
    page = trail.exchanges[2]
    assert page.who == "clinic"
    assert json.loads(page.input) == example("her2-zero")
    assert page.output == evaluate(example("her2-zero"), knowledge).to_json(indent=None)
