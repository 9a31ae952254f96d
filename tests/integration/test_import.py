"""`her2cds import` from the outside: streams, files, exit codes; and every sample that lies beside the project."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from her2cds import KnowledgeBase, ProfileError, evaluate
from her2cds.interop.fhir.importing import import_fhir
from her2cds.interop.fhir.resources import read_resources
from her2cds.interop.table import import_table, read_mapping
from tests.command import her2cds
from tests.conftest import PROJECT

FIXTURE = PROJECT / "tests" / "fixtures" / "fhir" / "second-line.json"
SECOND = PROJECT / "patient_examples" / "second-line-her2-positive.json"
MAPPING = PROJECT / "docs" / "examples" / "tcga-brca-clinical.mapping.yaml"
SAMPLES = Path(os.environ.get("HER2CDS_SAMPLES", PROJECT.parent / "shared" / "samples"))
FHIR_SAMPLES = sorted((SAMPLES / "fhir").rglob("*.json")) if SAMPLES.is_dir() else []
needs_samples = pytest.mark.skipif(not FHIR_SAMPLES, reason=f"no samples at {SAMPLES} (set HER2CDS_SAMPLES)")


def sample(name: str) -> Path:
    return next(path for path in FHIR_SAMPLES if path.name == name)


def test_a_bundle_becomes_a_profile_that_validates_and_gives_a_report(tmp_path: Path) -> None:
    profile = tmp_path / "patient.json"
    done = her2cds("import", "fhir", str(FIXTURE), "-o", str(profile))
    assert done.returncode == 0, done.stderr
    assert "$.treatments[0].agents = " in done.stdout.decode()
    assert her2cds("validate", str(profile)).returncode == 0
    report = her2cds("evaluate", str(profile)).stdout.decode()
    assert "Trastuzumab deruxtecan" in report


def test_the_profile_goes_to_standard_output_and_the_report_to_the_other_stream() -> None:
    done = her2cds("import", "fhir", "-", stdin=FIXTURE.read_bytes())
    assert done.returncode == 0
    profile = json.loads(done.stdout)
    assert profile["disease"]["sites_of_metastasis"] == ["brain", "liver"]
    assert profile["specimens"] == [
        {"date": "2021-11-20", "her2_ihc": "2+", "her2_ish": "positive", "er": "negative", "pr": "negative"}
    ]
    (course,) = profile["treatments"]
    assert course["agents"] == ["docetaxel", "pertuzumab", "trastuzumab"]
    assert (course["line"], course["stop_reason"]) == (1, "progression")
    assert "acetaminophen" in done.stderr.decode()


def test_the_import_report_as_json_names_every_record(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert her2cds("import", "fhir", str(FIXTURE), "--report", str(path)).returncode == 0
    report = json.loads(path.read_text(encoding="utf-8"))
    assert report["records"] == len(json.loads(FIXTURE.read_text(encoding="utf-8"))["entry"])
    assert {fact["path"] for fact in report["facts"]} >= {"$.patient.ecog", "$.health.lvef_percent"}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("import", "fhir", "/nowhere.json"), 3, "No such file"),
        (("import", "fhir", str(SECOND)), 3, "expected a FHIR R4 Bundle"),
        (("import", "fhir", str(FIXTURE), "--date", "yesterday"), 2, "not a date"),
        (("import", "table", str(FIXTURE), "--mapping", "/nowhere.yaml", "-o", "/tmp/none"), 3, "No such file"),
        (("import", "maf", str(FIXTURE), "-o", "/tmp/none"), 3, "Hugo_Symbol"),
    ],
)
def test_a_refusal_says_why_and_has_its_exit_code(arguments: tuple[str, ...], code: int, says: str) -> None:
    done = her2cds(*arguments)
    assert done.returncode == code
    assert says in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_a_table_becomes_one_file_per_row(tmp_path: Path) -> None:
    table, mapping = tmp_path / "t.csv", tmp_path / "m.yaml"
    table.write_text("case,ihc\nx-1,3+\nx-2,0\n", encoding="utf-8")
    columns = '{ihc: {field: "specimens[0].her2_ihc", values: {"0": "0", "3+": "3+"}}}'
    mapping.write_text(f"id: case\ncolumns: {columns}\n", encoding="utf-8")
    done = her2cds("import", "table", str(table), "--mapping", str(mapping), "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["x-1.json", "x-2.json"]
    assert her2cds("validate", str(tmp_path / "out" / "x-1.json")).returncode == 0


def test_a_maf_adds_a_test_to_a_profile(tmp_path: Path) -> None:
    maf, genes = tmp_path / "t.maf", tmp_path / "genes.txt"
    maf.write_text(
        "Hugo_Symbol\tVariant_Classification\tTumor_Sample_Barcode\tHGVSp_Short\n"
        "ERBB2\tMissense_Mutation\tT1\tp.L755S\n",
        encoding="utf-8",
    )
    genes.write_text("ERBB2\nPIK3CA\n", encoding="utf-8")
    arguments = ("--profile", str(SECOND), "--genes", str(genes), "-o", str(tmp_path / "out"))
    done = her2cds("import", "maf", str(maf), *arguments)
    assert done.returncode == 0, done.stderr
    (made,) = (tmp_path / "out").iterdir()
    tests = json.loads(made.read_text(encoding="utf-8"))["genomic_tests"]
    assert tests[-1]["genes_covered"] == ["ERBB2", "PIK3CA"]


def test_evaluate_writes_fhir(tmp_path: Path) -> None:
    done = her2cds("evaluate", "--format", "fhir", str(SECOND))
    assert done.returncode == 0
    assert json.loads(done.stdout)["resourceType"] == "Bundle"
    assert her2cds("evaluate", "-f", "fhir", str(SECOND), str(SECOND)).returncode == 2
    many = her2cds("evaluate", "-f", "fhir", "-o", str(tmp_path), str(SECOND), str(SECOND))
    assert many.returncode == 0
    assert (tmp_path / "second-line-her2-positive.fhir.json").exists()


# --- The samples beside the project -------------------------------------------------------------------------


@needs_samples
@pytest.mark.parametrize("path", FHIR_SAMPLES, ids=lambda path: path.name)
def test_every_sample_gives_a_valid_profile_that_accounts_for_every_resource(
    knowledge: KnowledgeBase, path: Path
) -> None:
    content = path.read_bytes()
    if path.name.startswith("ValueSet"):
        with pytest.raises(ProfileError, match="expected resources about a patient"):
            import_fhir(content, knowledge.knowledge)
        return
    result = import_fhir(content, knowledge.knowledge)
    evaluate(result.profile, knowledge)
    labels = {one.label for one in read_resources(content, path.name).all}
    assert labels <= result.report.mentioned()
    assert result.report.records == len(labels)


@needs_samples
def test_jenny_m_keeps_both_stages_as_a_conflict_and_her_studied_genes(knowledge: KnowledgeBase) -> None:
    path = sample("Bundle-mcode-patient-bundle-jenny-m.json")
    result = import_fhir(path.read_bytes(), knowledge.knowledge)
    assert "stage" not in result.profile["disease"]
    assert [one.path for one in result.report.conflicts] == ["$.disease.stage"]
    (test,) = result.profile["genomic_tests"]
    assert test["genes_covered"] == ["BRCA1", "BRCA2", "CDH1", "PALB2", "PTEN", "STK11", "TP53"]
    assert test["alterations"] == [{"gene": "PALB2", "kind": "mutation", "protein_change": "Y1183*"}]
    assert [(one["setting"], one["agents"]) for one in result.profile["treatments"]] == [
        ("adjuvant", ["cyclophosphamide", "doxorubicin", "paclitaxel"]),
        ("adjuvant", ["anastrozole"]),
    ]


@needs_samples
def test_sixteen_doses_of_paclitaxel_around_surgery_are_two_courses(knowledge: KnowledgeBase) -> None:
    result = import_fhir(sample("Maryam.json").read_bytes(), knowledge.knowledge)
    courses = [(one["setting"], one["agents"], one["start"]) for one in result.profile["treatments"]]
    assert courses == [
        ("neoadjuvant", ["paclitaxel"], "2019-02-10"),
        ("adjuvant", ["paclitaxel"], "2019-08-03"),
        ("adjuvant", ["anastrozole"], "2019-12-30"),
    ]
    (specimen,) = result.profile["specimens"]
    assert (specimen["her2_reported"], specimen["her2_ish"]) == ("negative", "negative")


@needs_samples
def test_eleven_drugs_by_product_code_are_eight_courses_without_the_bone_agent(knowledge: KnowledgeBase) -> None:
    result = import_fhir(sample("TrialMatching_Patient02.json").read_bytes(), knowledge.knowledge)
    agents = [one["agents"] for one in result.profile["treatments"]]
    assert agents == [
        *(["exemestane"], ["anastrozole"], ["letrozole"], ["fulvestrant", "palbociclib"]),
        *(["capecitabine"], ["abemaciclib", "tamoxifen"], ["gemcitabine"], ["alpelisib"]),
    ]
    assert result.profile["disease"]["sites_of_metastasis"] == ["bone"]
    kinds = {(one["gene"], one["kind"]) for one in result.profile["genomic_tests"][0]["alterations"]}
    assert kinds == {("CCND1", "amplification"), ("FGFR1", "amplification"), ("MDM2", "amplification")}


@needs_samples
def test_the_tcga_sample_gives_forty_valid_profiles(knowledge: KnowledgeBase) -> None:
    (path,) = (SAMPLES / "tabular").glob("*.tsv")
    mapping = read_mapping(MAPPING.read_text(encoding="utf-8"), MAPPING.name)
    rows = import_table(path.read_bytes(), mapping, knowledge.knowledge, label=path.name)
    assert len(rows) == 40
    for one in rows:
        evaluate(one.profile, knowledge)
        assert one.report.mentioned() >= {"gender", "er_status_by_ihc"}
    by_id = {one.profile["id"]: one for one in rows}
    low = by_id["TCGA-A2-A04V"].profile["specimens"][0]
    assert (low["her2_ihc"], low["her2_ish"], low["her2_ish_ratio"]) == ("2+", "negative", 1.1)
    torn = by_id["TCGA-AN-A0XW"]
    assert "her2_ihc" not in torn.profile["specimens"][0]
    assert "her2_reported positive" in torn.report.conflicts[0].found
