"""Tables by a mapping file, and mutation annotation files."""

from __future__ import annotations

import pytest

from her2cds import KnowledgeBase, ProfileError
from her2cds.interop.draft import Imported
from her2cds.interop.maf import import_maf
from her2cds.interop.table import import_table, read_mapping
from tests.conftest import PROJECT

MAPPING = """
id: case
missing: ["", NA]
constants: {disease.primary: breast}
columns:
  sex: {field: patient.sex, values: {F: female, M: male, U: null}}
  ihc: {field: "specimens[0].her2_ihc", values: {"0": "0", "1": "1+", "2": "2+", "3": "3+"}}
  her2: {field: "specimens[0].her2_reported", values: {pos: positive, neg: negative}}
  ratio: {field: "specimens[0].her2_ish_ratio", kind: number}
  sites: {field: disease.sites_of_metastasis, split: ";", values: {bone: bone, liver: liver}}
not_used: {comment: free text}
"""
HEADER = "case,sex,ihc,her2,ratio,sites,comment,extra\n"


def table(knowledge: KnowledgeBase, rows: str, mapping: str = MAPPING) -> list[Imported]:
    return import_table((HEADER + rows).encode(), read_mapping(mapping, "mapping"), knowledge.knowledge, label="t.csv")


def test_each_row_becomes_a_profile(knowledge: KnowledgeBase) -> None:
    one, two = table(knowledge, "a-1,F,3,pos,4.5,bone;liver,,\na-2,M,0,neg,NA,,,\n")
    assert one.profile == {
        "schema_version": "1",
        "id": "a-1",
        "patient": {"sex": "female"},
        "disease": {"primary": "breast", "sites_of_metastasis": ["bone", "liver"]},
        "specimens": [{"her2_ihc": "3+", "her2_reported": "positive", "her2_ish_ratio": 4.5}],
    }
    assert two.profile["patient"] == {"sex": "male"}
    assert "her2_ish_ratio" not in two.profile["specimens"][0]


def test_a_value_that_the_mapping_does_not_list_is_reported_and_not_taken(knowledge: KnowledgeBase) -> None:
    (one,) = table(knowledge, "a,F,2-3,,>6,,,\n")
    assert "specimens" not in one.profile
    assert {(remark.source, remark.found) for remark in one.report.not_understood} == {("ihc", "2-3"), ("ratio", ">6")}


def test_a_column_that_the_mapping_does_not_name_is_reported(knowledge: KnowledgeBase) -> None:
    (one,) = table(knowledge, "a,F,,,,,seen twice,7\n")
    assert ("extra", "7") in {(remark.source, remark.found) for remark in one.report.not_understood}
    assert ("comment", "free text") in {(remark.source, remark.why) for remark in one.report.set_aside}


def test_a_row_that_contradicts_itself_loses_both_values(knowledge: KnowledgeBase) -> None:
    (one,) = table(knowledge, "a,F,3,neg,,,,\n")
    assert one.profile["specimens"] == [{}]
    assert one.report.conflicts[0].sources == ("ihc", "her2")


def test_byte_order_mark_carriage_returns_and_quoted_line_breaks_are_read(knowledge: KnowledgeBase) -> None:
    text = ("\ufeff" + HEADER + 'a,F,3,pos,,,"two\nlines",\n').replace("\n", "\r")
    (one,) = import_table(text.encode(), read_mapping(MAPPING, "m"), knowledge.knowledge, label="t.csv")
    assert one.profile["specimens"][0]["her2_ihc"] == "3+"


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("columns: {a: {field: patient.sexx, values: {F: female}}}", "no field of the profile"),
        ("columns: {a: {field: patient.sex}}", "give `values`"),
        ("colums: {}", "Extra inputs"),
        ("columns: {a: {field: patient.sex, values: {F: female}}", "not valid YAML"),
    ],
)
def test_a_mapping_with_a_fault_is_refused_with_its_place(mapping: str, says: str) -> None:
    with pytest.raises(ProfileError, match=says):
        read_mapping(mapping, "mapping.yaml")


def test_a_table_without_a_mapped_column_is_refused(knowledge: KnowledgeBase) -> None:
    with pytest.raises(ProfileError, match="no column 'ratio'"):
        import_table(b"case,sex,ihc,her2,sites,comment\n", read_mapping(MAPPING, "m"), knowledge.knowledge)


def test_a_row_with_too_few_cells_is_refused_with_its_line(knowledge: KnowledgeBase) -> None:
    with pytest.raises(ProfileError, match="line 2: found 3 cells"):
        table(knowledge, "a,F,3\n")


def test_the_example_mapping_names_only_fields_of_the_profile() -> None:
    path = PROJECT / "docs" / "examples" / "tcga-brca-clinical.mapping.yaml"
    assert read_mapping(path.read_text(encoding="utf-8"), path.name).id == "bcr_patient_barcode"


MAF = "\n".join(
    [
        "#version 2.4",
        "Hugo_Symbol\tVariant_Classification\tTumor_Sample_Barcode\tHGVSp_Short\tMutation_Status",
        "ERBB2\tMissense_Mutation\tT1\tp.L755S\tSomatic",
        "TP53\tSilent\tT1\tp.A115=\tSomatic",
        "TP53\tSplice_Site\tT1\tp.X187_splice\tSomatic",
        "PIK3CA\tMystery\tT1\t\tSomatic",
        "PTEN\tMissense_Mutation\tT1\tp.R130Q\tWildtype",
        "PIK3CA\tMissense_Mutation\tT2\tp.H1047R\tSomatic",
    ]
)


def test_a_maf_becomes_one_test_per_tumour_sample(knowledge: KnowledgeBase) -> None:
    one, two = import_maf(MAF.encode(), knowledge.knowledge)
    assert one.profile["genomic_tests"] == [
        {
            "alterations": [
                {"gene": "ERBB2", "kind": "mutation", "protein_change": "L755S"},
                {"gene": "TP53", "kind": "mutation"},
            ]
        }
    ]
    assert two.profile["genomic_tests"][0]["alterations"][0]["gene"] == "PIK3CA"
    assert {remark.found for remark in one.report.not_understood} == {"TP53 p.X187_splice", "PIK3CA, Mystery"}
    assert {remark.why for remark in one.report.set_aside} == {"it changes no protein", "not a mutation of the tumour"}


def test_genes_count_as_covered_only_by_a_list_and_not_where_a_line_could_not_be_read(knowledge: KnowledgeBase) -> None:
    one = import_maf(MAF.encode(), knowledge.knowledge, genes=["HER2", "PIK3CA", "TP53"], sample="T1")[0]
    assert one.profile["genomic_tests"][0]["genes_covered"] == ["ERBB2", "TP53"]


def test_a_test_is_added_to_a_profile_that_is_given(knowledge: KnowledgeBase) -> None:
    profile = {"schema_version": "1", "id": "x", "genomic_tests": [{"sample": "plasma"}]}
    one = import_maf(MAF.encode(), knowledge.knowledge, profile=profile, sample="T2")[0]
    assert one.profile["id"] == "x"
    assert len(one.profile["genomic_tests"]) == 2
    with pytest.raises(ProfileError, match="2 samples"):
        import_maf(MAF.encode(), knowledge.knowledge, profile=profile)


def test_a_file_that_is_no_maf_is_refused(knowledge: KnowledgeBase) -> None:
    with pytest.raises(ProfileError, match="no column 'Hugo_Symbol'"):
        import_maf(b"a\tb\n1\t2\n", knowledge.knowledge)
    with pytest.raises(ProfileError, match="expected"):
        import_maf(b"", knowledge.knowledge)
