"""Facts derived from a profile: deciding specimen, lines, exposure, relapse, panel coverage."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from her2cds import KnowledgeBase, ProfileError
from her2cds.engine.explain import shown
from her2cds.facts.derive import derive_facts
from her2cds.facts.early import months_between
from her2cds.facts.truth import Truth
from her2cds.facts.values import FactBase, ScalarFact, SetFact, truth_of
from her2cds.knowledge.conditions import Leaf
from her2cds.knowledge.given_facts import GIVEN_FACTS
from her2cds.profile.read import make_chart, profile_from_tree
from tests.conftest import PROJECT
from tests.property.random_profiles import RandomProfiles


@pytest.fixture
def facts_of(knowledge: KnowledgeBase) -> Any:
    def derive(**tree: Any) -> FactBase:
        chart = make_chart(profile_from_tree(tree), knowledge.knowledge, date(2026, 1, 1))
        return derive_facts(chart, knowledge.knowledge)

    return derive


def value(facts: FactBase, name: str) -> Any:
    fact = facts.get(name)
    if fact is None:
        return "unknown"
    assert isinstance(fact, ScalarFact)
    if fact.candidates == ():
        return "not applicable"
    return fact.value if fact.is_known else fact.candidates


def members(facts: FactBase, name: str) -> SetFact:
    fact = facts[name]
    assert isinstance(fact, SetFact)
    return fact


def course(*agents: str, setting: str = "metastatic", **fields: Any) -> dict[str, Any]:
    return {"setting": setting, "agents": list(agents), **fields}


PD = {"stop_reason": "progression", "progression_site": "systemic"}


# --- Lines ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("treatments", "lines"),
    [
        ([], 0),
        ([course("trastuzumab", line=1, **PD)], 1),
        ([course("trastuzumab", line=1, **PD), course("t-dm1", line=2, **PD)], 2),
        ([course("trastuzumab", line=1, stop_reason="toxicity")], 0),
        ([course("trastuzumab", line=1, ongoing=True)], (0.0, 1.0)),
        ([course("trastuzumab", line=1, ongoing=True, progression_site="systemic")], 1),
        ([course("trastuzumab", line=1, ongoing=True, progression_site="cns_only")], 0),
        (
            [
                course("trastuzumab", "docetaxel", line=1, start="2020-01-01", stop_reason="maintenance_switch"),
                course("trastuzumab", line=1, start="2020-07-01", maintenance_of_previous=True, **PD),
            ],
            1,
        ),
        (
            [
                course("trastuzumab", "docetaxel", start="2020-01-01", stop_reason="maintenance_switch"),
                course("trastuzumab", start="2020-07-01", maintenance_of_previous=True, **PD),
                course("t-dm1", start="2021-07-01", **PD),
            ],
            2,
        ),
        ([course("trastuzumab", setting="adjuvant", **PD)], 0),
        ([course("trastuzumab", line=1, end="2020-01-01")], (0.0, 1.0)),
        ([course("trastuzumab", line=1, ongoing=True, best_response="partial")], 0),
        ([course("trastuzumab", line=1, **PD), course("t-dm1", line=2, end="2022-01-01")], (1.0, 2.0)),
        ([{"agents": ["trastuzumab"], **PD}], "unknown"),
    ],
)
def test_lines_of_metastatic_therapy(treatments: list[dict[str, Any]], lines: Any, facts_of: Any) -> None:
    facts = facts_of(disease={"setting": "metastatic"}, treatments=treatments)
    assert value(facts, "lines.metastatic") == lines


def test_no_treatment_list_leaves_lines_unknown(facts_of: Any) -> None:
    assert value(facts_of(disease={"setting": "metastatic"}), "lines.metastatic") == "unknown"


def test_lines_by_class(facts_of: Any) -> None:
    facts = facts_of(
        treatments=[
            course("palbociclib", "letrozole", line=1, **PD),
            course("T-DM1", line=2, **PD),
            course("eribulin", line=3, **PD),
        ]
    )
    assert value(facts, "lines.chemotherapy") == 1
    assert value(facts, "lines.anti_her2") == 1


# --- Exposure and outcome -----------------------------------------------------------------------------------


def test_an_adc_is_not_exposure_to_trastuzumab(facts_of: Any) -> None:
    facts = facts_of(treatments=[course("T-DM1", line=1, **PD)])
    assert members(facts, "prior.agents").contains("trastuzumab") is Truth.FALSE
    assert members(facts, "prior.agents").contains("t-dm1") is Truth.TRUE
    assert members(facts, "prior.classes").contains("anti-her2-adc") is Truth.TRUE
    assert members(facts, "prior.classes").contains("anti-her2-antibody") is Truth.FALSE


def test_progression_and_toxicity_are_different(facts_of: Any) -> None:
    facts = facts_of(
        treatments=[
            course("trastuzumab", "docetaxel", line=1, stop_reason="toxicity", stopped_agents=["docetaxel"]),
            course("t-dm1", line=2, **PD),
            course("capecitabine", line=3, end="2020-01-01"),
        ]
    )
    progressed, stopped = members(facts, "prior.progressed_on"), members(facts, "prior.not_tolerated")
    assert progressed.contains("t-dm1") is Truth.TRUE
    assert progressed.contains("docetaxel") is Truth.FALSE
    assert progressed.contains("capecitabine") is Truth.UNKNOWN
    assert stopped.present == {"docetaxel"}


def test_progression_in_the_brain_only_is_kept_apart(facts_of: Any) -> None:
    facts = facts_of(treatments=[course("trastuzumab", line=1, stop_reason="progression", progression_site="cns_only")])
    assert members(facts, "prior.progressed_on").present == set()
    assert members(facts, "prior.cns_progressed_on").present == {"trastuzumab"}


def test_an_unknown_drug_leaves_classes_open(facts_of: Any) -> None:
    facts = facts_of(treatments=[course("Qwertzumab", line=1, **PD)])
    assert members(facts, "prior.classes").contains("taxane") is Truth.UNKNOWN
    assert members(facts, "prior.agents").contains("paclitaxel") is Truth.FALSE
    assert value(facts, "lines.chemotherapy") == (0.0, 1.0)


@pytest.mark.parametrize(
    ("tree", "progressing", "controlled"),
    [
        ({"treatments": []}, "not applicable", False),
        ({"treatments": [course("trastuzumab", line=1, **PD)]}, "systemic", False),
        ({"treatments": [course("trastuzumab", line=1, ongoing=True)]}, "unknown", "unknown"),
        ({"treatments": [course("trastuzumab", line=1, ongoing=True, best_response="partial")]}, "no", True),
        ({"treatments": [course("trastuzumab", line=1, ongoing=True, progression_site="cns_only")]}, "cns_only", True),
        ({"treatments": [course("trastuzumab", line=1, ongoing=True, progression_site="systemic")]}, "systemic", False),
        (
            {"treatments": [course("trastuzumab", line=1, ongoing=True)], "disease": {"progressing_now": "no"}},
            "no",
            True,
        ),
        ({"treatments": [course("trastuzumab", line=1)]}, "unknown", "unknown"),
        # What was given before surgery does not go on in metastatic disease, whether its end was entered or not.
        (
            {
                "treatments": [course("docetaxel", setting="neoadjuvant"), course("trastuzumab", line=1, **PD)],
                "disease": {"setting": "metastatic"},
            },
            "systemic",
            False,
        ),
    ],
)
def test_what_is_going_on_now(tree: dict[str, Any], progressing: Any, controlled: Any, facts_of: Any) -> None:
    facts = facts_of(**tree)
    assert value(facts, "disease.progressing") == progressing
    assert value(facts, "current.controlled") == controlled


# --- Relapse and early disease --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("treatments", "disease", "months"),
    [
        ([], {"setting": "metastatic"}, "not applicable"),
        ([course("letrozole", setting="adjuvant")], {"setting": "metastatic"}, "not applicable"),
        (
            [course("trastuzumab", setting="adjuvant", end="2020-01-15")],
            {"setting": "metastatic", "relapse_date": "2020-07-15"},
            6.0,
        ),
        (
            [course("trastuzumab", setting="adjuvant", end="2020-01-15")],
            {"setting": "metastatic", "relapse_date": "2019-07-15"},
            0.0,
        ),
        ([course("trastuzumab", setting="adjuvant", stop_reason="progression")], {"setting": "metastatic"}, 0.0),
        ([course("trastuzumab", setting="adjuvant", end="2020-01-15")], {"setting": "metastatic"}, "unknown"),
        (
            [course("trastuzumab", setting="adjuvant")],
            {"setting": "metastatic", "relapse_date": "2020-07-15"},
            "unknown",
        ),
        ([course("trastuzumab", setting="adjuvant", end="2020-01-15")], {"setting": "early"}, "not applicable"),
    ],
)
def test_months_to_relapse(treatments: list[Any], disease: dict[str, Any], months: Any, facts_of: Any) -> None:
    facts = facts_of(treatments=treatments, disease=disease)
    assert value(facts, "relapse.months_since_adjuvant_anti_her2") == months


def test_months_are_days_over_the_mean_month() -> None:
    assert months_between(date(2020, 1, 1), date(2021, 1, 1)) == 12.0


# --- Receptors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("specimens", "ihc"),
    [
        ([{"her2_ihc": "3+"}], "3+"),
        ([{"date": "2020-01-01", "her2_ihc": "3+"}, {"date": "2021-01-01", "her2_ihc": "1+"}], "1+"),
        (
            [
                {"date": "2020-01-01", "site": "metastasis", "her2_ihc": "3+"},
                {"date": "2021-01-01", "site": "primary", "her2_ihc": "1+"},
            ],
            "3+",
        ),
        ([{"date": "2020-01-01", "her2_ihc": "3+"}, {"date": "2021-01-01", "er": "positive"}], "3+"),
        ([{"her2_ihc": "3+"}, {"her2_ihc": "0"}], "unknown"),
        ([{"date": "2020-01-01", "her2_ihc": "3+"}, {"her2_ihc": "0"}], "unknown"),
        ([{"her2_ihc": "3+"}, {"her2_ihc": "3+"}], "3+"),
    ],
)
def test_the_deciding_her2_specimen(specimens: list[Any], ihc: str, facts_of: Any) -> None:
    assert value(facts_of(specimens=specimens), "her2.ihc") == ihc


def test_a_later_report_against_the_assay_is_discordant(facts_of: Any) -> None:
    specimens = [{"date": "2020-01-01", "her2_ihc": "3+"}, {"date": "2021-01-01", "her2_reported": "negative"}]
    assert value(facts_of(specimens=specimens), "her2.discordant") is True


def test_an_earlier_positive_specimen_is_remembered(facts_of: Any) -> None:
    specimens = [{"date": "2020-01-01", "her2_ihc": "3+"}, {"date": "2021-01-01", "her2_ihc": "0"}]
    assert value(facts_of(specimens=specimens), "her2.earlier_positive") is True


# --- Genomic tests ----------------------------------------------------------------------------------------------------


def test_a_gene_is_wild_type_only_where_a_test_covered_it(facts_of: Any) -> None:
    tests = [
        {
            "genes_covered": ["PIK3CA", "ERBB2"],
            "alterations": [{"gene": "ERBB2", "kind": "mutation", "protein_change": "L755S"}],
        }
    ]
    facts = facts_of(genomic_tests=tests)
    found = members(facts, "alterations")
    assert found.contains("ERBB2:mutation") is Truth.TRUE
    assert found.contains("PIK3CA:mutation") is Truth.FALSE
    assert found.contains("PIK3CA:amplification") is Truth.UNKNOWN
    assert found.contains("PTEN:mutation") is Truth.UNKNOWN
    changes = members(facts, "alterations.changes")
    assert changes.contains("ERBB2:L755S") is Truth.TRUE
    assert changes.contains("ERBB2:V777L") is Truth.FALSE
    assert changes.contains("PIK3CA:H1047R") is Truth.FALSE
    assert changes.contains("PTEN:R130Q") is Truth.UNKNOWN


def test_a_mutation_without_its_change_leaves_changes_open(facts_of: Any) -> None:
    tests = [{"genes_covered": ["ERBB2"], "alterations": [{"gene": "ERBB2", "kind": "mutation"}]}]
    assert members(facts_of(genomic_tests=tests), "alterations.changes").contains("ERBB2:L755S") is Truth.UNKNOWN


def test_early_disease_has_no_brain_metastases(facts_of: Any) -> None:
    assert value(facts_of(disease={"setting": "early"}), "brain.status") == "none"


def test_brain_among_the_sites_leaves_the_status_open(facts_of: Any) -> None:
    facts = facts_of(disease={"setting": "metastatic", "sites_of_metastasis": ["brain"]})
    assert value(facts, "brain.status") == ("stable", "untreated", "progressing")


def test_only_partial_facts_are_ever_narrowed(facts_of: Any, knowledge: KnowledgeBase) -> None:
    facts = facts_of(
        disease={"setting": "metastatic", "sites_of_metastasis": ["brain"]},
        treatments=[course("Qwertzumab", line=1, end="2020-01-01")],
        specimens=[{"er_percent": 10}, {"er_percent": 90}],
    )
    narrowed = {name for name, fact in facts.items() if isinstance(fact, ScalarFact) and not fact.is_known}
    assert narrowed
    assert {name for name in narrowed if not knowledge.knowledge.facts[name].partial} == set()


def test_an_older_percentage_does_not_outvote_a_newer_receptor_status(facts_of: Any) -> None:
    older = {"date": "2020-01-01", "site": "metastasis", "er_percent": 85, "pr": "positive"}
    newer = {"date": "2024-01-01", "site": "metastasis", "er": "negative"}
    facts = facts_of(specimens=[older, newer])
    assert value(facts, "er.reported") == "negative"
    assert value(facts, "er.percent") == "unknown"
    assert value(facts, "pr.reported") == "unknown"  # the newer specimen says nothing of PR: it is to be asked


@pytest.mark.parametrize("other", [{"er_percent": 90}, {"er": "positive"}])
def test_receptor_results_that_disagree_and_have_no_order_decide_nothing(
    facts_of: Any, other: dict[str, object]
) -> None:
    facts = facts_of(specimens=[{"er": "negative"}, other])
    assert value(facts, "er.reported") == "unknown"
    assert value(facts, "er.percent") == "unknown"


def test_receptor_results_that_agree_complete_each_other(facts_of: Any) -> None:
    facts = facts_of(specimens=[{"er": "positive"}, {"er_percent": 90}])
    assert value(facts, "er.reported") == "positive"
    assert value(facts, "er.percent") == 90


# --- A list of treatments with gaps ---------------------------------------------------------------

LISTED = course("trastuzumab", "docetaxel", line=1, start="2023-01-02", end="2024-01-02", stop_reason="progression")


def test_what_is_listed_counts_and_what_is_not_may_have_been_given(facts_of: Any) -> None:
    facts = facts_of(treatments=[LISTED], treatments_complete=False)
    agents = members(facts, "prior.agents")
    assert agents.contains("trastuzumab") is Truth.TRUE
    assert agents.contains("t-dxd") is Truth.UNKNOWN
    assert members(facts, "prior.progressed_on").contains("t-dxd") is Truth.UNKNOWN
    assert members(facts, "prior.not_tolerated").contains("t-dxd") is Truth.UNKNOWN


def test_lines_that_are_listed_are_a_lower_bound(facts_of: Any) -> None:
    lines = facts_of(treatments=[LISTED], treatments_complete=False)["lines.metastatic"]
    assert truth_of(Leaf("lines.metastatic", "at_least", 1.0), lines) is Truth.TRUE
    assert truth_of(Leaf("lines.metastatic", "at_least", 2.0), lines) is Truth.UNKNOWN
    assert truth_of(Leaf("lines.metastatic", "at_most", 0.0), lines) is Truth.FALSE
    assert shown(lines) == "unknown (at least 1)"


def test_of_the_present_only_what_is_said_of_it_stands(facts_of: Any) -> None:
    ended = facts_of(treatments=[LISTED], treatments_complete=False)
    assert value(ended, "disease.progressing") == "unknown"
    assert value(ended, "current.controlled") == "unknown"
    assert members(ended, "current.agents").contains("t-dxd") is Truth.UNKNOWN
    on = course("t-dm1", line=2, start="2024-02-02", ongoing=True, best_response="partial")
    ongoing = facts_of(treatments=[LISTED, on], treatments_complete=False)
    assert value(ongoing, "disease.progressing") == "no"
    assert value(ongoing, "current.controlled") is True


def test_a_retest_after_the_last_listed_course_may_lie_before_another(facts_of: Any) -> None:
    specimens = [{"site": "metastasis", "date": "2024-02-01", "her2_ihc": "3+"}]
    complete = facts_of(treatments=[LISTED], specimens=specimens)
    assert value(complete, "her2.retested_since_progression") is True
    gaps = facts_of(treatments=[LISTED], specimens=specimens, treatments_complete=False)
    assert value(gaps, "her2.retested_since_progression") == "unknown"


def test_an_empty_list_with_gaps_says_nothing(facts_of: Any) -> None:
    assert "lines.metastatic" not in facts_of(treatments=[], treatments_complete=False)


@pytest.mark.parametrize("complete", [True, None])
def test_a_list_is_complete_unless_it_says_otherwise(facts_of: Any, complete: bool | None) -> None:
    facts = facts_of(treatments=[LISTED], treatments_complete=complete)
    assert value(facts, "lines.metastatic") == 1
    assert members(facts, "prior.agents").contains("t-dxd") is Truth.FALSE


def test_a_list_with_an_entry_that_nobody_could_read_denies_nothing(facts_of: Any) -> None:
    entries = {"hypersensitivity_to": ["docetaxel", "unrecognised: paclitaxel reaction"]}
    fact = facts_of(health=entries)["health.hypersensitivity"]
    assert truth_of(Leaf("health.hypersensitivity", "contains", "docetaxel"), fact) is Truth.TRUE
    assert truth_of(Leaf("health.hypersensitivity", "contains", "paclitaxel"), fact) is Truth.UNKNOWN
    whole = facts_of(health={"hypersensitivity_to": ["docetaxel"]})["health.hypersensitivity"]
    assert truth_of(Leaf("health.hypersensitivity", "contains", "paclitaxel"), whole) is Truth.FALSE


# --- Specimens and time ----------------------------------------------------------------------------------


def test_a_newer_report_of_her2_low_contradicts_an_older_assay_without_any_staining(facts_of: Any) -> None:
    report = {"date": "2023-06-01", "site": "metastasis", "her2_reported": "low"}
    for ihc, discordant in (("0", True), ("1+", False)):
        facts = facts_of(specimens=[{"date": "2020-06-01", "site": "primary", "her2_ihc": ihc}, report])
        assert value(facts, "her2.discordant") is discordant


def test_a_later_positive_primary_is_not_an_earlier_result(facts_of: Any) -> None:
    metastasis = {"date": "2020-06-01", "site": "metastasis", "her2_ihc": "1+"}
    for year, earlier in ((2019, True), (2024, False)):
        primary = {"date": f"{year}-06-01", "site": "primary", "her2_ihc": "3+"}
        assert value(facts_of(specimens=[metastasis, primary]), "her2.earlier_positive") is earlier


@pytest.mark.parametrize(
    ("later", "retested"),
    [
        ({"start": "2022-01-01", "end": "2023-01-01", "stop_reason": "progression"}, False),
        ({"start": "2022-01-01", "stop_reason": "progression"}, False),
        ({"start": "2022-01-01", "end": "2023-01-01", "progression_site": "systemic"}, False),
        ({"start": "2021-01-15", "stop_reason": "progression"}, "unknown"),
        ({"start": "2021-01-15", "end": "2021-05-01", "stop_reason": "progression"}, True),
        ({"start": "2022-01-01", "ongoing": True}, True),
    ],
)
def test_a_biopsy_counts_as_new_after_every_progression_only(
    later: dict[str, Any], retested: Any, facts_of: Any
) -> None:
    first = course("trastuzumab", line=1, start="2020-01-01", end="2021-01-01", stop_reason="progression")
    specimen = {"date": "2021-06-01", "site": "metastasis", "her2_ihc": "3+"}
    facts = facts_of(specimens=[specimen], treatments=[first, course("t-dm1", line=2, **later)])
    assert value(facts, "her2.retested_since_progression") == retested


def test_the_facts_made_from_profiles_are_those_that_a_vocabulary_may_describe(knowledge: KnowledgeBase) -> None:
    base = knowledge.knowledge
    trees = [json.loads(path.read_text("utf-8")) for path in (PROJECT / "patient_examples").glob("*.json")]
    trees += [RandomProfiles(seed).tree() for seed in range(50)]
    trees.append(
        {
            "disease": {"locally_advanced_or_inflammatory": False},
            "specimens": [{"her2_reported": "positive", "her2_heterogeneous": False}],
            "health": {"ocular_disease": False},
            "biomarkers": {
                "pd_l1": {"status": "negative"},
                "tils_percent": 10,
                "tmb_high": False,
                "p95her2": "negative",
                "fcgr3a": "high_affinity",
                "her3": "low",
                "muc1_star": "negative",
                "pam_pathway_activated": False,
                "ctdna": "not_detected",
            },
        }
    )
    made: set[str] = set()
    for tree in trees:
        try:
            made |= set(derive_facts(make_chart(profile_from_tree(tree), base), base))
        except ProfileError:
            continue  # a random profile may contradict itself
    assert made == GIVEN_FACTS
    assert {fact.id for fact in base.data.vocabulary if not fact.derived} == GIVEN_FACTS
