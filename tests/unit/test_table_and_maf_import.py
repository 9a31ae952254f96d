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


def cells(knowledge: KnowledgeBase, columns: str, row: str, constants: str = "{}") -> Imported:
    """The one row of a table whose columns are a, b and c."""
    mapping = read_mapping(f"constants: {constants}\ncolumns: {columns}", "mapping")
    (one,) = import_table(f"a,b,c\n{row}\n".encode(), mapping, knowledge.knowledge, label="t.csv")
    return one


def test_whole_numbers_stay_whole_where_the_field_takes_no_others(knowledge: KnowledgeBase) -> None:
    one = cells(
        knowledge,
        "{a: {field: patient.ecog, kind: number}, b: {field: health.neuropathy_grade, kind: number},"
        " c: {field: patient.age_years, kind: number}}",
        "3,2.0,61.5",
    )
    assert one.report.conflicts == ()
    assert one.profile["patient"] == {"ecog": 3, "age_years": 61.5}
    assert one.profile["health"] == {"neuropathy_grade": 2}
    assert type(one.profile["patient"]["ecog"]) is int


def test_texts_that_mean_a_number_become_one(knowledge: KnowledgeBase) -> None:
    one = cells(
        knowledge,
        '{a: {field: patient.ecog, values: {restricted: "3"}}, b: {field: health.lvef_percent, values: {low: "45.5"}},'
        ' c: {field: "specimens[0].her2_ihc", values: {"0": "0"}}}',
        "restricted,low,0",
        constants="{health.interstitial_lung_disease.grade: 2, health.interstitial_lung_disease.status: past}",
    )
    assert one.report.conflicts == ()
    assert one.profile["patient"] == {"ecog": 3}
    assert one.profile["health"] == {
        "lvef_percent": 45.5,
        "interstitial_lung_disease": {"grade": 2, "status": "past"},
    }
    assert one.profile["specimens"] == [{"her2_ihc": "0"}]


def test_a_broken_number_for_a_field_of_whole_ones_is_not_rounded(knowledge: KnowledgeBase) -> None:
    one = cells(knowledge, "{a: {field: patient.ecog, kind: number}}", "1.5,,")
    assert "patient" not in one.profile
    assert one.report.conflicts[0].path == "$.patient.ecog"


@pytest.mark.parametrize("row", ["3,2,3", "3,2,2", "3,3,2"])
def test_columns_that_disagree_are_all_left_out_whatever_a_further_one_says(row: str, knowledge: KnowledgeBase) -> None:
    score = 'values: {"2": 2+, "3": 3+}'
    columns = (
        f'{{a: {{field: "specimens[0].her2_ihc", {score}}}, b: {{field: specimens.0.her2_ihc, {score}}},'
        f' c: {{field: "specimens[0].her2_ihc", {score}}}}}'
    )
    one = cells(knowledge, columns, row)
    assert one.profile["specimens"] == [{}]
    (conflict,) = one.report.conflicts
    assert conflict.path == "$.specimens[0].her2_ihc"
    assert conflict.sources == ("a", "b", "c")
    assert conflict.outcome == "none of them was taken"


def test_a_drug_written_with_its_dose_is_kept_and_marked(knowledge: KnowledgeBase) -> None:
    one = cells(knowledge, '{a: {field: "treatments[0].agents", kind: text, split: ";"}}', "Enhertu 100 mg;letrozole,,")
    assert one.profile["treatments"] == [{"agents": ["unrecognised: Enhertu 100 mg", "letrozole"]}]
    assert "Write it as: t-dxd." in one.report.read_with_doubt[0].why


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


@pytest.mark.parametrize(
    ("field", "says"),
    {
        "specimens.her2_ihc": "a place from 0 to 199: specimens[0]",
        "specimens[200].her2_ihc": "a place from 0 to 199: specimens[0]",
        "specimens": "specimens[0].date",
        "specimens[0]": "specimens[0].date",
        "patient": "patient.age_years",
        "patient.sex.other": "'other' below patient.sex",
        "genomic_tests[0].alterations[0].gene": "a list within a list",
    }.items(),
)
def test_a_field_that_leads_to_no_single_value_is_refused_with_the_path_that_would(field: str, says: str) -> None:
    with pytest.raises(ProfileError) as refused:
        read_mapping(f"columns: {{x: {{field: '{field}', kind: text}}}}", "mapping")
    assert says in str(refused.value)


def test_an_id_that_cannot_be_used_is_remarked_and_not_repeated(knowledge: KnowledgeBase) -> None:
    (one,) = table(knowledge, "Müller 1,F,,,,,,\n")
    assert "id" not in one.profile
    assert any(remark.source == "case" for remark in one.report.not_understood)
    assert "Müller" not in one.report.to_json()


def test_rows_with_the_same_id_say_so(knowledge: KnowledgeBase) -> None:
    one, two, three = table(knowledge, "a,F,3,,,,,\na,F,0,,,,,\nb,F,0,,,,,\n")
    assert all("2 rows have this id" in found.report.read_with_doubt[0].why for found in (one, two))
    assert not three.report.read_with_doubt


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
