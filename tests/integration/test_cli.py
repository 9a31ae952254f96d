"""The command line: output, exit codes, several files, streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.conftest import PROJECT

EXAMPLES = PROJECT / "patient_examples"
SECOND = str(EXAMPLES / "second-line-her2-positive.json")
ZERO = str(EXAMPLES / "her2-zero.json")


def her2cds(*arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "her2cds", *arguments],
        input=stdin,
        capture_output=True,
        cwd="/",
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )


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
