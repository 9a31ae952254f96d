"""Receptor results inside of others: components, contained results; and which specimen each belongs to."""

from __future__ import annotations

from datetime import date as Date
from typing import Any

import pytest

from her2cds import KnowledgeBase
from her2cds.interop.fhir.importing import import_fhir
from tests.fhir_builders import (
    LOINC,
    NEGATIVE,
    POSITIVE,
    SNOMED,
    TODAY,
    bundle,
    coded,
    concept,
    imported,
    observation,
    patient,
)

IHC_0, IHC_1, IHC_2, IHC_3 = (
    *(("LA6111-4", LOINC), ("LA11841-6", LOINC)),
    *(("LA11842-4", LOINC), ("LA11843-2", LOINC)),
)
OLD = coded("85319-2", IHC_3, "2019-01-01", id="old")


def part(code: str, **value: Any) -> dict[str, Any]:
    return {"code": concept(code, LOINC), **value}


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "unit": unit}}


def specimens(knowledge: KnowledgeBase, *resources: dict[str, Any]) -> list[dict[str, Any]]:
    return list(imported(knowledge, *resources).profile["specimens"])


def test_the_components_of_a_panel_are_read_like_observations(knowledge: KnowledgeBase) -> None:
    panel = observation(
        "74885-5",
        component=[
            part("49683-6", **quantity(1.1, "1")),
            part("74860-8", **quantity(2.0, "copies/cell")),
            part("85318-4", valueCodeableConcept=concept(*NEGATIVE)),
        ],
    )
    newest = {"her2_ish_ratio": 1.1, "her2_copies_per_cell": 2.0, "her2_ish": "negative", "date": "2024-02-01"}
    assert specimens(knowledge, OLD, panel)[-1] == newest


def test_a_component_tells_more_than_its_observation(knowledge: KnowledgeBase) -> None:
    er = coded("85337-4", POSITIVE, component=[part("85329-1", **quantity(5, "%"))])
    her2 = coded("48676-1", NEGATIVE, component=[part("85319-2", valueCodeableConcept=concept(*IHC_1))])
    (one,) = specimens(knowledge, er, her2)
    assert (one["er_percent"], one["her2_ihc"]) == (5, "1+")


def test_a_component_that_no_reader_takes_is_listed(knowledge: KnowledgeBase) -> None:
    er = coded("85337-4", POSITIVE, component=[part("99999-9", valueString="8 of 8")])
    result = imported(knowledge, er)
    assert any("8 of 8" in one.found for one in result.report.not_understood)


def test_a_component_that_cannot_be_read_makes_older_results_void(knowledge: KnowledgeBase) -> None:
    panel = observation("74885-5", component=[part("85319-2", valueString="see text")])
    result = imported(knowledge, OLD, panel)
    assert "specimens" not in result.profile
    assert any("see text" in one for one in result.report.to_ask)


def report(*inner: dict[str, Any], **more: Any) -> dict[str, Any]:
    held = [{"reference": f"#{one['id']}"} for one in inner]
    one = {"resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": {"text": "Pathology"}}
    return {**one, "effectiveDateTime": "2024-02-01", "result": held, "contained": list(inner), **more}


def test_a_result_contained_in_its_report_is_read(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, patient(), OLD, report(coded("85319-2", IHC_0, id="o")))
    assert result.profile["specimens"][-1] == {"date": "2024-02-01", "her2_ihc": "0"}
    assert any("DiagnosticReport/r#o" in one.sources for one in result.report.facts)


def test_a_result_contained_in_a_report_that_takes_itself_back_is_not_read(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, OLD, report(coded("85319-2", IHC_0, id="o"), status="entered-in-error"))
    assert result.profile["specimens"] == [{"date": "2019-01-01", "her2_ihc": "3+"}]


def test_results_that_a_report_names_and_the_input_lacks_are_listed(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, OLD, report(result=[{"reference": "Observation/gone"}]))
    assert any("Observation/gone" in one.found for one in result.report.not_understood)


COLLECTED = {"resourceType": "Specimen", "id": "s", "collection": {"collectedDateTime": "2024-02-01T09:00:00Z"}}


@pytest.mark.parametrize(
    "undated",
    [
        [report(coded("85319-2", IHC_0, None, id="o"))],
        [coded("85319-2", IHC_0, None, specimen={"reference": "Specimen/s"}), COLLECTED],
        [coded("85319-2", IHC_0, None, specimen={"reference": "#s"}, contained=[COLLECTED])],
    ],
)
def test_a_result_without_a_day_takes_that_of_its_report_or_specimen(
    knowledge: KnowledgeBase, undated: list[dict[str, Any]]
) -> None:
    result = imported(knowledge, OLD, *undated)
    assert result.profile["specimens"][-1] == {"date": "2024-02-01", "her2_ihc": "0"}
    assert any("2024-02-01" in one.found for one in result.report.read_with_doubt)
    before = imported(knowledge, OLD, *undated, as_of=Date(2023, 1, 1))
    assert [one["her2_ihc"] for one in before.profile["specimens"]] == ["3+"]


def test_contained_specimens_of_one_local_id_are_two(knowledge: KnowledgeBase) -> None:
    def tested(answer: tuple[str, str], day: str) -> dict[str, Any]:
        inner = {"resourceType": "Specimen", "id": "s"}
        return coded("85319-2", answer, day, contained=[inner], specimen={"reference": "#s"})

    found = specimens(knowledge, tested(IHC_3, "2019-01-01"), tested(IHC_0, "2023-06-01"))
    assert [(one["date"], one["her2_ihc"]) for one in found] == [("2019-01-01", "3+"), ("2023-06-01", "0")]


@pytest.mark.parametrize("url", [None, "https://a.example/fhir/Specimen/s1"])
def test_one_specimen_is_one_however_it_is_referred_to(knowledge: KnowledgeBase, url: str | None) -> None:
    ihc = coded("85319-2", IHC_2, "2023-01-01", specimen={"reference": "Specimen/s1"})
    ish = coded("85318-4", POSITIVE, "2023-06-01", specimen={"reference": "https://a.example/fhir/Specimen/s1"})
    document = bundle(ihc, ish)
    document["entry"].append(
        {"resource": {"resourceType": "Specimen", "id": "s1"}, **({"fullUrl": url} if url else {})}
    )
    (one,) = import_fhir(document, knowledge.knowledge, today=TODAY).profile["specimens"]
    assert (one["her2_ihc"], one["her2_ish"]) == ("2+", "positive")


def test_the_code_of_the_procedure_beside_that_of_the_assay_asks_nothing_else(knowledge: KnowledgeBase) -> None:
    codes = [{"system": LOINC, "code": "85319-2"}, {"system": SNOMED, "code": "433114000"}]
    one = coded("85319-2", IHC_3) | {"code": {"coding": codes}}
    assert specimens(knowledge, one) == [{"date": "2024-02-01", "her2_ihc": "3+"}]
