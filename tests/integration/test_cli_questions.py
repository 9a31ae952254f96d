"""The commands that answer questions about the answer: trials, explain, questions, what-if, compare; and files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests import command
from tests.conftest import PROJECT

EXAMPLES = PROJECT / "patient_examples"
SECOND = str(EXAMPLES / "second-line-her2-positive.json")
ZERO = str(EXAMPLES / "her2-zero.json")
SPARSE = str(EXAMPLES / "sparse-profile.json")


def her2cds(*arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    done = command.her2cds(*arguments, stdin=stdin, **environment)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def broken(tmp_path: Path) -> str:
    file = tmp_path / "broken.json"
    file.write_text('{"disease": {"settin": "metastatic"}}')
    return str(file)


# --- trials -------------------------------------------------------------------------------------------


def test_trials_lists_what_is_open_by_strategy_and_all_of_it_on_request() -> None:
    short, whole = her2cds("trials", SECOND), her2cds("trials", SECOND, "--all")
    assert short.returncode == whole.returncode == 0
    assert "NCT04538742 DESTINY-Breast07" in short.stdout
    assert "Not eligible\n" not in short.stdout
    assert "NCT04400695" in whole.stdout
    assert "Fails: her2.class is low, but it is positive" in " ".join(whole.stdout.split())
    assert "NCT02952729" in whole.stdout


def test_options_may_stand_before_the_file_and_the_command_may_be_spelled_out() -> None:
    assert her2cds("trials", "--all", SECOND).stdout == her2cds("trials", "for", SECOND, "--all").stdout


def test_trials_why_explains_one_trial() -> None:
    done = her2cds("trials", SECOND, "--why", "NCT04740918")
    assert done.returncode == 0
    assert "possibly eligible" in done.stdout
    assert "biomarker.pd_l1" in done.stdout


def test_trials_in_json_and_markdown() -> None:
    listing = json.loads(her2cds("trials", SECOND, "-f", "json").stdout)
    assert {"groups", "closed", "not_eligible", "never_suggested"} <= set(listing)
    assert her2cds("trials", SECOND, "-f", "markdown").stdout.lstrip().startswith("# Trials for")


def test_trials_with_an_unknown_identifier_names_the_nearest() -> None:
    done = her2cds("trials", SECOND, "--why", "NCT0474091")
    assert done.returncode == 2
    assert "NCT04740918" in done.stderr


def test_refresh_writes_an_overlay_that_a_report_then_uses(tmp_path: Path) -> None:
    study = {
        "protocolSection": {
            "identificationModule": {"nctId": "NCT04539938", "briefTitle": "HER2CLIMB-04"},
            "statusModule": {
                "overallStatus": "COMPLETED",
                "lastUpdatePostDateStruct": {"date": "2026-02-03"},
            },
        }
    }
    good, bad, overlay = tmp_path / "good.json", tmp_path / "bad.json", tmp_path / "overlay.json"
    good.write_text(json.dumps(study))
    bad.write_text("[]")
    done = her2cds("trials", "refresh", "--from", str(good), "--from", str(bad), "-o", str(overlay))
    assert done.returncode == 1
    assert "1 renewed, 1 not usable, 1 held" in done.stdout
    assert "bad.json: not a study record" in done.stderr
    with_overlay = her2cds("trials", SECOND, "--all", "--registry", str(overlay)).stdout
    assert "completed according to the registry, updated 2026-02-03" in " ".join(with_overlay.split())
    by_environment = her2cds("trials", SECOND, "--all", HER2CDS_REGISTRY=str(overlay)).stdout
    assert by_environment == with_overlay


def test_refresh_without_a_usable_study_leaves_the_overlay_as_it_was(tmp_path: Path) -> None:
    bad, overlay = tmp_path / "bad.json", tmp_path / "overlay.json"
    bad.write_text("{}")
    overlay.write_text('{"format": "her2cds-registry/1", "made_on": "2026-01-01", "records": []}')
    before = overlay.read_text()
    assert her2cds("trials", "refresh", "--from", str(bad), "-o", str(overlay)).returncode == 1
    assert overlay.read_text() == before


def test_an_unreadable_overlay_stops_the_command_with_a_message(tmp_path: Path) -> None:
    done = her2cds("evaluate", SECOND, "--registry", str(tmp_path / "nothing.json"))
    assert done.returncode == 4
    assert "nothing.json: No such file" in done.stderr
    assert done.stdout == ""


def test_export_writes_ctml_and_lists_what_it_cannot_say(tmp_path: Path) -> None:
    done = her2cds("trials", "export", "--format", "ctml", "-o", str(tmp_path / "ctml"))
    assert done.returncode == 0
    assert "NCT04752059: not expressed: brain.present is true" in done.stdout
    assert json.loads((tmp_path / "ctml" / "NCT04752059.json").read_text())["nct_id"] == "NCT04752059"


# --- explain ------------------------------------------------------------------------------------------


def test_explain_prints_the_tree_with_values_and_paths() -> None:
    done = her2cds("explain", SECOND, "t-dxd")
    assert done.returncode == 0
    assert "ranked 1 of 3" in done.stdout
    assert "$.treatments[0].agents" in done.stdout


def test_explain_to_a_depth() -> None:
    lengths = [len(her2cds("explain", SECOND, "t-dxd", "--depth", depth).stdout) for depth in ("0", "3", "20")]
    assert lengths == sorted(set(lengths))


def test_explain_one_candidate_over_another() -> None:
    done = her2cds("explain", SECOND, "t-dm1", "--over", "t-dxd")
    assert "preferred before alternative" in " ".join(done.stdout.split())
    assert json.loads(her2cds("explain", SECOND, "t-dm1", "--over", "t-dxd", "-f", "json").stdout)["upper"]


def test_explain_of_a_drug_names_the_regimens_that_hold_it() -> None:
    done = her2cds("explain", SECOND, "pertuzumab")
    assert done.returncode == 2
    assert "trastuzumab-pertuzumab-taxane" in done.stderr


# --- questions, what-if, compare ------------------------------------------------------------------------


def test_questions_are_listed_with_their_effects() -> None:
    done = her2cds("questions", SPARSE)
    assert done.returncode == 0
    assert "first would be" in done.stdout
    assert json.loads(her2cds("questions", SPARSE, "-f", "json").stdout)["questions"][0]["effects"]


def test_what_if_shows_what_moved_and_why() -> None:
    done = her2cds("what-if", SECOND, "--set", "brain_metastases.status=progressing", "--progresses-on", "T-DXd")
    text = " ".join(done.stdout.split())
    assert done.returncode == 0
    assert "Trastuzumab deruxtecan (T-DXd): left" in text
    assert "brain.status: none → progressing" in text


@pytest.mark.parametrize(
    ("option", "value", "mention"),
    [
        ("--set", "brain_metastases.stauts=progressing", "Did you mean 'status'"),
        ("--set", "patient.ecog=nine", "$.patient.ecog"),
        ("--set", "patient.ecog", "expected FIELD=VALUE"),
        ("--append", "treatments=3", "$.treatments[1]"),
        ("--remove", "health.nothing", "health.nothing"),
    ],
)
def test_what_if_refuses_what_is_no_profile(option: str, value: str, mention: str) -> None:
    done = her2cds("what-if", SECOND, option, value)
    assert done.returncode in (2, 3)
    assert mention in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_what_if_without_a_change_is_wrong_usage() -> None:
    assert her2cds("what-if", SECOND).returncode == 2


def test_compare_puts_two_patients_side_by_side() -> None:
    done = her2cds("compare", SECOND, ZERO)
    assert done.returncode == 0
    assert "second-line-her2-positive and her2-zero" in done.stdout
    assert json.loads(her2cds("compare", SECOND, ZERO, "-f", "json").stdout)["regimens"]


@pytest.mark.parametrize("command", [["trials"], ["explain"], ["questions"], ["what-if"], ["compare"]])
def test_a_broken_profile_gives_its_faults_and_exit_code_3(command: list[str], broken: str) -> None:
    more = {"explain": ["t-dxd"], "what-if": ["--set", "patient.ecog=1"], "compare": [SECOND]}
    done = her2cds(*command, broken, *more.get(command[0], []))
    assert done.returncode == 3
    assert "Did you mean 'setting'" in done.stderr
    assert done.stdout == ""


# --- pages and files ------------------------------------------------------------------------------------


def test_one_page_goes_to_standard_output_or_a_file(tmp_path: Path) -> None:
    page = her2cds("evaluate", SECOND, "--format", "html").stdout
    assert page.lstrip().startswith("<!DOCTYPE html>")
    file = tmp_path / "deep" / "report.html"
    assert her2cds("evaluate", SECOND, "--format", "html", "-o", str(file)).returncode == 0
    assert file.read_text() == page


def test_several_patients_go_to_a_folder(tmp_path: Path) -> None:
    done = her2cds("evaluate", SECOND, ZERO, "--format", "html", "-o", str(tmp_path))
    assert done.returncode == 0
    assert sorted(one.name for one in tmp_path.iterdir()) == ["her2-zero.html", "second-line-her2-positive.html"]


@pytest.mark.parametrize("output_format", ["text", "markdown", "json"])
def test_a_file_holds_what_standard_output_would(tmp_path: Path, output_format: str) -> None:
    file = tmp_path / "report"
    her2cds("evaluate", SECOND, "-f", output_format, "-o", str(file))
    printed = her2cds("evaluate", SECOND, "-f", output_format).stdout
    assert file.read_text().rstrip() == printed.rstrip()


def test_a_bad_patient_among_several_does_not_stop_the_others(tmp_path: Path, broken: str) -> None:
    done = her2cds("evaluate", broken, ZERO, "--format", "html", "-o", str(tmp_path / "out"))
    assert done.returncode == 3
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["her2-zero.html"]


def test_several_pages_need_a_folder() -> None:
    done = her2cds("evaluate", SECOND, ZERO, "--format", "html")
    assert done.returncode == 2
    assert "--output" in done.stderr


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = her2cds("evaluate", SECOND, "-f", "html", "-o", str(tmp_path / "file" / "report.html"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_pdf_is_made_where_the_extra_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("weasyprint", reason="the pdf extra is not installed", exc_type=ImportError)
    file = tmp_path / "report.pdf"
    done = her2cds("evaluate", SECOND, "--format", "pdf", "-o", str(file))
    assert done.returncode == 0, done.stderr
    assert file.read_bytes().startswith(b"%PDF")


def test_a_pdf_without_the_extra_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "weasyprint.py").write_text("raise ImportError('not here')")
    done = her2cds("evaluate", SECOND, "--format", "pdf", "-o", str(tmp_path / "x.pdf"), PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert "pip install 'her2cds[pdf]'" in done.stderr
