"""A site's overlay: what it may change, what the report says of it, and that a fault keeps all of it out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from her2cds import KnowledgeBase, KnowledgeError, evaluate, load_knowledge
from her2cds.cli.app import app
from her2cds.evaluation import find_trials
from her2cds.knowledge.files import LIST_KINDS, RULE_FOLDERS
from her2cds.knowledge.overlay_model import OverlayKind
from her2cds.rendering.outline import outline
from her2cds.rendering.page import to_html
from her2cds.rendering.text import styled_lines
from her2cds.report.model import LocalChange, Report
from tests.conftest import PROJECT

pytestmark = pytest.mark.usefixtures("parsed_once")

EXAMPLE = PROJECT / "docs" / "examples" / "hospital-overlay"
PATIENT = PROJECT / "patient_examples" / "second-line-her2-positive.json"
HEAD = """\
id: test-site
version: 1.0.0
title: A site for tests
base: her2cds-knowledge
base_version: 0.1.0
changes:
"""
SIGNED = """\
    by: Tumour board
    date: 2026-01-12
    because: The tumour board decided so.
    cites: [{source: test-formulary, at: Chapter 1}]
"""
SOURCES = """\
- id: test-formulary
  role: site
  citation: A formulary
  reliability: invented
  sections: [Chapter 1]
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes an overlay with the given changes (their actions only) and further files."""

    def make(*actions: str, files: dict[str, str] | None = None, head: str = HEAD) -> Path:
        folder = tmp_path / "site"
        folder.mkdir(exist_ok=True)
        changes = "".join(
            f"  - id: change-{number}\n{SIGNED}    {action}\n" for number, action in enumerate(actions, 1)
        )
        for name, text in {"overlay.yaml": head + changes, "sources.yaml": SOURCES, **(files or {})}.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder

    return make


def load(folder: Path) -> KnowledgeBase:
    return load_knowledge(PROJECT / "rules", overlay=folder, use_cache=False)


def report_with(folder: Path, patient: Path = PATIENT) -> Report:
    return evaluate(patient.read_text(), load(folder))


def faults_of(folder: Path) -> str:
    with pytest.raises(KnowledgeError) as caught:
        load(folder)
    return str(caught.value)


def change(report: Report, name: str) -> LocalChange:
    assert report.overlay is not None
    return next(one for one in report.overlay.changes if one.id == name)


# --- What an overlay does -------------------------------------------------------------------------------


def test_a_withdrawn_regimen_is_listed_as_ruled_out_with_the_sites_reason(write: Write) -> None:
    report = report_with(write("withdraws: {regimens: [t-dm1]}"))
    assert "t-dm1" not in [one.regimen for one in report.therapies]
    (ruled_out,) = [one for one in report.not_recommended if one.regimen == "t-dm1"]
    (reason,) = ruled_out.reasons
    assert reason.rule == "overlay.test-site.change-1"
    assert reason.because == "The tumour board decided so."
    assert [one.source for one in reason.citations] == ["test-formulary"]


def test_a_restriction_holds_only_where_its_condition_does(write: Write) -> None:
    when = "health.lvef: {at_least: 60}"
    folder = write(f"restricts: {{on: {{drugs: [t-dm1]}}, when: {{{when}}}, effect: conditional}}")
    knowledge = load(folder)
    profile = json.loads(PATIENT.read_text())
    with_lvef = evaluate(profile, knowledge)
    warned = next(one for one in with_lvef.therapies if one.regimen == "t-dm1")
    assert "overlay.test-site.change-1" in [one.rule for one in warned.warnings]
    assert warned.lowered_for_safety
    del profile["health"]["lvef_percent"]
    without = next(one for one in evaluate(profile, knowledge).therapies if one.regimen == "t-dm1")
    assert "overlay.test-site.change-1" not in [one.rule for one in without.warnings]


def test_a_category_moves_an_offer(write: Write, knowledge: KnowledgeBase) -> None:
    text = PATIENT.read_text()
    before = [one.regimen for one in evaluate(text, knowledge).therapies]
    report = report_with(write("categories: {therapy.second-line.t-dxd: later_line}"))
    assert before[0] == "t-dxd"
    assert report.therapies[0].regimen != "t-dxd"
    assert change(report, "change-1").touches == ("Trastuzumab deruxtecan (T-DXd)",)


def test_the_order_of_the_criteria_can_be_changed_but_none_left_out(write: Write) -> None:
    order = "[determined, category, situation, evidence, benefit, biomarkers, warnings]"
    report = report_with(write(f"criteria: {order}"))
    assert change(report, "change-1").touches == ("the order of the candidates",)
    assert load(write(f"criteria: {order}")).knowledge.data.ranking.criteria[0].id == "determined"
    assert "name each of category," in faults_of(write("criteria: [category, evidence]"))


def test_own_evidence_stands_beside_that_of_the_base() -> None:
    report = report_with(EXAMPLE)
    t_dm1 = next(one for one in report.therapies if one.regimen == "t-dm1")
    studies = [one.study.id for one in t_dm1.evidence]
    assert "example-t-dm1-cohort" in studies
    assert "emilia" in studies
    assert "example-registry" in [one.id for one in report.sources]


def test_an_offer_may_rest_on_a_sites_own_source(write: Write) -> None:
    rule = (
        "- id: therapy.site.t-dm1\n  title: T-DM1 at this site\n  when: {her2.class: positive}\n"
        "  offer: {regimen: t-dm1, category: preferred, because: The site says so.}\n"
        "  evidence: [emilia]\n  cites: [{source: test-formulary, at: Chapter 1}]\n"
    )
    report = report_with(write("adds: {therapies: [therapy.site.t-dm1]}", files={"therapies/site.yaml": rule}))
    t_dm1 = next(one for one in report.therapies if one.regimen == "t-dm1")
    assert "therapy.site.t-dm1" in [one.rule for one in t_dm1.because]


def test_what_replaces_keeps_the_place_of_what_it_replaces() -> None:
    base, over = (load_knowledge(PROJECT / "rules", overlay=one, use_cache=False) for one in (None, EXAMPLE))
    ids = [[one.id for one in knowledge.knowledge.data.regimens] for knowledge in (base, over)]
    assert ids[0] == ids[1]
    taxanes = over.knowledge.regimens["trastuzumab-pertuzumab-taxane"].components[-1].options
    assert taxanes == ("docetaxel", "paclitaxel")


# --- What the report says of it ---------------------------------------------------------------------------


def test_every_change_is_named_with_who_when_why_and_what_it_touches() -> None:
    report = report_with(EXAMPLE)
    assert report.overlay is not None
    assert report.knowledge.overlay == "example-hospital 1.0.0"
    assert [one.id for one in report.overlay.changes][:2] == ["no-margetuximab", "echo-before-t-dxd"]
    cohort = change(report, "own-t-dm1-cohort")
    assert (cohort.by, cohort.date) == ("Breast oncology, tumour board", "2026-03-20")
    assert cohort.touches == ("Trastuzumab emtansine (T-DM1)",)
    assert change(report, "no-margetuximab").touches == ()
    assert change(report, "chest-ct-before-t-dxd").touches == ("Chest CT",)


def test_all_renderings_name_the_overlay() -> None:
    report = report_with(EXAMPLE)
    text = " ".join(line.text.strip() for line in styled_lines(outline(report)))
    for rendering in (text, to_html(report), report.to_json()):
        assert "example-hospital" in rendering
        assert "The hospital's own registry has newer figures" in rendering.replace("&#39;", "'")
        assert "tucatinib-for-the-brain" in rendering


def test_trial_listings_name_the_overlay() -> None:
    listing = find_trials(PATIENT.read_text(), load(EXAMPLE))
    assert listing.knowledge.overlay == "example-hospital 1.0.0"


def test_a_report_without_an_overlay_says_nothing_of_one(knowledge: KnowledgeBase) -> None:
    report = evaluate(PATIENT.read_text(), knowledge)
    assert report.overlay is None
    assert "Changed at this site" not in to_html(report)


def test_an_overlay_for_another_version_of_the_base_is_noted(write: Write) -> None:
    head = HEAD.replace("base_version: 0.1.0", "base_version: 9.9.9")
    report = report_with(write("withdraws: {regimens: [t-dm1]}", head=head))
    assert report.overlay is not None
    assert "Written for version 9.9.9" in (report.overlay.note or "")


# --- What it must not do ----------------------------------------------------------------------------------

REGIMEN = "- {id: t-dm1, name: T-DM1, components: [{drug: t-dm1}]}\n"
RULE = (
    "- id: request.site\n  title: A test\n  when: {her2.class: positiv}\n"
    "  request: {test: CT, because: why not}\n  cites: [{source: test-formulary, at: Chapter 1}]\n"
)
NEW = "- {id: site-regimen, name: A regimen, components: [{drug: t-dm1}]}\n"
FAULTS = [
    (["withdraws: {regimens: [t-dm1]}"], {"regimens.yaml": REGIMEN}, "replaces: {regimens: [t-dm1]}"),
    (["adds: {regimens: [t-dm1]}"], {"regimens.yaml": REGIMEN}, "the base has 't-dm1' already"),
    (["replaces: {regimens: [site-regimen]}"], {"regimens.yaml": NEW}, "the base has no 'site-regimen' under regimens"),
    (["withdraws: {regimens: [t-dm1]}"], {"regimens.yaml": NEW}, "no change says who added this entry"),
    (["adds: {regimens: [sit-regimen]}"], {"regimens.yaml": NEW}, "did you mean 'site-regimen'?"),
    (["adds: {regimens: [site-regimen]}"] * 2, {"regimens.yaml": NEW}, "declared by the change 'change-1' too"),
    (["withdraws: {regimens: [t-dm11]}"], {}, "did you mean 't-dm1'"),
    (["categories: {therapy.second-line.t-dx: preferred}"], {}, "did you mean 'therapy.second-line.t-dxd'"),
    (["categories: {class.hr.positive: preferred}"], {}, "is no offer and has no category"),
    (["attaches: {therapy.second-line.t-dxd: [emila]}"], {}, "unknown evidence 'emila'"),
    (["adds: {tests_to_request: [request.site]}"], {"tests_to_request/x.yaml": RULE}, "did you mean 'positive'?"),
    (["restricts: {on: {drugs: [t-dm1]}, when: {x.y: 1}, effect: warn}"], {}, "unknown fact 'x.y'"),
    (["withdraws: {regimens: [t-dm1]}\n    criteria: [category]"], {}, "exactly one of adds, replaces"),
    (["withdraw: {regimens: [t-dm1]}"], {}, "unknown field 'withdraw'"),
    (["withdraws: {regimens: [t-dm1]}"], {"ranking.yaml": "categories: []\n"}, "ranking.yaml"),
    (["withdraws: {regimens: [t-dm1]}"], {"sources.yaml": SOURCES.replace("site", "review")}, "adds no review"),
    (["withdraws: {regimens: [t-dm1]}"], {"sources.yaml": SOURCES.replace("formulary", "x")}, "unknown source"),
    (["withdraws: {regimens: [t-dm1]}"], {"regimens.yaml": NEW + NEW}, "duplicate id; it stands first at"),
]


@pytest.mark.parametrize(("actions", "files", "mention"), FAULTS)
def test_a_fault_names_file_and_line_and_keeps_the_whole_overlay_out(
    actions: list[str], files: dict[str, str], mention: str, write: Write
) -> None:
    message = faults_of(write(*actions, files=files))
    assert mention in message
    assert "\nsite/" in message


def test_a_change_without_who_when_why_or_source_is_refused(write: Write) -> None:
    folder = write("withdraws: {regimens: [t-dm1]}")
    path = folder / "overlay.yaml"
    sound = path.read_text()
    for field in ("by", "date", "because", "cites"):
        path.write_text("\n".join(line for line in sound.splitlines() if not line.startswith(f"    {field}:")))
        assert f"{field}: required field is missing" in faults_of(folder)


def test_faults_in_a_condition_point_at_its_line(write: Write) -> None:
    folder = write("restricts:\n      on: {drugs: [t-dm1]}\n      effect: warn\n      when:\n        x.y: 1")
    line = next(
        number for number, text in enumerate((folder / "overlay.yaml").read_text().splitlines(), 1) if "x.y" in text
    )
    assert f"site/overlay.yaml:{line}:" in faults_of(folder)


def test_an_overlay_for_another_base_is_refused(write: Write) -> None:
    head = HEAD.replace("base: her2cds-knowledge", "base: another")
    assert "the overlay is for 'another'" in faults_of(write("withdraws: {regimens: [t-dm1]}", head=head))


def test_a_folder_that_is_no_overlay_is_refused(tmp_path: Path) -> None:
    assert "not a folder" in faults_of(tmp_path / "nothing")
    assert "overlay.yaml:0: the file is missing" in faults_of(tmp_path)


def test_the_base_holds_neither_an_overlay_nor_a_sites_sources(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(PROJECT / "rules", rules)
    (rules / "overlay.yaml").write_text(HEAD)
    with pytest.raises(KnowledgeError, match="--overlay"):
        load_knowledge(rules, use_cache=False)
    (rules / "overlay.yaml").unlink()
    with (rules / "sources.yaml").open("a") as stream:
        stream.write(SOURCES)
    with pytest.raises(KnowledgeError, match="belongs into an overlay"):
        load_knowledge(rules, use_cache=False)


# --- The cache and the command line -----------------------------------------------------------------------


def test_the_cache_keeps_base_and_overlays_apart(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HER2CDS_CACHE", str(tmp_path / "cache"))
    folder = write("withdraws: {regimens: [t-dm1]}")
    over = load_knowledge(PROJECT / "rules", overlay=folder)
    base = load_knowledge(PROJECT / "rules")
    assert "overlay.test-site.change-1" in over.knowledge.rules
    assert "overlay.test-site.change-1" not in base.knowledge.rules
    assert load_knowledge(PROJECT / "rules", overlay=folder).knowledge.data == over.knowledge.data
    write("withdraws: {regimens: [t-dxd]}")
    changed = load_knowledge(PROJECT / "rules", overlay=folder).knowledge.rules["overlay.test-site.change-1"]
    assert changed.caution is not None
    assert changed.caution.on.regimens == ("t-dxd",)
    assert len({one.knowledge.data.content_hash for one in (over, base)}) == 2


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", str(PATIENT)],
        ["trials", str(PATIENT)],
        ["questions", str(PATIENT)],
        ["explain", str(PATIENT), "t-dxd"],
        ["what-if", str(PATIENT), "--set", "health.lvef_percent=45"],
        ["compare", str(PATIENT), str(PATIENT)],
        ["validate", str(PATIENT)],
        ["version"],
        ["kb", "check"],
    ],
)
def test_commands_take_an_overlay_as_option_and_from_the_environment(command: list[str], tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(app, [*command, "--overlay", str(EXAMPLE)]).exit_code == 0
    assert runner.invoke(app, command, env={"HER2CDS_OVERLAY": str(tmp_path / "nothing")}).exit_code == 4


def test_the_checks_name_the_overlay() -> None:
    shown = CliRunner().invoke(app, ["kb", "check", "--overlay", str(EXAMPLE)]).output
    assert "overlay example-hospital 1.0.0: sound; 7 changes" in shown


def test_an_overlay_may_hold_every_kind_of_entry_but_the_vocabulary() -> None:
    assert set(get_args(OverlayKind)) == {*LIST_KINDS, *RULE_FOLDERS} - {"vocabulary"}
