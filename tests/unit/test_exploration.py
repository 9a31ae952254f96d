"""What is missing and what it would change; what if; two patients side by side."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from her2cds import KnowledgeBase, Profile, ProfileError
from her2cds.engine.assume import Assumptions
from her2cds.evaluation import examine
from her2cds.exploration.change import Changes, Comparison, RegimenChanged, compare, what_if
from her2cds.exploration.effects import OpenQuestion, WhatIsMissing, what_is_missing
from her2cds.exploration.possible import possibilities
from her2cds.facts.derive import derive_facts
from her2cds.facts.values import ScalarFact
from her2cds.profile.read import make_chart, profile_from_tree
from her2cds.recommendation.decide import decide
from her2cds.rendering.blocks import Heading
from her2cds.rendering.outline_answers import outline_comparison
from tests.conftest import PROJECT
from tests.property.random_profiles import RandomProfiles


def example(name: str) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((PROJECT / "patient_examples" / f"{name}.json").read_text())
    return tree


def missing_of(tree: dict[str, Any], knowledge: KnowledgeBase) -> WhatIsMissing:
    return what_is_missing(examine(tree, knowledge), knowledge)


def question(missing: WhatIsMissing, fact: str) -> OpenQuestion:
    return next(one for one in missing.questions if one.fact == fact)


EQUIVOCAL = {"disease": {"primary": "breast", "setting": "metastatic"}, "specimens": [{"her2_ihc": "2+"}]}


# --- What is missing --------------------------------------------------------------------------------


def test_the_ish_result_of_an_equivocal_tumour_is_asked_first(knowledge: KnowledgeBase) -> None:
    missing = missing_of(EQUIVOCAL, knowledge)
    assert missing.questions[0].fact == "her2.ish_result"
    positive = next(one for one in missing.questions[0].effects if one.answer == "positive")
    assert "trastuzumab-pertuzumab-taxane" in positive.enters
    assert positive.top_changes


def test_what_holds_everything_back_comes_before_all_else(knowledge: KnowledgeBase) -> None:
    missing = missing_of({}, knowledge)
    needed = [one.fact for one in missing.questions if one.needed]
    assert set(needed) == {"her2.class", "disease.setting"}
    assert [one.fact for one in missing.questions[:2]] == needed
    assert missing.top == ()


def test_a_contraindication_that_is_not_known_shows_what_it_would_rule_out(knowledge: KnowledgeBase) -> None:
    tree = example("second-line-her2-positive")
    del tree["health"]["interstitial_lung_disease"]
    effects = {one.answer: one for one in question(missing_of(tree, knowledge), "health.ild").effects}
    assert "t-dxd" in effects["active"].ruled_out
    assert effects["active"].top == ("tucatinib-trastuzumab-capecitabine",)  # T-DM1 too carries a warning then
    assert effects["never"].changes_nothing or effects["never"].settles


def test_a_number_is_asked_for_in_the_ranges_that_make_a_difference(knowledge: KnowledgeBase) -> None:
    tree = example("second-line-her2-positive")
    del tree["health"]["lvef_percent"]
    answers = [one.answer for one in question(missing_of(tree, knowledge), "health.lvef").effects]
    assert answers == ["below 40 %", "40 to below 50 %", "50 to below 55 %", "55 or more %"]


def test_counts_are_asked_for_as_whole_numbers(knowledge: KnowledgeBase) -> None:
    definition = knowledge.knowledge.facts["lines.metastatic"]
    answers = [
        one.answer for one in possibilities(definition, None, knowledge.knowledge, knowledge.knowledge.conditions)
    ]
    assert answers[0] == "0 lines"
    assert answers[-1].endswith("or more lines")
    assert not any("." in one for one in answers)


def test_an_answer_that_contradicts_the_chart_says_so_and_does_not_count(knowledge: KnowledgeBase) -> None:
    """IHC 3+ with a negative ISH result would make the class indeterminate: no reason to ask for ISH first."""
    tree = {"disease": {"primary": "breast", "setting": "metastatic"}, "specimens": [{"her2_ihc": "3+"}]}
    missing = missing_of(tree, knowledge)
    negative = next(one for one in question(missing, "her2.ish_result").effects if one.answer == "negative")
    assert "her2.class" in negative.overturns
    assert missing.questions[0].fact != "her2.ish_result"


def test_a_test_that_answers_the_question_is_named_with_its_source(knowledge: KnowledgeBase) -> None:
    (test, *_) = question(missing_of(EQUIVOCAL, knowledge), "her2.ish_result").tests
    assert test.rule.startswith("request.")
    assert test.citations


@pytest.mark.parametrize("name", ["sparse-profile", "later-line-after-t-dxd", "her2-equivocal", "early-neoadjuvant"])
def test_questions_that_can_change_the_first_regimen_come_before_those_that_cannot(
    knowledge: KnowledgeBase, name: str
) -> None:
    asked = [one for one in missing_of(example(name), knowledge).questions if not one.needed]
    changes_top = [any(effect.top_changes and not effect.overturns for effect in one.effects) for one in asked]
    assert changes_top == sorted(changes_top, reverse=True)


seeds = st.integers(0, 2**32)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(0, 10**6))
def test_an_assumed_value_gives_what_the_engine_gives_for_it(knowledge: KnowledgeBase, seed: int, pick: int) -> None:
    """The quick way (only what depends on the fact, evaluated plainly) against the engine on all rules."""
    try:
        case = examine(RandomProfiles(seed).tree(), knowledge)
    except ProfileError:
        return
    base, outcome = knowledge.knowledge, case.decision.outcome
    given_facts = derive_facts(case.chart, base)
    open_facts = [fact for fact in given_facts if not getattr(given_facts[fact], "is_known", True)]
    if not open_facts:
        return
    fact = open_facts[pick % len(open_facts)]
    values = list(possibilities(base.facts[fact], given_facts[fact], base, base.conditions))[:3]
    for one in values:
        quick = Assumptions(base, outcome).outcome_if(fact, one.fact)
        full = knowledge.rules.evaluate({**given_facts, fact: one.fact})
        assert quick.verdicts == full.verdicts, (fact, one.answer)
        assert [r.candidate.regimen.id for r in decide(base, quick).ranked] == [
            r.candidate.regimen.id for r in decide(base, full).ranked
        ]


def test_assuming_a_derived_fact_pins_it(knowledge: KnowledgeBase) -> None:
    outcome = examine({"disease": {"setting": "metastatic", "primary": "breast"}}, knowledge).decision.outcome
    then = Assumptions(knowledge.knowledge, outcome).outcome_if("her2.class", ScalarFact(("positive",), "assumed"))
    assert then.facts["her2.class"] == ScalarFact(("positive",), "assumed")
    assert decide(knowledge.knowledge, then).ranked


# --- What if ----------------------------------------------------------------------------------------


def kinds(comparison: Comparison) -> dict[str, str]:
    return {one.regimen: one.kind for one in comparison.regimens}


def standing(comparison: Comparison, regimen: str) -> RegimenChanged:
    return next(one for one in comparison.regimens if one.regimen == regimen)


def test_active_brain_metastases_move_tucatinib_to_the_top_and_say_why(knowledge: KnowledgeBase) -> None:
    changes = Changes(set={"brain_metastases.status": "progressing"})
    comparison = what_if(example("second-line-her2-positive"), changes, knowledge)
    tucatinib = next(one for one in comparison.regimens if one.regimen == "tucatinib-trastuzumab-capecitabine")
    assert (tucatinib.kind, tucatinib.before[0], tucatinib.after[0]) == ("moved", "3", "1")
    assert any("alternative → preferred" in one for one in tucatinib.because)
    assert kinds(comparison)["local-cns-therapy"] == "entered"
    assert ("brain.status", "none", "progressing") in [(one.fact, one.before, one.after) for one in comparison.facts]
    assert "NCT04752059" in comparison.trials.opened


def test_progression_on_a_drug_now_takes_it_out_and_opens_the_next_line(knowledge: KnowledgeBase) -> None:
    comparison = what_if(example("second-line-her2-positive"), Changes(set={}, progresses_on=("T-DXd",)), knowledge)
    t_dxd = next(one for one in comparison.regimens if one.regimen == "t-dxd")
    assert (t_dxd.kind, t_dxd.after) == ("left", "ruled out")
    assert "progressed on this agent" in t_dxd.because[0]
    assert kinds(comparison)["neratinib-capecitabine"] == "entered"
    entered = next(one for one in comparison.regimens if one.regimen == "neratinib-capecitabine")
    assert any("lines.anti_her2 1 → 2" in one for one in entered.because)


def test_progression_ends_the_course_that_goes_on(knowledge: KnowledgeBase) -> None:
    tree = example("second-line-her2-positive")
    tree["treatments"].append({"setting": "metastatic", "line": 2, "agents": ["DS-8201a"], "ongoing": True})
    comparison = what_if(tree, Changes(set={}, progresses_on=("T-DXd",)), knowledge)
    assert next(one for one in comparison.regimens if one.regimen == "t-dxd").after == "ruled out"
    assert len(tree["treatments"]) == 2  # the profile that was given is left alone


def test_several_changes_are_made_together(knowledge: KnowledgeBase) -> None:
    changes = Changes(
        set={"$.health.interstitial_lung_disease.status": "active", "specimens[1].her2_ihc": "3+"},
        remove=("biomarkers",) if "biomarkers" in example("second-line-her2-positive") else (),
        append={"genomic_tests": {"genes_covered": ["PTEN"], "alterations": [{"gene": "PTEN", "kind": "loss"}]}},
    )
    comparison = what_if(example("second-line-her2-positive"), changes, knowledge)
    assert kinds(comparison)["t-dxd"] == "left"
    assert any(one.fact == "alterations" for one in comparison.facts)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (Changes(set={"brain_metastases.stauts": "progressing"}), "Did you mean 'status'"),
        (Changes(set={"brain_metastases.status": "progresing"}), "Did you mean 'progressing'"),
        (Changes(set={"health.lvef_percent": "sixty"}), "health.lvef_percent"),
        (Changes(set={"health.lvef_percent": 500}), "less than or equal to 90"),
        (Changes(set={"treatments.7.stop_reason": "toxicity"}), "treatments.7.stop_reason"),
        (Changes(set={"treatments.first.stop_reason": "toxicity"}), "the number of an element"),
        (Changes(set={"": 1}), "no field"),
        (Changes(set={}, remove=("health.nothing",)), "health.nothing"),
        (Changes(set={}, append={"patient": 3}), "a list to append to"),
        (Changes(set={"specimens.1.her2_reported": "negative"}), "her2_reported"),
    ],
)
def test_a_change_that_makes_no_profile_gets_the_errors_of_the_profile(
    knowledge: KnowledgeBase, changes: Changes, message: str
) -> None:
    with pytest.raises(ProfileError, match=message.replace("$", r"\$")):
        what_if(example("second-line-her2-positive"), changes, knowledge)


def test_no_change_changes_nothing(knowledge: KnowledgeBase) -> None:
    changes = Changes(set={"note": "a remark that nothing reads"})
    comparison = what_if(example("later-line-after-t-dxd"), changes, knowledge)
    assert set(kinds(comparison).values()) == {"same"}
    assert comparison.facts == ()
    assert (comparison.trials.opened, comparison.trials.closed) == ((), ())


# --- Two profiles -----------------------------------------------------------------------------------


def test_two_patients_are_compared_both_ways(knowledge: KnowledgeBase) -> None:
    one, other = (examine(example(name), knowledge) for name in ("second-line-her2-positive", "her2-zero"))
    there, back = compare(one, other, knowledge), compare(other, one, knowledge)
    assert kinds(there)["t-dxd"] == "left"
    assert kinds(back)["t-dxd"] == "entered"
    assert "HER2-zero" in (there.statement_after or "")
    assert there.trials.opened == back.trials.closed


@settings(max_examples=40, deadline=None)
@given(seeds, seeds)
def test_every_regimen_that_stands_differently_has_a_reason(knowledge: KnowledgeBase, one: int, other: int) -> None:
    cases = []
    for seed in (one, other):
        try:
            cases.append(examine(RandomProfiles(seed).tree(), knowledge))
        except ProfileError:
            return
    for regimen in compare(cases[0], cases[1], knowledge).regimens:
        assert bool(regimen.because) == (regimen.kind != "same"), regimen


def test_what_becomes_investigational_or_is_so_no_longer_says_by_which_rule(knowledge: KnowledgeBase) -> None:
    luminal = example("later-line-after-t-dxd")
    other = copy.deepcopy(luminal) | {"biomarkers": {"pam50": "her2_enriched"}}
    rule = "therapy.later-line.palbociclib-trastuzumab-letrozole"
    closed = standing(compare(luminal, other, knowledge), "palbociclib-trastuzumab-endocrine")
    assert (closed.kind, closed.before, closed.after) == ("changed", "investigational", "not offered")
    assert any(one.startswith(f"{rule} fails: biomarker.pam50") for one in closed.because)
    opened = standing(compare(other, luminal, knowledge), "palbociclib-trastuzumab-endocrine")
    assert any(one.startswith(f"{rule} is satisfied (biomarker.pam50 her2_enriched →") for one in opened.because)


def test_what_is_listed_no_longer_says_what_has_to_be_known_first(knowledge: KnowledgeBase) -> None:
    changes = Changes(remove=("specimens", "genomic_tests"))
    t_dxd = standing(what_if(example("second-line-her2-positive"), changes, knowledge), "t-dxd")
    assert t_dxd.because == ("nothing is listed until this is known: her2.class",)


@pytest.mark.parametrize("path", sorted((PROJECT / "patient_examples").glob("*.json")), ids=lambda path: path.stem)
def test_a_patient_may_be_given_as_text_tree_profile_or_case(knowledge: KnowledgeBase, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree, case = json.loads(text), examine(text, knowledge)
    forms = [text, text.encode(), tree, Profile.model_validate(tree)]
    missing = {what_is_missing(one, knowledge).to_json() for one in (*forms, case)}
    assert len(missing) == 1
    changes = Changes(set={"health.lvef_percent": 30})
    assert len({what_if(one, changes, knowledge).to_json() for one in forms}) == 1
    assert len({compare(one, case, knowledge).to_json() for one in (*forms, case)}) == 1
    assert len({compare(case, one, knowledge).to_json() for one in forms}) == 1


def test_what_is_no_profile_is_refused_by_every_question(knowledge: KnowledgeBase) -> None:
    good, bad = example("her2-zero"), '["no", "profile"]'
    with pytest.raises(ProfileError):
        what_is_missing(bad, knowledge)
    with pytest.raises(ProfileError):
        what_if(bad, Changes(remove=("date",)), knowledge)
    with pytest.raises(ProfileError, match="the second patient profile"):
        compare(good, bad, knowledge)


def headline(comparison: Comparison) -> str:
    heading = next(iter(outline_comparison(comparison)))
    assert isinstance(heading, Heading)
    return heading.text


def test_the_headline_says_what_if_only_where_something_was_changed(knowledge: KnowledgeBase) -> None:
    tree, nameless = example("her2-zero"), example("her2-zero")
    del nameless["id"]
    assert headline(compare(tree, tree, knowledge)) == "her2-zero, before and after"
    assert headline(compare(nameless, nameless, knowledge)) == "Before and after"
    assert headline(compare(tree, nameless, knowledge)) == "her2-zero and after"
    changes = Changes(set={"patient.ecog": 2})
    assert headline(what_if(tree, changes, knowledge)) == "What if, for her2-zero"
    assert headline(what_if(nameless, changes, knowledge)) == "What if"


def test_the_profile_given_is_never_changed(knowledge: KnowledgeBase) -> None:
    tree = example("second-line-her2-positive")
    before = copy.deepcopy(tree)
    what_if(tree, Changes(set={"health.lvef_percent": 30}, progresses_on=("T-DM1",)), knowledge)
    assert tree == before


def test_questions_never_name_a_known_fact(knowledge: KnowledgeBase) -> None:
    for file in sorted((PROJECT / "patient_examples").glob("*.json")):
        tree = json.loads(file.read_text())
        chart = make_chart(profile_from_tree(tree), knowledge.knowledge)
        facts = derive_facts(chart, knowledge.knowledge)
        for one in missing_of(tree, knowledge).questions:
            fact = facts.get(one.fact)
            assert fact is None or not fact.is_known, (file.stem, one.fact)
