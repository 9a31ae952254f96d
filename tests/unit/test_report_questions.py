"""The questions of a report: first what the choice of treatment hangs on, and each measurement once."""

from __future__ import annotations

import json
from typing import Any

from her2cds import KnowledgeBase, evaluate
from her2cds.rendering.words import question_words
from tests.conftest import PROJECT


def example(name: str) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((PROJECT / "patient_examples" / f"{name}.json").read_text())
    return tree


def test_the_question_that_the_standard_hangs_on_comes_first(knowledge: KnowledgeBase) -> None:
    report = evaluate(example("her2-equivocal"), knowledge)
    first = report.questions[0]
    assert first.fact == "her2.ish_result"
    assert first.decides == ("trastuzumab-pertuzumab-taxane",)
    assert len(first.trials) > 12
    assert f"Trials: {len(first.trials)} of them." in question_words(first)


def test_ratio_and_copies_are_not_asked_for_beside_the_ish_result(knowledge: KnowledgeBase) -> None:
    for name in ("her2-equivocal", "first-line-de-novo"):
        asked = {one.fact for one in evaluate(example(name), knowledge).questions}
        assert "her2.ish_result" in asked
        assert not asked & {"her2.ish_ratio", "her2.ish_copies"}


def test_a_class_that_no_single_result_settles_brings_no_question_forward(knowledge: KnowledgeBase) -> None:
    tree = example("her2-equivocal")
    tree["specimens"][0]["her2_ish"] = "equivocal"
    assert not any(one.decides for one in evaluate(tree, knowledge).questions)
