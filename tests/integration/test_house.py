"""The project's own order: imports run one way, and the files beside the code agree with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from her2cds.version import __version__
from tests.conftest import PROJECT

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def lint_imports(project: Path) -> subprocess.CompletedProcess[str]:
    if not LINT_IMPORTS.exists():
        pytest.skip("import-linter is not installed (extra 'dev')")
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache"],
        cwd=project,
        env={"PYTHONPATH": str(project / "src"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_imports_keep_to_the_layers() -> None:
    done = lint_imports(PROJECT)
    assert done.returncode == 0, done.stdout


def test_an_import_against_the_way_is_found(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    with (tmp_path / "src" / "her2cds" / "knowledge" / "names.py").open("a", encoding="utf-8") as stream:
        stream.write("\nimport her2cds.report.model\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert "her2cds.knowledge.names -> her2cds.report.model" in done.stdout


def test_no_module_is_too_long_to_read_in_one_sitting() -> None:
    long = [
        f"{path.relative_to(PROJECT)}: {lines} lines"
        for path in sorted((PROJECT / "src").rglob("*.py"))
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    ]
    assert long == []


def test_the_citation_file_names_this_version_and_every_review() -> None:
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == __version__
    sources = yaml.safe_load((PROJECT / "rules" / "sources.yaml").read_text(encoding="utf-8"))
    reviews = [one for one in sources if one["role"] == "review"]
    assert len(citation["references"]) == len(reviews)
    assert {one["doi"] for one in reviews if "doi" in one} == {
        one["doi"] for one in citation["references"] if "doi" in one
    }


def test_hooks_call_tools_that_the_development_extra_installs() -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    tools = {one["entry"].split()[0].removeprefix(".venv/bin/") for one in hooks}
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    packages = {re.split(r"[>=<]", one)[0] for one in project["optional-dependencies"]["dev"]}
    assert tools == {"ruff", "mypy", "lint-imports", "her2cds"}
    assert {"ruff", "mypy", "import-linter", "pre-commit"} <= packages


@pytest.mark.parametrize("path", sorted((PROJECT / ".github" / "ISSUE_TEMPLATE").glob("*-*.yml")), ids=lambda p: p.stem)
def test_an_issue_form_has_what_a_form_needs(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(form)
    fields = [one for one in form["body"] if one["type"] != "markdown"]
    assert all(one["id"] and one["attributes"]["label"] for one in fields)
    assert len({one["id"] for one in fields}) == len(fields)
    for one in fields:
        assert all(isinstance(option, str) for option in one["attributes"].get("options", ()))


def test_the_lock_holds_a_fitting_version_of_every_declared_dependency() -> None:
    lines = (PROJECT / "requirements" / "dev.txt").read_text(encoding="utf-8").splitlines()
    locked: dict[str, list[str]] = {}
    for one in (Requirement(line) for line in lines if line and not line.startswith("#")):
        locked.setdefault(canonicalize_name(one.name), []).append(str(one.specifier).removeprefix("=="))
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [Requirement(one) for one in project["dependencies"]]
    declared += [Requirement(one) for extra in project["optional-dependencies"].values() for one in extra]
    for one in declared:
        name = canonicalize_name(one.name)
        if name != project["name"]:
            assert all(one.specifier.contains(version) for version in locked[name]), one


@pytest.mark.slow
@pytest.mark.parametrize(("required", "exit_code"), [("", 0), ("1", 1)])
def test_where_everything_is_required_a_skipped_test_is_a_failed_one(required: str, exit_code: int) -> None:
    """By the example of two files that skip where the samples and texts are not there: one by one, and as a whole."""
    files = ["tests/integration/test_import.py", "tests/integration/test_provenance_sources.py"]
    nowhere = dict.fromkeys(["HER2CDS_SAMPLES", "HER2CDS_TEXTS"], "/nowhere")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "sample or claim_of", *files],
        cwd=PROJECT,
        env={**os.environ, **nowhere, "HER2CDS_REQUIRE_ALL": required},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == exit_code, done.stdout
    assert ("allows no skip" in done.stdout) == bool(required)


def test_the_generated_pages_of_the_documentation_can_be_written() -> None:
    """Without the site's builder, which only CI has: a part of the code that moved is noticed here."""
    script = PROJECT / "scripts" / "site" / "make_pages.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert {"reference/command-line.md", "reference/patient.md"} <= set(done.stdout.split())
