"""A cohort run: what comes out, what is refused, and what is kept when it is stopped."""

from __future__ import annotations

import copy
import json
import os
import re
import resource
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="needs the extra [cohort]")

import pyarrow.parquet as pq

from her2cds import KnowledgeBase, evaluate
from her2cds.cohort import case as case_module
from her2cds.cohort.columns import TABLES
from her2cds.cohort.part import run_part
from her2cds.cohort.source import plan
from her2cds.cohort.store import Store
from her2cds.errors import CohortError
from her2cds.evaluation import examine
from tests.cohort.helpers import (
    TODAY,
    alive,
    children,
    command,
    her2cds,
    job,
    quarantined,
    results,
    run,
    table,
    until,
    write_cohort,
)
from tests.conftest import PROJECT

COUNT = 240


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    path = tmp_path_factory.mktemp("cohort") / "patients.ndjson"
    return path, write_cohort(path, COUNT)


@pytest.fixture(scope="module")
def clean(cohort: tuple[Path, list[dict[str, Any]]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run that nothing disturbs: parts of 16 patients, full reports included."""
    output = tmp_path_factory.mktemp("clean") / "out"
    done = run(cohort[0], output, "--part-size", 16, "--reports")
    assert done.returncode == 0, done.stderr
    return output


# --- What comes out -------------------------------------------------------------------------------------------------


def test_every_patient_has_one_row_in_the_order_of_the_input(
    cohort: tuple[Path, list[dict[str, Any]]], clean: Path
) -> None:
    rows = table(clean, "patients")
    assert [(one["file"], one["line"]) for one in rows] == [("patients.ndjson", line) for line in range(1, COUNT + 1)]
    assert [one["id"] for one in rows] == [one["id"] for one in cohort[1]]


def test_the_tables_say_what_the_reports_say(
    cohort: tuple[Path, list[dict[str, Any]]], clean: Path, knowledge: KnowledgeBase
) -> None:
    patients = {one["line"]: one for one in table(clean, "patients")}
    candidates, questions = table(clean, "candidates"), table(clean, "questions")
    for line, profile in enumerate(cohort[1], start=1):
        report = evaluate(profile, knowledge)
        row = patients[line]
        assert row["top"] == [one.regimen for one in report.therapies if one.rank == 1]
        assert (row["outcome"] == "ranked") == bool(report.therapies)
        ranked = [one for one in candidates if one["line"] == line and one["group"] == "ranked"]
        assert [(one["regimen"], one["rank"], one["tied"], one["category"]) for one in ranked] == [
            (one.regimen, one.rank, one.tied, one.category) for one in report.therapies
        ]
        assert [one["conditional_on"] for one in ranked] == [list(one.conditional_on) for one in report.therapies]
        out = [one["regimen"] for one in candidates if one["line"] == line and one["group"] == "ruled_out"]
        assert out == [one.regimen for one in report.not_recommended]
        asked = {one["fact"] for one in questions if one["line"] == line and (one["regimens"] or one["needed"])}
        assert {one.fact for one in report.questions if one.decides} <= asked


def test_trials_are_those_of_the_full_listing(
    cohort: tuple[Path, list[dict[str, Any]]], clean: Path, knowledge: KnowledgeBase
) -> None:
    from her2cds.evaluation import find_trials

    trials = table(clean, "trials")
    for line, profile in enumerate(cohort[1][:30], start=1):
        listing = find_trials(profile, knowledge)
        shown = {one.id: list(one.unknown) for group in listing.groups for one in group.trials}
        rows = [one for one in trials if one["line"] == line]
        assert {one["trial"]: one["unknown"] for one in rows if not one["closed"]} == shown
        assert {one["trial"] for one in rows if one["closed"]} == {one.id for one in listing.closed}


def test_the_full_reports_are_those_of_evaluate(
    cohort: tuple[Path, list[dict[str, Any]]], clean: Path, knowledge: KnowledgeBase
) -> None:
    lines = [line for path in sorted(clean.glob("reports/*")) for line in path.read_text().splitlines()]
    assert len(lines) == COUNT
    for number in (1, 17, COUNT):
        found = json.loads(lines[number - 1])
        assert found["line"] == number
        assert found["report"] == json.loads(evaluate(cohort[1][number - 1], knowledge).to_json())


@pytest.mark.parametrize("name", TABLES)
def test_the_files_have_the_documented_columns(name: str, clean: Path) -> None:
    schema = pq.read_schema(next(clean.glob(f"{name}/*.parquet")))
    assert schema.names == [column.name for column in TABLES[name]]
    assert [field.metadata[b"meaning"].decode() for field in schema] == [one.meaning for one in TABLES[name]]
    page = (PROJECT / "docs" / "cohort.md").read_text()
    for column in TABLES[name]:
        assert re.search(rf"^\| `{column.name}` \| [a-z ,]+ \| {re.escape(column.meaning)} \|$", page, re.MULTILINE)
    rows = table(clean, name)
    for column in TABLES[name]:
        assert column.unknown or all(row[column.name] is not None for row in rows), column.name


def test_a_run_with_one_process_gives_the_same_bytes(
    cohort: tuple[Path, list[dict[str, Any]]], clean: Path, tmp_path: Path
) -> None:
    assert run(cohort[0], tmp_path / "out", "--part-size", 16, "--reports", "--processes", 1).returncode == 0
    assert results(tmp_path / "out") == results(clean)


def test_plain_cohort_is_cohort_run(tmp_path: Path) -> None:
    write_cohort(tmp_path / "a.ndjson", 3)
    done = her2cds("cohort", tmp_path / "a.ndjson", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "3 lines: 3 answered" in done.stdout
    assert "\x1b[" not in done.stderr  # no bar where there is no terminal
    assert "3 of 3 patients" in done.stderr


# --- Quarantine ------------------------------------------------------------------------------------------------------


def test_invalid_lines_go_to_quarantine_with_number_and_all_faults_and_counts_add_up(tmp_path: Path) -> None:
    good = write_cohort(tmp_path / "good.ndjson", 6)
    bad = copy.deepcopy(good[1]) | {"note": "a remark on the patient", "diseas": {}}
    bad["specimens"][0]["her2_ihc"] = "4+"
    lines = [json.dumps(good[0]), json.dumps(bad), "", "{broken", json.dumps(good[2]), "[1]", '"text"', "  "]
    (tmp_path / "mixed.ndjson").write_text("\n".join([*lines, json.dumps(good[3])]) + "\n")
    done = run(tmp_path / "mixed.ndjson", tmp_path / "out", "--part-size", 4)
    assert done.returncode == 3
    assert "9 lines: 3 answered, 4 invalid, 0 failed, 2 empty; 3 of 3 parts" in done.stdout
    assert [one["line"] for one in table(tmp_path / "out", "patients")] == [1, 5, 9]
    found = quarantined(tmp_path / "out")
    assert [one["line"] for one in found] == [2, 4, 6, 7]
    assert {fault["path"] for fault in found[0]["faults"]} == {"$.diseas", "$.specimens[0].her2_ihc"}
    assert found[1]["faults"][0]["path"] == "line 1, column 2"
    everything = b"".join(results(tmp_path / "out").values())
    assert b"a remark on the patient" not in everything


def test_a_patient_who_brings_the_software_down_stops_nobody_else(
    tmp_path: Path, knowledge: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = write_cohort(tmp_path / "a.ndjson", 5)

    def poisoned(patient: Any, *arguments: Any, **more: Any) -> Any:
        if patient.id == profiles[2]["id"]:
            raise KeyError("a value of this patient")
        return examine(patient, *arguments, **more)

    monkeypatch.setattr(case_module, "examine", poisoned)
    done = run_part(job(tmp_path / "out", knowledge), plan(tmp_path / "a.ndjson", 10)[0])
    assert (done.answered, done.failed, done.invalid) == (4, 1, 0)
    (found,) = quarantined(tmp_path / "out")
    assert (found["line"], found["kind"]) == (3, "failed")
    assert found["error"].startswith("unexpected KeyError in ")
    assert "a value" not in json.dumps(found)


@pytest.mark.parametrize("passing", [MemoryError, OSError, ImportError])
def test_a_want_of_the_machine_ends_the_part_and_the_next_run_makes_it_good(
    passing: type[Exception], tmp_path: Path, knowledge: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = write_cohort(tmp_path / "a.ndjson", 3)
    (part,) = plan(tmp_path / "a.ndjson", 10)

    def in_want(patient: Any, *arguments: Any, **more: Any) -> Any:
        if patient.id == profiles[1]["id"]:
            raise passing("a value of this patient")
        return examine(patient, *arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(case_module, "examine", in_want)
        with pytest.raises(CohortError, match=f"part-000001: {passing.__name__} at line 2; run it again$"):
            run_part(job(tmp_path / "out", knowledge), part)
    assert Store(tmp_path / "out").done(part) is None
    assert run_part(job(tmp_path / "out", knowledge), part).answered == 3


def test_what_an_earlier_attempt_at_a_part_left_behind_is_gone_when_the_part_is_done(
    tmp_path: Path, knowledge: KnowledgeBase
) -> None:
    write_cohort(tmp_path / "a.ndjson", 3)
    old = tmp_path / "out" / "quarantine"
    old.mkdir(parents=True)
    for name in ("part-000001.ndjson", "part-000002.ndjson"):
        (old / name).write_text('{"line": 1, "kind": "failed"}\n')
    done = run_part(job(tmp_path / "out", knowledge), plan(tmp_path / "a.ndjson", 10)[0])
    assert "quarantine/part-000001.ndjson" not in done.files
    assert [one.name for one in old.iterdir()] == ["part-000002.ndjson"]  # another part's


def test_an_endless_line_is_quarantined_without_being_held_in_memory(tmp_path: Path) -> None:
    good = write_cohort(tmp_path / "a.ndjson", 2)
    path = tmp_path / "b.ndjson"
    path.write_text(json.dumps(good[0]) + "\n" + "x" * 5_000_000 + "\n" + json.dumps(good[1]))
    assert run(path, tmp_path / "out").returncode == 3
    (found,) = quarantined(tmp_path / "out")
    assert found["line"] == 2
    assert found["faults"][0]["found"] == "a line of 5000000 bytes"
    assert [one["line"] for one in table(tmp_path / "out", "patients")] == [1, 3]


# --- Stopped and gone on with ---------------------------------------------------------------------------------------


def listening() -> None:
    """A job in the background of a shell ignores interrupts, and its children with it: the run must hear ours."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def begun(source: Path, output: Path) -> subprocess.Popen[bytes]:
    """A run of which two parts are done."""
    process = subprocess.Popen(
        command("cohort", "run", source, "-o", output, "--today", TODAY, "--part-size", 16, "--reports"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=listening,
    )
    until(lambda: len(list(output.glob("parts/*.json"))) >= 2)
    return process


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_stopped_run_goes_on_without_repeating_or_losing_a_patient(
    stop: signal.Signals, code: int, cohort: tuple[Path, list[dict[str, Any]]], clean: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    process = begun(cohort[0], output)
    workers = children(process.pid)
    process.send_signal(stop)
    assert process.wait(60) == code
    until(lambda: not any(map(alive, workers)))  # no worker outlives the run
    kept = {path: path.stat().st_mtime_ns for path in output.glob("parts/*.json")}
    assert 2 <= len(kept) < 15
    done = run(cohort[0], output, "--part-size", 16, "--reports")
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert results(output) == results(clean)


def test_a_lost_or_shortened_result_file_is_made_again(
    cohort: tuple[Path, list[dict[str, Any]]], clean: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    assert run(cohort[0], output, "--part-size", 16, "--reports").returncode == 0
    (output / "trials" / "part-000002.parquet").unlink()
    (output / "patients" / "part-000004.parquet").write_bytes(b"PAR1")
    assert run(cohort[0], output, "--part-size", 16, "--reports").returncode == 0
    assert results(output) == results(clean)


def flip(path: Path, at: int = -100) -> None:
    """One byte of a file becomes another, as on a failing disk."""
    content = bytearray(path.read_bytes())
    content[at] ^= 0x55
    path.write_bytes(content)


def test_a_result_file_that_was_damaged_without_changing_its_size_is_made_again(
    cohort: tuple[Path, list[dict[str, Any]]], clean: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    shutil.copytree(clean, output)
    flip(output / "patients" / "part-000003.parquet")
    flip(output / "reports" / "part-000007.ndjson")
    record = output / "parts" / "part-000009.json"
    record.write_text(record.read_text().replace('"answered": 16', '"answered": 17'))
    sound = {path: path.stat().st_mtime_ns for path in output.glob("parts/*.json")}
    for number in (3, 7, 9):
        del sound[output / "parts" / f"part-{number:06d}.json"]
    done = run(cohort[0], output, "--part-size", 16, "--reports")
    assert done.returncode == 0, done.stderr
    assert results(output) == results(clean)
    assert {path: path.stat().st_mtime_ns for path in sound} == sound


def test_what_a_record_stands_for_is_on_disk_before_the_record_is(
    tmp_path: Path, knowledge: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is synced, renamed, and the folder with its new name synced, one after the other; the record last."""
    write_cohort(tmp_path / "a.ndjson", 3)
    output = tmp_path / "out"
    events: list[tuple[str, str]] = []
    sync, rename = os.fsync, Path.replace

    def noted_sync(handle: int) -> None:
        events.append(("sync", Path(f"/proc/self/fd/{handle}").readlink().relative_to(output).as_posix()))
        sync(handle)

    def noted_rename(path: Path, target: Path) -> Path:
        events.append(("rename", path.relative_to(output).as_posix()))
        events.append(("to", target.relative_to(output).as_posix()))
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_rename)
    run_part(job(output, knowledge), plan(tmp_path / "a.ndjson", 10)[0])
    places = [name for kind, name in events if kind == "to"]
    assert places == [*(f"{name}/part-000001.parquet" for name in sorted(TABLES)), "parts/part-000001.json"]
    for at, (kind, name) in enumerate(events):
        if kind == "rename":
            assert ("sync", name) in events[:at]
        if kind == "to":
            assert events[at + 1] == ("sync", name.partition("/")[0])
            made = events[:at].index(("sync", "."))  # the name of the folder itself, when it was made
            assert made < at


def test_another_input_or_knowledge_base_or_option_is_refused_and_nothing_is_touched(
    cohort: tuple[Path, list[dict[str, Any]]], clean: Path, tmp_path: Path
) -> None:
    before = results(clean)
    write_cohort(tmp_path / "patients.ndjson", COUNT, seed=2)
    rules = tmp_path / "rules"
    subprocess.run(["cp", "-r", PROJECT / "rules", rules], check=True)
    (rules / "ranking.yaml").write_text((rules / "ranking.yaml").read_text() + "\n# a remark\n")
    for source, options, named in (
        (tmp_path / "patients.ndjson", ["--part-size", 16, "--reports"], "inputs"),
        (cohort[0], ["--part-size", 16, "--reports", "--rules", rules], "knowledge_hash"),
        (cohort[0], ["--part-size", 8, "--reports"], "part_size: 16 there, 8 now"),
        (cohort[0], ["--part-size", 16], "reports"),
    ):
        done = run(source, clean, *options)
        assert done.returncode == 1
        assert named in done.stderr
        assert "they are not mixed" in done.stderr
        assert "Traceback" not in done.stderr
    assert results(clean) == before


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    write_cohort(tmp_path / "a.ndjson", 2)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.docx").write_text("")
    done = run(tmp_path / "a.ndjson", tmp_path / "out")
    assert done.returncode == 1
    assert "holds files that are no cohort results" in done.stderr


def test_two_runs_at_once_in_one_folder_are_refused(tmp_path: Path) -> None:
    write_cohort(tmp_path / "a.ndjson", 2)
    with Store(tmp_path / "out").locked():
        done = run(tmp_path / "a.ndjson", tmp_path / "out")
    assert done.returncode == 1
    assert "another run is writing here" in done.stderr
    assert run(tmp_path / "a.ndjson", tmp_path / "out").returncode == 0


@pytest.mark.slow
def test_a_full_disk_ends_the_run_with_a_clear_error_and_what_was_done_is_kept(
    cohort: tuple[Path, list[dict[str, Any]]], clean: Path, tmp_path: Path
) -> None:
    def nearly_full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    output = tmp_path / "out"
    options = ("--part-size", 16, "--reports")
    environment = {**os.environ, "HER2CDS_CACHE": str(tmp_path / "cache")}
    done = run(cohort[0], output, *options, preexec_fn=nearly_full, env=environment)
    assert done.returncode == 1
    assert "cannot be written: " in done.stderr
    assert "the same command goes on from there" in done.stderr
    assert "Traceback" not in done.stderr
    assert run(cohort[0], output, *options).returncode == 0
    assert results(output) == results(clean)


def test_a_line_may_hold_a_fhir_bundle(tmp_path: Path, knowledge: KnowledgeBase) -> None:
    from her2cds.interop.fhir.importing import import_fhir

    bundle = json.loads((PROJECT / "tests" / "fixtures" / "fhir" / "second-line.json").read_text())
    path = tmp_path / "bundles.ndjson"
    path.write_text(json.dumps(bundle) + "\n" + json.dumps({"resourceType": "Bundle", "entry": []}) + "\n")
    done = run(path, tmp_path / "out", "--reports")
    profile = import_fhir(bundle, knowledge.knowledge).profile
    assert len(table(tmp_path / "out", "patients")) == 1
    assert [one["line"] for one in quarantined(tmp_path / "out")] == [2], done.stderr
    (report,) = (json.loads(line) for line in (next((tmp_path / "out" / "reports").iterdir())).read_text().splitlines())
    assert report["report"]["therapies"] == json.loads(evaluate(profile, knowledge).to_json())["therapies"]


def test_a_sites_overlay_applies_to_a_cohort_and_does_not_mix_with_the_base(tmp_path: Path) -> None:
    overlay = PROJECT / "docs" / "examples" / "hospital-overlay"
    write_cohort(tmp_path / "a.ndjson", 30)
    done = run(tmp_path / "a.ndjson", tmp_path / "out", env={**os.environ, "HER2CDS_OVERLAY": str(overlay)})
    assert done.returncode == 0, done.stderr
    ruled_out = {
        reason
        for row in table(tmp_path / "out", "candidates")
        if row["regimen"] == "margetuximab-chemotherapy"
        for reason in row["ruled_out_by"]
    }
    assert any("no-margetuximab" in reason for reason in ruled_out)
    without = run(tmp_path / "a.ndjson", tmp_path / "out")
    assert without.returncode != 0
    assert "made from something else" in without.stderr
    assert run(tmp_path / "a.ndjson", tmp_path / "new", "--overlay", tmp_path / "missing").returncode != 0
