"""The engine's verdicts and the independent evaluator's are the same, for random patients and random rule bases."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from her2cds import KnowledgeBase
from her2cds.engine.compiled import CompiledRules
from her2cds.engine.explain import Explainer, PatientTests, evaluate_plainly
from her2cds.engine.selfcheck import RandomFacts, disagreements
from her2cds.errors import EngineError
from her2cds.facts.truth import TRUE
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.normal_form import TooManyAlternativesError
from tests.small_base import small_base

FACTS = {
    "a.flag": {"type": "bool"},
    "a.kind": {"type": "enum", "values": ["one", "two", "three"]},
    "a.count": {"type": "number", "minimum": 0, "maximum": 9},
    "a.set": {"type": "set", "values": ["x", "y", "z"]},
    "b.derived": {"type": "enum", "values": ["low", "high"], "derived": True},
    "b.flag": {"type": "bool", "derived": True, "default": "false"},
}


@pytest.mark.slow
def test_whole_base_over_2000_random_patients(knowledge: KnowledgeBase) -> None:
    assert disagreements(knowledge.rules, patients=2000, seed=20261121) == []


@pytest.mark.soak
def test_whole_base_over_100000_random_patients(knowledge: KnowledgeBase) -> None:
    assert disagreements(knowledge.rules, patients=100_000, seed=1) == []


def leaf(draw: st.DrawFn, facts: list[str]) -> dict[str, object]:
    fact = draw(st.sampled_from(facts))
    definition = FACTS[fact]
    if draw(st.integers(0, 9)) == 0:
        return {fact: {"known": "true"}}
    match definition["type"]:
        case "bool":
            return {fact: draw(st.sampled_from(["true", "false"]))}
        case "enum":
            values = definition["values"]
            if draw(st.booleans()):
                return {fact: draw(st.sampled_from(values))}
            return {fact: {"in": draw(st.lists(st.sampled_from(values), min_size=1, unique=True))}}
        case "number":
            operator = draw(st.sampled_from(["at_least", "at_most", "more_than", "less_than", "is"]))
            number = str(draw(st.integers(0, 9)))
            return {fact: number if operator == "is" else {operator: number}}
    if draw(st.booleans()):
        return {fact: {"contains": draw(st.sampled_from(definition["values"]))}}
    return {fact: {"contains_any": draw(st.lists(st.sampled_from(definition["values"]), min_size=1, unique=True))}}


@st.composite
def conditions(draw: st.DrawFn, facts: list[str], criteria: list[str], depth: int = 3) -> dict[str, object]:
    choice = draw(st.integers(0, 9)) if depth else 0
    if choice <= 4:
        if criteria and draw(st.integers(0, 4)) == 0:
            return {"criterion": draw(st.sampled_from(criteria))}
        return leaf(draw, facts)
    if choice == 5:
        return {"not": draw(conditions(facts, criteria, depth - 1))}
    parts = [draw(conditions(facts, criteria, depth - 1)) for _ in range(draw(st.integers(1, 3)))]
    return {"all" if choice <= 7 else "any": parts}


@st.composite
def bases(draw: st.DrawFn) -> Knowledge:
    given_facts = [name for name, definition in FACTS.items() if not definition.get("derived")]
    criteria = {"c1": draw(conditions(given_facts, []))}
    criteria["c2"] = draw(conditions(given_facts, ["c1"]))
    derive = [
        ("low", draw(conditions(given_facts, ["c1"]))),
        ("high", draw(conditions(given_facts, ["c2"]))),
    ]
    flag = draw(conditions([*given_facts, "b.derived"], ["c1", "c2"]))
    everything = [*given_facts, "b.derived", "b.flag"]
    rules = [draw(conditions(everything, ["c1", "c2"])) for _ in range(draw(st.integers(1, 8)))]
    return small_base(FACTS, criteria, derive, flag, rules)


@settings(max_examples=150, deadline=None)
@given(bases(), st.integers(0, 10_000))
def test_random_small_rule_bases(base: Knowledge, seed: int) -> None:
    try:
        compiled = CompiledRules(base)
    except TooManyAlternativesError:
        return  # such a condition does not load; the loader's check has its own test
    generator = RandomFacts(base, seed)
    for _ in range(15):
        facts = generator.facts()
        try:
            plain = evaluate_plainly(base, facts)
        except EngineError:
            with pytest.raises(EngineError):  # both refuse rules that derive contradicting values
                compiled.evaluate(facts)
            continue
        assert compiled.evaluate(facts).verdicts == plain.verdicts


def test_the_tests_behind_a_verdict_are_those_of_the_explanation(knowledge: KnowledgeBase) -> None:
    generator = RandomFacts(knowledge.knowledge, seed=17)
    for _ in range(20):
        outcome = knowledge.rules.evaluate(generator.facts())
        explainer, tests = Explainer(outcome.facts, knowledge.knowledge), PatientTests(outcome, knowledge.knowledge)
        for node, condition in knowledge.knowledge.conditions.items():
            tree = explainer.explain(condition)
            assert tests.truth(condition) is tree.truth is outcome.verdicts[node]
            assert [*tests.responsible(condition, tree.truth)] == [one.test for one in tree.responsible(tree.truth)]
            assert [*tests.true_ones(condition)] == [one.test for one in tree.leaves() if one.truth is TRUE]


def test_verdicts_do_not_depend_on_how_much_is_kept(knowledge: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("her2cds.engine.memory.MOST", 1)
    assert disagreements(CompiledRules(knowledge.knowledge), patients=60, seed=8) == []


def test_verdicts_do_not_depend_on_who_was_before(knowledge: KnowledgeBase) -> None:
    generator = RandomFacts(knowledge.knowledge, seed=5)
    patients = [generator.facts() for _ in range(60)]
    first = [knowledge.rules.evaluate(facts).verdicts for facts in patients]
    shuffled = list(range(len(patients)))
    random.Random(3).shuffle(shuffled)
    again = {index: knowledge.rules.evaluate(patients[index]).verdicts for index in shuffled}
    assert [again[index] for index in range(len(patients))] == first
