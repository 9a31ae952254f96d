"""Every scenario in tests/scenarios, one test each, named by file and title."""

from __future__ import annotations

from pathlib import Path

import pytest

from her2cds import KnowledgeBase
from her2cds.scenarios.model import PatientOf, Scenario, read_scenarios
from her2cds.scenarios.run import run_scenario

FOLDER = Path(__file__).parent / "scenarios"
NAMED = [
    (f"{path.stem}: {scenario.title}", scenario)
    for path in sorted(FOLDER.rglob("*.yaml"))
    for scenario in read_scenarios(path)
]
SCENARIOS = dict(NAMED)
CASES = [pytest.param(scenario, id=name) for name, scenario in NAMED]


@pytest.mark.parametrize("scenario", CASES)
def test_scenario(scenario: Scenario, knowledge: KnowledgeBase, examples: Path) -> None:
    result = run_scenario(scenario, knowledge, examples)
    assert not result.failures, "\n".join(result.failures)


# The unchanged example passes these too, and may: they say that a change makes no difference, or not yet.
NO_DIFFERENCE = {
    # another way of saying the same
    "first-line: Male patients with HER2-positive metastatic disease get the same first line",
    "first-line: Unknown hormone receptors leave the first line as it is, because CLEOPATRA holds regardless",
    "her2-class: ISH by ratio and copies is read as ASCO/CAP does",
    "her2-class: The metastasis decides over a primary tumour with another result",
    "history-and-receptors: Two specimens of one day that say the same complete each other",
    "history-and-receptors: Progression under a treatment that goes on ends its line and rules its drugs out",
    "history-and-receptors: A best response of progression under a treatment that goes on ends its line as well",
    "history-and-receptors: Maintenance without a number belongs to the line before it, "
    "not to the numbered one after it",
    "second-line: A switch to maintenance belongs to the same line",
    "invalid-profiles: A combination name in the agents stands for its drugs",
    "mutants: The order of the candidates and the drugs of their regimens, later-line-after-t-dxd changed (specimens)",
    # what does not count
    "history-and-receptors: Progression before surgery years ago is no early relapse",
    "history-and-receptors: Only the last adjuvant course tells how soon the disease came back",
    "history-and-receptors: Anti-HER2 therapy of HER2-zero disease is not called a treatment to continue",
    "first-line: Lapatinib with letrozole is not offered to a man",
    "safety: Without an inducer nothing is said of one",
    "trials: KATE2 is never suggested, whatever the PD-L1 status",
    "trials: Systemic progression keeps the trial of isolated brain progression closed",
    "trials: Pyrotinib trials are for patients in China",
    "mutants: A tumour reported as homogeneous gives no finding of heterogeneity",
    # just this side of a threshold, with a scenario beside it for the other side
    "history-and-receptors: Trastuzumab for eleven months counts as its year",
    "mutants: ER in 0.9 % of the cells is negative",
    "mutants: PR in 0.9 % of the cells is negative",
    "mutants: An ECOG status of 2 is not yet one that speaks against chemotherapy and conjugates",
    "populations: The neoadjuvant trial of pembrolizumab takes a tumour above 2 cm with free nodes",
    "mutants: TILs of 19 % are not high",
    "mutants: TILs of 19 % are not high before surgery either",
    "mutants: A pregnancy test is not needed at the age of 60",
    "mutants: A pregnancy test is not needed at the age of 60.5",
}


def test_a_scenario_that_changes_an_example_fails_without_the_change(knowledge: KnowledgeBase, examples: Path) -> None:
    """What the unchanged example passes too would not notice that the rule about the change is wrong or gone.

    Frozen scenarios say everything that fires, whether the change matters or not.
    """
    passed = set()
    for name, scenario in SCENARIOS.items():
        unchanged = PatientOf(example=scenario.patient.example) if scenario.patient.example else scenario.patient
        if unchanged != scenario.patient and not scenario.expect.fires_exactly:
            one = scenario.model_copy(update={"patient": unchanged})
            passed |= set() if run_scenario(one, knowledge, examples).differences else {name}
    assert passed - NO_DIFFERENCE == set()
    assert NO_DIFFERENCE - SCENARIOS.keys() == set()


def test_the_scenarios_are_found() -> None:
    """A folder that is missing or renamed would give no test at all."""
    assert len(CASES) > 400


def test_titles_are_unique() -> None:
    assert len(SCENARIOS) == len(NAMED)
