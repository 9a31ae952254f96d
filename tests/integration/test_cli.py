"""The command line: output, exit codes, several files, streams, and files that are written whole or not at all."""

from __future__ import annotations

import json
import os
import resource
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.command import her2cds
from tests.conftest import PROJECT

EXAMPLES = PROJECT / "patient_examples"
FHIR = str(PROJECT / "tests" / "fixtures" / "fhir" / "second-line.json")
SECOND = str(EXAMPLES / "second-line-her2-positive.json")
ZERO = str(EXAMPLES / "her2-zero.json")


def test_evaluate_prints_a_readable_report() -> None:
    done = her2cds("evaluate", SECOND)
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert "1. Trastuzumab deruxtecan (T-DXd)" in text
    assert "guidi2023 §3" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b[" not in text  # a pipe gets no colour codes


def test_colour_is_the_terminals_choice() -> None:
    assert b"\x1b[" in her2cds("evaluate", SECOND, FORCE_COLOR="1").stdout
    assert b"\x1b[" not in her2cds("evaluate", SECOND, NO_COLOR="1").stdout


def test_json_is_the_same_bytes_each_time_and_fits_its_schema() -> None:
    one, two = (
        her2cds("evaluate", "--format", "json", SECOND),
        her2cds("evaluate", "-f", "json", SECOND, PYTHONHASHSEED="7"),
    )
    assert one.stdout == two.stdout
    schema = json.loads(her2cds("schema", "report").stdout)
    jsonschema.validate(json.loads(one.stdout), schema)


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_examples_fit_the_published_patient_schema(example: Path) -> None:
    from her2cds.profile.model import Profile

    schema = Profile.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(example.read_text()), schema)


def test_standard_input_and_markdown() -> None:
    done = her2cds("evaluate", "-", "--format", "markdown", stdin=Path(SECOND).read_bytes())
    assert done.returncode == 0
    assert b"# her2cds report for second-line-her2-positive" in done.stdout


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"diseas": {}}')
    done = her2cds("evaluate", "--format", "json", SECOND, str(bad), ZERO)
    assert done.returncode == 3
    assert [one["patient_id"] for one in json.loads(done.stdout)] == ["second-line-her2-positive", "her2-zero"]
    assert b"bad.json: 1 fault" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "mention"),
    [
        ("empty.json", b"", b"The file is empty"),
        ("broken.json", b'{"id": ', b"line 1, column 8"),
        ("latin.json", b'{"note": "caf\xe9"}', b"not UTF-8"),
        ("huge.json", b"[" + b"0," * 25_000_000 + b"0]", b"bytes"),
        ("deep.json", b"[" * 100_000, b"nesting without end"),
        ("future.json", b'{"specimens": [{"date": "2999-01-01"}]}', b"A date in the future"),
    ],
)
def test_bad_files_get_exit_3_and_a_clear_message(name: str, content: bytes, mention: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for command in ("evaluate", "validate"):
        done = her2cds(command, str(path))
        assert done.returncode == 3
        assert mention in done.stderr
        assert b"Traceback" not in done.stderr
        assert done.stdout == b""


def test_a_directory_and_a_missing_file_get_exit_3(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.json"):
        done = her2cds("evaluate", str(path))
        assert done.returncode == 3
        assert b"Traceback" not in done.stderr


def test_wrong_usage_gets_exit_2() -> None:
    assert her2cds("evaluate").returncode == 2
    assert her2cds("evaluate", SECOND, "--format", "pdf").returncode == 2
    assert her2cds("frobnicate").returncode == 2


def test_a_faulty_knowledge_base_gets_exit_4(tmp_path: Path) -> None:
    done = her2cds("evaluate", SECOND, "--rules", str(tmp_path))
    assert done.returncode == 4
    assert b"the file is missing" in done.stderr


def test_validate_and_version_and_schema() -> None:
    assert b"valid" in her2cds("validate", SECOND).stdout
    assert b"knowledge base her2cds-knowledge" in her2cds("version").stdout
    schema = json.loads(her2cds("schema", "patient").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(schema["properties"]) >= {"patient", "disease", "specimens", "treatments", "genomic_tests", "health"}


def test_output_is_utf8_whatever_the_locale() -> None:
    done = her2cds("evaluate", SECOND, LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "§" in done.stdout.decode("utf-8")


# --- Several reports in a folder --------------------------------------------------------------------------


def test_several_reports_go_into_a_folder_under_the_names_of_their_inputs(tmp_path: Path) -> None:
    done = her2cds("evaluate", SECOND, ZERO, "-f", "json", "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "second-line-her2-positive.json",
        "her2-zero.json",
    }


@pytest.mark.parametrize("names", [("a/patient.json", "b/patient.json"), ("-", "a/patient.json")])
def test_reports_that_would_replace_each_other_are_refused_before_anything_is_done(
    names: tuple[str, str], tmp_path: Path
) -> None:
    inputs = [name if name == "-" else str(tmp_path / name) for name in names]
    for folder, example in (("a", SECOND), ("b", ZERO)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "patient.json").write_bytes(Path(example).read_bytes())
    log = tmp_path / "audit.sqlite"
    done = her2cds("evaluate", *inputs, "-o", str(tmp_path / "out"), "--audit", str(log), stdin=b"{}")
    assert done.returncode == 2
    assert all(name in done.stderr.decode() for name in inputs)
    assert b"would both be" in done.stderr
    assert not (tmp_path / "out").exists()
    assert not log.exists()  # nothing was answered, so nothing is on record


def test_a_file_for_the_reports_is_asked_for_before_anything_is_recorded(tmp_path: Path) -> None:
    for arguments in (("-f", "pdf", SECOND), ("-f", "html", SECOND, ZERO), ("-f", "fhir", SECOND, ZERO)):
        done = her2cds("evaluate", *arguments, "--audit", str(tmp_path / "audit.sqlite"))
        assert done.returncode == 2
        assert b"give --output" in done.stderr
    assert list(tmp_path.iterdir()) == []


# --- Whole files ------------------------------------------------------------------------------------------


def with_little_disk(*arguments: str, cache: Path) -> subprocess.CompletedProcess[bytes]:
    """The command where no file may grow over 1,500 bytes."""
    limit = (1500, 1500)
    return subprocess.run(
        [sys.executable, "-m", "her2cds", *arguments],
        capture_output=True,
        cwd="/",
        env={**os.environ, "HER2CDS_CACHE": str(cache)},
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )


WRITERS: dict[str, Callable[[Path], tuple[str, ...]]] = {
    "evaluate": lambda path: ("evaluate", SECOND, "-o", str(path)),
    "evaluate, html": lambda path: ("evaluate", SECOND, "-f", "html", "-o", str(path)),
    "generate": lambda path: ("generate", "-n", "200", "-o", str(path)),
    "import": lambda path: ("import", "fhir", FHIR, "--report", str(path), "-o", "/dev/null"),
    "release manifest": lambda path: ("kb", "release-manifest", "-o", str(path)),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_that_cannot_be_written_whole_leaves_the_old_one_as_it_was(writer: str, tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_text("what was there before")
    done = with_little_disk(*WRITERS[writer](path), cache=tmp_path / "cache")
    assert done.returncode == 1
    assert f"{path}: File too large" in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert path.read_text() == "what was there before"
    assert [one.name for one in tmp_path.iterdir() if one.name.endswith(".writing")] == []


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_that_is_written_takes_the_place_of_the_old_one(writer: str, tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_text("what was there before")
    path.chmod(0o640)
    done = her2cds(*WRITERS[writer](path))
    assert done.returncode == 0, done.stderr
    assert len(path.read_bytes()) > 1500
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["old.txt"]


def test_a_link_is_followed_and_a_new_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("new.ndjson")
    assert her2cds("generate", "-o", str(tmp_path / "link")).returncode == 0
    assert (tmp_path / "link").is_symlink()
    (tmp_path / "usual").touch()
    assert (tmp_path / "new.ndjson").stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert len((tmp_path / "new.ndjson").read_text().splitlines()) == 10


def test_pipes_and_standard_output_can_be_named_as_the_file(tmp_path: Path) -> None:
    assert len(her2cds("generate", "-o", "/dev/stdout").stdout.splitlines()) == 10
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        assert her2cds("generate", "-o", str(tmp_path / "pipe")).returncode == 0
        assert reader.stdout is not None
        assert len(reader.stdout.read().splitlines()) == 10
    with (tmp_path / "file").open("wb") as stream:
        arguments = [sys.executable, "-m", "her2cds", "generate", "-o", "/dev/stdout"]
        subprocess.run(arguments, stdout=stream, check=True, timeout=120)
        assert os.fstat(stream.fileno()).st_nlink == 1  # written to, not replaced: it is the shell's
    assert len((tmp_path / "file").read_text().splitlines()) == 10


def test_a_folder_in_place_of_a_file_is_a_clear_error(tmp_path: Path) -> None:
    done = her2cds("evaluate", SECOND, "-o", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.decode() == f"{tmp_path}: Is a directory\n"


# --- Streams ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", SECOND),
        ("evaluate", "-f", "json", SECOND),
        ("evaluate", "-f", "markdown", SECOND),
        ("evaluate", "-f", "html", SECOND),
        ("questions", SECOND),
        ("schema", "patient"),
        ("version",),
        ("generate", "-n", "1"),
        ("import", "fhir", FHIR),
    ],
    ids=" ".join,
)
def test_a_full_disk_under_standard_output_is_one_line_and_exit_1(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "her2cds", *arguments], stdout=full, stderr=subprocess.PIPE, timeout=120, check=False
        )
    assert done.returncode == 1
    assert done.stderr == b"standard output: No space left on device\n"


@pytest.mark.parametrize("arguments", [("evaluate", SECOND), ("evaluate", "-f", "json", SECOND), ("version",)])
def test_a_closed_standard_output_is_one_line_and_exit_1(arguments: tuple[str, ...]) -> None:
    command = shlex.join([sys.executable, "-m", "her2cds", *arguments])
    done = subprocess.run(f"{command} >&-", shell=True, stderr=subprocess.PIPE, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr == b"standard output: closed; give the command one to write to\n"
    assert subprocess.run(f"{command} >&- 2>&-", shell=True, timeout=120, check=False).returncode == 1


def test_a_reader_that_has_seen_enough_is_no_error_to_tell_of() -> None:
    command = [sys.executable, "-m", "her2cds", "generate", "-n", "5000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""


def test_the_name_of_a_file_need_not_be_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/p\xff.json")
    Path(name).write_bytes(Path(SECOND).read_bytes())
    assert her2cds("validate", name).stdout.endswith(b"p\\udcff.json: valid\n")
    assert her2cds("evaluate", "-f", "json", name).stdout == her2cds("evaluate", "-f", "json", SECOND).stdout
    Path(name).write_text("{")
    for command in ("validate", "evaluate"):
        done = her2cds(command, name)
        assert done.returncode == 3
        assert b"p\\udcff.json: 1 fault" in done.stderr
        assert b"Traceback" not in done.stderr
    Path(name).write_bytes(Path(FHIR).read_bytes())
    done = her2cds("import", "fhir", name, "--report", str(tmp_path / "report.json"))
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "report.json").read_text())["label"] == name


def test_what_a_file_holds_cannot_steer_the_terminal(tmp_path: Path) -> None:
    hostile = "\x1b]0;gone\x07"
    path = tmp_path / "a.json"
    for tree in ({hostile: 1}, {"treatments": [{"agents": [hostile]}]}, {"treatments": [{"agents": ["a\n  b"]}]}):
        path.write_text(json.dumps(tree))
        for command in ("validate", "evaluate"):
            done = her2cds(command, str(path))
            shown = done.stdout + done.stderr
            assert b"\x1b" not in shown
            assert b"\x07" not in shown
            assert b"\n  b" not in shown
    bundle = json.loads(Path(FHIR).read_text())
    text = {"resourceType": "MedicationStatement", "status": "active", "medicationCodeableConcept": {"text": hostile}}
    bundle["entry"].append({"resource": text})
    path.write_text(json.dumps(bundle))
    assert b"\x1b" not in her2cds("import", "fhir", str(path), "-o", str(tmp_path / "b.json")).stdout


def test_a_list_of_genes_that_is_not_utf8_is_a_clear_error(tmp_path: Path) -> None:
    maf, genes = tmp_path / "a.maf", tmp_path / "genes.txt"
    maf.write_text("Hugo_Symbol\tVariant_Classification\tTumor_Sample_Barcode\nERBB2\tMissense_Mutation\tS\n")
    genes.write_bytes(b"ERBB2\nTP5\xff\n")
    done = her2cds("import", "maf", str(maf), "--genes", str(genes), "-o", str(tmp_path / "out"))
    assert done.returncode == 3
    assert b"genes.txt: byte 9 is not UTF-8" in done.stderr
    assert not (tmp_path / "out").exists()
    genes.write_bytes("\ufeffERBB2\nTP53\n".encode())
    done = her2cds("import", "maf", str(maf), "--genes", str(genes), "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    profile: dict[str, Any] = json.loads(next((tmp_path / "out").iterdir()).read_text())
    assert profile["genomic_tests"][0]["genes_covered"] == ["ERBB2", "TP53"]
