"""Reading a profile: form, names, contradictions, and errors that say how to mend them."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from her2cds import KnowledgeBase, ProfileError
from her2cds.knowledge.protein_change import normalise_change
from her2cds.profile.contradictions import contradictions
from her2cds.profile.json_text import MAX_BYTES, parse_json
from her2cds.profile.model import Profile
from her2cds.profile.read import make_chart, profile_from_tree, read_profile

TODAY = date(2026, 1, 1)


def refusal(text: str | bytes) -> str:
    with pytest.raises(ProfileError) as caught:
        read_profile(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "mention"),
    [
        ("", "The file is empty"),
        ("   \n", "The file is empty"),
        ('{"disease": ', "line 1, column 13"),
        ('{\n"disease": [1,]}', "line 2"),
        ('{"id": "a", "id": "b"}', "the key 'id' twice"),
        ('{"health": {"lvef_percent": NaN}}', "NaN"),
        ('{"health": {"lvef_percent": Infinity}}', "Infinity"),
        ('{"health": {"lvef_percent": 1e999}}', "lvef_percent"),
        ("[" * 200_000, "nesting without end"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nesting without end"),
        ('{"a":' * 40 + "1" + "}" * 40, "an unknown field"),
        (b'{"id": "\xff"}', "not UTF-8"),
        ("[]", "valid dictionary"),
        ("3", "valid dictionary"),
        ('"patient"', "valid dictionary"),
        ("null", "valid dictionary"),
        ('{"health": {"lvef_percent": ' + "9" * 400 + "}}", "400 digits"),
    ],
)
def test_text_that_is_no_profile_is_refused_clearly(text: str | bytes, mention: str) -> None:
    assert mention in refusal(text)


def test_a_file_of_50_megabytes_is_refused_before_parsing() -> None:
    with pytest.raises(ProfileError, match="bytes"):
        parse_json(b" " * 50_000_000)


def test_a_byte_order_mark_is_accepted() -> None:
    assert read_profile(b'\xef\xbb\xbf{"id": "a"}').id == "a"


def test_ten_thousand_alterations_are_refused() -> None:
    tree = {"genomic_tests": [{"alterations": [{"gene": "TP53", "kind": "mutation"}] * 10_000}]}
    assert len(json.dumps(tree)) < MAX_BYTES
    assert "2000" in refusal(json.dumps(tree))


@pytest.mark.parametrize(
    ("tree", "mention"),
    [
        (
            {"disease": {"seting": "early"}},
            "$.disease.seting: found an unknown field; expected a field of the schema. Did you",
        ),
        ({"patient": {"age_years": "54"}}, "Write numbers without quotation marks"),
        ({"patient": {"age_years": True}}, "$.patient.age_years"),
        ({"patient": {"ecog": 1.5}}, "$.patient.ecog"),
        ({"specimens": [{"her2_ihc": "3"}]}, "Did you mean '3+'?"),
        ({"specimens": [{"her2_ihc": 3}]}, "one of 0, 1+, 2+, 3+"),
        ({"specimens": [{"date": 20200101}]}, "text in the form YYYY-MM-DD"),
        ({"specimens": [{"date": "01.02.2020"}]}, "text in the form YYYY-MM-DD"),
        ({"specimens": [{"date": "2020-02-31"}]}, "$.specimens[0].date"),
        ({"treatments": [{"agents": []}]}, "at least 1 item"),
        ({"treatments": [{"line": 1}]}, "This field is required here"),
        ({"treatments": [{"agents": ["x"], "line": -1}]}, "found -1"),
        ({"id": "Jane Doe"}, "$.id"),
        ({"schema_version": "2"}, "$.schema_version"),
        ({"specimens": {"her2_ihc": "3+"}}, "$.specimens: found an object"),
    ],
)
def test_faults_name_path_value_expectation_and_remedy(tree: dict[str, Any], mention: str) -> None:
    assert mention in refusal(json.dumps(tree))


def test_all_faults_are_reported_together() -> None:
    message = refusal('{"patient": {"ecog": 9, "age_years": -1}, "diseas": {}, "health": {"lvef_percent": 200}}')
    assert message.splitlines()[0] == "patient profile: 4 faults"


def test_a_long_value_is_not_repeated_in_full() -> None:
    assert len(refusal(json.dumps({"patient": {"sex": "x" * 5000}}))) < 400


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L755S", "L755S"),
        ("p.L755S", "L755S"),
        ("p.Leu755Ser", "L755S"),
        ("p.(Leu755Ser)", "L755S"),
        ("NP_004439.2:p.Leu755Ser", "L755S"),
        ("p.Ala775_Gly776insTyrValMetAla", "A775_G776insYVMA"),
        ("A775_G776insYVMA", "A775_G776insYVMA"),
        ("p.Arg196Ter", "R196*"),
        ("p.Gly309Glu", "G309E"),
        ("p.Ala115=", "A115="),
        ("L755_T759del", "L755_T759del"),
        ("exon 20 insertion", None),
        ("c.2264T>C", None),
        ("", None),
    ],
)
def test_protein_changes_are_brought_to_one_form(text: str, expected: str | None) -> None:
    assert normalise_change(text) == expected


def chart(tree: dict[str, Any], knowledge: KnowledgeBase) -> Any:
    return make_chart(profile_from_tree(tree), knowledge.knowledge, TODAY)


@pytest.mark.parametrize(
    ("name", "drug"),
    [
        ("T-DXd", "t-dxd"),
        ("t dxd", "t-dxd"),
        ("Enhertu", "t-dxd"),
        ("DS-8201a", "t-dxd"),
        ("fam-trastuzumab deruxtecan-nxki", "t-dxd"),
        ("ado-trastuzumab emtansine", "t-dm1"),
        ("TDM1", "t-dm1"),
        ("Herceptin", "trastuzumab"),
        ("Abraxane", "nab-paclitaxel"),
    ],
)
def test_drug_names_are_normalised(name: str, drug: str, knowledge: KnowledgeBase) -> None:
    assert chart({"treatments": [{"agents": [name]}]}, knowledge).profile.treatments[0].agents == (drug,)


@pytest.mark.parametrize("slip", ["T-DX1", "trastuzumap", "Tucatinip", "Perjetta"])
def test_a_name_close_to_a_known_drug_is_an_error(slip: str, knowledge: KnowledgeBase) -> None:
    with pytest.raises(ProfileError, match="Did you mean"):
        chart({"treatments": [{"agents": [slip]}]}, knowledge)


def test_a_combination_stands_for_its_drugs(knowledge: KnowledgeBase) -> None:
    agents = chart({"treatments": [{"agents": ["Phesgo", "docetaxel"]}]}, knowledge).profile.treatments[0].agents
    assert agents == ("pertuzumab", "trastuzumab", "docetaxel")


def remedies(tree: dict[str, Any], knowledge: KnowledgeBase) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        chart(tree, knowledge)
    return [fault.remedy for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("Enhertu 100 mg", "Write it as: t-dxd."),
        ("T-DXd monotherapy", "Write it as: t-dxd."),
        ("trastuzumab deruxtecan (Enhertu) 5.4 mg/kg q3w", "Write it as: t-dxd."),
        ("Kadcyla® 3.6mg/kg q21d", "Write it as: t-dm1."),
        ("Herceptin infusion", "Write it as: trastuzumab."),
        ("5 FU 500 mg", "Write it as: fluorouracil."),
        ("trastuzumab/pertuzumab", "Write two agents: trastuzumab, pertuzumab."),
        ("trastuzumab+pertuzumab", "Write two agents: trastuzumab, pertuzumab."),
        ("Trastuzumab, pertuzumab and docetaxel", "Write three agents: trastuzumab, pertuzumab, docetaxel."),
        ("TCHP x6", "Write four agents: docetaxel, carboplatin, trastuzumab, pertuzumab."),
        ("Perjetta 420 mg", "Did you mean 'Perjeta'?"),
    ],
)
def test_a_name_with_more_in_it_is_an_error_that_says_what_to_write(
    written: str, remedy: str, knowledge: KnowledgeBase
) -> None:
    assert remedies({"treatments": [{"agents": [written]}]}, knowledge) == [remedy]


def test_every_name_of_every_drug_is_found_beside_a_dose(knowledge: KnowledgeBase) -> None:
    names = [(name, drug.id) for drug in knowledge.knowledge.data.drugs for name in (drug.name, *drug.synonyms)]
    for start in range(0, len(names), 200):
        part = names[start : start + 200]
        found = remedies({"health": {"concomitant_drugs": [f"{name} 100 mg" for name, _ in part]}}, knowledge)
        assert found == [f"Write it as: {drug}." for _, drug in part]


@pytest.mark.parametrize(
    ("health", "path"),
    [
        ({"hypersensitivity_to": ["Herceptin infusion"]}, "$.health.hypersensitivity_to[0]"),
        ({"concomitant_drugs": ["atorvastatin 20 mg daily"]}, "$.health.concomitant_drugs[0]"),
        (
            {"interstitial_lung_disease": {"status": "past", "caused_by": ["Enhertu 100 mg"]}},
            "$.health.interstitial_lung_disease.caused_by[0]",
        ),
    ],
)
def test_names_are_looked_into_wherever_a_profile_names_drugs(
    health: dict[str, Any], path: str, knowledge: KnowledgeBase
) -> None:
    with pytest.raises(ProfileError) as caught:
        chart({"health": health}, knowledge)
    assert [fault.path for fault in caught.value.faults] == [path]


@pytest.mark.parametrize("written", ["trastuzumab xyz", "trastuzumab-xyzotecan", "trastuzumab (xyzotecan)"])
def test_a_conjugate_that_nobody_knows_is_never_read_as_its_antibody(written: str, knowledge: KnowledgeBase) -> None:
    (remedy,) = remedies({"treatments": [{"agents": [written]}]}, knowledge)
    assert "beside words that are not known" in remedy
    assert f"Where it is another drug, write: unrecognised: {written}." in remedy


def test_a_conjugate_is_told_across_a_dose_and_an_older_name_with_its_brand(knowledge: KnowledgeBase) -> None:
    assert remedies({"treatments": [{"agents": ["trastuzumab 3.6 mg/kg emtansine"]}]}, knowledge) == [
        "Write it as: t-dm1."
    ]
    assert remedies({"treatments": [{"agents": ["trastuzumab Injection [KADCYLA]"]}]}, knowledge) == [
        "Write the one that was given, or each as an agent of its own: trastuzumab, t-dm1."
    ]


def test_a_name_that_says_one_drug_twice_is_read_as_that_drug_with_a_notice(knowledge: KnowledgeBase) -> None:
    made = chart({"treatments": [{"agents": ["trastuzumab deruxtecan (Enhertu)"]}]}, knowledge)
    assert made.profile.treatments[0].agents == ("t-dxd",)
    assert made.unknown_drugs == set()
    assert any("'trastuzumab deruxtecan (Enhertu)' is read as t-dxd" in text for text in made.notices)


@pytest.mark.parametrize("written", ["unrecognised: trastuzumab xyz", "AC-77 trial drug", "chemotherapy", "500 mg"])
def test_a_name_without_a_known_drug_or_marked_as_another_is_kept(written: str, knowledge: KnowledgeBase) -> None:
    made = chart({"treatments": [{"agents": [written]}]}, knowledge)
    assert made.profile.treatments[0].agents == (written,)
    assert made.unknown_drugs == {written}


def test_unknown_names_are_kept_and_noticed(knowledge: KnowledgeBase) -> None:
    tree = {
        "treatments": [{"agents": ["Qwertzumab"]}],
        "genomic_tests": [{"alterations": [{"gene": "ZZZ9", "kind": "mutation", "protein_change": "something odd"}]}],
    }
    made = chart(tree, knowledge)
    assert made.profile.treatments[0].agents == ("Qwertzumab",)
    assert [name for name in ("Qwertzumab", "ZZZ9", "something odd") if any(name in text for text in made.notices)] == [
        "Qwertzumab",
        "ZZZ9",
        "something odd",
    ]


def test_gene_synonyms_are_normalised(knowledge: KnowledgeBase) -> None:
    tree = {"genomic_tests": [{"genes_covered": ["HER2"], "alterations": [{"gene": "neu", "kind": "amplification"}]}]}
    test = chart(tree, knowledge).profile.genomic_tests[0]
    assert (test.genes_covered, test.alterations[0].gene) == (("ERBB2",), "ERBB2")


AMPLIFIED = {"her2_ish_ratio": 3.0, "her2_copies_per_cell": 8.0}
NOT_AMPLIFIED = {"her2_ish_ratio": 1.2, "her2_copies_per_cell": 2.0}
# ASCO/CAP 2018: a high ratio with few copies, a low ratio with many, and one with some.
GROUP_2 = {"her2_ish_ratio": 2.3, "her2_copies_per_cell": 3.5}
GROUP_3 = {"her2_ish_ratio": 1.5, "her2_copies_per_cell": 6.0}
GROUP_4 = {"her2_ish_ratio": 1.5, "her2_copies_per_cell": 5.9}


def course(drug: str = "capecitabine", **fields: Any) -> dict[str, Any]:
    return {"agents": [drug], "setting": "metastatic", **fields}


CONTRADICTIONS = [
    ({"specimens": [{"her2_ihc": "3+", "her2_reported": "negative"}]}, True),
    ({"specimens": [{"her2_ihc": "3+", "her2_reported": "low"}]}, True),
    ({"specimens": [{"her2_ihc": "0", "her2_reported": "positive"}]}, True),
    ({"specimens": [{"her2_ihc": "0", "her2_reported": "low"}]}, True),
    ({"specimens": [{"her2_ihc": "1+", "her2_reported": "positive"}]}, True),
    ({"specimens": [{"her2_ihc": "2+", "her2_ish": "negative", "her2_reported": "positive"}]}, True),
    ({"specimens": [{"her2_ihc": "2+", "her2_ish": "positive", "her2_reported": "negative"}]}, True),
    ({"specimens": [{"her2_ihc": "2+", **AMPLIFIED, "her2_reported": "negative"}]}, True),
    ({"specimens": [{"her2_ihc": "2+", **AMPLIFIED, "her2_reported": "low"}]}, True),
    ({"specimens": [{"her2_ihc": "2+", **NOT_AMPLIFIED, "her2_reported": "positive"}]}, True),
    ({"specimens": [{"her2_ish": "negative", "her2_ish_ratio": 3.0, "her2_copies_per_cell": 8.0}]}, True),
    ({"specimens": [{"her2_ish": "positive", "her2_ish_ratio": 1.1, "her2_copies_per_cell": 2.2}]}, True),
    ({"specimens": [{"her2_ish": "equivocal", **AMPLIFIED}]}, False),
    ({"specimens": [{"her2_ish": "equivocal", **NOT_AMPLIFIED}]}, False),
    *(
        ({"specimens": [{**ihc, **group, **said}]}, False)
        for ihc in ({}, {"her2_ihc": "2+"}, {"her2_ihc": "1+"}, {"her2_ihc": "0"})
        for group in (GROUP_2, GROUP_3, GROUP_4)
        for said in ({"her2_ish": "positive"}, {"her2_ish": "positive", "her2_reported": "positive"})
        if group is not GROUP_3 or ihc.get("her2_ihc") in ("0", "1+")
    ),
    ({"specimens": [{"her2_ihc": "2+", **GROUP_2, "her2_reported": "positive"}]}, False),
    ({"specimens": [{"her2_ihc": "2+", **GROUP_4, "her2_reported": "positive"}]}, False),
    ({"specimens": [{**GROUP_4, "her2_reported": "positive"}]}, False),
    ({"specimens": [{"er": "positive", "er_percent": 0}]}, True),
    ({"specimens": [{"er": "negative", "er_percent": 40}]}, True),
    ({"specimens": [{"er": "negative", "er_percent": 5}]}, False),
    ({"disease": {"setting": "early", "stage": "IV"}}, True),
    ({"disease": {"setting": "early", "sites_of_metastasis": ["liver"]}}, True),
    ({"disease": {"setting": "early", "relapse_date": "2024-01-01"}}, True),
    *(
        ({"disease": {"setting": "locally_advanced_unresectable", "sites_of_metastasis": [site]}}, True)
        for site in ("bone", "liver", "lung", "brain", "peritoneum", "pleura", "leptomeninges")
    ),
    ({"disease": {"setting": "early"}, "treatments": [{"setting": "metastatic", "agents": ["capecitabine"]}]}, True),
    ({"disease": {"setting": "metastatic", "early_phase": "before_surgery"}}, True),
    ({"disease": {"setting": "early"}, "brain_metastases": {"status": "stable"}}, True),
    ({"brain_metastases": {"status": "none"}, "disease": {"sites_of_metastasis": ["brain"]}}, True),
    ({"brain_metastases": {"leptomeningeal": False}, "disease": {"sites_of_metastasis": ["leptomeninges"]}}, True),
    ({"brain_metastases": {"status": "none"}, "disease": {"progressing_now": "cns_only"}}, True),
    ({"brain_metastases": {"status": "progressing"}, "disease": {"progressing_now": "no"}}, True),
    (
        {
            "brain_metastases": {"status": "none"},
            "treatments": [course(ongoing=True, progression_site="cns_only")],
        },
        True,
    ),
    (
        {
            "brain_metastases": {"status": "none"},
            "treatments": [course(line=2, progression_site="cns_only"), course("docetaxel", line=1)],
        },
        True,
    ),
    (
        {
            "disease": {"progressing_now": "no"},
            "treatments": [course(ongoing=True, progression_site="systemic")],
        },
        True,
    ),
    ({"patient": {"sex": "male", "pregnancy": "pregnant"}}, True),
    ({"patient": {"sex": "male", "menopausal_status": "postmenopausal"}}, True),
    ({"patient": {"menopausal_status": "postmenopausal", "pregnancy": "pregnant"}}, True),
    ({"treatments": [{"agents": ["capecitabine"], "ongoing": True, "end": "2020-01-01"}]}, True),
    ({"treatments": [{"agents": ["capecitabine"], "ongoing": True, "stop_reason": "toxicity"}]}, True),
    ({"treatments": [{"agents": ["capecitabine"], "start": "2020-02-01", "end": "2020-01-01"}]}, True),
    ({"treatments": [{"agents": ["capecitabine"], "stop_reason": "toxicity", "stopped_agents": ["docetaxel"]}]}, True),
    ({"treatments": [{"agents": ["capecitabine"], "stop_reason": "toxicity", "progression_site": "systemic"}]}, True),
    (
        {
            "treatments": [
                {"agents": ["capecitabine"], "setting": "metastatic", "line": 1},
                {"agents": ["docetaxel"], "setting": "metastatic", "line": 1},
            ]
        },
        False,
    ),
    ({"treatments": [{"agents": ["docetaxel"], "setting": "adjuvant", "line": 1}]}, False),
    ({"treatments": [course(line=3)]}, False),
    ({"treatments": [course(line=3)], "treatments_complete": True}, False),
    ({"treatments": [course(line=1), course("docetaxel", line=3)]}, False),
    ({"health": {"interstitial_lung_disease": {"status": "never", "grade": 2}}}, True),
    ({"health": {"heart_failure": "none", "lvef_percent": 30}}, False),
    ({"date": "2027-01-01"}, True),
    ({"date": "2020-01-01", "specimens": [{"date": "2020-01-02"}]}, True),
    ({"specimens": [{"date": "2026-01-02"}]}, True),
    ({"specimens": [{"date": "1810-01-02"}]}, True),
    ({"disease": {"diagnosis_date": "2020-01-01", "relapse_date": "2019-01-01"}}, True),
]


@pytest.mark.parametrize(
    ("ihc", "expected"),
    [
        ({}, "negative, unless IHC is 3+ or a second count differs"),
        ({"her2_ihc": "2+"}, "negative, unless a second count differs"),
        ({"her2_ihc": "1+"}, "negative"),
        ({"her2_ihc": "0"}, "negative"),
    ],
)
def test_what_numbers_that_disagree_come_to_depends_on_ihc(ihc: dict[str, str], expected: str) -> None:
    profile = Profile.model_validate({"specimens": [{**ihc, **GROUP_2, "her2_ish": "positive"}]})
    (found,) = contradictions(profile, TODAY)
    assert found.fault.expected == f"{expected} (ASCO/CAP 2018)"


@pytest.mark.parametrize(("tree", "blocks"), CONTRADICTIONS)
def test_contradictions_are_errors_or_warnings(tree: dict[str, Any], blocks: bool) -> None:
    profile = Profile.model_validate(tree)
    found = contradictions(profile, TODAY)
    assert [one.blocks for one in found] == [blocks]


@pytest.mark.parametrize(
    "tree",
    [
        # Ratio and copies that point to different groups decide nothing; a reported ISH result goes before them.
        {"specimens": [{"her2_ihc": "2+", "her2_ish_ratio": 1.5, "her2_copies_per_cell": 7.0, "her2_reported": status}]}
        for status in ("positive", "low", "negative")
    ]
    + [
        *(
            {"specimens": [{"her2_ihc": "3+", "her2_ish": "positive", **group}]}
            for group in (GROUP_2, GROUP_3, GROUP_4)
        ),
        {"specimens": [{"her2_ish": "positive", **GROUP_3}]},
        {"specimens": [{"her2_ihc": "2+", "her2_ish": "positive", **GROUP_3}]},
        {"specimens": [{"her2_ish": "equivocal", **GROUP_2}]},
        {"specimens": [{"her2_ish": "negative", **GROUP_4}]},
        {"specimens": [{"her2_ish_ratio": 2.3, "her2_reported": "positive"}]},
        {"specimens": [{"her2_ihc": "2+", "her2_ish_ratio": 3.0, "her2_reported": "negative"}]},
        {"specimens": [{"her2_ihc": "2+", **AMPLIFIED, "her2_reported": "positive"}]},
        {"specimens": [{"her2_ihc": "1+", **AMPLIFIED, "her2_reported": "positive"}]},
        {"disease": {"setting": "metastatic", "relapse_date": "2024-01-01"}},
        {"disease": {"setting": "locally_advanced_unresectable", "sites_of_metastasis": ["lymph_node", "skin"]}},
        # Lesions that were treated since are stable, whatever the treatment told.
        {
            "brain_metastases": {"status": "stable"},
            "treatments": [course(ongoing=True, progression_site="cns_only")],
        },
        {
            "brain_metastases": {"status": "none", "leptomeningeal": True},
            "treatments": [course(ongoing=True, progression_site="cns_only")],
        },
        {
            "brain_metastases": {"status": "none"},
            "treatments": [course(line=1, progression_site="cns_only"), course("docetaxel", line=2)],
        },
        {
            "brain_metastases": {"status": "none"},
            "treatments": [course(progression_site="cns_only"), course("docetaxel")],
        },
        {"disease": {"progressing_now": "no"}, "treatments": [course(stop_reason="progression")]},
        {"treatments": [course(ongoing=True, best_response="progression")]},
        {"treatments": [course(line=1, ongoing=True), course("docetaxel", line=2, maintenance_of_previous=True)]},
        {"treatments": [course(ongoing=True, maintenance_of_previous=True), course("docetaxel", line=1, ongoing=True)]},
        {"treatments": [course(line=3)], "treatments_complete": False},
        {"treatments": [course(line=3), course("docetaxel"), course("vinorelbine")]},
        {"treatments": [course(line=1, maintenance_of_previous=True), course("docetaxel", line=2)]},
    ],
)
def test_what_fits_together_is_no_contradiction(tree: dict[str, Any]) -> None:
    assert contradictions(Profile.model_validate(tree), TODAY) == []


def test_of_two_lines_that_both_go_on_neither_is_preferred() -> None:
    tree = {"treatments": [course(line=1, ongoing=True), course("docetaxel", line=2, ongoing=True)]}
    found = contradictions(Profile.model_validate(tree), TODAY)
    assert [(one.fault.path, one.blocks) for one in found] == [
        ("$.treatments[0].ongoing", True),
        ("$.treatments[1].ongoing", True),
    ]


def test_courses_of_one_line_may_go_on_together() -> None:
    tree = {"treatments": [course(line=1, ongoing=True), course("docetaxel", line=1, ongoing=True)]}
    assert not any(one.blocks for one in contradictions(Profile.model_validate(tree), TODAY))


def test_warnings_become_notices(knowledge: KnowledgeBase) -> None:
    made = chart({"health": {"heart_failure": "none", "lvef_percent": 30}}, knowledge)
    assert any("$.health.heart_failure" in text for text in made.notices)
