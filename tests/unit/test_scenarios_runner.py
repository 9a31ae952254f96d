"""The scenario runner says what differs, and refuses scenarios that could not fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from her2cds import KnowledgeBase
from her2cds.cli.app import app
from her2cds.scenarios.coverage import coverage
from her2cds.scenarios.leaf_coverage import leaf_coverage
from her2cds.scenarios.model import PatientOf, Scenario, ScenarioError, build_patient, read_scenarios
from her2cds.scenarios.run import run_scenario


def failures(expect: dict[str, Any], knowledge: KnowledgeBase, examples: Path, **patient: Any) -> tuple[str, ...]:
    scenario = Scenario.model_validate(
        {
            "title": "a title long enough",
            "patient": {"example": "second-line-her2-positive", **patient},
            "expect": expect,
        }
    )
    return run_scenario(scenario, knowledge, examples).failures


@pytest.mark.parametrize(
    ("expect", "mention"),
    [
        ({"classification": {"her2.class": "low"}}, "her2.class: expected low, got positive"),
        ({"top_regimen": "t-dm1"}, "top regimen: expected t-dm1, got t-dxd"),
        ({"include": ["lapatinib-letrozole"]}, "expected lapatinib-letrozole to be ranked"),
        ({"exclude": ["t-dxd"]}, "expected t-dxd not to be ranked"),
        ({"order": ["t-dm1", "t-dxd"]}, "expected t-dm1 above t-dxd"),
        ({"order": ["t-dxd", "nothing"]}, "order: expected nothing to be ranked, got"),
        ({"tied": [["t-dxd", "t-dm1"]]}, "to be tied"),
        ({"nothing_ranked": True}, "expected no ranked regimen"),
        ({"conditional": ["t-dxd"]}, "expected t-dxd to be conditional, got determined"),
        ({"determined": ["x"]}, "expected x to be determined, got not ranked"),
        ({"not_recommended": {"t-dxd": "lung"}}, "not recommended of t-dxd"),
        ({"warns": {"t-dxd": "purple"}}, "warnings of t-dxd: expected a mention of 'purple'"),
        ({"checks_first": {"t-dxd": "purple"}}, "checks first of t-dxd"),
        ({"findings": ["biomarker.none"]}, "finding: expected biomarker.none, got"),
        ({"tests": ["request.none"]}, "test: expected request.none, got"),
        ({"asks": ["no.fact"]}, "question: expected no.fact, got"),
        ({"investigational": ["neratinib-fulvestrant"]}, "investigational option: expected neratinib-fulvestrant, got"),
        ({"notices": ["purple"]}, "notices: expected a mention of 'purple'"),
        ({"statement": "Out of scope"}, "statement: expected a mention of 'Out of scope'"),
        ({"discrepancies": ["D999"]}, "discrepancy: expected D999"),
        ({"shows": ["purple"]}, "expected the report to show 'purple'"),
        ({"does_not_show": ["Trastuzumab deruxtecan"]}, "expected the report not to show"),
        ({"fires": ["therapy.her2-low.t-dxd"]}, "expected therapy.her2-low.t-dxd to fire, got it is FALSE"),
        ({"fires": ["therapy.none"]}, "there is no rule therapy.none"),
        ({"just_misses": ["therapy.second-line.t-dxd"]}, "to be missed by one condition, got 0"),
        ({"fires_exactly": {"therapy": []}}, "therapy rules: expected no other, got therapy.second-line.t-dxd"),
        ({"fires_exactly": {"request": ["request.none"]}}, "request rules: expected request.none, got not satisfied"),
        ({"concludes": {"therapy.second-line.t-dxd": "preferred t-dm1"}}, "conclusion of therapy.second-line.t-dxd"),
        ({"concludes": {"therapy.her2-low.t-dxd": "x"}}, "expected therapy.her2-low.t-dxd to fire"),
        ({"invalid": ["something"]}, "profile: expected an invalid profile, got a report"),
    ],
)
def test_each_expectation_can_fail(
    expect: dict[str, Any], mention: str, knowledge: KnowledgeBase, examples: Path
) -> None:
    found = failures(expect, knowledge, examples)
    assert any(mention in failure for failure in found), found


def test_an_invalid_profile_is_a_failure_unless_expected(knowledge: KnowledgeBase, examples: Path) -> None:
    found = failures({"top_regimen": "t-dxd"}, knowledge, examples, set={"patient.ecog": 9})
    assert "expected a report" in found[0]


def test_a_scenario_that_expects_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="could not fail"):
        Scenario.model_validate({"title": "a title long enough", "patient": "x", "expect": {}})


def test_a_faulty_file_names_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("- title: a title long enough\n  patient: x\n  expect: {topregimen: y}\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="topregimen"):
        read_scenarios(path)
    path.write_text("- [", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"x\.yaml"):
        read_scenarios(path)


def test_patients_are_built_from_examples(examples: Path) -> None:
    patient = PatientOf(
        example="first-line-de-novo",
        set={"health.lvef_percent": 40, "specimens.0.her2_ihc": "1+", "biomarkers.pam50": "luminal_a"},
        remove=("patient.region",),
        append={"treatments": {"agents": ["capecitabine"]}},
    )
    tree = build_patient(patient, examples)
    assert tree["health"]["lvef_percent"] == 40
    assert tree["specimens"][0]["her2_ihc"] == "1+"
    assert tree["biomarkers"] == {"pam50": "luminal_a"}
    assert "region" not in tree["patient"]
    assert tree["treatments"] == [{"agents": ["capecitabine"]}]


@pytest.mark.parametrize(
    "patient",
    [
        {"example": "no-such-example"},
        {"example": "first-line-de-novo", "remove": ["health.nothing"]},
        {"example": "first-line-de-novo", "set": {"specimens.7.her2_ihc": "0"}},
    ],
)
def test_a_patient_that_cannot_be_built_is_an_error(patient: dict[str, Any], examples: Path) -> None:
    with pytest.raises(ScenarioError):
        build_patient(PatientOf.model_validate(patient), examples)


def test_leaf_coverage_finds_tests_that_are_not_seen_both_true_and_false(
    knowledge: KnowledgeBase, examples: Path
) -> None:
    scenario = Scenario.model_validate(
        {"title": "a title long enough", "patient": "second-line-her2-positive", "expect": {"top_regimen": "t-dxd"}}
    )
    found = leaf_coverage([scenario], knowledge, examples)
    gaps = {(str(one.leaf), one.missing.name) for one in found.unseen}
    assert ("her2.class is positive", "FALSE") in gaps
    assert ("her2.class is positive", "TRUE") not in gaps
    assert {("biomarker.p95her2 is positive", one) for one in ("TRUE", "FALSE")} <= gaps  # unknown is neither
    assert found.leaves > found.distinct > len(knowledge.knowledge.criteria)
    (heterogeneous,) = [
        one for one in found.unseen if str(one.leaf) == "her2.heterogeneous is true" and one.missing.name == "TRUE"
    ]
    assert "biomarker.her2-heterogeneity.t-dm1" in heterogeneous.owners


def test_coverage_of_a_folder_that_is_not_there_is_an_error(tmp_path: Path, examples: Path) -> None:
    options = ["--scenarios", str(tmp_path / "nowhere"), "--examples", str(examples)]
    result = CliRunner().invoke(app, ["kb", "coverage", *options])
    assert result.exit_code == 2
    assert "no scenarios here" in result.output
    assert "never fired" not in result.output


def test_coverage_finds_rules_that_no_patient_exercises(knowledge: KnowledgeBase, examples: Path) -> None:
    scenario = Scenario.model_validate(
        {"title": "a title long enough", "patient": "second-line-her2-positive", "expect": {"top_regimen": "t-dxd"}}
    )
    found = coverage([scenario], knowledge, examples)
    assert "therapy.second-line.t-dxd" not in found.never_fired
    assert "therapy.second-line.t-dxd.other" not in found.never_just_missed
    assert "therapy.her2-low.t-dxd" in found.never_fired
