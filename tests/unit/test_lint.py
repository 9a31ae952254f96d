"""Lint: each check is shown failing on a knowledge base with that fault, and the bundled one passes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from her2cds import KnowledgeBase
from her2cds.errors import MissingTextsError
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import ConditionParser, words
from her2cds.knowledge.load import load_knowledge_base
from her2cds.lint.checks import CHECKS, lint
from her2cds.lint.copying import copied_texts
from her2cds.lint.firing import narrowed_to_each_branch
from her2cds.lint.solver import Solver
from tests.conftest import PROJECT

pytestmark = pytest.mark.usefixtures("parsed_once")

CITES = "[{source: tapia2023, at: 3.1.3. TKI}]"


def findings_with(name: str, text: str, check: str, tmp_path: Path) -> list[str]:
    """What one check finds in the bundled base with one more file."""
    shutil.copytree(PROJECT / "rules", tmp_path / "rules")
    path = tmp_path / "rules" / name
    path.write_text(text, encoding="utf-8")
    base = load_knowledge_base(tmp_path / "rules", use_cache=False)
    return [str(one) for one in CHECKS[check](base) if "zz" in str(one)]


CASES = {
    "rules_can_fire": (
        "cautions/zz.yaml",
        "- id: caution.zz\n  title: Never\n"
        "  when: {all: [{her2.ihc: 3+}, {her2.class: low}]}\n"
        f"  caution: {{on: {{drugs: [t-dxd]}}, effect: warn, because: it cannot be}}\n  cites: {CITES}\n",
        "no patient can make this rule fire",
    ),
    "alternatives_can_hold": (
        "tests_to_request/zz.yaml",
        "- id: request.zz\n  title: A dead alternative\n"
        "  when: {all: [{disease.setting: metastatic}, {any: [{her2.ihc: 2+}, {disease.setting: early}]}]}\n"
        f"  request: {{test: something, because: a reason}}\n  cites: {CITES}\n",
        "no patient can meet the alternative 'disease.setting is early' here",
    ),
    "conditions_can_fail": (
        "cautions/zz.yaml",
        "- id: caution.zz\n  title: For everybody\n  when: {any: [{her2.ihc: 2+}, {not: {her2.ihc: 2+}}]}\n"
        f"  caution: {{on: {{drugs: [t-dxd]}}, effect: warn, because: a reason}}\n  cites: {CITES}\n",
        "the condition holds for every patient",
    ),
    "offers_agree_on_their_category": (
        "therapies/zz.yaml",
        "".join(
            f"- id: therapy.zz{number}\n  title: An offer\n  when: {{her2.ihc: 2+}}\n  offer: {{regimen: t-dxd, "
            f"category: {category}, because: a reason}}\n  evidence: [emilia]\n  cites: {CITES}\n"
            for number, category in ((1, "preferred"), (2, "later_line"))
        ),
        "to the same patients: as preferred and later_line",
    ),
    "cautions_are_not_beside_an_exclusion": (
        "cautions/zz.yaml",
        "".join(
            f"- id: caution.zz{number}\n  title: A caution\n  when: {{her2.ihc: 2+}}\n"
            f"  caution: {{on: {{drugs: [t-dxd]}}, effect: {effect}, because: a reason}}\n  cites: {CITES}\n"
            for number, effect in ((1, "exclude"), (2, "monitor"))
        ),
        "says `monitor` of what caution.zz1 always rules out",
    ),
    "criteria_are_used": (
        "criteria/zz.yaml",
        "- id: zz-criterion\n  title: A criterion\n  when: {her2.ihc: 2+}\n  because: a reason\n",
        "no condition names this criterion",
    ),
    "derivations_are_exclusive": (
        "classification/zz.yaml",
        "- id: class.zz\n  title: Another class\n  when: {her2.ihc: 3+}\n"
        f"  derive: {{fact: her2.class, value: low}}\n  cites: {CITES}\n",
        "derives another value of 'her2.class'",
    ),
    "rules_do_not_repeat": (
        "tests_to_request/zz.yaml",
        "".join(
            f"- id: request.zz{number}\n  title: The same\n  when: {when}\n"
            f"  request: {{test: one and the same, because: a reason}}\n  cites: {CITES}\n"
            for number, when in ((1, "{her2.ihc: 2+}"), (2, "{not: {not: {her2.ihc: {in: [2+]}}}}"))
        ),
        "always fires together with",
    ),
    "contradictions_are_declared": (
        "biomarkers/zz.yaml",
        "".join(
            f"- id: biomarker.zz{number}\n  title: A marker\n  when: {{alterations: {{contains: 'TP53:mutation'}}}}\n"
            f"  modifies: {{on: {{drugs: [t-dxd]}}, effect: {effect}, level: D, because: a reason, marker: TP53, "
            f"kind: resistance}}\n  cites: {CITES}\n"
            for number, effect in ((1, "favours"), (2, "disfavours"))
        ),
        "contradicts biomarker.zz2 without naming it",
    ),
    "conflicts_are_mutual": (
        "biomarkers/zz.yaml",
        "".join(
            f"- id: biomarker.zz{number}\n  title: A marker\n  when: {{alterations: {{contains: 'TP53:mutation'}}}}\n"
            f"  modifies: {{on: {{drugs: [t-dxd]}}, effect: {effect}, level: D, because: a reason, marker: TP53, "
            f"kind: resistance}}\n{conflict}  cites: {CITES}\n"
            for number, effect, conflict in (
                (1, "favours", "  conflicts_with: [biomarker.zz2]\n"),
                (2, "disfavours", ""),
            )
        ),
        "does not name it back",
    ),
    "offers_survive_their_cautions": (
        "cautions/zz.yaml",
        "- id: caution.zz\n  title: Always out\n"
        "  when: {disease.setting: {in: [metastatic, locally_advanced_unresectable]}}\n"
        f"  caution: {{on: {{drugs: [margetuximab]}}, effect: exclude, because: no use}}\n  cites: {CITES}\n",
        "",
    ),
    "terms_are_spelled": (
        "tests_to_request/zz.yaml",
        "- id: request.zz\n  title: A test of the tumor\n  when: {her2.ihc: 2+}\n"
        f"  request: {{test: something, because: a reason}}\n  cites: {CITES}\n",
        "'tumor' is spelled 'tumour'",
    ),
}


@pytest.mark.parametrize("check", [name for name in CASES if name != "offers_survive_their_cautions"])
def test_each_check_finds_its_fault(check: str, tmp_path: Path) -> None:
    name, text, mention = CASES[check]
    found = findings_with(name, text, check, tmp_path)
    assert any(mention in one and f"[{check}]" in one for one in found), found


NEVER = "{all: [{disease.setting: metastatic}, {her2.ihc: '0'}, {her2.class: positive}]}"
TRIAL = (
    "- id: NCT00000000\n  title: ZZ trial\n  strategy: vaccine\n  population: nobody\n  scope: breast\n"
    f"  when: {NEVER}\n  cites: {CITES}\n"
)
CRITERION = f"- id: zz-never\n  title: A criterion\n  when: {NEVER}\n  because: a reason\n"


@pytest.mark.parametrize(
    ("name", "text", "mention"),
    [("trials/zz.yaml", TRIAL, "this trial's condition true"), ("criteria/zz.yaml", CRITERION, "this criterion true")],
)
def test_trials_and_criteria_that_nobody_can_meet_are_found(name: str, text: str, mention: str, tmp_path: Path) -> None:
    found = findings_with(name, text, "rules_can_fire", tmp_path)
    assert any(mention in one for one in found), found


@pytest.mark.parametrize(
    ("raw", "branches"),
    [
        ({"any": [{"her2.ihc": "2+"}, {"her2.ihc": "3+"}]}, ["her2.ihc is 2+", "her2.ihc is 3+"]),
        ({"all": [{"her2.ihc": "2+"}, {"her2.ihc": "3+"}]}, []),
        ({"not": {"all": [{"her2.ihc": "2+"}, {"her2.ihc": "3+"}]}}, ["her2.ihc is 2+", "her2.ihc is 3+"]),
        ({"not": {"any": [{"her2.ihc": "2+"}, {"her2.ihc": "3+"}]}}, []),
    ],
)
def test_alternatives_are_looked_at_one_by_one(raw: object, branches: list[str], knowledge: KnowledgeBase) -> None:
    condition = ConditionParser(knowledge.knowledge.domains).parse(raw)
    assert [words(branch) for branch, _ in narrowed_to_each_branch(condition)] == branches


def test_an_offer_that_is_always_ruled_out_is_found(tmp_path: Path) -> None:
    name, text, _ = CASES["offers_survive_their_cautions"]
    shutil.copytree(PROJECT / "rules", tmp_path / "rules")
    (tmp_path / "rules" / name).write_text(text, encoding="utf-8")
    base = load_knowledge_base(tmp_path / "rules", use_cache=False)
    found = [str(one) for one in CHECKS["offers_survive_their_cautions"](base)]
    assert any("therapy.later-line.margetuximab" in one and "is always ruled out by caution.zz" in one for one in found)


def test_unused_entries_are_found(tmp_path: Path) -> None:
    drug = "- id: zz-drug\n  name: ZZ drug\n  status: investigational\n  cites: " + CITES + "\n"
    shutil.copytree(PROJECT / "rules", tmp_path / "rules")
    with (tmp_path / "rules" / "drugs.yaml").open("a", encoding="utf-8") as stream:
        stream.write(drug)
    evidence = (
        "- id: zz-study\n  name: ZZ study\n  phase: I\n  design: invented\n  population: nobody\n  level: C\n"
        f"  benefit: none\n  summary: nothing\n  reported_by: {CITES}\n"
    )
    (tmp_path / "rules" / "evidence" / "zz.yaml").write_text(evidence, encoding="utf-8")
    for file, entry in {
        "regimens.yaml": "- id: zz-regimen\n  name: ZZ regimen\n  components: [{drug: t-dxd}]\n",
        "drug_classes.yaml": "- {id: zz-class, name: ZZ class}\n",
    }.items():
        with (tmp_path / "rules" / file).open("a", encoding="utf-8") as stream:
            stream.write(entry)
    found = lint(load_knowledge_base(tmp_path / "rules", use_cache=False))
    assert {"zz-drug", "zz-study", "zz-regimen", "zz-class"} <= {one.entry for one in found}


def test_every_check_is_shown() -> None:
    shown = {
        *CASES,
        "drugs_are_used",
        "drug_classes_are_used",
        "regimens_are_used",
        "evidence_is_used",
        "offers_are_sourced",
        "origins_are_in_the_profile",
    }
    assert set(CHECKS) == shown


@pytest.mark.parametrize("origin", ["health.lvef", "a chart", "treatments[].agent", "health.lvef_percent.value"])
def test_an_origin_that_no_profile_has_is_found(origin: str, knowledge: KnowledgeBase) -> None:
    data = knowledge.knowledge.data
    facts = tuple(
        one.model_copy(update={"origin": origin}) if one.id == "health.lvef" else one for one in data.vocabulary
    )
    found = CHECKS["origins_are_in_the_profile"](Knowledge(data.model_copy(update={"vocabulary": facts})))
    assert [one.entry for one in found] == ["health.lvef"]


def test_a_study_without_a_rule_says_why_it_is_kept(knowledge: KnowledgeBase) -> None:
    data = knowledge.knowledge.data
    changes = {"emilia": "kept for no reason", "cerebel": None}
    evidence = tuple(
        one.model_copy(update={"no_rule_because": changes[one.id]}) if one.id in changes else one
        for one in data.evidence
    )
    found = CHECKS["evidence_is_used"](Knowledge(data.model_copy(update={"evidence": evidence})))
    messages = {one.entry: one.message for one in found}
    assert "out of date" in messages["emilia"]
    assert "does not say why it is kept" in messages["cerebel"]
    assert set(messages) == set(changes)


def test_the_bundled_base_has_no_lint_errors(knowledge: KnowledgeBase) -> None:
    assert [str(one) for one in lint(knowledge.knowledge) if one.severity == "error"] == []


def test_copied_text_is_found(tmp_path: Path, knowledge: KnowledgeBase) -> None:
    for source in knowledge.knowledge.data.sources:
        if source.file:
            (tmp_path / source.file).write_text("nothing of the kind", encoding="utf-8")
    assert list(copied_texts(knowledge.knowledge, tmp_path)) == []
    rule = knowledge.knowledge.rules["therapy.second-line.t-dxd"]
    assert rule.offer
    (tmp_path / "wang2022.txt").write_text(f"Before. {rule.offer.because} After.", encoding="utf-8")
    found = list(copied_texts(knowledge.knowledge, tmp_path))
    assert [one.entry for one in found] == ["therapy.second-line.t-dxd"]


def test_without_the_texts_nothing_is_said_to_be_copied(tmp_path: Path, knowledge: KnowledgeBase) -> None:
    with pytest.raises(MissingTextsError, match=r"not found: .*tapia2023\.txt"):
        list(copied_texts(knowledge.knowledge, tmp_path))


def test_the_solver_looks_through_derived_facts(knowledge: KnowledgeBase) -> None:
    base = knowledge.knowledge
    solver = Solver(base)
    first, second = base.conditions["class.pathway.first-line"], base.conditions["class.pathway.later-line"]
    assert solver.can_hold_together((first, True))
    assert not solver.can_hold_together((first, True), (second, True))
    offer = base.conditions["therapy.first-line.trastuzumab-pertuzumab-taxane"]
    assert solver.implies(offer, base.conditions["class.advanced"])
    assert not solver.implies(base.conditions["class.advanced"], offer)
