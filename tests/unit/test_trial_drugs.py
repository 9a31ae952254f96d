"""What stands against the drugs of a trial for one patient: nothing that is ruled out is called eligible anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from her2cds import KnowledgeBase, evaluate, find_trials
from her2cds.cohort.answer import AnswerRows
from her2cds.evaluation import examine
from her2cds.facts.truth import FALSE, TRUE
from her2cds.recommendation.trials import Match
from her2cds.rendering.markdown import to_markdown
from her2cds.rendering.outline import outline
from tests.conftest import PROJECT

DESTINY_08 = "NCT04556773"  # T-DXd in every arm


def patient(name: str, **health: Any) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((PROJECT / "patient_examples" / f"{name}.json").read_text(encoding="utf-8"))
    tree.setdefault("health", {}).update(health)
    return tree


def match(tree: dict[str, Any], trial: str, knowledge: KnowledgeBase) -> Match:
    return next(one for one in examine(tree, knowledge).decision.matches if one.trial.id == trial)


ILD = {"interstitial_lung_disease": {"status": "active", "grade": 2}}


@pytest.mark.parametrize(
    ("health", "drug", "says"),
    [
        (ILD, "t-dxd", "interstitial lung disease"),
        ({"hypersensitivity_to": ["T-DXd"]}, "t-dxd", "hypersensitive"),
        ({"unsuitable_for": ["chemotherapy"]}, "capecitabine", "treating team"),
    ],
)
def test_a_drug_that_is_ruled_out_rules_its_trials_out(
    health: dict[str, Any], drug: str, says: str, knowledge: KnowledgeBase
) -> None:
    found = match(patient("her2-low-after-chemotherapy", **health), DESTINY_08, knowledge)
    assert found.ruled_out
    assert not found.fits
    assert any(note.drug == drug and note.effect == "exclude" and says in note.because for note in found.notes)


def test_what_a_specialist_decides_stands_beside_a_trial_that_fits(knowledge: KnowledgeBase) -> None:
    past = {"interstitial_lung_disease": {"status": "past", "grade": 1}}
    found = match(patient("her2-low-after-chemotherapy", **past), DESTINY_08, knowledge)
    assert found.fits
    assert [note.effect for note in found.notes] == ["conditional"]


def test_a_caution_for_everyone_says_nothing_of_a_patient(knowledge: KnowledgeBase) -> None:
    notes = [
        note for one in examine(patient("second-line-her2-positive"), knowledge).decision.matches for note in one.notes
    ]
    assert {note.rule for note in notes} == {None}


def test_earlier_progression_is_told_of_every_anti_her2_drug_of_the_trial(knowledge: KnowledgeBase) -> None:
    tree = patient("later-line-after-t-dxd")
    progressed = {"trastuzumab", "pertuzumab", "t-dxd"}
    for one in examine(tree, knowledge).decision.matches:
        told = {note.drug for note in one.notes if note.effect == "progressed"}
        assert one.verdict is FALSE or told == progressed & set(one.trial.drugs), one.trial.id
    alone = match(patient("later-line-after-t-dxd"), "NCT04739761", knowledge)
    assert alone.trial.drugs == ("t-dxd",)
    assert [note.effect for note in alone.notes] == ["progressed"]
    assert alone.fits, "whether it is allowed is for the registry to say"


def test_trials_with_nothing_new_against_her2_come_last(knowledge: KnowledgeBase) -> None:
    found = [
        one for one in examine(patient("later-line-after-t-dxd"), knowledge).decision.matches if one.verdict is TRUE
    ]
    old = [bool(one.notes) and one.trial.drugs == ("t-dxd",) for one in found]
    assert any(old)
    first_of_old = old.index(True)
    progressed = [any(note.effect == "progressed" for note in one.notes) for one in found]
    assert all(progressed[first_of_old:])
    tucatinib_with_t_dxd = [one.trial.id for one in found].index("NCT04539938")
    assert tucatinib_with_t_dxd < first_of_old, "tucatinib is new to this patient"


def test_reports_listings_findings_and_cohorts_agree_on_what_is_ruled_out(knowledge: KnowledgeBase) -> None:
    tree = patient("second-line-active-ild", **ILD)
    case = examine(tree, knowledge)
    ruled_out = {one.trial.id for one in case.decision.matches if one.ruled_out and not one.closed}
    assert ruled_out
    report, listing = evaluate(tree, knowledge), find_trials(tree, knowledge)
    assert {trial for reason in report.trials_ruled_out for trial in reason.trials} == ruled_out
    assert {one.id for one in listing.ruled_out} == ruled_out
    assert all(one.eligibility == "a drug of it is ruled out for this patient" for one in listing.ruled_out)
    shown = {one.id for group in listing.groups for one in group.trials}
    named = {trial for finding in report.findings for trial in finding.see_trials}
    named |= {trial for one in report.investigational for trial in one.see_trials}
    rows = {row[3] for row in AnswerRows(("", 1, None), case, knowledge).tables()["trials"]}
    assert ruled_out.isdisjoint(shown | named | rows)
    assert "Fits but for a drug that is ruled out for this patient" in to_markdown(outline(report))


def test_every_drug_against_her2_is_ruled_out_in_pregnancy(knowledge: KnowledgeBase) -> None:
    cautions = [
        rule
        for rule in knowledge.knowledge.rules_of("caution")
        if rule.id.startswith("caution.pregnancy.") and rule.caution and rule.caution.effect == "exclude"
    ]
    ruled_out = {drug for rule in cautions for drug in knowledge.knowledge.target_drugs[rule.id]}
    assert not {one.id for one in knowledge.knowledge.drugs.values() if "anti-her2" in one.classes} - ruled_out


def test_in_pregnancy_an_antibody_cites_the_labels_of_antibodies(knowledge: KnowledgeBase) -> None:
    tree = patient("first-line-de-novo")
    tree["patient"] |= {"pregnancy": "pregnant", "age_years": 34, "menopausal_status": "premenopausal"}
    standard = next(one for one in evaluate(tree, knowledge).not_recommended if "pertuzumab" in one.regimen)
    cited = {cite.source for reason in standard.reasons for cite in reason.citations}
    assert cited == {"us-label-herceptin", "us-label-perjeta"}


def test_active_lung_disease_concerns_every_conjugate_against_her2(knowledge: KnowledgeBase) -> None:
    base = knowledge.knowledge
    concerned = base.target_drugs["caution.ild-active.anti-her2-adc"] | base.target_drugs["caution.ild-active.t-dxd"]
    assert concerned == {one.id for one in base.drugs.values() if "anti-her2-adc" in one.classes}


@pytest.mark.parametrize(
    ("drug_class", "condition"),
    [("anti-her2", "patient.pregnant is true"), ("anti-her2-adc", "health.ild is active")],
)
def test_no_drug_of_a_class_is_forgotten_where_cautions_list_drugs(
    drug_class: str, condition: str, knowledge: KnowledgeBase
) -> None:
    """Pregnancy and active lung disease are told by class and by drug: a new drug has to be in one of them."""
    base = knowledge.knowledge
    cautions = [(rule.id, rule.caution) for rule in base.rules_of("caution")]
    restricting = [
        rule
        for rule, caution in cautions
        if caution and caution.effect in ("exclude", "conditional") and str(base.conditions[rule]) == condition
    ]
    covered = {drug for rule in restricting for drug in base.target_drugs[rule]}
    assert {drug.id for drug in base.data.drugs if drug_class in drug.classes} - covered == set()
    assert covered
