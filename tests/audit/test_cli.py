"""`her2cds evaluate --audit` and `her2cds audit …`: output, exit codes, files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audit.helpers import with_full_rights
from tests.audit.postgresql import PostgreSQL
from tests.command import her2cds
from tests.conftest import PROJECT
from tests.integration.test_cli import SECOND, ZERO


@pytest.fixture
def audited(tmp_path: Path) -> str:
    """A log with three entries: an answer, a refusal, an answer."""
    return audited_at(str(tmp_path / "audit.sqlite"), tmp_path)


def audited_at(url: str, tmp_path: Path) -> str:
    bad = tmp_path / "Doe-Jane.json"
    bad.write_text('{"note": "SECRET", "patient": {"ecog": 9}}')
    done = her2cds("evaluate", "-f", "json", "--audit", url, SECOND, str(bad), ZERO)
    assert done.returncode == 3, done.stderr
    assert len(json.loads(done.stdout)) == 2
    return url


def exported(url: str, *options: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in her2cds("audit", "export", "--audit", url, *options).stdout.splitlines()]


def test_evaluate_records_answers_and_refusals(audited: str) -> None:
    first, refused, last = exported(audited)
    report = json.loads(her2cds("evaluate", "-f", "json", SECOND).stdout)
    assert json.loads(str(first["output"])) == report
    assert first["input"] == Path(SECOND).read_text()
    assert first["knowledge_hash"] == report["knowledge"]["content_hash"]
    assert str(first["who"]).startswith("local:")
    assert (refused["outcome"], refused["input"], refused["output"]) == ("refused", None, None)
    assert "$.patient.ecog: found 9" in str(refused["refusal"])
    assert "SECRET" not in str(refused)
    assert "Doe" not in str(refused)  # a file name may be a patient's
    assert last["outcome"] == "answered"


def test_postgresql_serves_every_command(postgresql: PostgreSQL, tmp_path: Path) -> None:
    url = audited_at(postgresql.new_database("commands"), tmp_path)
    assert her2cds("audit", "replay", "1", "--audit", url).returncode == 0
    assert len(her2cds("audit", "list", "--audit", url).stdout.splitlines()) == len(exported(url)) == 3
    assert b"entry 4 tells of it" in her2cds("audit", "prune", "--audit", url, "--before", "2999-01-01").stdout
    assert b"pruned up to 3, 0 faults" in her2cds("audit", "verify", "--audit", url).stdout


def test_the_report_is_the_same_with_and_without_a_log(audited: str) -> None:
    assert her2cds("evaluate", SECOND, "--audit", audited).stdout == her2cds("evaluate", SECOND).stdout


def test_the_requester_is_the_systems_user_whatever_the_environment_says(audited: str) -> None:
    her2cds("evaluate", SECOND, HER2CDS_AUDIT=audited, USER="someone-else", LOGNAME="someone-else")
    assert exported(audited)[-1]["who"] == exported(audited)[0]["who"]


def test_no_answer_goes_out_that_could_not_be_recorded(audited: str) -> None:
    with_full_rights(audited, "DELETE FROM her2cds_audit_head")
    done = her2cds("evaluate", SECOND, "--audit", audited)
    assert (done.returncode, done.stdout) == (6, b"")
    assert b"no answer: audit log: the row that says where the chain ends is gone" in done.stderr
    done = her2cds("evaluate", SECOND, "--audit", "/nowhere/at/all.sqlite")
    assert (done.returncode, done.stdout) == (6, b"")
    assert b"Traceback" not in done.stderr


def test_verify_prints_an_anchor_and_finds_what_was_altered(audited: str) -> None:
    sound = her2cds("audit", "verify", "--audit", audited)
    assert sound.returncode == 0
    count, anchor = sound.stdout.decode().splitlines()
    assert count == "audit log: 3 entries, 0 faults"
    her2cds("evaluate", ZERO, "--audit", audited)
    assert her2cds("audit", "verify", "--audit", audited, "--anchor", anchor.removeprefix("anchor: ")).returncode == 0
    with_full_rights(audited, "UPDATE her2cds_audit_entry SET output = '{}' WHERE number = 3")
    broken = her2cds("audit", "verify", "--audit", audited)
    assert broken.returncode == 1
    assert b"entry 3: its content is not what was recorded (altered)" in broken.stderr
    assert her2cds("audit", "verify", "--audit", audited, "--anchor", "x").returncode == 2


def test_replay_says_same_or_shows_the_difference_to_a_changed_knowledge_base(audited: str, tmp_path: Path) -> None:
    same = her2cds("audit", "replay", "1", "--audit", audited)
    assert same.returncode == 0, same.stderr
    assert b"The answer is the same." in same.stdout
    changed = changed_rules(tmp_path)
    done = her2cds("audit", "replay", "1", "--audit", audited, "--rules", str(changed), "-f", "json")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["now"]["knowledge_version"] == "99.0.0"
    assert found["then"]["knowledge_version"] != "99.0.0"
    assert found["then"]["knowledge_hash"] != found["now"]["knowledge_hash"]
    assert any(one["path"].startswith("$.therapies[") for one in found["differences"])
    text = her2cds("audit", "replay", "1", "--audit", audited, "--rules", str(changed)).stdout.decode()
    assert "Now: knowledge base her2cds-knowledge 99.0.0" in text


def changed_rules(tmp_path: Path) -> Path:
    """A later knowledge base: another version, and no regimen is preferred any more."""
    folder = tmp_path / "rules"
    shutil.copytree(PROJECT / "rules", folder)
    manifest = folder / "manifest.yaml"
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join("version: 99.0.0" if line.startswith("version:") else line for line in lines) + "\n")
    for file in (folder / "therapies").rglob("*.yaml"):
        file.write_text(file.read_text().replace("category: preferred", "category: alternative"))
    return folder


def test_a_refused_entry_and_a_missing_one_are_not_replayed(audited: str) -> None:
    for number, mention in (("2", b"no body is kept"), ("9", b"there is no entry 9")):
        done = her2cds("audit", "replay", number, "--audit", audited)
        assert done.returncode == 6
        assert mention in done.stderr


def test_list_shows_one_line_an_entry_and_no_patient(audited: str) -> None:
    lines = her2cds("audit", "list", "--audit", audited).stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert "refused" in lines[1]
    assert "second-line" not in "".join(lines)
    assert len(her2cds("audit", "list", "--audit", audited, "--last", "1").stdout.splitlines()) == 1
    assert her2cds("audit", "list", "--audit", audited, "--since", "2999-01-01").stdout == b""
    assert her2cds("audit", "list", "--audit", audited, "--since", "yesterday").returncode == 2


def test_export_writes_a_file_for_its_owner_and_never_over_another(audited: str, tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    assert her2cds("audit", "export", "--audit", audited, "-o", str(path)).returncode == 0
    assert [json.loads(line)["number"] for line in path.read_text().splitlines()] == [1, 2, 3]
    assert path.stat().st_mode & 0o777 == 0o600
    again = her2cds("audit", "export", "--audit", audited, "-o", str(path))
    assert again.returncode == 1
    assert b"File exists" in again.stderr


def test_prune_tells_what_it_did_and_leaves_a_sound_log(audited: str) -> None:
    assert b"nothing is old enough" in her2cds("audit", "prune", "--audit", audited, "--keep-days", "1").stdout
    done = her2cds("audit", "prune", "--audit", audited, "--before", "2999-01-01")
    assert b"entry 4 tells of it" in done.stdout
    sound = her2cds("audit", "verify", "--audit", audited)
    assert sound.returncode == 0
    assert b"1 entries, pruned up to 3, 0 faults" in sound.stdout
    assert her2cds("audit", "prune", "--audit", audited).returncode == 2
    assert exported(audited)[0]["request"] == "prune"


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("questions", (SECOND,)),
        ("explain", (SECOND, "t-dm1")),
        ("explain", (SECOND, "t-dxd", "--over", "t-dm1")),
        ("what-if", (SECOND, "--set", "health.lvef_percent=30", "--progresses-on", "trastuzumab")),
    ],
)
def test_every_command_that_answers_in_a_kind_of_the_service_records_and_is_replayed(
    kind: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    log = str(tmp_path / "audit.sqlite")
    done = her2cds(kind, *arguments, "-f", "json", HER2CDS_AUDIT=log)
    assert (done.returncode, done.stderr) == (0, b"")
    (entry,) = exported(log)
    assert entry["request"] == kind
    assert json.loads(str(entry["output"])) == json.loads(done.stdout)
    replayed = her2cds("audit", "replay", "1", "--audit", log)
    assert b"The answer is the same." in replayed.stdout, replayed.stdout + replayed.stderr


def test_a_name_that_nothing_bears_is_recorded_as_refused(tmp_path: Path) -> None:
    log = str(tmp_path / "audit.sqlite")
    assert her2cds("explain", SECOND, "no-such-regimen", "--audit", log).returncode == 2
    (entry,) = exported(log)
    assert (entry["request"], entry["outcome"], entry["input"]) == ("explain", "refused", None)


@pytest.mark.parametrize("arguments", [("compare", SECOND, ZERO), ("trials", SECOND)])
def test_a_command_that_records_nothing_says_so_where_a_log_is_set(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = her2cds(*arguments, HER2CDS_AUDIT=str(tmp_path / "audit.sqlite"))
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [])
    words = f"her2cds {arguments[0]}: HER2CDS_AUDIT is set, but what this command answers is not recorded\n"
    assert done.stderr.decode() == words
    assert her2cds(*arguments).stderr == b""


def test_asking_about_a_log_that_is_not_there_makes_none(tmp_path: Path) -> None:
    done = her2cds("audit", "verify", "--audit", str(tmp_path / "none.sqlite"))
    assert done.returncode == 6
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_the_command_says_what_to_install(tmp_path: Path) -> None:
    hidden = tmp_path / "sqlalchemy.py"
    hidden.write_text("raise ModuleNotFoundError(\"No module named 'sqlalchemy'\", name='sqlalchemy')\n")
    path = os.pathsep.join([str(tmp_path), str(PROJECT / "src")])
    done = her2cds("evaluate", SECOND, "--audit", str(tmp_path / "a.sqlite"), PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"pip install 'her2cds[audit]'" in done.stderr
    assert her2cds("evaluate", SECOND, PYTHONPATH=path).returncode == 0  # and without a log nothing is missing


def test_what_was_answered_with_an_overlay_is_replayed_with_it(tmp_path: Path) -> None:
    overlay = ("--overlay", str(PROJECT / "docs" / "examples" / "hospital-overlay"))
    log = ("--audit", str(tmp_path / "audit.sqlite"))
    patient = PROJECT / "patient_examples" / "third-line-after-t-dm1.json"
    her2cds("evaluate", str(patient), *log, *overlay)
    assert b"The answer is the same." in her2cds("audit", "replay", "1", *log, *overlay).stdout
    assert her2cds("audit", "replay", "1", *log).returncode == 1


# --- Values at the edge -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "mention"),
    [
        (("replay", "99999999999999999999"), 6, "there is no entry 99999999999999999999"),
        (("list", "--last", "99999999999999999999"), 0, ""),
        (("prune", "--keep-days", "99999999"), 0, ""),
        (("prune", "--keep-days", "9" * 30), 0, ""),
        (("prune", "--before", "0999-01-01"), 0, ""),
        (("list", "--since", "0001-01-01T00:00+05:00"), 2, "expected YYYY-MM-DD"),
        (("export", "--before", "9999-12-31T23:59-05:00"), 2, "expected YYYY-MM-DD"),
        (("prune", "--before", "0001-01-01T00:00+05:00"), 2, "expected YYYY-MM-DD"),
    ],
)
def test_a_value_at_the_edge_is_answered_or_refused(
    arguments: tuple[str, ...], code: int, mention: str, audited: str
) -> None:
    done = her2cds("audit", *arguments, "--audit", audited)
    assert done.returncode == code
    assert mention in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert len(exported(audited)) == 3  # nothing was pruned


def test_the_anchor_of_an_empty_log_can_be_given_later(tmp_path: Path) -> None:
    log = ("--audit", str(tmp_path / "audit.sqlite"))
    her2cds("evaluate", str(tmp_path / "none.json"), *log)  # makes the log; no file, no entry
    anchor = her2cds("audit", "verify", *log).stdout.decode().split("anchor: ")[1].strip()
    assert anchor == f"0:{'0' * 64}"
    her2cds("evaluate", SECOND, *log)
    assert her2cds("audit", "verify", *log, "--anchor", anchor).returncode == 0


def test_a_file_that_is_too_large_to_be_read_has_no_hash(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(b" " * 2_000_001 + b"{}")
    log = str(tmp_path / "audit.sqlite")
    assert her2cds("evaluate", str(path), "--audit", log).returncode == 3
    (entry,) = exported(log)
    assert (entry["outcome"], entry["input_hash"]) == ("refused", None)
    assert "at most 2000000 bytes" in str(entry["refusal"])


def test_a_full_disk_under_an_export_is_one_line(audited: str) -> None:
    with Path("/dev/full").open("wb") as full:
        for command in ("export", "list", "verify"):
            arguments = [sys.executable, "-m", "her2cds", "audit", command, "--audit", audited]
            done = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, timeout=120, check=False)
            assert done.returncode == 1
            assert done.stderr == b"standard output: No space left on device\n"


def test_an_altered_row_cannot_steer_the_terminal(audited: str) -> None:
    with_full_rights(audited, "UPDATE her2cds_audit_entry SET who = :who WHERE number = 2", who="\x1b[2J\nx")
    lines = her2cds("audit", "list", "--audit", audited).stdout.splitlines()
    assert len(lines) == 3
    assert b"\x1b" not in lines[1]
