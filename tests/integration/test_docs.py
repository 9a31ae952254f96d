"""The documentation's commands give the output that it prints."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest

from her2cds import KnowledgeBase
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
