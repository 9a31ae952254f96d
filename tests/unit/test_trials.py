"""Trials: completeness, matching, the safety properties, links, and the export for other matchers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from her2cds import KnowledgeBase, ProfileError
from her2cds.evaluation import examine, find_trials
from her2cds.facts.truth import Truth
from her2cds.facts.values import ScalarFact
from her2cds.interop.ctml import export, export_all
from her2cds.knowledge.base import phase_place
from tests.conftest import PROJECT
from tests.property.random_profiles import RandomProfiles

TEXTS = PROJECT.parent / "shared" / "sources"
SAMPLE = PROJECT.parent / "shared" / "samples" / "trials" / "ctml" / "NCT03297606_CAPTUR_Trial_v7.json"
IDENTIFIER = re.compile(r"NCT\s?\d{8}|\b\d{4}-\d{6}-\d{2}\b")


def example(name: str) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((PROJECT / "patient_examples" / f"{name}.json").read_text())
    return tree


def test_every_identifier_of_the_reviews_has_an_entry(knowledge: KnowledgeBase) -> None:
    if not TEXTS.exists():
        pytest.skip("the reviews' texts are not beside the project")
    named = {
        one.replace(" ", "") for file in TEXTS.glob("*.txt") for one in IDENTIFIER.findall(file.read_text("utf-8"))
    }
    assert len(named) >= 131
    assert named - set(knowledge.knowledge.trials) == set()
    assert set(knowledge.knowledge.trials) - named == set()


def test_every_trial_that_may_be_suggested_has_conditions_and_no_other_has(knowledge: KnowledgeBase) -> None:
    for trial in knowledge.knowledge.data.trials:
        assert (trial.when is not None) == (trial.scope in ("breast", "solid")), trial.id


def test_links_between_findings_and_trials_go_both_ways(knowledge: KnowledgeBase) -> None:
    base = knowledge.knowledge
    for rule in base.data.rules:
        for trial in rule.see_trials:
            assert rule.id in base.rules_by_trial[trial]
    listing = find_trials(example("erbb2-mutated-non-amplified"), knowledge)
    shown = {one.id: one for group in listing.groups for one in group.trials}
    assert "biomarker.erbb2-mutation.neratinib" in shown["NCT03289039"].linked_rules
    assert shown["NCT03289039"].answers == ("ERBB2 mutation",)


def test_trials_that_answer_a_finding_come_first_then_the_later_phase(knowledge: KnowledgeBase) -> None:
    listing = find_trials(example("active-brain-metastases"), knowledge)
    for group in listing.groups:
        keys = [
            (one.eligibility != "eligible on what is known", -len(one.answers), phase_place(one.phase))
            for one in group.trials
        ]
        assert keys == sorted(keys)


def test_the_report_shows_a_few_of_each_strategy_and_the_listing_all(knowledge: KnowledgeBase) -> None:
    listing = find_trials(example("second-line-her2-positive"), knowledge)
    assert max(len(group.trials) for group in listing.groups) > 3
    assert all(group.more == 0 for group in listing.groups)
    everyone = (
        *(one.id for group in listing.groups for one in group.trials),
        *(one.id for one in (*listing.closed, *listing.not_eligible, *listing.never_suggested)),
    )
    assert sorted(everyone) == sorted(knowledge.knowledge.trials)


def test_a_trial_that_does_not_fit_says_which_criteria_fail(knowledge: KnowledgeBase) -> None:
    listing = find_trials(example("second-line-her2-positive"), knowledge)
    (low_only,) = (one for one in listing.not_eligible if one.id == "NCT04400695")
    assert [(one.test, one.value) for one in low_only.missed] == [("her2.class is low", "positive")]


def test_a_criterion_that_forbids_is_told_as_such(knowledge: KnowledgeBase) -> None:
    listing = find_trials(example("third-line-after-t-dm1"), knowledge)
    (no_t_dm1,) = (one for one in listing.not_eligible if one.id == "NCT03032107")
    assert "not prior.agents contains t-dm1" in [one.test for one in no_t_dm1.missed]


seeds = st.integers(0, 2**32)
CLASS_TESTS = {"her2.class"}


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_no_trial_matches_a_patient_outside_its_her2_class(knowledge: KnowledgeBase, seed: int) -> None:
    """A trial whose every alternative asks for a class is false for a patient of another class."""
    base = knowledge.knowledge
    try:
        case = examine(RandomProfiles(seed).tree(), knowledge)
    except ProfileError:
        return
    fact = case.decision.outcome.facts["her2.class"]
    assert isinstance(fact, ScalarFact)
    for trial, classes in her2_classes(knowledge).items():
        if fact.value is not None and classes and fact.value not in classes:
            assert case.decision.outcome.verdicts[trial] is Truth.FALSE, (trial, base.trials[trial].population)


def her2_classes(knowledge: KnowledgeBase) -> dict[str, set[str]]:
    """The classes that a trial's conditions allow, where each way to be eligible asks for one."""
    from her2cds.knowledge.conditions import Leaf, Named
    from her2cds.knowledge.normal_form import alternatives

    base = knowledge.knowledge

    def classes_of(condition: Any) -> set[str]:
        found: set[str] = set()
        for alternative in alternatives(condition):
            own: set[str] = set()
            for literal in alternative:
                atom = literal.atom
                if isinstance(atom, Named) and literal.affirmed:
                    own |= classes_of(base.conditions[atom.criterion])
                elif isinstance(atom, Leaf) and atom.fact == "her2.class" and literal.affirmed:
                    own |= set(atom.operand) if isinstance(atom.operand, tuple | frozenset) else {str(atom.operand)}
            if not own:
                return set()
            found |= own
        return found

    return {trial.id: classes_of(base.conditions[trial.id]) for trial in base.data.trials if trial.when}


REMOVABLE = ["biomarkers", "genomic_tests", "health", "brain_metastases", "treatments"]


@settings(max_examples=150, deadline=None)
@given(seeds, st.sampled_from(REMOVABLE))
def test_removing_a_part_never_turns_not_eligible_into_eligible(knowledge: KnowledgeBase, seed: int, part: str) -> None:
    tree = RandomProfiles(seed).tree()
    less = {key: value for key, value in tree.items() if key != part}
    try:
        before, after = (examine(one, knowledge).decision.outcome.verdicts for one in (tree, less))
    except ProfileError:
        return
    for trial in knowledge.knowledge.trials:
        if before.get(trial) is Truth.FALSE:
            assert after[trial] is not Truth.TRUE, trial


@pytest.mark.parametrize(
    ("phase", "place"),
    [
        ("III", 1),
        ("II/III", 2),
        ("II", 3),
        ("Ib/II", 4),
        ("I/II", 4),
        ("I/Ib", 5),
        ("Ib", 5),
        ("early I", 6),
        (None, 7),
    ],
)
def test_phases_are_compared_without_their_letters(phase: str | None, place: int) -> None:
    assert phase_place(phase) == place


# --- CTML -----------------------------------------------------------------------------------------


def test_the_export_writes_one_file_per_trial_that_may_be_suggested(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    exported = export_all(knowledge.knowledge, tmp_path)
    suggested = {one.id for one in knowledge.knowledge.data.trials if one.when is not None}
    assert {one.stem for one in tmp_path.iterdir()} == suggested == {one.trial for one in exported}


def test_an_exported_trial_has_the_shape_of_a_published_one(knowledge: KnowledgeBase) -> None:
    if not SAMPLE.exists():
        pytest.skip("the CTML sample is not beside the project")
    published = json.loads(SAMPLE.read_text("utf-8"))
    ours = export(knowledge.knowledge.trials["NCT04740918"], knowledge.knowledge).ctml
    shared = {"nct_id", "protocol_no", "short_title", "long_title", "phase", "status", "treatment_list", "drug_list"}
    assert shared <= set(ours) & set(published)
    assert all(type(ours[key]) is type(published[key]) for key in shared)
    arm, published_arm = (one["treatment_list"]["step"][0]["arm"][0] for one in (ours, published))
    assert set(arm) == set(published_arm)


FIELDS = {
    "clinical": {"her2_status", "er_status", "pr_status", "age_numerical", "gender", "oncotree_primary_diagnosis"},
    "genomic": {
        "hugo_symbol",
        "variant_category",
        "cnv_call",
        "variant_classification",
        "fusion_partner_hugo_symbol",
    },
    "prior_treatment": {"prior_treatment_agent"},
}


def test_clauses_hold_known_fields_only_and_no_empty_junction(knowledge: KnowledgeBase) -> None:
    def check(clause: dict[str, Any]) -> None:
        ((key, value),) = clause.items()
        if key in ("and", "or"):
            assert value
            for part in value:
                check(part)
        else:
            assert set(value) <= FIELDS[key]

    for trial in knowledge.knowledge.data.trials:
        if trial.when is not None:
            for clause in export(trial, knowledge.knowledge).ctml["treatment_list"]["step"][0]["arm"][0]["match"]:
                check(clause)


def test_what_ctml_cannot_say_is_listed_and_never_narrows(knowledge: KnowledgeBase) -> None:
    exported = export(knowledge.knowledge.trials["NCT04752059"], knowledge.knowledge)
    assert "brain.present is true" in exported.left_out
    assert "brain.present is true" in exported.ctml["additional_criteria"]
    low = export(knowledge.knowledge.trials["NCT04400695"], knowledge.knowledge)
    assert any("CTML does not tell low from zero" in one for one in low.left_out)


def test_an_or_is_written_whole_or_not_at_all(knowledge: KnowledgeBase) -> None:
    """NCT03321981 takes HER2-low ER-positive or HER2-positive disease after T-DM1: each branch can be said in part."""
    exported = export(knowledge.knowledge.trials["NCT03696030"], knowledge.knowledge)
    match = json.dumps(exported.ctml["treatment_list"])
    assert '"or"' not in match
    assert any("brain.active" in one and " or " in one for one in exported.left_out)
