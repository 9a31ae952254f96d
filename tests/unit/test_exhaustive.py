"""Exhaustive checks: the counting is right, each check is shown finding its fault, and the bundled base has none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from her2cds import KnowledgeBase, evaluate, load_knowledge
from her2cds.engine.explain import evaluate_plainly
from her2cds.errors import ProfileError
from her2cds.evaluation import as_profile
from her2cds.exhaustive.answers import COVERED, answers
from her2cds.exhaustive.coherence import coherent
from her2cds.exhaustive.derivations import QUESTION, derivations
from her2cds.exhaustive.minimal import ways_to, words
from her2cds.exhaustive.model import Answer
from her2cds.exhaustive.regimens import ALONE, SAFE, USEFUL, regimens
from her2cds.exhaustive.residual import Residuals
from her2cds.exhaustive.run import exhaust
from her2cds.exhaustive.sweep import sweep
from her2cds.exhaustive.variables import CAN_BE_NOT_APPLICABLE, as_facts
from her2cds.facts.derive import derive_facts
from her2cds.facts.truth import Truth
from her2cds.facts.values import ScalarFact, truth_of
from her2cds.knowledge.conditions import All, AnyOf, Leaf, Not
from her2cds.profile.read import make_chart
from her2cds.scenarios.run import TODAY
from tests.conftest import PROJECT
from tests.property.random_profiles import RandomProfiles
from tests.small_base import small_base

pytestmark = pytest.mark.usefixtures("parsed_once")

SMALL = small_base(
    facts={
        "a.word": {"type": "enum", "values": ["red", "green", "blue"], "partial": True},
        "a.number": {"type": "number", "minimum": 0, "maximum": 100},
        "a.set": {"type": "set", "values": ["one", "two"]},
        "b.derived": {"type": "enum", "values": ["low", "high"], "derived": True},
        "b.flag": {"type": "bool", "derived": True, "default": "false"},
    },
    criteria={"big": {"a.number": {"at_least": "10"}}},
    derive=[("high", {"criterion": "big"}), ("low", {"a.number": {"less_than": "10"}})],
    flag={"a.set": {"contains_any": ["one", "two"]}},
    rules=[
        {"all": [{"a.word": {"in": ["red", "green"]}}, {"b.derived": "high"}, {"not": {"b.flag": "true"}}]},
        {"any": [{"a.word": "red"}, {"a.set": {"known": "true"}}, {"a.number": {"known": "true"}}]},
    ],
)


def test_cases_stand_for_every_combination_and_agree_with_the_independent_evaluator() -> None:
    """The whole product, one by one, against the sweep that counts alike combinations together."""
    names = [rule.id for rule in SMALL.data.rules]
    conditions = [SMALL.conditions[name] for name in names]
    swept = sweep(SMALL, conditions)
    residuals = Residuals(SMALL, (All(()), *conditions))
    counted: dict[tuple[Truth, ...], int] = {}
    for choice in product(*(residuals.classes(variable) for variable in residuals.variables)):
        facts = as_facts(zip(residuals.variables, choice, strict=True))
        verdicts = evaluate_plainly(SMALL, facts).verdicts
        truths = tuple(verdicts[name] for name in names)
        counted[truths] = counted.get(truths, 0) + 1
    assert {case.truths: case.combinations for case in swept.cases} == counted
    assert sum(counted.values()) == swept.combinations > len(swept.cases)


def test_a_question_about_some_patients_counts_those_as_one_about_all_does() -> None:
    about, other = Leaf("b.derived", "is", "high"), SMALL.conditions["rule-0"]
    plain = sweep(SMALL, (about, other))
    narrowed = sweep(SMALL, (other,), about=about)
    meant = {case.truths: case.combinations for case in plain.cases if case.truths[0] is Truth.TRUE}
    assert {case.truths: case.combinations for case in narrowed.cases if case.truths[0] is Truth.TRUE} == meant != {}
    left_out = [case for case in narrowed.cases if case.truths[0] is not Truth.TRUE]
    assert {case.truths[1] for case in left_out} == {Truth.FALSE}
    assert (narrowed.combinations, narrowed.impossible) == (plain.combinations, plain.impossible)


def test_the_search_for_the_smallest_profile_may_start_with_a_part_of_the_goal() -> None:
    about = Leaf("b.derived", "is", "high")
    goal = All((about, Not(SMALL.conditions["rule-0"])))
    for found in (ways_to(SMALL, goal), ways_to(SMALL, goal, about=about)):
        shown = {words(choice) for choice in found}
        assert ("a.number: 10", "a.word: blue") in shown


def test_values_that_no_test_tells_apart_are_one_class() -> None:
    tests = (Leaf("a.word", "in", ("red", "green")),)
    residuals = Residuals(SMALL, tests)
    (variable,) = residuals.variables
    classes = {one.words: one.truths[0] for one in residuals.classes(variable)}
    assert classes == {"red": Truth.TRUE, "blue": Truth.FALSE, "red or blue": Truth.UNKNOWN}


def test_the_smallest_profile_names_only_what_is_needed() -> None:
    goal = All((SMALL.conditions["rule-0"], AnyOf((Leaf("a.word", "is", "red"), Leaf("a.word", "is", "green")))))
    found = [words(choice) for choice in ways_to(SMALL, goal)]
    assert ("a.number: 10", "a.set contains one: no", "a.set contains two: no", "a.word: red") in found
    assert list(ways_to(SMALL, All((Leaf("a.word", "is", "red"), Not(Leaf("a.word", "is", "red")))))) == []


def test_what_cannot_be_is_left_out() -> None:
    condition = Leaf("a.word", "is", "red")
    swept = sweep(SMALL, (condition,), within=(Not(condition),))
    assert {case.truths for case in swept.cases} == {(Truth.FALSE,), (Truth.UNKNOWN,)}
    assert swept.impossible == 1


def test_an_investigational_regimen_that_is_ruled_out_is_shown_with_the_reason(
    knowledge: KnowledgeBase, examples: Path
) -> None:
    tree = json.loads((examples / "erbb2-mutated-non-amplified.json").read_text(encoding="utf-8"))
    assert "neratinib-fulvestrant" in {one.regimen for one in evaluate(tree, knowledge, today=TODAY).investigational}
    tree.setdefault("health", {})["hypersensitivity_to"] = ["neratinib"]
    report = evaluate(tree, knowledge, today=TODAY)
    assert "neratinib-fulvestrant" not in {one.regimen for one in report.investigational}
    (ruled_out,) = [one for one in report.not_recommended if one.regimen == "neratinib-fulvestrant"]
    assert any("hypersensitive" in reason.because for reason in ruled_out.reasons)


@pytest.mark.parametrize("seed", range(150))
def test_the_conditions_on_what_can_be_hold_for_random_charts(knowledge: KnowledgeBase, seed: int) -> None:
    base = knowledge.knowledge
    every = tuple(base.conditions[rule.id] for rule in base.data.rules)
    try:
        chart = make_chart(as_profile(RandomProfiles(seed).tree()), base, TODAY)
    except ProfileError:
        return
    facts = derive_facts(chart, base)
    for one in coherent(base, every):
        assert isinstance(one, AnyOf)
        if_holds, then_holds = one.parts
        assert isinstance(if_holds, Not)
        assert isinstance(if_holds.part, Leaf)
        assert isinstance(then_holds, Leaf)
        if truth_of(if_holds.part, facts.get(if_holds.part.fact)) is Truth.TRUE:
            assert truth_of(then_holds, facts.get(then_holds.fact)) is not Truth.FALSE, one
    for name, fact in facts.items():
        assert not (isinstance(fact, ScalarFact) and fact.candidates == ()) or name in CAN_BE_NOT_APPLICABLE


CITES = "[{source: tapia2023, at: 3.1.3. TKI}]"


def with_rules(tmp_path: Path, name: str, text: str) -> KnowledgeBase:
    shutil.copytree(PROJECT / "rules", tmp_path / "rules")
    (tmp_path / "rules" / name).write_text(text, encoding="utf-8")
    return load_knowledge(tmp_path / "rules", use_cache=False)


def first_about(found: Iterator[Answer], about: str, question: str = "") -> list[str]:
    answer = next(one for one in found if one.about == about and one.question.startswith(question))
    return [str(fault) for fault in answer.faults]


def test_classification_rules_that_contradict_are_found_with_a_profile(tmp_path: Path) -> None:
    base = with_rules(
        tmp_path,
        "classification/zz.yaml",
        "- id: class.zz\n  title: Another class\n  when: {her2.ihc: 3+}\n"
        f"  derive: {{fact: her2.class, value: low}}\n  cites: {CITES}\n",
    )
    (fault, *_) = first_about(derivations(base.knowledge), "her2.class")
    assert "derive different values of 'her2.class'" in fault
    assert "her2.ihc: 3+" in fault
    assert all(one.question.startswith("no two classification") for one in exhaust(base))


@pytest.mark.exhaustive
def test_an_offer_that_nobody_may_have_is_found(tmp_path: Path) -> None:
    base = with_rules(
        tmp_path,
        "therapies/zz.yaml",
        "- id: therapy.zz\n  title: Pertuzumab again\n"
        "  when: {all: [{her2.class: positive}, {prior.progressed_on: {contains: margetuximab}}]}\n"
        "  offer: {regimen: margetuximab-chemotherapy, category: alternative, because: it is there}\n"
        f"  evidence: [sophia]\n  cites: {CITES}\n",
    )
    (fault,) = first_about(regimens(base), "margetuximab-chemotherapy", USEFUL)
    assert fault == "therapy.zz never holds for a patient who may have margetuximab-chemotherapy"


@pytest.mark.exhaustive
def test_a_change_of_treatment_beside_going_on_is_found(tmp_path: Path) -> None:
    base = with_rules(
        tmp_path,
        "therapies/zz.yaml",
        "- id: therapy.zz\n  title: T-DM1 for everybody\n"
        "  when: {all: [{criterion: her2-positive-advanced}]}\n"
        f"  offer: {{regimen: t-dm1, category: alternative, because: it is there}}\n  evidence: [emilia]\n"
        f"  cites: {CITES}\n",
    )
    (fault, *_) = first_about(answers(base), "going on and changing")
    assert "current.controlled: true" in fault


@pytest.mark.exhaustive
def test_a_line_without_an_offer_is_found(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "rules", tmp_path / "rules")
    path = tmp_path / "rules" / "therapies" / "first-line.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("pathway.first_line", "pathway.later_line"), "utf-8")
    base = load_knowledge(tmp_path / "rules", use_cache=False)
    (fault, *_) = first_about(answers(base), "first line")
    assert "no rule offers anything" in fault
    assert "lines.metastatic: 0" in fault


def test_code_that_forgets_a_contraindication_is_found(
    knowledge: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("her2cds.recommendation.candidates._hypersensitive", lambda *_: iter(()))
    found = [one for _, one in zip(range(2), regimens(knowledge), strict=False)]
    assert [one.question for one in found] == [SAFE, ALONE]
    assert any("listed, although it is ruled out" in str(fault) for fault in found[0].faults)
    assert any("can still be chosen" in str(fault) for fault in found[1].faults)


@pytest.mark.exhaustive
def test_the_bundled_base_has_no_fault_in_any_combination(knowledge: KnowledgeBase) -> None:
    base = knowledge.knowledge
    found = list(exhaust(knowledge))
    assert [(one.about, str(fault)) for one in found for fault in one.faults] == []
    assert all(one.combinations >= one.cases > 0 for one in found)
    # Every question was asked of everything that it concerns.
    about = {question: {one.about for one in found if one.question == question} for question in _questions(found)}
    offered = {rule.offer.regimen for rule in base.rules_of("therapy") if rule.offer}
    assert about[SAFE] == about[USEFUL] == offered
    assert about[ALONE] == {one for one in offered if base.regimens[one].kind == "drugs"}
    assert about[QUESTION] == {one.id for one in base.data.vocabulary if one.derived}
    assert about[COVERED] == {"first line", "second line", "third line and later"}
    # And came to what it says: every line has an offer, every reason against a drug was tried alone.
    assert all("no offer" not in one.outcomes for one in found if one.question == COVERED)
    assert all(one.outcomes["reasons that rule a drug out alone"] >= 5 for one in found if one.question == ALONE)


def _questions(found: list[Answer]) -> set[str]:
    return {one.question for one in found}
