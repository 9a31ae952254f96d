"""Receptors, genes and biomarkers from FHIR: exact in meaning, and nothing guessed."""

from __future__ import annotations

from typing import Any

import pytest

from her2cds import KnowledgeBase
from tests.fhir_builders import (
    HGNC,
    ICD10,
    LOINC,
    NEGATIVE,
    POSITIVE,
    SNOMED,
    breast_cancer,
    coded,
    concept,
    condition,
    imported,
    observation,
    variant,
)


def specimens(knowledge: KnowledgeBase, *resources: Any) -> list[dict[str, Any]]:
    return list(imported(knowledge, *resources).profile.get("specimens", []))


@pytest.mark.parametrize(
    ("answer", "score"),
    [("LA6111-4", "0"), ("LA11841-6", "1+"), ("LA11842-4", "2+"), ("LA11843-2", "3+")],
)
def test_an_ihc_score_is_read_from_its_answer_code(knowledge: KnowledgeBase, answer: str, score: str) -> None:
    (found,) = specimens(knowledge, coded("85319-2", (answer, LOINC)))
    assert found == {"date": "2024-02-01", "her2_ihc": score}


def test_ihc_negative_without_a_score_leaves_low_and_zero_open(knowledge: KnowledgeBase) -> None:
    (found,) = specimens(knowledge, coded("18474-7", NEGATIVE))
    assert found == {"date": "2024-02-01", "her2_reported": "negative"}


def test_present_is_neither_a_score_nor_positive(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, coded("18474-7", ("LA9633-4", LOINC)))
    assert "specimens" not in result.profile
    assert "neither a score nor a status" in result.report.not_understood[0].why


def test_two_values_on_one_observation_are_both_read_and_remarked(knowledge: KnowledgeBase) -> None:
    one = coded("85319-2", POSITIVE, valueQuantity={"value": 3})
    result = imported(knowledge, one)
    assert result.profile["specimens"][0] == {"date": "2024-02-01", "her2_ihc": "3+", "her2_reported": "positive"}
    assert any("may hold one value" in remark.why for remark in result.report.read_with_doubt)


def test_a_bound_is_not_a_ratio(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, observation("49683-6", valueQuantity={"value": 2, "comparator": ">="}))
    assert "specimens" not in result.profile
    assert "a bound" in result.report.not_understood[0].why


def test_ratio_copies_and_percentages_keep_their_numbers(knowledge: KnowledgeBase) -> None:
    percent = {"value": 80, "unit": "%", "code": "%"}
    (found,) = specimens(
        knowledge,
        observation("49683-6", valueQuantity={"value": 3.1}),
        observation("74860-8", valueQuantity={"value": 8.2, "unit": "1"}),
        observation("85329-1", valueQuantity=percent),
        observation("29593-1", valueQuantity={**percent, "value": 35}),
    )
    assert found == {
        "date": "2024-02-01",
        "her2_ish_ratio": 3.1,
        "her2_copies_per_cell": 8.2,
        "er_percent": 80.0,
        "ki67_percent": 35.0,
    }


def test_ish_that_follows_an_equivocal_ihc_belongs_to_the_same_specimen(knowledge: KnowledgeBase) -> None:
    (found,) = specimens(
        knowledge, coded("85319-2", ("LA11842-4", LOINC), "2024-02-01"), coded("85318-4", POSITIVE, "2024-02-09")
    )
    assert (found["her2_ihc"], found["her2_ish"]) == ("2+", "positive")


def test_specimens_of_different_times_stay_apart_and_in_order(knowledge: KnowledgeBase) -> None:
    found = specimens(
        knowledge,
        coded("85319-2", ("LA6111-4", LOINC), "2024-02-01"),
        coded("85319-2", ("LA11843-2", LOINC), "2021-02-01"),
    )
    assert [(one["date"], one["her2_ihc"]) for one in found] == [("2021-02-01", "3+"), ("2024-02-01", "0")]


def test_one_marker_with_two_answers_is_a_conflict_and_decides_nothing(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, coded("85337-4", POSITIVE), coded("16112-5", NEGATIVE))
    assert [one["er"] for one in result.profile["specimens"]] == ["negative", "positive"]
    assert result.report.conflicts[0].path == "$.specimens[].er"
    assert len(result.report.conflicts[0].sources) == 2


def test_a_status_against_the_score_leaves_neither(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, coded("85319-2", ("LA11843-2", LOINC)), coded("48676-1", NEGATIVE))
    assert "her2_ihc" not in result.profile["specimens"][0]
    assert "her2_reported" not in result.profile["specimens"][0]
    assert "her2_ihc 3+" in result.report.conflicts[0].found


def test_two_pd_l1_results_of_one_day_that_disagree_leave_it_open(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, coded("85147-7", POSITIVE), coded("83057-0", NEGATIVE))
    assert "biomarkers" not in result.profile
    assert [one.path for one in result.report.conflicts] == ["$.biomarkers.pd_l1"]


def test_interpretation_beside_an_assay_counts_as_the_assay(knowledge: KnowledgeBase) -> None:
    one = coded("85318-4", NEGATIVE)
    one["code"]["coding"].append({"system": LOINC, "code": "48676-1"})
    (found,) = specimens(knowledge, one)
    assert found == {"date": "2024-02-01", "her2_ish": "negative"}


def test_serum_her2_is_not_tissue_her2(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, coded("51981-9", POSITIVE))
    assert "specimens" not in result.profile
    assert "no field for it" in result.report.set_aside[0].why


def test_the_code_counts_and_a_display_that_disagrees_is_remarked(knowledge: KnowledgeBase) -> None:
    one = coded("85319-2", ("LA11841-6", LOINC))
    one["valueCodeableConcept"]["coding"][0]["display"] = "2+"
    result = imported(knowledge, one)
    assert result.profile["specimens"][0]["her2_ihc"] == "1+"
    assert "LA11841-6 shown as '2+'" in result.report.read_with_doubt[0].found


def test_an_unknown_code_is_refused_whatever_its_display_says(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, observation("34566", valueCodeableConcept=concept(*POSITIVE)))
    result_display = imported(
        knowledge, {**observation("34566"), "code": concept("34566", LOINC, "HER2"), "valueString": "Positive"}
    )
    assert "specimens" not in result.profile
    assert "specimens" not in result_display.profile
    assert result_display.report.not_understood[0].found == "34566 HER2"


def test_a_code_under_the_wrong_system_is_read_where_its_form_leaves_no_doubt(knowledge: KnowledgeBase) -> None:
    one = coded("21908-9", ("258228008", SNOMED))
    one["code"] = concept("21908-9", SNOMED)
    result = imported(knowledge, breast_cancer(), one)
    assert result.profile["disease"]["stage"] == "IV"
    assert any("read as a code of loinc" in remark.why for remark in result.report.read_with_doubt)


def test_receptor_status_as_icd_10_is_a_reported_status(knowledge: KnowledgeBase) -> None:
    (found,) = specimens(knowledge, condition("Z17.31", ICD10), condition("Z170", ICD10))
    assert found == {"her2_reported": "positive", "er": "positive"}


def test_a_diagnosis_that_names_her2_is_a_breast_cancer_with_a_reported_status(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, condition("427685000"))
    assert result.profile["disease"]["primary"] == "breast"
    assert result.profile["specimens"] == [{"her2_reported": "positive"}]


def test_a_record_that_takes_itself_back_is_not_read(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, coded("85319-2", ("LA11843-2", LOINC), status="entered-in-error"))
    assert "specimens" not in result.profile
    assert "takes itself back" in result.report.set_aside[0].why


def test_a_modifier_extension_keeps_a_resource_from_being_read(knowledge: KnowledgeBase) -> None:
    one = coded("85319-2", ("LA11843-2", LOINC), modifierExtension=[{"url": "urn:not", "valueBoolean": True}])
    result = imported(knowledge, one)
    assert "specimens" not in result.profile
    assert "modifier extension" in result.report.not_understood[0].why


# --- Genes and biomarkers -----------------------------------------------------------------------------------


def genes_studied(*symbols: tuple[str, str]) -> dict[str, Any]:
    coding = [{"system": HGNC, "code": code, "display": symbol} for code, symbol in symbols]
    part = {"code": concept("48018-6", LOINC), "valueCodeableConcept": {"coding": coding}}
    return observation("53041-0", component=[part])


def test_variants_and_studied_genes_of_one_day_make_one_test(knowledge: KnowledgeBase) -> None:
    region = genes_studied(("HGNC:3430", "ERBB2"), ("8975", "PIK3CA"))
    result = imported(knowledge, region, variant("3430", "ERBB2", protein="NP_004439.2:p.Leu755Ser"))
    (test,) = result.profile["genomic_tests"]
    assert test["genes_covered"] == ["ERBB2", "PIK3CA"]
    assert test["alterations"] == [{"gene": "ERBB2", "kind": "mutation", "protein_change": "L755S"}]


def test_a_finding_that_cannot_be_read_takes_its_gene_out_of_the_coverage(knowledge: KnowledgeBase) -> None:
    region = genes_studied(("3467", "ESR1"), ("8975", "PIK3CA"))
    result = imported(knowledge, region, variant("3467", "ESR1"))
    (test,) = result.profile["genomic_tests"]
    assert test["genes_covered"] == ["PIK3CA"]
    assert "alterations" not in test
    assert any("ESR1" in one for one in result.report.to_ask)


def test_an_absent_named_variant_does_not_make_the_gene_wild_type(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, variant("8975", "PIK3CA", present=False, protein="p.His1047Arg"))
    assert "genomic_tests" not in result.profile


def test_no_variant_in_the_whole_gene_counts_as_covered(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, variant("8975", "PIK3CA", present=False))
    assert result.profile["genomic_tests"][0]["genes_covered"] == ["PIK3CA"]


def test_a_silent_change_is_no_mutation(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, variant("11998", "TP53", protein="p.Ala115="))
    assert "genomic_tests" not in result.profile
    assert "silent" in result.report.set_aside[0].why


def test_a_loss_of_exons_is_not_read_as_a_small_mutation(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, variant("1100", "BRCA1", coding="NM_007294.4:c.4186_4357del"))
    assert "genomic_tests" not in result.profile


def test_amplification_comes_from_the_interpretation_and_copy_number_alone_says_nothing(
    knowledge: KnowledgeBase,
) -> None:
    amplified = {**variant("3430", "ERBB2"), "interpretation": [concept("12645001", SNOMED)]}
    copies = variant("3688", "FGFR1")
    copies["component"].append({"code": concept("82155-3", LOINC), "valueQuantity": {"value": 7}})
    result = imported(knowledge, amplified, copies)
    assert result.profile["genomic_tests"][0]["alterations"] == [{"gene": "ERBB2", "kind": "amplification"}]
    assert any("FGFR1" in one.found for one in result.report.not_understood)


def test_the_hgnc_id_counts_where_the_symbol_beside_it_is_another(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, variant("HGNC:6342", "NRAS", present=False))
    assert result.profile["genomic_tests"][0]["genes_covered"] == ["KIT"]
    assert any("NRAS" in one.found for one in result.report.read_with_doubt)


def test_pd_l1_keeps_its_assay_and_the_note_is_listed_not_read(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, coded("85147-7", POSITIVE, note=[{"text": "5 % tumour proportion score"}]))
    assert result.profile["biomarkers"]["pd_l1"] == {"status": "positive", "assay": "22C3"}
    assert any("note" in one.found for one in result.report.set_aside)
