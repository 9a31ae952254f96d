"""The patient's treatment so far: nothing is said of its end that the chart does not say."""

from __future__ import annotations

from typing import Any

import pytest

from her2cds import KnowledgeBase, evaluate
from her2cds.rendering.words import course_words
from her2cds.report.model import TreatmentShown


def shown(knowledge: KnowledgeBase, progressing_now: str | None = None, **course: Any) -> TreatmentShown:
    """The one course of a patient as the report shows it."""
    tree = {
        "disease": {"primary": "breast", "setting": "metastatic", "progressing_now": progressing_now},
        "specimens": [{"her2_ihc": "3+"}],
        "treatments": [{"setting": "metastatic", "agents": ["trastuzumab", "docetaxel"], **course}],
    }
    (one,) = evaluate(tree, knowledge).history
    return one


@pytest.mark.parametrize(
    ("course", "ended"),
    [
        ({}, "end not stated"),
        ({"ongoing": True}, "goes on; whether the disease progresses on it is open"),
        ({"ongoing": False}, "ended, reason and date not stated"),
        ({"end": "2023-05-01"}, "ended, reason not stated"),
        ({"best_response": "progression"}, "progression; end not stated"),
        ({"progression_site": "systemic"}, "progression; end not stated"),
        ({"progression_site": "cns_only"}, "progression in the brain only; end not stated"),
        ({"end": "2023-05-01", "best_response": "progression"}, "progression; ended, reason not stated"),
        ({"ongoing": True, "progression_site": "systemic"}, "goes on, progressing"),
        ({"ongoing": True, "progression_site": "cns_only"}, "goes on, progressing in the brain only"),
        ({"ongoing": True, "best_response": "progression"}, "goes on, progressing"),
        ({"stop_reason": "progression", "progression_site": "cns_only"}, "progression in the brain only"),
        ({"stop_reason": "toxicity"}, "stopped for toxicity"),
        ({"stop_reason": "toxicity", "best_response": "progression"}, "progression; stopped for toxicity"),
    ],
)
def test_a_course_ends_as_the_chart_says_and_goes_on_only_where_the_chart_says_so(
    knowledge: KnowledgeBase, course: dict[str, Any], ended: str
) -> None:
    one = shown(knowledge, **course)
    assert (one.ended, one.goes_on) == (ended, course.get("ongoing") is True)


def test_a_disease_that_progresses_now_progresses_on_the_one_treatment_that_goes_on(knowledge: KnowledgeBase) -> None:
    assert shown(knowledge, "cns_only", ongoing=True).ended == "goes on, progressing in the brain only"
    assert shown(knowledge, "systemic", ongoing=True).ended == "goes on, progressing"
    assert shown(knowledge, "no", ongoing=True).ended == "goes on"


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        ({}, ": end not stated"),
        ({"start": "2022-01-01"}, ", from 2022-01-01: end not stated"),
        ({"end": "2023-01-01"}, ", until 2023-01-01: ended, reason not stated"),
        ({"start": "2022-01-01", "end": "2023-01-01"}, ", 2022-01-01 to 2023-01-01: ended, reason not stated"),
    ],
)
def test_a_single_date_says_whether_it_is_the_start_or_the_end(
    knowledge: KnowledgeBase, dates: dict[str, Any], words: str
) -> None:
    assert course_words(shown(knowledge, **dates)) == words
