"""Every scenario in tests/scenarios, one test each, named by file and title."""

from __future__ import annotations

from pathlib import Path

import pytest

from her2cds import KnowledgeBase
from her2cds.scenarios.model import Scenario, read_scenarios
from her2cds.scenarios.run import run_scenario

FOLDER = Path(__file__).parent / "scenarios"
CASES = [
    pytest.param(scenario, id=f"{path.stem}: {scenario.title}")
    for path in sorted(FOLDER.rglob("*.yaml"))
    for scenario in read_scenarios(path)
]


@pytest.mark.parametrize("scenario", CASES)
def test_scenario(scenario: Scenario, knowledge: KnowledgeBase, examples: Path) -> None:
    result = run_scenario(scenario, knowledge, examples)
    assert not result.failures, "\n".join(result.failures)


def test_the_scenarios_are_found() -> None:
    """A folder that is missing or renamed would give no test at all."""
    assert len(CASES) > 400


def test_titles_are_unique() -> None:
    ids = [case.id for case in CASES]
    assert len(set(ids)) == len(ids)
