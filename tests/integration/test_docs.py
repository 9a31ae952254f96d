"""The documentation's commands give the output that it prints."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup

from her2cds import KnowledgeBase, load_knowledge
from her2cds.cli.app import app
from her2cds.lint.checks import lint
from her2cds.scenarios.model import PatientOf, read_scenarios
from her2cds.scenarios.run import run_scenario
from tests.conftest import PROJECT

BLOCK = re.compile(r"```console\n\$ her2cds (?P<command>[^\n]+)\n(?P<output>.*?)```", re.S)
PAGES = [PROJECT / "docs" / "how-a-recommendation-comes-about.md"]
CASES = [
    pytest.param(match["command"], match["output"], id=match["command"][:60])
    for page in PAGES
    for match in BLOCK.finditer(page.read_text(encoding="utf-8"))
]


def test_there_is_something_to_compare() -> None:
    assert len(CASES) >= 9


@pytest.mark.parametrize(("command", "printed"), CASES)
def test_a_command_prints_what_the_page_shows(command: str, printed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "her2cds", *shlex.split(command)],
        capture_output=True,
        cwd=PROJECT,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert done.returncode == 0, done.stderr.decode()
    rest = done.stdout.decode()
    for part in re.split(r"^…\n", printed, flags=re.M):
        if part.strip():
            assert part in rest, f"not in the output from here on:\n{part}"
            rest = rest[rest.index(part) + len(part) :]


# --- Scenarios and rules that the pages show ------------------------------------------------------------

# A list entry of YAML, fenced or indented, up to what stands further to the left.
ENTRY = r"^(?P<indent> *)- {first}: .*\n(?:(?P=indent) +.*\n)+"
TEACHES_A_RULE = PROJECT / "docs" / "howto" / "add-a-rule.md"
TEACHES_A_DRUG = PROJECT / "docs" / "howto" / "add-a-drug.md"


def entries(page: Path, first: str) -> list[str]:
    """The entries of a page's YAML that begin with this field."""
    found = re.finditer(ENTRY.format(first=first), page.read_text(encoding="utf-8"), flags=re.M)
    return [textwrap.dedent(match[0]) for match in found]


MARKDOWN = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
SHOWN = [
    pytest.param(page, text, id=f"{page.name}: {text.splitlines()[0]}")
    for page in MARKDOWN
    for text in entries(page, "title")
]


@pytest.fixture(scope="module")
def with_what_is_taught(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    """The knowledge base of a reader who has followed the steps for adding a rule and a drug."""
    rules = tmp_path_factory.mktemp("reader") / "rules"
    shutil.copytree(PROJECT / "rules", rules)
    (file,) = set(re.findall(r"`(rules/cautions/\w+\.yaml)`", TEACHES_A_RULE.read_text(encoding="utf-8")))
    for target, page in ((file, TEACHES_A_RULE), ("rules/drugs.yaml", TEACHES_A_DRUG)):
        (entry,) = entries(page, "id")
        with (rules.parent / target).open("a", encoding="utf-8") as end:
            end.write(entry)
    return load_knowledge(rules, use_cache=False)


def test_scenarios_are_shown() -> None:
    pages = {"CONTRIBUTING.md", "scenarios.md", "add-a-rule.md", "write-a-scenario.md"}
    assert {case.values[0].name for case in SHOWN if isinstance(case.values[0], Path)} == pages


@pytest.mark.parametrize(("page", "text"), SHOWN)
def test_a_scenario_on_a_page_passes_and_without_its_change_fails(
    page: Path, text: str, tmp_path: Path, examples: Path, request: pytest.FixtureRequest
) -> None:
    base: KnowledgeBase = request.getfixturevalue("with_what_is_taught" if page == TEACHES_A_RULE else "knowledge")
    file = tmp_path / "shown.yaml"
    file.write_text(text, encoding="utf-8")
    (scenario,) = read_scenarios(file)
    assert run_scenario(scenario, base, examples).failures == ()
    if not scenario.expect.just_misses:  # that a rule does not fire may hold for the example as well
        unchanged = scenario.model_copy(update={"patient": PatientOf(example=scenario.patient.example)})
        assert run_scenario(unchanged, base, examples).failures


def test_the_rule_that_is_taught_is_the_same_on_both_pages() -> None:
    assert entries(PROJECT / "CONTRIBUTING.md", "id") == entries(TEACHES_A_RULE, "id")


def test_the_drug_that_is_taught_is_known_by_every_name(with_what_is_taught: KnowledgeBase) -> None:
    ((drug,),) = (yaml.safe_load(text) for text in entries(TEACHES_A_DRUG, "id"))
    names = with_what_is_taught.knowledge.drug_names
    assert {names.find(one) for one in (drug["name"], *drug["synonyms"])} == {drug["id"]}


def test_the_rule_that_is_taught_passes_the_checks_of_its_steps(with_what_is_taught: KnowledgeBase) -> None:
    assert [one for one in lint(with_what_is_taught.knowledge) if one.severity == "error"] == []


# --- Commands that the pages name -------------------------------------------------------------------------

COMMAND = re.compile(r"(?:^ +|^\$ |`)her2cds ([a-z][^`#;|<\n…]*[^`#;|<\n… ])", flags=re.M)
DEFAULTS = {"trials": "for", "cohort": "run"}  # `her2cds trials FILE` is `her2cds trials for FILE`
NAMED = [
    pytest.param(shlex.split(command), id=f"{page.name}: {command}")
    for page in MARKDOWN
    for command in dict.fromkeys(COMMAND.findall(page.read_text(encoding="utf-8")))
]


def test_commands_are_named() -> None:
    assert len(NAMED) > 80


@pytest.mark.parametrize("words", NAMED)
def test_a_command_on_a_page_exists_with_its_options(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    rest = [word.strip("[]") for word in words]
    while isinstance(command, TyperGroup):
        context = typer.Context(command)
        name = rest.pop(0) if rest and command.get_command(context, rest[0]) else DEFAULTS.get(str(command.name))
        assert name, f"no such command: {' '.join(words)}"
        command = command.get_command(context, name)
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in rest if re.match(r"--?[a-z]", word)} - known == set()


# --- Links and names --------------------------------------------------------------------------------------


def test_markdown_links_inside_the_documentation_lead_somewhere() -> None:
    """Links to generated pages (knowledge/, reference/) are checked when the site is built."""
    pages = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
    for page in pages:
        for target in re.findall(r"\]\((?!https?://|mailto:|#)([^)#\s]+)", page.read_text(encoding="utf-8")):
            generated = re.match(r"(\.\./)?(knowledge|reference)/", target)
            assert generated or (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_entry_that_the_coverage_page_names_exists(knowledge: KnowledgeBase) -> None:
    base = knowledge.knowledge
    known = {
        *base.rules, *base.evidence, *base.drugs, *base.trials, *base.criteria, *base.regimens, *base.facts,
        *base.sources, *base.situations, *(one.id for one in base.data.discrepancies),
        *(one.id for one in base.data.combinations), *(one.id for one in base.data.drug_classes),
    }  # fmt: skip
    rows = [line for line in (PROJECT / "docs" / "coverage.md").read_text("utf-8").splitlines() if line.startswith("|")]
    named = {
        name
        for row in rows
        for name in re.findall(r"`([^`]+)`", row.split("|")[3])
        if re.fullmatch(r"NCT\d{8}|[a-z0-9]+([.-][a-z0-9.+-]+)+", name)
    }
    assert len(named) > 500
    assert named - known == set()
