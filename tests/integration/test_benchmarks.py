"""The benchmarks compare like with like: every engine gets the same problem and gives the same verdicts."""

from __future__ import annotations

import pytest
from benchmarks.comparison import VerdictsDifferError, check
from benchmarks.growth import grown
from benchmarks.patients import charts, profiles
from benchmarks.peers import in_node
from benchmarks.peers.in_python import ENGINES, Closures, installed
from benchmarks.problem import Problem, ask, problem
from benchmarks.tables import Section, to_markdown

from her2cds import KnowledgeBase
from her2cds.engine.explain import evaluate_plainly
from her2cds.facts.derive import derive_facts


@pytest.fixture(scope="module")
def asked(knowledge: KnowledgeBase) -> Problem:
    return problem(knowledge, charts(8, knowledge))


@pytest.mark.parametrize(("name", "module", "compile_rules"), ENGINES, ids=[name for name, _, _ in ENGINES])
def test_an_engine_gives_the_verdicts_of_her2cds(asked, name, module, compile_rules) -> None:
    if not installed(module):
        pytest.skip(f"{module} is not installed: pip install 'her2cds[bench]'")
    matchers = [compile_rules(level.rules) for level in asked.levels]
    for questions in asked.patients:
        check(name, asked, questions, ask(matchers, questions))


def test_json_rules_engine_gives_the_verdicts_of_her2cds(asked: Problem) -> None:
    if not in_node.installed():
        pytest.skip("json-rules-engine is not below build/node: run `python -m benchmarks --only peers`")
    done = in_node.run(asked, rounds=1)
    assert done.seconds > 0
    for questions, answers in zip(asked.patients, done.answers, strict=True):
        check("json-rules-engine", asked, questions, answers)


def test_an_engine_with_another_verdict_is_refused(asked: Problem) -> None:
    class Forgetful(Closures):
        def __init__(self, rules) -> None:
            super().__init__(dict(list(rules.items())[1:]))

    matchers = [Forgetful(level.rules) for level in asked.levels]

    def check_all() -> None:
        for questions in asked.patients:
            check("forgetful", asked, questions, ask(matchers, questions))

    with pytest.raises(VerdictsDifferError, match="forgetful: other verdicts than her2cds"):
        check_all()


def test_patients_are_the_same_each_time_and_more_of_them_begin_alike() -> None:
    assert profiles(40) == profiles(60)[:40]


def test_generated_rules_are_new_rules_that_the_engine_evaluates_as_the_plain_evaluator_does(
    knowledge: KnowledgeBase,
) -> None:
    larger = grown(knowledge.knowledge, 3)
    derived = len(knowledge.knowledge.rules_of("classification"))
    assert len(larger.rules) == 3 * (len(knowledge.knowledge.rules) - derived) + derived
    assert len(larger.trials) == 3 * len(knowledge.knowledge.trials)
    copies = [rule for rule in larger.data.rules if rule.id.endswith(".copy-1")]
    changed = [rule for rule in copies if rule.when != larger.rules[rule.id.removesuffix(".copy-1")].when]
    assert len(changed) > len(copies) / 2
    base = KnowledgeBase(larger)
    for chart in charts(6, base):
        facts = derive_facts(chart, larger)
        assert base.rules.evaluate(facts).verdicts == evaluate_plainly(larger, facts).verdicts


def test_results_become_a_markdown_table() -> None:
    section = Section("Title", "How.", ("what", "time"), (("one", "1 ms"),))
    assert "| what | time |\n|---|---:|\n| one | 1 ms |" in to_markdown("Machine: small.", [section])
