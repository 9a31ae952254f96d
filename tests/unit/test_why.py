"""Why and why not: trees, values, origins, chains, nearest rules, and what separates two candidates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from her2cds import KnowledgeBase, ProfileError, evaluate
from her2cds.errors import UnknownNameError
from her2cds.evaluation import examine, explain, explain_order
from her2cds.report.context import ReportContext
from her2cds.report.why import Step, WhyNot
from tests.conftest import PROJECT
from tests.property.random_profiles import RandomProfiles


def example(name: str) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((PROJECT / "patient_examples" / f"{name}.json").read_text())
    return tree


def steps(step: Step) -> Iterator[Step]:
    yield step
    for part in step.parts:
        yield from steps(part)


SECOND = "second-line-her2-positive"


def test_a_satisfied_rule_shows_each_test_with_the_patients_value_and_its_json_path(knowledge: KnowledgeBase) -> None:
    why = explain(example(SECOND), "therapy.second-line.t-dxd", knowledge)
    assert (why.kind, why.standing) == ("rule", "satisfied")
    leaves = {one.says: one for one in steps(why.rules[0].tree)}
    assert leaves["prior.agents contains trastuzumab"].truth == "true"
    assert leaves["prior.agents contains trastuzumab"].origin == "$.treatments[0].agents"
    assert why.rules[0].citations


def test_a_derived_fact_is_followed_down_to_the_chart(knowledge: KnowledgeBase) -> None:
    why = explain(example(SECOND), "therapy.second-line.t-dxd", knowledge)
    (her2,) = (one for one in steps(why.rules[0].tree) if one.says == "her2.class is positive")
    assert her2.value == "positive"
    assert her2.origin == "class.her2.positive.ihc3"
    below = {one.says: one.origin for one in steps(her2)}
    assert below["her2.ihc is 3+"] == "$.specimens[1].her2_ihc"


def test_a_regimen_that_is_not_offered_names_the_nearest_rule_and_what_failed(knowledge: KnowledgeBase) -> None:
    why = explain(example(SECOND), "neratinib-capecitabine", knowledge)
    assert why.standing.startswith("not offered")
    assert why.rules[0].id == "therapy.later-line.neratinib-capecitabine"
    failed = {one.test: one.value for one in why.rules[0].failed}
    assert failed["lines.anti_her2 at least 2"] == "1"


def test_a_regimen_that_is_ruled_out_names_the_restriction(knowledge: KnowledgeBase) -> None:
    why = explain(example("second-line-active-ild"), "t-dxd", knowledge)
    assert why.standing == "ruled out for this patient"
    assert [one.effect for one in why.restrictions if one.verdict == "satisfied" and one.effect == "exclude"]


def test_progression_on_an_agent_is_told_with_the_course(knowledge: KnowledgeBase) -> None:
    tree = example(SECOND)
    tree["treatments"].append({"setting": "metastatic", "agents": ["T-DXd"], "stop_reason": "progression"})
    why = explain(tree, "t-dxd", knowledge)
    assert "$.treatments[1]" in why.notes[0]


def test_a_ranked_regimen_says_its_place(knowledge: KnowledgeBase) -> None:
    assert explain(example(SECOND), "t-dxd", knowledge).standing == "ranked 1 of 3"


def test_an_unknown_test_names_the_facts_to_ask_for(knowledge: KnowledgeBase) -> None:
    why = explain(example(SECOND), "NCT04740918", knowledge)
    assert why.standing.startswith("possibly eligible")
    assert why.rules[0].missing == ("biomarker.pd_l1",)


def test_a_trial_that_is_never_suggested_says_why(knowledge: KnowledgeBase) -> None:
    why = explain(example(SECOND), "NCT02952729", knowledge)
    assert why.standing.startswith("never suggested")
    assert "safety" in why.standing


def test_criteria_and_derived_facts_can_be_explained_too(knowledge: KnowledgeBase) -> None:
    assert explain(example(SECOND), "her2-positive-advanced", knowledge).standing == "satisfied"
    fact = explain(example(SECOND), "her2.class", knowledge)
    assert (fact.kind, fact.standing) == ("fact", "positive")
    assert fact.rules[0].id == "class.her2.positive.ihc3"


def test_a_regimen_goes_by_its_name_in_any_case(knowledge: KnowledgeBase) -> None:
    assert explain(example(SECOND), "tucatinib + trastuzumab + CAPECITABINE", knowledge).kind == "regimen"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("t-dx", "t-dxd"),
        ("NCT0474091", "NCT04740918"),
        ("therapy.second-line.tdxd", "therapy.second-line.t-dxd"),
        ("pertuzumab", "trastuzumab-pertuzumab-taxane"),
        ("aspirin", "no regimen holds it"),
        ("zzzzzz", "no regimen, rule, trial"),
    ],
)
def test_an_unknown_name_gets_the_nearest_names(knowledge: KnowledgeBase, name: str, hint: str) -> None:
    with pytest.raises(UnknownNameError, match=hint.replace(".", r"\.")):
        explain(example(SECOND), name, knowledge)


WORDS = {2: "satisfied", 1: "undetermined", 0: "not satisfied"}
TRUTHS = {2: "true", 1: "unknown", 0: "false"}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_the_tree_and_the_engine_never_disagree(knowledge: KnowledgeBase, seed: int) -> None:
    tree = RandomProfiles(seed).tree()
    try:
        case = examine(tree, knowledge)
    except ProfileError:
        return
    for rule in ("therapy.second-line.t-dxd", "biomarker.p95her2.trastuzumab", "NCT04740918", "NCT03289039"):
        why = explain(tree, rule, knowledge)
        assert why.rules[0].verdict == WORDS[case.decision.outcome.verdicts[rule]]


@pytest.mark.parametrize("patient", [SECOND, "sparse-profile", "her2-low-after-chemotherapy", 7, 11])
def test_every_offer_and_trial_is_explained_as_the_engine_decides(knowledge: KnowledgeBase, patient: str | int) -> None:
    tree = example(patient) if isinstance(patient, str) else RandomProfiles(patient).tree()
    base, case = knowledge.knowledge, examine(tree, knowledge)
    context = ReportContext(base, case.decision, case.chart, knowledge.registry)
    explainer = WhyNot(context, case.decision)
    names = [*(rule.id for rule in base.rules_of("therapy")), *(trial.id for trial in base.suggested_trials)]
    assert len(names) > 100
    for name in names:
        rule = explainer.why(name).rules[0]
        truth = case.decision.outcome.verdicts[name]
        assert (rule.id, rule.verdict, rule.tree.truth) == (name, WORDS[truth], TRUTHS[truth])


# --- Ranked because -------------------------------------------------------------------------------


def test_the_criterion_that_separates_two_candidates_is_named_with_both_sides(knowledge: KnowledgeBase) -> None:
    answer = explain_order(example(SECOND), "t-dm1", "t-dxd", knowledge)
    assert (answer.upper.regimen, answer.lower.regimen) == ("t-dxd", "t-dm1")
    assert "preferred before alternative" in answer.because
    assert [one.decides for one in answer.criteria].index(True) == 0
    assert [one.study.id for one in answer.upper.evidence]
    assert "emilia" in [one.study.id for one in answer.lower.evidence]


def test_a_tie_is_called_a_tie(knowledge: KnowledgeBase) -> None:
    tree = example("later-line-after-t-dxd")
    report = evaluate(tree, knowledge)
    tied = [one.regimen for one in report.therapies if one.tied]
    assert len(tied) >= 2
    answer = explain_order(tree, tied[0], tied[1], knowledge)
    assert answer.tied
    assert not any(one.decides for one in answer.criteria)
    assert "no standard order" in answer.because


def test_every_neighbouring_pair_gives_the_reason_that_the_report_gives(knowledge: KnowledgeBase) -> None:
    for file in sorted((PROJECT / "patient_examples").glob("*.json")):
        tree = json.loads(file.read_text())
        therapies = evaluate(tree, knowledge).therapies
        for upper, lower in pairwise(therapies):
            answer = explain_order(tree, lower.regimen, upper.regimen, knowledge)
            assert answer.because == upper.above_the_next_because


@pytest.mark.parametrize(
    ("name", "message"), [("NCT04740918", "not a regimen"), ("neratinib-capecitabine", "not ranked")]
)
def test_only_ranked_regimens_can_be_compared(knowledge: KnowledgeBase, name: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        explain_order(example(SECOND), "t-dxd", name, knowledge)
