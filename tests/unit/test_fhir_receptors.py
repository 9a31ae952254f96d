"""Receptors, genes and biomarkers from FHIR: exact in meaning, and nothing guessed."""

from __future__ import annotations

import sys
from datetime import date as Date
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from her2cds import KnowledgeBase
from her2cds.interop.draft import Draft
from her2cds.interop.fhir.codes import code_map
from her2cds.interop.fhir.elements import Reading
from her2cds.interop.fhir.resources import Resource, Resources
from her2cds.interop.fhir.specimens import Result, Specimens
from tests.fhir_builders import (
    HGNC,
    ICD10,
    LOINC,
    NEGATIVE,
    POSITIVE,
    SNOMED,
    TODAY,
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


CLEAR_SCORES = {
    "Negative (1+)": "1+",
    "Score 2+": "2+",
    "3+ positive": "3+",
    "HER2 IHC: 0 (negative)": "0",
    "IHC score 2+, equivocal": "2+",
    "3+.": "3+",
}


@pytest.mark.parametrize(("text", "score"), CLEAR_SCORES.items(), ids=list(CLEAR_SCORES))
def test_a_text_with_one_score_and_nothing_against_it_is_that_score(
    knowledge: KnowledgeBase, text: str, score: str
) -> None:
    (found,) = specimens(knowledge, observation("85319-2", valueString=text))
    assert found == {"date": "2024-02-01", "her2_ihc": score}
    (uncoded,) = specimens(knowledge, observation("85319-2", valueCodeableConcept={"text": text}))
    assert uncoded == found


LOCAL = "urn:oid:1.2.840.114350"


def local(text: str, display: str | None = None, system: str = LOCAL) -> dict[str, Any]:
    return {**concept("77", system, display), "text": text}


@pytest.mark.parametrize(("code", "text", "field", "value"), [("85337-4", "Positive", "er", "positive"),
    ("85319-2", "Negative (1+)", "her2_ihc", "1+"), ("85318-4", "Not amplified", "her2_ish", "negative")])  # fmt: skip
def test_the_text_beside_a_local_code_is_read_with_doubt(
    knowledge: KnowledgeBase, code: str, text: str, field: str, value: str
) -> None:
    result = imported(knowledge, observation(code, valueCodeableConcept=local(text)))
    assert result.profile["specimens"][0][field] == value
    assert any("a local code" in one.why for one in result.report.read_with_doubt)


@pytest.mark.parametrize(
    "answer",
    [
        local("Positive", "Negative"),
        local("Positive", system=SNOMED),
        local("Positive", system=LOINC),
        local("see text"),
    ],
)
def test_a_text_is_not_read_beside_a_code_that_may_say_something_else(
    knowledge: KnowledgeBase, answer: dict[str, Any]
) -> None:
    older = coded("85337-4", NEGATIVE, "2021-02-01")
    assert not specimens(knowledge, older, observation("85337-4", valueCodeableConcept=answer))


UNCLEAR_SCORES = [
    "1+/2+",
    "0-1+",
    "Positive (1+)",
    "Negative (3+)",
    "not 3+",
    ">= 2+",
    "2+ in 2020, 3+ now",
    "3+ (10 %)",
]


@pytest.mark.parametrize("text", UNCLEAR_SCORES)
def test_a_newest_ihc_that_cannot_be_read_leaves_no_older_one_standing(knowledge: KnowledgeBase, text: str) -> None:
    older = coded("85319-2", ("LA11843-2", LOINC), "2021-02-01")
    newest = observation("85319-2", valueString=text)
    result = imported(knowledge, older, newest)
    assert "specimens" not in result.profile
    (conflict,) = result.report.conflicts
    assert conflict.path == "$.specimens[].her2_ihc"
    assert conflict.sources == (f"Observation/{newest['id']}", f"Observation/{older['id']}")
    assert any(text in one for one in result.report.to_ask)


def test_a_later_specimen_that_can_be_read_decides_whatever_came_before(knowledge: KnowledgeBase) -> None:
    result = imported(
        knowledge,
        *(coded("85319-2", ("LA11843-2", LOINC), "2020-02-01"), observation("85319-2", "2022-02-01", valueString="?")),
        coded("85319-2", ("LA11841-6", LOINC), "2024-02-01"),
    )
    assert [one["her2_ihc"] for one in result.profile["specimens"]] == ["3+", "1+"]
    assert result.report.conflicts == ()


def test_an_ish_that_cannot_be_read_leaves_the_ihc_of_its_own_specimen(knowledge: KnowledgeBase) -> None:
    result = imported(
        knowledge,
        *(coded("85319-2", ("LA11843-2", LOINC), "2020-02-01"), coded("85319-2", ("LA11842-4", LOINC), "2024-02-01")),
        observation("85318-4", "2024-02-09", valueString="see report"),
    )
    assert result.profile["specimens"][-1] == {"date": "2024-02-01", "her2_ihc": "2+"}
    assert any("see report" in one for one in result.report.to_ask)


def test_a_second_ihc_of_one_specimen_that_cannot_be_read_makes_the_first_void(knowledge: KnowledgeBase) -> None:
    result = imported(
        knowledge,
        *(coded("85319-2", ("LA11843-2", LOINC), "2024-02-01"), coded("85337-4", POSITIVE, "2024-02-01")),
        observation("85319-2", "2024-02-20", valueString="amended, see report"),
    )
    assert result.profile["specimens"] == [{"date": "2024-02-01", "er": "positive"}]


def test_a_later_percentage_that_cannot_be_read_makes_the_earlier_status_void(knowledge: KnowledgeBase) -> None:
    share = observation("85329-1", "2024-02-20", valueQuantity={"value": 0.9, "unit": "1"})
    found = specimens(knowledge, coded("85337-4", NEGATIVE), coded("85339-0", NEGATIVE), share)
    assert found == [{"date": "2024-02-01", "pr": "negative"}]
    of_the_same_day = {**share, "effectiveDateTime": "2024-02-01"}
    assert specimens(knowledge, coded("85337-4", NEGATIVE), of_the_same_day)[0]["er"] == "negative"


def test_a_result_of_another_specimen_that_came_later_stands(knowledge: KnowledgeBase) -> None:
    named = {"specimen": {"reference": "Specimen/s"}}
    found = specimens(
        knowledge,
        *(
            coded("85337-4", POSITIVE, "2024-02-01", **named),
            coded("85319-2", ("LA11843-2", LOINC), "2024-03-01", **named),
        ),
        observation("85319-2", "2024-02-20", valueString="see report"),
    )
    assert found == [{"date": "2024-02-01", "er": "positive", "her2_ihc": "3+"}]


def test_an_unread_answer_without_a_date_may_be_the_newest(knowledge: KnowledgeBase) -> None:
    older = observation("85329-1", valueQuantity={"value": 90, "unit": "%"})
    result = imported(knowledge, older, observation("85337-4", None, valueString="see report"))
    assert "specimens" not in result.profile
    assert result.report.conflicts[0].path == "$.specimens[].er"


def test_a_test_that_was_not_done_is_no_newer_result(knowledge: KnowledgeBase) -> None:
    found = specimens(
        knowledge,
        *(coded("85319-2", ("LA11843-2", LOINC), "2021-02-01"), coded("85319-2", ("416237000", SNOMED))),
    )
    assert [one["her2_ihc"] for one in found] == ["3+"]


@pytest.mark.parametrize(("marker", "status", "percent"), [("er", "85337-4", "85329-1"), ("pr", "85339-0", "85325-9")])
def test_below_one_percent_is_negative_and_no_percentage(
    knowledge: KnowledgeBase, marker: str, status: str, percent: str
) -> None:
    older = observation(percent, "2020-02-01", valueQuantity={"value": 90, "unit": "%"})
    quantity = {"value": 1, "unit": "%", "comparator": "<"}
    for newest in (
        *(observation(percent, valueQuantity=quantity), observation(status, valueQuantity=quantity)),
        *(observation(percent, valueString="<1 %"), observation(status, valueString="< 1%")),
    ):
        found = specimens(knowledge, older, newest)
        assert found[-1] == {"date": "2024-02-01", marker: "negative"}


def test_a_bound_above_the_cut_off_is_positive_and_one_across_it_leaves_the_receptor_open(
    knowledge: KnowledgeBase,
) -> None:
    older = coded("85337-4", NEGATIVE, "2020-02-01")
    above = specimens(knowledge, older, observation("85329-1", valueString=">90 %"))
    assert above[-1] == {"date": "2024-02-01", "er": "positive"}
    assert specimens(knowledge, older, observation("85329-1", valueString="<10 %")) == []


RATIOS = [
    {"value": 0.9, "unit": "1"},
    {"value": 0.9, "code": "1", "system": "http://unitsofmeasure.org"},
    {"value": 0.9},
]


@pytest.mark.parametrize("quantity", RATIOS, ids=["unit 1", "code 1", "no unit"])
@pytest.mark.parametrize("code", ["85329-1", "85325-9", "29593-1"])
def test_a_share_of_one_is_not_read_as_a_percentage(
    knowledge: KnowledgeBase, code: str, quantity: dict[str, Any]
) -> None:
    result = imported(knowledge, observation(code, valueQuantity=quantity))
    assert "specimens" not in result.profile
    assert len(result.report.not_understood) == 1
    assert any("0.9" in one for one in result.report.to_ask)


def test_a_percentage_without_unit_above_one_is_a_percentage(knowledge: KnowledgeBase) -> None:
    (found,) = specimens(knowledge, observation("85329-1", valueQuantity={"value": 90}))
    assert found["er_percent"] == 90.0


def test_an_answer_for_er_and_pr_together_outdates_the_older_single_ones(knowledge: KnowledgeBase) -> None:
    older = (coded("85337-4", POSITIVE, "2020-02-01"), coded("85339-0", POSITIVE, "2020-02-01"))
    result = imported(knowledge, *older, coded("10480-2", NEGATIVE))
    assert "specimens" not in result.profile
    assert {one.path for one in result.report.conflicts} == {"$.specimens[].er", "$.specimens[].pr"}


def test_a_modifier_on_the_newest_result_leaves_no_older_one_standing(knowledge: KnowledgeBase) -> None:
    older = coded("85319-2", ("LA11843-2", LOINC), "2020-02-01")
    newest = coded("85319-2", ("LA6111-4", LOINC), modifierExtension=[{"url": "urn:not", "valueBoolean": True}])
    assert specimens(knowledge, older, newest) == []
    assert len(specimens(knowledge, older, {**newest, "status": "entered-in-error"})) == 1


def test_a_newest_result_that_is_withheld_leaves_no_older_one_standing(knowledge: KnowledgeBase) -> None:
    older = coded("85319-2", ("LA11843-2", LOINC), "2020-02-01")
    masked = observation("85319-2", dataAbsentReason={"coding": [{"code": "masked"}]})
    not_made = observation("85319-2", dataAbsentReason={"coding": [{"code": "not-performed"}]})
    assert specimens(knowledge, older, masked) == []
    assert len(specimens(knowledge, older, not_made)) == 1
    assert len(specimens(knowledge, older, observation("85319-2", status="registered"))) == 1


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


def test_older_results_do_not_stand_where_the_newest_contradict_each_other(knowledge: KnowledgeBase) -> None:
    result = imported(
        knowledge,
        *(coded("85319-2", ("LA11841-6", LOINC), "2020-02-01"), coded("85337-4", POSITIVE, "2020-02-01")),
        *(coded("85319-2", ("LA11843-2", LOINC)), coded("48676-1", NEGATIVE)),
    )
    assert result.profile["specimens"] == [{"date": "2020-02-01", "er": "positive"}, {"date": "2024-02-01"}]
    assert len(result.report.conflicts[0].sources) == 3
    assert any(one.startswith("HER2: results contradict") for one in result.report.to_ask)


def test_older_percentages_do_not_stand_where_the_newest_contradict_each_other(knowledge: KnowledgeBase) -> None:
    none = observation("85329-1", valueQuantity={"value": 0, "unit": "%"})
    older = observation("85329-1", "2020-02-01", valueQuantity={"value": 90, "unit": "%"})
    result = imported(knowledge, older, none, coded("85337-4", POSITIVE))
    assert [set(one) for one in result.profile["specimens"]] == [{"date"}, {"date"}]
    assert any(one.startswith("ER: results contradict") for one in result.report.to_ask)


def test_a_contradiction_long_ago_takes_nothing_from_a_newer_specimen(knowledge: KnowledgeBase) -> None:
    found = specimens(
        knowledge,
        *(coded("85319-2", ("LA11843-2", LOINC), "2020-02-01"), coded("48676-1", NEGATIVE, "2020-02-01")),
        coded("85319-2", ("LA11841-6", LOINC)),
    )
    assert found == [{"date": "2020-02-01"}, {"date": "2024-02-01", "her2_ihc": "1+"}]


def test_two_pd_l1_results_of_one_day_that_disagree_leave_it_open(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, coded("85147-7", POSITIVE), coded("83057-0", NEGATIVE))
    assert "biomarkers" not in result.profile
    assert [one.path for one in result.report.conflicts] == ["$.biomarkers.pd_l1"]


def test_interpretation_beside_an_assay_counts_as_the_assay(knowledge: KnowledgeBase) -> None:
    one = coded("85318-4", NEGATIVE)
    one["code"]["coding"].append({"system": LOINC, "code": "48676-1"})
    (found,) = specimens(knowledge, one)
    assert found == {"date": "2024-02-01", "her2_ish": "negative"}


def test_an_amount_of_her2_in_tissue_is_no_score_and_a_status_said_of_it_is_a_reported_one(
    knowledge: KnowledgeBase,
) -> None:
    (found,) = specimens(knowledge, coded("72382-5", NEGATIVE))
    assert found == {"date": "2024-02-01", "her2_reported": "negative"}
    assert specimens(knowledge, observation("72382-5", valueQuantity={"value": 12, "unit": "ng/mL"})) == []


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


@pytest.mark.parametrize("code", ["Z17.0", "Z17.31"])
def test_a_status_code_recorded_later_never_goes_against_an_assay(knowledge: KnowledgeBase, code: str) -> None:
    assays = (coded("85337-4", NEGATIVE, "2023-02-01"), coded("85319-2", ("LA6111-4", LOINC), "2023-02-01"))
    status = condition(code, ICD10, recordedDate="2024-06-01")
    result = imported(knowledge, *assays, status)
    assert result.profile["specimens"] == [{"date": "2023-02-01", "er": "negative", "her2_ihc": "0"}]
    assert any(one.source.endswith(status["id"]) for one in result.report.read_with_doubt)


def test_a_status_code_stands_undated_where_that_receptor_has_no_assay(knowledge: KnowledgeBase) -> None:
    found = specimens(knowledge, coded("85339-0", POSITIVE), condition("Z17.0", ICD10, recordedDate="2024-06-01"))
    assert found == [{"date": "2024-02-01", "pr": "positive"}, {"er": "positive"}]


def test_a_status_code_does_not_stand_for_an_assay_that_cannot_be_read(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, observation("85337-4", valueString="see report"), condition("Z17.0", ICD10))
    assert "specimens" not in result.profile
    assert any("see report" in one for one in result.report.to_ask)


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


def work_of(knowledge: KnowledgeBase, number: int) -> int:
    """The calls that it takes to put together so many results, half of them unread, each of a specimen of its own."""
    reading = Reading(code_map(), knowledge.knowledge, Resources([]), Draft("many"), TODAY)
    found, first = Specimens(), Date(2010, 1, 1)
    for index in range(number):
        day, name = first + timedelta(days=index), f"Observation/{index}"
        if index % 2:
            unread = Resource(name, {"resourceType": "Observation"})
            found.add_unread("her2.ihc", "?", unread, f"Specimen/{index}", day)
        else:
            found.add(Result("her2_ihc", "3+", name), f"Specimen/{index}", day, None)
    calls = count()

    def seen(*_: object) -> None:
        next(calls)

    sys.setprofile(seen)
    try:
        found.put(reading)
    finally:
        sys.setprofile(None)
    return next(calls)


def test_four_times_the_unread_results_are_about_four_times_the_work(knowledge: KnowledgeBase) -> None:
    assert work_of(knowledge, 400) < 8 * work_of(knowledge, 100)
