"""Genomic findings from FHIR: a finding that cannot be read is never taken for none."""

from __future__ import annotations

from typing import Any

import pytest

from her2cds import KnowledgeBase
from tests.fhir_builders import HGNC, LOINC, SNOMED, coded, concept, imported, observation, variant

PRESENT, ABSENT = ("LA9633-4", LOINC), ("LA9634-2", LOINC)
H1047R = {"gene": "PIK3CA", "kind": "mutation", "protein_change": "H1047R"}


def part(code: str, **value: Any) -> dict[str, Any]:
    return {"code": concept(code, LOINC), **value}


def gene(code: str, symbol: str | None = None) -> dict[str, Any]:
    return part("48018-6", valueCodeableConcept=concept(code, HGNC, symbol))


PIK3CA, ESR1 = gene("HGNC:8975", "PIK3CA"), gene("HGNC:3467", "ESR1")


def finding(*parts: dict[str, Any], answer: tuple[str, str] = PRESENT, day: str = "2023-01-01", **more: Any) -> Any:
    return coded("69548-6", answer, day, component=list(parts), **more)


def studied(day: str = "2023-01-01", **more: Any) -> dict[str, Any]:
    return observation("53041-0", day, component=[PIK3CA, ESR1], **more)


def report(*results: dict[str, Any], day: str = "2023-01-01", **more: Any) -> dict[str, Any]:
    held = [{"reference": f"Observation/{one['id']}"} for one in results]
    one = {"resourceType": "DiagnosticReport", "id": "r", "status": "final", "code": concept("51969-4", LOINC)}
    return {**one, "effectiveDateTime": day, "result": held, **more}


def covered(knowledge: KnowledgeBase, *resources: dict[str, Any]) -> list[str]:
    tests = imported(knowledge, *resources).profile.get("genomic_tests", [])
    return [gene for one in tests for gene in one.get("genes_covered", [])]


@pytest.mark.parametrize(
    "said",
    [
        part("48018-6", valueCodeableConcept={"text": "PIK3CA"}),
        part("48018-6", valueString="PIK3CA"),
        gene("PIK3CA"),
    ],
)
def test_a_gene_is_read_as_text_and_by_its_symbol(knowledge: KnowledgeBase, said: dict[str, Any]) -> None:
    change = part("48005-3", valueCodeableConcept=concept("p.His1047Arg", "http://varnomen.hgvs.org"))
    region, found = studied(), finding(said, change)
    (test,) = imported(knowledge, region, found, report(region, found)).profile["genomic_tests"]
    assert test["alterations"] == [H1047R]


@pytest.mark.parametrize(
    "more",
    [
        {"dataAbsentReason": {"coding": [{"code": "masked"}]}, "valueCodeableConcept": None},
        {"modifierExtension": [{"url": "https://x.example", "valueBoolean": True}]},
    ],
)
def test_a_variant_that_is_not_shown_or_modified_takes_its_gene_out(
    knowledge: KnowledgeBase, more: dict[str, Any]
) -> None:
    found = {key: value for key, value in (finding(PIK3CA) | more).items() if value is not None}
    assert covered(knowledge, studied(), found) == ["ESR1"]


def test_a_later_finding_that_cannot_be_read_takes_its_gene_out_of_earlier_tests(knowledge: KnowledgeBase) -> None:
    region = studied("2020-01-01")
    assert covered(knowledge, region, report(region, day="2020-01-01"), finding(ESR1, day="2024-01-01")) == ["PIK3CA"]


def test_an_earlier_finding_that_cannot_be_read_leaves_a_later_test(knowledge: KnowledgeBase) -> None:
    assert covered(knowledge, studied("2024-01-01"), finding(ESR1, day="2020-01-01")) == ["ESR1", "PIK3CA"]


def test_a_finding_beside_its_report_takes_its_gene_out(knowledge: KnowledgeBase) -> None:
    region = studied()
    assert covered(knowledge, region, report(region), finding(PIK3CA)) == ["ESR1"]


@pytest.mark.parametrize("unknown", [(), (gene("99999999"),), (PIK3CA, gene("99999999"))])
def test_a_variant_without_a_gene_that_can_be_read_takes_all_genes_out(
    knowledge: KnowledgeBase, unknown: tuple[dict[str, Any], ...]
) -> None:
    region, found = studied(), finding(*unknown)
    assert covered(knowledge, region, found, report(region, found)) == []


@pytest.mark.parametrize(
    "more",
    [
        {"component": [PIK3CA, part("69551-0", valueString="G")]},
        {"component": [PIK3CA, part("47999-8", valueString="exon 20 only")]},
        {"interpretation": [concept("12645001", SNOMED)]},
    ],
)
def test_the_absence_of_one_variant_is_not_that_of_all(knowledge: KnowledgeBase, more: dict[str, Any]) -> None:
    assert covered(knowledge, finding(PIK3CA, answer=ABSENT)) == ["PIK3CA"]
    assert covered(knowledge, finding(PIK3CA, answer=ABSENT) | more) == []


def test_a_report_that_takes_itself_back_covers_nothing(knowledge: KnowledgeBase) -> None:
    region = studied()
    assert covered(knowledge, region, report(region, status="entered-in-error")) == []


def test_a_silent_change_is_no_mutation(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, variant("8975", "PIK3CA", coding="c.1173A>G", protein="p.(=)"))
    assert "genomic_tests" not in result.profile
    assert any("silent" in one.why for one in result.report.set_aside)


@pytest.mark.parametrize(("change", "kind"), [("c.353-40A>G", None), ("c.353-1G>A", "mutation")])
def test_a_change_deep_in_an_intron_is_no_mutation(knowledge: KnowledgeBase, change: str, kind: str | None) -> None:
    result = imported(knowledge, variant("8975", "PIK3CA", coding=change))
    found = [one["kind"] for test in result.profile.get("genomic_tests", []) for one in test["alterations"]]
    assert found == ([kind] if kind else [])
