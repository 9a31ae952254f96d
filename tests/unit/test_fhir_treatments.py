"""Drugs on record to regimens and lines, by the rules of docs/methods/fhir-import.md."""

from __future__ import annotations

import time
from typing import Any

import pytest

from her2cds import KnowledgeBase
from her2cds.interop.fhir.drugs import drugs_named
from tests.fhir_builders import (
    RXNORM,
    SNOMED,
    Json,
    breast_cancer,
    coded,
    concept,
    condition,
    cycles,
    drug,
    drug_named,
    imported,
    patient,
    status_of,
    surgery,
)

TRASTUZUMAB, PERTUZUMAB, DOCETAXEL, KADCYLA, ENHERTU = "224905", "1298944", "72962", "1371046", "2267577"
LETROZOLE, CAPECITABINE, PACLITAXEL = "72965", "194000", "56946"
INTENT = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-procedure-intent"


def treatments(knowledge: KnowledgeBase, *resources: Any) -> list[dict[str, Any]]:
    return list(imported(knowledge, *resources).profile.get("treatments", []))


def intent(code: str) -> dict[str, Any]:
    return {"extension": [{"url": INTENT, "valueCodeableConcept": concept(code, SNOMED)}]}


def worsened(day: str) -> dict[str, Any]:
    return coded("97509-4", ("271299001", SNOMED), day)


def metastatic(onset: str = "2022-01-01") -> list[dict[str, Any]]:
    return [breast_cancer("2021-12-01"), condition("94381002", onsetDateTime=onset)]


# --- Which drug ---------------------------------------------------------------------------------------------

NAMES = {
    "trastuzumab": ("trastuzumab",),
    "5 ML hyaluronidase 2000 UNT/ML / trastuzumab 120 MG/ML Injection": ("trastuzumab",),
    "trastuzumab-dkst 150 MG Injection [Ogivri]": ("trastuzumab",),
    "hyaluronidase / pertuzumab / trastuzumab": ("pertuzumab", "trastuzumab"),
    "Phesgo": ("pertuzumab", "trastuzumab"),
    "Trastuzumab Injection [KADCYLA]": ("t-dm1",),
    "Trastuzumab Injection [Enhertu]": ("t-dxd",),
    "ado-trastuzumab emtansine 100 MG Injection": ("t-dm1",),
    "fam-trastuzumab deruxtecan-nxki 100 MG Injection": ("t-dxd",),
    "Trastuzumab deruxtecan": ("t-dxd",),
    "trastuzumab (Kadcyla)": ("t-dm1",),
    "Enhertu (trastuzumab)": ("t-dxd",),
    "Enhertu [trastuzumab]": ("t-dxd",),
    "trastuzumab (T-DXd)": ("t-dxd",),
    "Kadcyla 3.6 mg/kg": ("t-dm1",),
    "Kadcyla 3.6 mg/kg q3w": ("t-dm1",),
    "Perjeta 420 MG in 14 ML Injection": ("pertuzumab",),
    "trastuzumab deruxtecan 5.4 mg/kg q3w": ("t-dxd",),
    "trastuzumab 6 mg/kg every 3 weeks": ("trastuzumab",),
    "trastuzumab in combination": (),
    "trastuzumab in emtansine": (),
    "pertuzumab (Perjeta) / trastuzumab (Herceptin)": ("pertuzumab", "trastuzumab"),
    "paclitaxel (protein-bound)": ("nab-paclitaxel",),
    "trastuzumab (100 MG) Injection": ("trastuzumab",),
    "Kadcyla / trastuzumab": (),
    "trastuzumab (not Kadcyla)": (),
    "T-DM1 / pertuzumab": ("pertuzumab", "t-dm1"),
    "trastuzumab duocarmazine": ("trastuzumab-duocarmazine",),
    "trastuzumab xyzotecan": (),
    "Trastuzumab Injection [NEWCONJUGATE]": (),
    "capecitabine 500 MG Oral Tablet": ("capecitabine",),
    "paclitaxel protein-bound": ("nab-paclitaxel",),
    "tucatinib 150 MG Oral Tablet [Tukysa]": ("tucatinib",),
    "lisinopril 10 MG Oral Tablet": ("lisinopril",),
    "St John's wort": (),
}


@pytest.mark.parametrize(("text", "drugs"), NAMES.items(), ids=list(NAMES))
def test_a_product_name_is_read_in_full_or_not_at_all(
    knowledge: KnowledgeBase, text: str, drugs: tuple[str, ...]
) -> None:
    assert set(drugs_named(text, knowledge.knowledge)) == set(drugs)


CONJUGATES = {
    "ingredient of T-DM1": (drug("1371041", "2023-01-01"), "t-dm1"),
    "brand Kadcyla": (drug(KADCYLA, "2023-01-01"), "t-dm1"),
    "ingredient of T-DXd": (drug("2267582", "2023-01-01"), "t-dxd"),
    "ingredient with suffix": (drug("2267574", "2023-01-01"), "t-dxd"),
    "brand Enhertu": (drug(ENHERTU, "2023-01-01"), "t-dxd"),
    "older product name of Kadcyla": (drug("1658086", "2023-01-01"), "t-dm1"),
    "older product name of Enhertu": (drug("2267579", "2023-01-01"), "t-dxd"),
    "by text": (drug_named("Trastuzumab deruxtecan"), "t-dxd"),
    "by short name": (drug_named("T-DXd"), "t-dxd"),
}


@pytest.mark.parametrize(("resource", "agent"), CONJUGATES.values(), ids=list(CONJUGATES))
def test_a_conjugate_is_never_filed_under_trastuzumab(
    knowledge: KnowledgeBase, resource: dict[str, Any], agent: str
) -> None:
    (course,) = treatments(knowledge, resource)
    assert course["agents"] == [agent]


def test_the_code_of_the_antibody_with_the_name_of_a_conjugate_is_the_conjugate(knowledge: KnowledgeBase) -> None:
    one = drug(TRASTUZUMAB, "2023-01-01")
    one["medicationCodeableConcept"]["coding"][0]["display"] = "trastuzumab deruxtecan"
    result = imported(knowledge, one)
    assert result.profile["treatments"][0]["agents"] == ["t-dxd"]
    assert any("never filed under an antibody" in remark.why for remark in result.report.read_with_doubt)


def coded_and_said(code: str, text: str, display: str | None = None) -> dict[str, Any]:
    one = drug(code, "2023-01-01")
    one["medicationCodeableConcept"] = {**concept(code, RXNORM, display), "text": text}
    return one


def test_a_dose_beside_the_name_of_a_conjugate_leaves_it_a_conjugate(knowledge: KnowledgeBase) -> None:
    for text in ("Kadcyla 3.6 mg/kg", "Kadcyla 3.6 mg/kg q3w", "Kadcyla 160 MG in 8 ML Injection"):
        (course,) = treatments(knowledge, coded_and_said(TRASTUZUMAB, text))
        assert course["agents"] == ["t-dm1"]


@pytest.mark.parametrize(
    "text",
    [
        *("T-DXd per protocol", "trastuzumab emtansine conjugate", "trastuzumab xyzotecan", "ado-trastuzumab"),
        *("before Kadcyla", "trastuzumab-DXd infusion", "see letter " * 60),
    ],
)
def test_the_code_of_an_antibody_does_not_count_where_a_text_may_mean_a_conjugate(
    knowledge: KnowledgeBase, text: str
) -> None:
    result = imported(knowledge, coded_and_said(TRASTUZUMAB, text, "trastuzumab"))
    ((agent,),) = (one["agents"] for one in result.profile["treatments"])
    assert agent.startswith("unrecognised: ")
    assert any("which drug is it?" in one for one in result.report.to_ask)


def test_words_that_speak_of_no_conjugate_do_not_shake_the_code_of_an_antibody(knowledge: KnowledgeBase) -> None:
    (course,) = treatments(knowledge, coded_and_said(TRASTUZUMAB, "trastuzumab per protocol, fourth infusion"))
    assert course["agents"] == ["trastuzumab"]


def test_a_code_and_a_name_of_two_conjugates_are_neither(knowledge: KnowledgeBase) -> None:
    ((agent,),) = (one["agents"] for one in treatments(knowledge, coded_and_said(KADCYLA, "Enhertu")))
    assert agent.startswith("unrecognised: ")


def test_a_conjugate_is_never_listed_beside_its_own_antibody(knowledge: KnowledgeBase) -> None:
    both = drug(TRASTUZUMAB, "2023-01-01")
    both["medicationCodeableConcept"]["coding"] += concept(KADCYLA, RXNORM)["coding"]
    result = imported(knowledge, both)
    assert result.profile["treatments"][0]["agents"] == ["t-dm1"]
    assert any("never filed under an antibody" in remark.why for remark in result.report.read_with_doubt)
    named = coded_and_said("0", "Kadcyla", "trastuzumab")
    assert treatments(knowledge, named)[0]["agents"] == ["t-dm1"]


def test_a_code_counts_over_a_display_of_another_drug(knowledge: KnowledgeBase) -> None:
    one = drug("1156253", "2023-01-01")
    one["medicationCodeableConcept"]["coding"][0]["display"] = "paclitaxel"
    result = imported(knowledge, one)
    assert "treatments" not in result.profile
    assert any("zoledronic-acid" in remark.found for remark in result.report.read_with_doubt)


def test_an_unknown_conjugate_stays_in_the_history_as_written(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, drug_named("trastuzumab xyzotecan"))
    assert result.profile["treatments"][0]["agents"] == ["unrecognised: trastuzumab xyzotecan"]
    assert result.report.not_understood[0].found == "trastuzumab xyzotecan"


def test_a_misspelt_drug_is_never_corrected_in_silence(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, drug_named("trastuzumabe"))
    assert result.profile["treatments"][0]["agents"] == ["unrecognised: trastuzumabe"]


def test_a_drug_that_is_not_for_the_cancer_is_listed_and_not_counted(knowledge: KnowledgeBase) -> None:
    result = imported(
        knowledge,
        *(drug_named("lisinopril"), drug_named("St John's wort"), drug("314231", "2023-01-01", status="active")),
    )
    assert "treatments" not in result.profile
    assert result.profile["health"]["concomitant_drugs"] == ["simvastatin"]
    assert any(one.found == "lisinopril, completed" for one in result.report.set_aside)
    assert result.report.not_understood[0].found == "St John's wort"


def test_a_medication_resource_is_followed(knowledge: KnowledgeBase) -> None:
    inner = {"resourceType": "Medication", "id": "med", "code": {"text": "Kadcyla"}}
    one = {key: value for key, value in drug("0", "2023-01-01").items() if key != "medicationCodeableConcept"}
    inside = {**one, "contained": [inner], "medicationReference": {"reference": "#med"}}
    beside = {**one, "medicationReference": {"reference": "Medication/med"}}
    assert treatments(knowledge, inside)[0]["agents"] == ["t-dm1"]
    assert treatments(knowledge, beside, inner)[0]["agents"] == ["t-dm1"]


@pytest.mark.parametrize("status", ["entered-in-error", "not-done", "not-taken", "cancelled", "draft"])
def test_a_drug_that_was_not_given_does_not_count(knowledge: KnowledgeBase, status: str) -> None:
    result = imported(knowledge, drug(KADCYLA, "2023-01-01", status=status))
    assert "treatments" not in result.profile
    assert len(result.report.set_aside) == 1


def test_a_statement_of_stu3_that_a_drug_was_not_taken_is_no_treatment(knowledge: KnowledgeBase) -> None:
    assert treatments(knowledge, drug(KADCYLA, "2023-01-01", taken="n")) == []
    assert treatments(knowledge, drug(KADCYLA, "2023-01-01", taken="unk")) == []
    assert len(treatments(knowledge, drug(KADCYLA, "2023-01-01", taken="y"))) == 1


def product(*ingredients: Json, **more: Any) -> list[Json]:
    parts = [{"itemCodeableConcept": one} for one in ingredients]
    medication = {"resourceType": "Medication", "id": "med", "ingredient": parts, **more}
    one = {key: value for key, value in drug("0", "2023-01-01").items() if key != "medicationCodeableConcept"}
    return [medication, {**one, "medicationReference": {"reference": "Medication/med"}}]


def test_a_product_without_a_name_is_read_by_all_of_its_ingredients(knowledge: KnowledgeBase) -> None:
    antibodies = (concept(TRASTUZUMAB, RXNORM), {"text": "pertuzumab"}, {"text": "hyaluronidase"})
    assert treatments(knowledge, *product(*antibodies))[0]["agents"] == ["pertuzumab", "trastuzumab"]


def test_ingredients_that_cannot_all_be_read_make_no_drug(knowledge: KnowledgeBase) -> None:
    parts = product(concept(TRASTUZUMAB, RXNORM, "trastuzumab"), {"text": "emtansine"})
    assert treatments(knowledge, *parts)[0]["agents"] == ["unrecognised: trastuzumab; emtansine"]
    coded_as_antibody = product({"text": "Kadcyla"}, code=concept(TRASTUZUMAB, RXNORM, "trastuzumab"))
    assert treatments(knowledge, *coded_as_antibody)[0]["agents"] == ["unrecognised: trastuzumab; Kadcyla"]


def test_an_end_without_a_start_is_kept_as_the_end(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, drug(KADCYLA, None, effectivePeriod={"end": "2023-05-01"}))
    assert result.profile["treatments"] == [{"agents": ["t-dm1"], "ongoing": False, "end": "2023-05-01"}]
    assert any(one.found == "no start" for one in result.report.read_with_doubt)


def test_a_drug_given_for_another_cancer_is_no_course_of_this_one(knowledge: KnowledgeBase) -> None:
    colon = {**condition("C18.9", "http://hl7.org/fhir/sid/icd-10-cm"), "id": "colon"}
    given = drug(CAPECITABINE, "2022-02-01", reasonReference=[{"reference": "Condition/colon"}])
    result = imported(knowledge, metastatic(), colon, given)
    assert "treatments" not in result.profile
    assert any("another cancer" in one.why for one in result.report.set_aside)


def test_a_drug_given_for_a_reason_that_is_not_known_counts_with_doubt(knowledge: KnowledgeBase) -> None:
    written = {"resourceType": "Condition", "id": "own", "code": {"text": "Mammakarzinom"}}
    given = drug(CAPECITABINE, "2022-02-01", reasonReference=[{"reference": "Condition/own"}])
    result = imported(knowledge, metastatic(), written, given)
    assert result.profile["treatments"][0]["agents"] == ["capecitabine"]
    assert any("given for Mammakarzinom" in one.found for one in result.report.read_with_doubt)


def test_a_proposal_is_no_treatment(knowledge: KnowledgeBase) -> None:
    request = drug(KADCYLA, None, "MedicationRequest", intent="proposal", authoredOn="2023-01-01", status="active")
    assert treatments(knowledge, request) == []


# --- Courses and lines --------------------------------------------------------------------------------------


def test_cycles_are_one_course_and_drugs_begun_together_one_regimen(knowledge: KnowledgeBase) -> None:
    (course,) = treatments(
        knowledge,
        *(metastatic(), cycles(TRASTUZUMAB, "2022-02-01", 12), cycles(PERTUZUMAB, "2022-02-02", 12)),
        cycles(DOCETAXEL, "2022-02-08", 6),
    )
    assert course == {
        "setting": "metastatic",
        "line": 1,
        "agents": ["docetaxel", "pertuzumab", "trastuzumab"],
        "start": "2022-02-01",
    }


def test_the_last_cycle_is_the_end_only_where_it_lies_back(knowledge: KnowledgeBase) -> None:
    given = (metastatic(), cycles(TRASTUZUMAB, "2022-02-01", 3))
    assert "end" not in treatments(knowledge, *given, coded("85337-4", ("10828004", SNOMED), "2022-04-01"))[0]
    assert treatments(knowledge, *given, coded("85337-4", ("10828004", SNOMED), "2022-07-01"))[0]["end"] == "2022-03-15"


def test_a_worsening_ends_the_course_and_the_next_one_is_the_next_line(knowledge: KnowledgeBase) -> None:
    first, second = treatments(
        knowledge,
        *(metastatic(), cycles(TRASTUZUMAB, "2022-02-01", 8), worsened("2022-07-20")),
        drug(KADCYLA, "2022-08-01", status="active"),
    )
    assert (first["line"], first["stop_reason"]) == (1, "progression")
    assert (second["line"], second["agents"], second["ongoing"]) == (2, ["t-dm1"], True)


def test_a_worsening_on_the_day_on_which_the_next_course_begins_ends_the_one_before(knowledge: KnowledgeBase) -> None:
    request = drug(ENHERTU, None, "MedicationRequest", intent="order", authoredOn="2023-05-02", status="active")
    first, second = treatments(
        knowledge,
        *(metastatic(), cycles(TRASTUZUMAB, "2023-01-03", 6), cycles(PERTUZUMAB, "2023-01-03", 6)),
        *(cycles(DOCETAXEL, "2023-01-03", 6), worsened("2023-05-02"), request),
    )
    assert (first["agents"], first["stop_reason"]) == (["docetaxel", "pertuzumab", "trastuzumab"], "progression")
    assert (second["agents"], second["ongoing"]) == (["t-dxd"], True)
    assert "stop_reason" not in second


def test_a_worsening_on_the_first_day_of_the_only_course_is_why_it_was_begun(knowledge: KnowledgeBase) -> None:
    (course,) = treatments(knowledge, metastatic(), worsened("2022-02-01"), cycles(TRASTUZUMAB, "2022-02-01", 3))
    assert "stop_reason" not in course


def test_maintenance_after_a_course_that_was_begun_for_a_worsening_stays_maintenance(knowledge: KnowledgeBase) -> None:
    _, second = treatments(
        knowledge,
        *(metastatic(), worsened("2022-02-01"), cycles(TRASTUZUMAB, "2022-02-01", 12)),
        drug(LETROZOLE, "2022-06-01", status="active"),
    )
    assert second["maintenance_of_previous"] is True


def infusion(code: str, day: str) -> dict[str, Any]:
    period = {"start": f"{day}T09:00:00+01:00", "end": f"{day}T11:00:00+01:00"}
    return drug(code, None, "MedicationAdministration", effectivePeriod=period)


def handed_over(code: str, day: str) -> dict[str, Any]:
    return drug(code, None, "MedicationDispense", whenHandedOver=day)


@pytest.mark.parametrize("dose", [infusion, handed_over], ids=["infusion with its hours", "dispense"])
def test_one_dose_that_is_completed_does_not_say_that_the_course_is(knowledge: KnowledgeBase, dose: Any) -> None:
    (course,) = treatments(knowledge, metastatic(), dose(TRASTUZUMAB, "2023-04-01"), dose(TRASTUZUMAB, "2023-04-22"))
    assert course["start"] == "2023-04-01"
    assert not {"ongoing", "end", "stop_reason"} & set(course)


def test_the_last_day_of_an_administration_counts_as_a_day_of_the_course(knowledge: KnowledgeBase) -> None:
    period = {"start": "2022-02-01", "end": "2022-06-01"}
    given = drug(CAPECITABINE, None, "MedicationAdministration", effectivePeriod=period)
    (course,) = treatments(knowledge, metastatic(), given, worsened("2022-07-01"))
    assert (course["start"], course["end"], course["stop_reason"]) == ("2022-02-01", "2022-06-01", "progression")


def test_a_statement_with_the_end_of_its_period_is_a_course_that_ended(knowledge: KnowledgeBase) -> None:
    period = {"start": "2022-02-01", "end": "2022-06-01"}
    (course,) = treatments(knowledge, metastatic(), drug(CAPECITABINE, None, effectivePeriod=period, status="active"))
    assert (course["end"], course["ongoing"]) == ("2022-06-01", False)


@pytest.mark.parametrize("field", ["whenHandedOver", "whenPrepared"])
def test_the_day_of_a_dispense_is_a_day_on_record(knowledge: KnowledgeBase, field: str) -> None:
    dispensed = drug(CAPECITABINE, None, "MedicationDispense", **{field: "2024-05-01"})
    result = imported(knowledge, breast_cancer("2021-12-01"), dispensed)
    assert result.profile["date"] == "2024-05-01"
    assert result.profile["treatments"][0]["start"] == "2024-05-01"


def test_where_the_disease_progressed_is_asked_for_because_a_status_does_not_say(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, metastatic(), cycles(TRASTUZUMAB, "2022-02-01", 8), worsened("2022-07-20"))
    assert "progression_site" not in result.profile["treatments"][0]
    assert any("Progression on trastuzumab" in one for one in result.report.to_ask)


def test_a_worsening_long_after_the_last_record_says_nothing_about_the_course(knowledge: KnowledgeBase) -> None:
    (course,) = treatments(knowledge, metastatic(), cycles(TRASTUZUMAB, "2022-02-01", 3), worsened("2023-02-01"))
    assert "stop_reason" not in course


def test_without_a_recorded_end_the_reason_stays_open(knowledge: KnowledgeBase) -> None:
    first, _ = treatments(
        knowledge, metastatic(), cycles(TRASTUZUMAB, "2022-02-01", 3), cycles(KADCYLA, "2022-08-01", 3)
    )
    assert "stop_reason" not in first


def test_a_drug_that_joins_later_begins_a_course_of_its_own(knowledge: KnowledgeBase) -> None:
    courses = treatments(
        knowledge, metastatic(), cycles(TRASTUZUMAB, "2022-02-01", 3), cycles(CAPECITABINE, "2022-04-01", 3)
    )
    assert [one["agents"] for one in courses] == [["trastuzumab"], ["capecitabine"]]


def test_endocrine_therapy_beside_an_antibody_that_goes_on_is_maintenance(knowledge: KnowledgeBase) -> None:
    first, second = treatments(
        knowledge, metastatic(), cycles(TRASTUZUMAB, "2022-02-01", 12), drug(LETROZOLE, "2022-06-01", status="active")
    )
    assert second["maintenance_of_previous"] is True
    assert first["line"] == second["line"] == 1


def test_the_same_drug_after_a_worsening_is_a_new_line(knowledge: KnowledgeBase) -> None:
    _, second = treatments(
        knowledge,
        *(metastatic(), cycles(TRASTUZUMAB, "2022-02-01", 3), worsened("2022-04-01")),
        cycles(TRASTUZUMAB, "2022-12-01", 3),
    )
    assert "maintenance_of_previous" not in second
    assert second["line"] == 2


def test_a_drug_given_on_beyond_a_worsening_belongs_to_the_next_line_too(knowledge: KnowledgeBase) -> None:
    given = (cycles(DOCETAXEL, "2022-02-01", 6), cycles(TRASTUZUMAB, "2022-02-01", 30))
    result = imported(
        knowledge,
        *(metastatic(), *given, worsened("2022-11-20"), cycles(CAPECITABINE, "2022-12-01", 15), worsened("2023-10-20")),
    )
    first, second = result.profile["treatments"]
    assert (first["agents"], first["line"], first["stop_reason"]) == (["docetaxel", "trastuzumab"], 1, "progression")
    assert first["end"] == "2022-11-22"
    assert (second["agents"], second["line"]) == (["capecitabine", "trastuzumab"], 2)
    assert second["stop_reason"] == "progression"
    assert second["start"] == "2022-12-01"
    reasons = {one.path: one.sources for one in result.report.facts if one.path.endswith("stop_reason")}
    assert [len(sources) for sources in reasons.values()] == [1, 1]
    assert len({source for sources in reasons.values() for source in sources}) == 2


def test_a_statement_that_spans_the_next_line_is_cut_at_the_worsening(knowledge: KnowledgeBase) -> None:
    period = {"start": "2022-02-01", "end": "2023-06-01"}
    statement = drug(TRASTUZUMAB, None, effectivePeriod=period)
    first, second = treatments(
        knowledge, metastatic(), statement, worsened("2022-11-20"), cycles(CAPECITABINE, "2022-12-01", 5)
    )
    assert (first["agents"], first["end"], first["stop_reason"]) == (["trastuzumab"], "2022-11-20", "progression")
    assert (second["agents"], second["start"]) == (["capecitabine", "trastuzumab"], "2022-12-01")


def test_where_a_drug_joins_without_a_worsening_the_line_is_asked_for(knowledge: KnowledgeBase) -> None:
    result = imported(
        knowledge,
        *(metastatic(), cycles(TRASTUZUMAB, "2022-02-01", 12), cycles(DOCETAXEL, "2022-02-01", 12)),
        *(cycles(PERTUZUMAB, "2022-03-18", 10), worsened("2022-10-10"), cycles(KADCYLA, "2022-11-01", 2)),
    )
    first, second, third = result.profile["treatments"]
    assert (first["line"], "stop_reason" in first) == (1, False)
    assert (second["agents"], second["stop_reason"]) == (["docetaxel", "pertuzumab", "trastuzumab"], "progression")
    assert "line" not in second
    assert "line" not in third
    assert any("the same line, or a new one?" in one for one in result.report.to_ask)


def test_a_worsening_under_an_antibody_and_its_endocrine_partner_ends_both(knowledge: KnowledgeBase) -> None:
    first, second = treatments(
        knowledge,
        *(metastatic(), cycles(TRASTUZUMAB, "2022-02-01", 12), cycles(LETROZOLE, "2022-06-01", 4, days=30)),
        worsened("2022-09-10"),
    )
    assert first["stop_reason"] == second["stop_reason"] == "progression"
    assert (second["maintenance_of_previous"], second["line"]) == (True, 1)


def test_the_same_drug_after_years_is_no_maintenance(knowledge: KnowledgeBase) -> None:
    given = (cycles(TRASTUZUMAB, "2020-02-01", 4), cycles(DOCETAXEL, "2020-02-01", 4))
    _, second = treatments(knowledge, metastatic("2020-01-01"), *given, cycles(TRASTUZUMAB, "2023-09-01", 4))
    assert "maintenance_of_previous" not in second
    assert second["line"] == 2


def test_a_drug_given_on_after_a_worsening_without_a_new_one_is_asked_about(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, metastatic(), cycles(TRASTUZUMAB, "2022-02-01", 20), worsened("2022-07-20"))
    assert len(result.profile["treatments"]) == 1
    assert any("given on after the worsening" in one for one in result.report.to_ask)


def test_a_stated_reason_and_a_later_worsening_leave_the_reason_open(knowledge: KnowledgeBase) -> None:
    reason = {"statusReason": [concept("407563006", SNOMED)], "status": "stopped"}
    period = {"start": "2022-02-01", "end": "2022-05-01"}
    result = imported(
        knowledge, metastatic(), drug(KADCYLA, None, effectivePeriod=period, **reason), worsened("2022-06-20")
    )
    (course,) = result.profile["treatments"]
    assert "stop_reason" not in course
    assert course["stopped_agents"] == ["t-dm1"]
    assert any(one.path == "$.treatments[0].stop_reason" for one in result.report.conflicts)
    assert any("or because the disease progressed?" in one for one in result.report.to_ask)


def test_surgery_tells_neoadjuvant_from_adjuvant_where_the_intent_is_curative(knowledge: KnowledgeBase) -> None:
    curative = intent("373808002")
    before, after = treatments(
        knowledge,
        *(breast_cancer("2021-12-01"), surgery("2022-06-01")),
        *(drug(PACLITAXEL, "2022-01-10", **curative), drug(KADCYLA, "2022-07-10", **curative)),
    )
    assert (before["setting"], after["setting"]) == ("neoadjuvant", "adjuvant")


def test_an_operation_for_an_earlier_cancer_does_not_tell_how_this_one_was_treated(knowledge: KnowledgeBase) -> None:
    earlier = {**breast_cancer("2011-03-01"), "clinicalStatus": status_of("clinical", "resolved")}
    chemotherapy = drug(DOCETAXEL, "2023-04-01", **intent("373808002"))
    given = (earlier, breast_cancer("2023-03-01"), surgery("2011-04-01"), chemotherapy)
    (alone,) = treatments(knowledge, *given)
    assert "setting" not in alone
    (before_surgery,) = treatments(knowledge, *given, surgery("2023-09-01"))
    assert before_surgery["setting"] == "neoadjuvant"


def test_a_later_m_category_that_cannot_be_read_leaves_open_whether_the_disease_was_early(
    knowledge: KnowledgeBase,
) -> None:
    given = (breast_cancer("2023-03-01"), surgery("2023-09-01"), drug(DOCETAXEL, "2023-10-01"))
    m0 = coded("21907-1", ("1229901006", SNOMED), "2023-03-02")
    later = {**m0, "id": "later", "effectiveDateTime": "2023-09-20", "valueCodeableConcept": {"text": "see letter"}}
    assert treatments(knowledge, *given, m0)[0]["setting"] == "adjuvant"
    assert "setting" not in treatments(knowledge, *given, m0, later)[0]


def test_treatment_of_an_earlier_cancer_is_not_neoadjuvant_for_this_one(knowledge: KnowledgeBase) -> None:
    chemotherapy = drug(DOCETAXEL, "2011-06-01", **intent("373808002"))
    (course,) = treatments(knowledge, breast_cancer("2023-03-01"), surgery("2023-04-01"), chemotherapy)
    assert "setting" not in course


def test_without_the_day_of_diagnosis_an_operation_is_listed_and_tells_nothing(knowledge: KnowledgeBase) -> None:
    chemotherapy = drug(DOCETAXEL, "2023-04-01", **intent("373808002"))
    operation = surgery("2023-09-01")
    result = imported(knowledge, condition("254837009"), operation, chemotherapy)
    assert "setting" not in result.profile["treatments"][0]
    assert any(one.source.endswith(operation["id"]) and "not used" in one.why for one in result.report.set_aside)


def test_palliative_intent_is_metastatic_treatment(knowledge: KnowledgeBase) -> None:
    (course,) = treatments(knowledge, drug(CAPECITABINE, "2022-01-10", **intent("363676003")))
    assert course["setting"] == "metastatic"


def test_without_intent_surgery_or_metastasis_the_setting_is_asked_for(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, drug(CAPECITABINE, "2022-01-10"))
    assert "setting" not in result.profile["treatments"][0]
    assert "line" not in result.profile["treatments"][0]
    assert any("capecitabine" in one for one in result.report.to_ask)


def test_a_drug_that_was_not_tolerated_is_named_while_the_others_go_on(knowledge: KnowledgeBase) -> None:
    reason = {"statusReason": [concept("407563006", SNOMED)], "status": "stopped"}
    (course,) = treatments(
        knowledge,
        *(metastatic(), drug(TRASTUZUMAB, "2022-02-01", status="active"), drug(DOCETAXEL, "2022-02-01", **reason)),
    )
    assert course["stopped_agents"] == ["docetaxel"]
    assert "stop_reason" not in course


def test_no_response_is_not_the_same_as_progression(knowledge: KnowledgeBase) -> None:
    one = drug(DOCETAXEL, "2022-02-01", status="stopped", statusReason=[concept("266721009", SNOMED)])
    result = imported(knowledge, metastatic(), one)
    assert "stop_reason" not in result.profile["treatments"][0]
    assert any("did the disease progress" in text for text in result.report.to_ask)


def test_a_request_still_active_after_a_later_course_is_left_open(knowledge: KnowledgeBase) -> None:
    first, second = treatments(
        knowledge, drug(PACLITAXEL, "2022-02-01", status="active"), drug(LETROZOLE, "2022-08-01", status="active")
    )
    assert "ongoing" not in first
    assert second["ongoing"] is True


def test_without_any_drug_on_record_the_history_is_unknown_not_empty(knowledge: KnowledgeBase) -> None:
    result = imported(knowledge, breast_cancer())
    assert "treatments" not in result.profile
    assert any(one.startswith("Treatments:") for one in result.report.to_ask)


# --- Records of any size ------------------------------------------------------------------------------


def seconds_for(knowledge: KnowledgeBase, *resources: Json | list[Json]) -> float:
    start = time.process_time()
    imported(knowledge, patient(), breast_cancer(), *resources)
    return time.process_time() - start


@pytest.mark.parametrize("text", [" ", "[", "[a]", "/ ", "and "])
def test_a_long_drug_text_costs_no_more_than_its_length(knowledge: KnowledgeBase, text: str) -> None:
    short, long = (seconds_for(knowledge, drug_named("x" + text * count + "y")) for count in (5_000, 50_000))
    assert long < 40 * short + 0.5


def test_a_text_that_is_looked_through_for_conjugates_costs_no_more_than_a_millisecond_or_two(
    knowledge: KnowledgeBase,
) -> None:
    wordy = [coded_and_said(TRASTUZUMAB, "x " * 240) for _ in range(400)]
    assert seconds_for(knowledge, wordy) < 4


def test_many_cycles_cost_no_more_than_their_number(knowledge: KnowledgeBase) -> None:
    few, many = (seconds_for(knowledge, cycles(TRASTUZUMAB, "2000-01-03", count, days=1)) for count in (400, 4_000))
    assert many < 30 * few + 0.5


def test_a_course_of_more_drugs_than_anybody_is_given_is_not_taken(knowledge: KnowledgeBase) -> None:
    found = imported(knowledge, patient(), breast_cancer(), [drug_named(f"trastuzumap {i}") for i in range(30)])
    assert "treatments" not in found.profile
    assert any("give the list" in one for one in found.report.to_ask)


def test_many_drugs_without_a_date_cost_no_more_than_their_number_and_are_no_history(knowledge: KnowledgeBase) -> None:
    def unknown(count: int) -> list[Json]:
        return [drug_named(f"trastuzumab zz{one}", None) for one in range(count)]

    few, many = (seconds_for(knowledge, unknown(count)) for count in (400, 4_000))
    assert many < 30 * few + 0.5
    result = imported(knowledge, unknown(300))
    assert "treatments" not in result.profile
    assert any(one.path == "$.treatments" and "300 courses" in one.found for one in result.report.conflicts)


def test_a_control_character_in_a_drugs_name_costs_nobody_a_treatment(knowledge: KnowledgeBase) -> None:
    found = imported(knowledge, patient(), breast_cancer(), drug_named("trastuzumab\x1b emtansine"))
    assert [one["agents"] for one in found.profile["treatments"]] == [["t-dm1"]]
