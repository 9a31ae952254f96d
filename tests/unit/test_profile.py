"""Reading a profile: form, names, contradictions, and errors that say how to mend them."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from her2cds import KnowledgeBase, ProfileError
from her2cds.profile.contradictions import contradictions
from her2cds.profile.json_text import MAX_BYTES, parse_json
from her2cds.profile.model import Profile
from her2cds.profile.protein_change import normalise_change
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


CONTRADICTIONS = [
    ({"specimens": [{"her2_ihc": "3+", "her2_reported": "negative"}]}, True),
    ({"specimens": [{"her2_ihc": "3+", "her2_reported": "low"}]}, True),
    ({"specimens": [{"her2_ihc": "0", "her2_reported": "positive"}]}, True),
    ({"specimens": [{"her2_ihc": "0", "her2_reported": "low"}]}, True),
    ({"specimens": [{"her2_ihc": "1+", "her2_reported": "positive"}]}, True),
    ({"specimens": [{"her2_ihc": "2+", "her2_ish": "negative", "her2_reported": "positive"}]}, True),
    ({"specimens": [{"her2_ihc": "2+", "her2_ish": "positive", "her2_reported": "negative"}]}, True),
    ({"specimens": [{"her2_ish": "negative", "her2_ish_ratio": 3.0, "her2_copies_per_cell": 8.0}]}, True),
    ({"specimens": [{"her2_ish": "positive", "her2_ish_ratio": 1.1, "her2_copies_per_cell": 2.2}]}, True),
    ({"specimens": [{"er": "positive", "er_percent": 0}]}, True),
    ({"specimens": [{"er": "negative", "er_percent": 40}]}, True),
    ({"specimens": [{"er": "negative", "er_percent": 5}]}, False),
    ({"disease": {"setting": "early", "stage": "IV"}}, True),
    ({"disease": {"setting": "early", "sites_of_metastasis": ["liver"]}}, True),
    ({"disease": {"setting": "early"}, "treatments": [{"setting": "metastatic", "agents": ["capecitabine"]}]}, True),
    ({"disease": {"setting": "metastatic", "early_phase": "before_surgery"}}, True),
    ({"disease": {"setting": "early"}, "brain_metastases": {"status": "stable"}}, True),
    ({"brain_metastases": {"status": "none"}, "disease": {"sites_of_metastasis": ["brain"]}}, True),
    ({"brain_metastases": {"leptomeningeal": False}, "disease": {"sites_of_metastasis": ["leptomeninges"]}}, True),
    ({"brain_metastases": {"status": "none"}, "disease": {"progressing_now": "cns_only"}}, True),
    ({"brain_metastases": {"status": "progressing"}, "disease": {"progressing_now": "no"}}, True),
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
    ({"health": {"interstitial_lung_disease": {"status": "never", "grade": 2}}}, True),
    ({"health": {"heart_failure": "none", "lvef_percent": 30}}, False),
    ({"date": "2027-01-01"}, True),
    ({"date": "2020-01-01", "specimens": [{"date": "2020-01-02"}]}, True),
    ({"specimens": [{"date": "2026-01-02"}]}, True),
    ({"specimens": [{"date": "1810-01-02"}]}, True),
    ({"disease": {"diagnosis_date": "2020-01-01", "relapse_date": "2019-01-01"}}, True),
]


@pytest.mark.parametrize(("tree", "blocks"), CONTRADICTIONS)
def test_contradictions_are_errors_or_warnings(tree: dict[str, Any], blocks: bool) -> None:
    profile = Profile.model_validate(tree)
    found = contradictions(profile, TODAY)
    assert [one.blocks for one in found] == [blocks]


def test_warnings_become_notices(knowledge: KnowledgeBase) -> None:
    made = chart({"health": {"heart_failure": "none", "lvef_percent": 30}}, knowledge)
    assert any("$.health.heart_failure" in text for text in made.notices)
