"""Which of several FHIR records about one thing is the newest, where some have no exact day."""

from __future__ import annotations

from typing import Any

import pytest

from her2cds import KnowledgeBase
from her2cds.interop.draft import Imported
from tests.fhir_builders import SNOMED, breast_cancer, coded, imported, observation, patient

STABLE, WORSENED = ("359746009", SNOMED), ("271299001", SNOMED)


def ecog(grade: int, day: str | None, **more: Any) -> dict[str, Any]:
    return observation("89247-1", day, valueInteger=grade, **more)


def read(knowledge: KnowledgeBase, *found: dict[str, Any]) -> Imported:
    return imported(knowledge, patient(), breast_cancer("2018-01-01"), *found)


def test_an_older_value_never_outvotes_a_newer_one_with_a_vague_date(knowledge: KnowledgeBase) -> None:
    result = read(knowledge, ecog(0, "2019-01-01"), ecog(4, "2024-05"))
    assert result.profile["patient"]["ecog"] == 4
    assert result.profile["date"] == "2024-05-01"


@pytest.mark.parametrize("day", ["2019", None])
def test_a_value_that_may_be_the_newest_and_differs_leaves_the_field_open(
    knowledge: KnowledgeBase, day: str | None
) -> None:
    result = read(knowledge, ecog(0, "2019-06-01"), ecog(4, day))
    assert "ecog" not in result.profile["patient"]
    assert result.report.conflicts[0].path == "$.patient.ecog"
    assert any("which holds now?" in one for one in result.report.to_ask)


def test_a_value_that_may_be_the_newest_and_agrees_is_no_matter(knowledge: KnowledgeBase) -> None:
    result = read(knowledge, ecog(1, "2019-06-01"), ecog(1, None), ecog(3, "2017"))
    assert result.profile["patient"]["ecog"] == 1
    assert not result.report.conflicts


def test_a_vague_date_that_is_surely_older_is_set_aside(knowledge: KnowledgeBase) -> None:
    result = read(knowledge, ecog(0, "2019-06-01"), ecog(4, "2018"))
    assert result.profile["patient"]["ecog"] == 0
    assert any(one.found == "patient.ecog 4" for one in result.report.set_aside)


def test_a_day_of_issue_is_not_that_of_the_finding_but_it_blocks_an_older_one(knowledge: KnowledgeBase) -> None:
    issued = observation("10230-1", None, valueQuantity={"value": 30, "unit": "%"}, issued="2024-05-05T10:00:00Z")
    old = observation("10230-1", "2019-01-01", valueQuantity={"value": 62, "unit": "%"})
    result = read(knowledge, old, issued)
    assert "health" not in result.profile
    assert any("issued 2024-05-05" in one.found for one in result.report.not_understood)
    new = observation("10230-1", "2024-06-01", valueQuantity={"value": 62, "unit": "%"})
    assert read(knowledge, new, issued).profile["health"]["lvef_percent"] == 62


def test_a_newer_record_without_a_value_blocks_with_a_vague_date_too(knowledge: KnowledgeBase) -> None:
    result = read(knowledge, ecog(0, "2019-06-01"), observation("89247-1", "2024-05", valueString="worse"))
    assert "ecog" not in result.profile["patient"]


def test_a_worsening_with_a_vague_date_is_newer_than_an_old_stable_disease(knowledge: KnowledgeBase) -> None:
    result = read(knowledge, coded("97509-4", STABLE, "2022-01-01"), coded("97509-4", WORSENED, "2024-05"))
    assert "progressing_now" not in result.profile["disease"]
    assert any("progressing now" in one for one in result.report.to_ask)


def test_a_worsening_without_a_date_leaves_a_stable_disease_open(knowledge: KnowledgeBase) -> None:
    result = read(knowledge, coded("97509-4", STABLE, "2022-01-01"), coded("97509-4", WORSENED, None))
    assert "progressing_now" not in result.profile["disease"]
