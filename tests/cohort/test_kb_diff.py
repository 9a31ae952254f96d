"""What a new knowledge base changes: its entries, and the patients whose answer is another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from her2cds import KnowledgeBase, evaluate, load_knowledge
from her2cds.cohort.kb_changes import knowledge_changes
from her2cds.evaluation import examine
from tests.cohort.helpers import TODAY, her2cds, write_cohort, write_lines
from tests.conftest import PROJECT

RULES = PROJECT / "rules"
SECOND_LINE = "therapies/second-line.yaml"
OFFER = "    regimen: t-dxd\n    category: preferred\n"


@pytest.fixture(scope="module")
def stricter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """T-DXd in the second line only up to ECOG 1, one caution less, one drug more, one study's name changed."""
    rules = tmp_path_factory.mktemp("rules") / "new"
    shutil.copytree(RULES, rules)
    edit(rules / SECOND_LINE, f"  offer:\n{OFFER}", f"      - patient.ecog: {{at_most: 1}}\n  offer:\n{OFFER}")
    edit(
        rules / "drugs.yaml",
        "- id: trastuzumab\n",
        "- {id: zetuzumab, name: Zetuzumab, status: listed}\n- id: trastuzumab\n",
    )
    return rules


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


@pytest.fixture(scope="module")
def other(stricter: Path) -> KnowledgeBase:
    return load_knowledge(stricter, use_cache=False)


def test_a_knowledge_base_does_not_differ_from_itself(knowledge: KnowledgeBase) -> None:
    data = knowledge.knowledge.data
    assert knowledge_changes(data, data) == ()
    done = her2cds("kb", "diff", RULES, RULES)
    assert done.returncode == 0, done.stderr
    assert "0 entries differ" in done.stdout


def test_entries_that_were_added_removed_or_changed_are_named_with_their_fields(
    knowledge: KnowledgeBase, other: KnowledgeBase
) -> None:
    found = knowledge_changes(knowledge.knowledge.data, other.knowledge.data)
    assert [(one.kind, one.id, one.change) for one in found] == [
        ("therapy rule", "therapy.second-line.t-dxd", "changed"),
        ("drug", "zetuzumab", "added"),
    ]
    (field,) = found[0].fields
    assert field.path == "when.all"
    assert field.before == "nothing"
    assert "patient.ecog" in field.after
    back = knowledge_changes(other.knowledge.data, knowledge.knowledge.data)
    assert [(one.id, one.change) for one in back] == [
        ("therapy.second-line.t-dxd", "changed"),
        ("zetuzumab", "removed"),
    ]


@pytest.fixture(scope="module")
def compared(stricter: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[Any]]:
    """A cohort of 600, the comparison as JSON, and all changed patients."""
    pytest.importorskip("pyarrow", reason="needs the extra [cohort]")
    folder = tmp_path_factory.mktemp("impact")
    profiles: list[Any] = write_cohort(folder / "a.ndjson", 600)
    profiles[7] = {"nonsense": 1}
    write_lines(folder / "a.ndjson", profiles)
    done = her2cds(
        "kb", "diff", RULES, stricter, "--cohort", folder / "a.ndjson", "-f", "json", "-o", folder / "all.ndjson"
    )
    assert done.returncode == 0, done.stderr
    changed = [json.loads(line) for line in (folder / "all.ndjson").read_text().splitlines()]
    return folder / "a.ndjson", json.loads(done.stdout), changed


@pytest.mark.slow
def test_the_changed_patients_are_exactly_those_whose_report_is_another(
    compared: tuple[Path, dict[str, Any], list[Any]], knowledge: KnowledgeBase, other: KnowledgeBase
) -> None:
    path, tree, changed = compared
    expected, tops = [], 0
    for line, text in enumerate(path.read_text().splitlines(), start=1):
        if "nonsense" in text:
            continue
        before, after = (evaluate(text, one) for one in (knowledge, other))
        listed = [
            [(one.regimen, one.rank, one.tied, one.status) for one in report.therapies] for report in (before, after)
        ]
        if listed[0] != listed[1]:
            expected.append(line)
            first = [[regimen for regimen, rank, *_ in one if rank == 1] for one in listed]
            tops += first[0] != first[1]
    assert [one["line"] for one in changed] == expected
    assert len(expected) > 2
    cohort = tree["cohort"]
    assert (cohort["patients"], cohort["invalid"], cohort["changed"]) == (600, 1, len(expected))
    assert cohort["top_changed"] == tops


def test_each_changed_patient_says_from_what_to_what_and_which_changed_rule_is_at_work(
    compared: tuple[Path, dict[str, Any], list[Any]],
) -> None:
    _, tree, changed = compared
    for one in changed:
        assert one["rules"] == ["therapy.second-line.t-dxd"]
        (t_dxd,) = [change for change in one["changes"] if (change["about"], change["id"]) == ("regimen", "t-dxd")]
        assert t_dxd["before"].startswith("rank")
        assert t_dxd["before"] != t_dxd["after"]
    most = tree["cohort"]["differences"][0]
    same = [one for one in changed if {key: most[key] for key in ("about", "id", "before", "after")} in one["changes"]]
    assert most["patients"] == len(same)


def test_a_profile_that_only_one_knowledge_base_can_read_is_told(stricter: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra [cohort]")
    rules = tmp_path / "new"
    shutil.copytree(stricter, rules)
    edit(rules / "drugs.yaml", "Zetuzumab", "Pertuzumob")
    course = {"setting": "metastatic", "agents": ["Pertuzumob"], "stop_reason": "progression"}
    write_lines(tmp_path / "a.ndjson", [{"id": "x", "treatments": [course]}])
    done = her2cds("kb", "diff", RULES, rules, "--cohort", tmp_path / "a.ndjson")
    assert "profile profile: invalid at $.treatments[0].agents[0] → valid" in done.stdout


def test_the_text_names_versions_entries_and_patients(
    compared: tuple[Path, dict[str, Any], list[Any]], stricter: Path
) -> None:
    path, _, changed = compared
    done = her2cds("kb", "diff", RULES, stricter, "--cohort", path, "--top", 2)
    assert "changed therapy rule therapy.second-line.t-dxd" in done.stdout
    assert f"600 patients: {len(changed)} with another answer" in done.stdout
    assert f"a.ndjson:{changed[0]['line']} " in done.stdout
    assert f"and {len(changed) - 2} more; --output FILE writes all" in done.stdout


def test_a_faulty_knowledge_base_or_cohort_gets_a_clear_error(tmp_path: Path) -> None:
    done = her2cds("kb", "diff", RULES, tmp_path)
    assert done.returncode == 4
    pytest.importorskip("pyarrow", reason="needs the extra [cohort]")
    done = her2cds("kb", "diff", RULES, RULES, "--cohort", tmp_path / "none.ndjson")
    assert done.returncode == 1
    assert "no such file" in done.stderr


# --- Patients without an answer, and files that are kept ------------------------------------------------------------


def versions(knowledge: KnowledgeBase, new: Path, other: KnowledgeBase) -> Any:
    from her2cds.cohort.impact import Versions

    hashes = (one.knowledge.data.content_hash for one in (knowledge, other))
    return Versions(str(RULES), str(new), *hashes, TODAY)


def test_fhir_bundles_are_compared_as_profiles_are(stricter: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra [cohort]")
    bundle = json.loads((PROJECT / "tests" / "fixtures" / "fhir" / "second-line.json").read_text())
    write_lines(tmp_path / "a.ndjson", [bundle, {"resourceType": "Bundle", "entry": []}])
    done = her2cds("kb", "diff", RULES, stricter, "--cohort", tmp_path / "a.ndjson", "-f", "json")
    assert done.returncode == 0, done.stderr
    cohort = json.loads(done.stdout)["cohort"]
    assert (cohort["patients"], cohort["invalid"], cohort["failed"]) == (2, 1, 0)


@pytest.fixture
def fails_for_p2(monkeypatch: pytest.MonkeyPatch) -> Callable[[KnowledgeBase | None], None]:
    """Makes the software fail for the patient p2: under every knowledge base, or under one."""
    pytest.importorskip("pyarrow", reason="needs the extra [cohort]")
    from her2cds.cohort import case as case_module

    def make(under: KnowledgeBase | None) -> None:
        def poisoned(patient: Any, knowledge: KnowledgeBase, **more: Any) -> Any:
            wanted = None if under is None else under.knowledge.data.content_hash
            if patient.id == "p2" and wanted in (None, knowledge.knowledge.data.content_hash):
                raise KeyError("a value of this patient")
            return examine(patient, knowledge, **more)

        monkeypatch.setattr(case_module, "examine", poisoned)

    return make


def test_a_patient_for_whom_both_fail_is_counted_and_ends_nothing(
    knowledge: KnowledgeBase,
    other: KnowledgeBase,
    stricter: Path,
    tmp_path: Path,
    fails_for_p2: Callable[[KnowledgeBase | None], None],
) -> None:
    from her2cds.cohort.impact import compare_part
    from her2cds.cohort.source import plan

    write_lines(tmp_path / "a.ndjson", [{"id": "p1"}, {"id": "p2"}, {"id": "p3"}])
    fails_for_p2(None)
    impact = compare_part(versions(knowledge, stricter, other), plan(tmp_path / "a.ndjson", 10)[0])
    assert (impact.patients, impact.invalid, impact.failed, impact.changed) == (3, 0, 1, [])


def test_a_patient_for_whom_the_new_one_alone_fails_is_a_changed_patient_too(
    knowledge: KnowledgeBase,
    other: KnowledgeBase,
    stricter: Path,
    tmp_path: Path,
    fails_for_p2: Callable[[KnowledgeBase | None], None],
) -> None:
    from her2cds.cohort.impact import compare_part
    from her2cds.cohort.source import plan

    write_lines(tmp_path / "a.ndjson", [{"id": "p1"}, {"id": "p2"}])
    fails_for_p2(other)
    impact = compare_part(versions(knowledge, stricter, other), plan(tmp_path / "a.ndjson", 10)[0])
    assert impact.failed == 1
    (changed,) = impact.changed
    assert (changed.line, changed.patient) == (2, "p2")
    (change,) = changed.changes
    assert (change.about, change.before) == ("profile", "valid")
    assert change.after.startswith("failed: unexpected KeyError in ")
    assert "a value" not in change.after


def test_a_failed_patient_is_told_and_gives_exit_5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra [cohort]")
    from typer.testing import CliRunner

    from her2cds.cli.app import app
    from her2cds.cohort import impact

    def compared(*_: Any) -> Any:
        return iter([impact.PartImpact(patients=3, invalid=1, failed=1)])

    monkeypatch.setattr(impact, "compare_cohort", compared)
    write_lines(tmp_path / "a.ndjson", [{}])
    done = CliRunner().invoke(app, ["kb", "diff", str(RULES), str(RULES), "--cohort", str(tmp_path / "a.ndjson")])
    assert done.exit_code == 5
    assert "3 patients: 0 with another answer" in done.stdout
    assert "1 invalid under both, 1 failed" in done.stdout


def test_the_list_of_patients_is_written_whole_or_not_at_all(stricter: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra [cohort]")
    import pyarrow as pa
    import pyarrow.parquet as pq

    output = tmp_path / "changed.ndjson"
    output.write_text("of the comparison before")
    done = her2cds("kb", "diff", RULES, stricter, "--cohort", tmp_path / "none.ndjson", "-o", output)
    assert done.returncode == 1
    assert output.read_text() == "of the comparison before"

    profiles = [json.dumps(one) for one in write_cohort(tmp_path / "a.ndjson", 60)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"profile": profiles}), path, row_group_size=30, use_dictionary=False, compression="zstd")
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    content = bytearray(path.read_bytes())
    middle = column.data_page_offset + column.total_compressed_size * 3 // 4
    content[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(content)
    done = her2cds("kb", "diff", RULES, stricter, "--cohort", path, "-o", output)
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    assert output.read_text() == "of the comparison before"
    assert not list(tmp_path.glob(".her2cds-*"))
