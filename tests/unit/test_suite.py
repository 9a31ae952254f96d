"""`her2cds test`: scenarios run anywhere, faults with line and nearest name, a readable difference, filters, JUnit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from her2cds.cli.app import app
from her2cds.cli.scenarios import wait_for_change
from tests.conftest import PROJECT

SCENARIOS = """\
- title: T-DXd comes first after trastuzumab and a taxane
  tags: [second-line]
  patient: second-line-her2-positive
  expect: {top_regimen: t-dxd}
- title: A poor LVEF warns before HER2 antibodies
  tags: [heart]
  patient:
    example: second-line-her2-positive
    set: {health.lvef_percent: 49}
  expect:
    fires: [caution.lvef-40-to-50.her2-antibodies]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(SCENARIOS, encoding="utf-8")
    return path


def run(*arguments: str | Path) -> Any:
    options = ["--examples", str(PROJECT / "patient_examples"), "--rules", str(PROJECT / "rules")]
    return CliRunner().invoke(app, ["test", *(str(one) for one in arguments), *options])


def test_scenarios_run_from_any_folder(file: Path) -> None:
    result = run(file.parent)
    assert result.exit_code == 0
    assert "2 scenarios: 2 passed, 0 failed" in result.output


def test_a_failure_shows_place_and_what_was_expected_and_came(file: Path) -> None:
    file.write_text(SCENARIOS.replace("top_regimen: t-dxd", "top_regimen: t-dm1"), encoding="utf-8")
    result = run(file)
    assert result.exit_code == 1
    shown = result.output.splitlines()
    assert shown[0] == f"{file}:1: T-DXd comes first after trastuzumab and a taxane"
    assert shown[1:4] == ["    top regimen", "      - t-dm1", "      + t-dxd"]
    assert "1 passed, 1 failed" in shown[-1]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--tag", "heart"], 1),
        (["--tag", "heart", "--tag", "second-line"], 2),
        (["--rule", "caution.lvef*"], 1),
        (["--rule", "therapy.second-line.t-dxd"], 2),
        (["--rule", "therapy.second-line.t-dxd", "--tag", "heart"], 1),
        (["--source", "guidi2023"], 2),
    ],
)
def test_filters_choose_by_rule_tag_and_source(options: list[str], count: int, file: Path) -> None:
    assert run(file, *options).output.startswith(f"{count} scenarios")


def test_filters_that_nothing_fits_are_an_error_not_a_success(file: Path) -> None:
    result = run(file, "--tag", "hart")
    assert result.exit_code == 2
    assert "nothing was run" in result.output


@pytest.mark.parametrize(
    ("old", "new", "line", "mention"),
    [
        ("top_regimen: t-dxd", "exclude: [t-dx]", 4, "did you mean 't-dxd'"),
        ("her2-antibodies", "her2-antibody", 11, "did you mean 'caution.lvef-40-to-50.her2-antibodies'"),
        ("top_regimen", "top_regimn", 4, "did you mean 'top_regimen'?"),
        ("tags: [heart]", "tagz: [heart]", 6, "did you mean 'tags'?"),
        ("example: second-line-her2-positive", "example: second-line", 7, "no patient example 'second-line'"),
        ("health.lvef_percent: 49", "treatments.9.line: 1", 7, "a field or list element that the profile holds"),
        ("tags: [heart]", "tags: [heart]\n  tags: [x]", 7, "key 'tags' stands twice"),
        ("expect: {top_regimen: t-dxd}", "expect: {}", 1, "could not fail"),
        ("expect: {top_regimen: t-dxd}", "expect: {exclude: []}", 4, "exclude: says nothing, so it could not fail"),
        ("top_regimen: t-dxd", "not_recommended: {t-dxd: ''}", 4, "not_recommended: says nothing"),
        ("top_regimen: t-dxd", "nothing_ranked: false", 4, "nothing_ranked: says nothing"),
        ("  expect: {top_regimen: t-dxd}\n", "", 1, "required field is missing"),
        ("[heart]", "[heart", 7, "not valid YAML"),
    ],
)
def test_a_fault_names_file_line_and_nearest_name_and_nothing_is_run(
    old: str, new: str, line: int, mention: str, file: Path
) -> None:
    assert old in SCENARIOS
    file.write_text(SCENARIOS.replace(old, new, 1), encoding="utf-8")
    result = run(file)
    assert result.exit_code == 2
    assert f"{file}:{line}:" in result.output
    assert mention in result.output
    assert "passed" not in result.output


def test_faults_of_all_files_are_told_together(file: Path) -> None:
    (file.parent / "other.yaml").write_text("{}", encoding="utf-8")
    file.write_text(SCENARIOS.replace("top_regimen", "top_regimn"), encoding="utf-8")
    shown = run(file.parent).output
    assert "scenarios: 2 faults" in shown


def test_a_folder_without_scenarios_is_an_error(tmp_path: Path) -> None:
    assert run(tmp_path).exit_code == 2


def test_examples_are_found_above_the_scenarios(tmp_path: Path, file: Path) -> None:
    (tmp_path / "patient_examples").symlink_to(PROJECT / "patient_examples")
    result = CliRunner().invoke(app, ["test", str(file), "--rules", str(PROJECT / "rules")])
    assert result.exit_code == 0


def test_junit_xml_holds_every_scenario_and_its_failure(file: Path, tmp_path: Path) -> None:
    file.write_text(SCENARIOS.replace("top_regimen: t-dxd", "top_regimen: t-dm1"), encoding="utf-8")
    output = tmp_path / "junit.xml"
    run(file, "--junit", output)
    root = ET.parse(output).getroot()
    (suite,) = root
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == (str(file), "2", "1")
    first, second = suite
    assert first.find("failure") is not None
    assert first.get("line") == "1"
    assert "expected t-dm1, got t-dxd" in (first.findtext("failure") or "")
    assert second.find("failure") is None


def test_scenarios_can_be_run_with_an_overlay(file: Path) -> None:
    file.write_text(
        "- title: The hospital asks for a chest CT first\n  patient: second-line-her2-positive\n"
        "  expect: {tests: [request.example.chest-ct]}\n",
        encoding="utf-8",
    )
    overlay = PROJECT / "docs" / "examples" / "hospital-overlay"
    assert run(file, "--overlay", overlay).exit_code == 0
    assert run(file).exit_code == 2  # the base holds no such rule


class Watched:
    """`her2cds test --watch` in a process of its own, and the lines that it has printed."""

    def __init__(self, *arguments: str | Path, cache: Path) -> None:
        command = [sys.executable, "-m", "her2cds", "test", "--watch", *map(str, arguments)]
        environment = {**os.environ, "HER2CDS_CACHE": str(cache)}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        self.lines.extend(self.process.stdout)

    @property
    def results(self) -> list[str]:
        return [line.rpartition(", ")[0] for line in self.lines if " passed, " in line]

    def result_after(self, file: Path, text: str) -> str:
        """What the next run comes to once the text is written."""
        before = len(self.results)
        file.write_text(text, encoding="utf-8")
        self._wait_until(lambda: len(self.results) > before)
        return self.waits()

    def waits(self) -> str:
        """The last result, once the program waits for changes and has noted how the files are now."""
        self._wait_until(lambda: self.lines[-1:] == ["watching for changes; stop with Ctrl-C\n"])
        time.sleep(1)
        return self.results[-1]

    def _wait_until(self, reached: Callable[[], bool]) -> None:
        until = time.monotonic() + 60
        while not reached():
            assert time.monotonic() < until, self.lines
            assert self.process.poll() is None, self.lines
            time.sleep(0.05)


@pytest.mark.slow
def test_watching_runs_again_when_a_scenario_and_when_a_rule_changes(file: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(PROJECT / "rules", rules)
    options = ("--examples", PROJECT / "patient_examples", "--rules", rules)
    watched = Watched(file, *options, cache=tmp_path / "cache")
    try:
        assert watched.waits() == "2 scenarios: 2 passed, 0 failed"
        scenarios = SCENARIOS.replace("top_regimen: t-dxd", "top_regimen: t-dm1")
        assert watched.result_after(file, scenarios) == "2 scenarios: 1 passed, 1 failed"
        rule = rules / "cautions" / "safety.yaml"
        text, bound = rule.read_text(encoding="utf-8"), "{health.lvef: {at_least: 40}}"
        assert bound in text
        changed = text.replace(bound, "{health.lvef: {at_least: 49.5}}")
        assert watched.result_after(rule, changed) == "2 scenarios: 0 passed, 2 failed"
        assert len(watched.results) == 3
    finally:
        watched.process.kill()
        watched.process.wait()


def test_watching_ends_when_a_file_changes_or_is_added(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        done = threading.Event()

        def wait(done: threading.Event = done) -> None:
            wait_for_change([tmp_path], 0.01)
            done.set()

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.05)
        assert not done.is_set()
        (tmp_path / name).write_text("x", encoding="utf-8")
        waiting.join(timeout=5)
        assert done.is_set()
