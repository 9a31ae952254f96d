"""Many scenario files as one suite: reading with every fault first, choosing, running, and JUnit's XML of the results.

Nothing runs while a file, a name or a patient is at fault.
"""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from typing import Any

from her2cds.errors import ProfileError
from her2cds.evaluation import KnowledgeBase
from her2cds.facts.truth import TRUE
from her2cds.scenarios.model import LocatedScenario, Scenario, ScenarioError, ScenarioFault, build_patient, read_located
from her2cds.scenarios.names import rules_named, unknown_names
from her2cds.scenarios.run import Difference, outcome_of, run_on


@dataclass(frozen=True, slots=True)
class Case:
    """A scenario with its place and its patient, built."""

    located: LocatedScenario
    patient: dict[str, Any]

    @property
    def scenario(self) -> Scenario:
        """The scenario itself."""
        return self.located.scenario

    @property
    def named(self) -> frozenset[str]:
        """The rules and trials that its expectations name."""
        return rules_named(self.scenario.expect)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What a case came to, and how long it took, in seconds."""

    case: Case
    differences: tuple[Difference, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Filters:
    """Which cases to run: those that fit every kind of filter that is given. Rules may hold `*` and `?`."""

    rules: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def scenario_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The YAML files in and below the paths. Raises ScenarioError for a path without any."""
    found: dict[Path, None] = {}
    for path in paths:
        files = sorted(path.rglob("*.yaml")) if path.is_dir() else [path] if path.is_file() else []
        if not files:
            raise ScenarioError([ScenarioFault(str(path), 0, "no scenarios here", "give a YAML file or a folder")])
        found.update(dict.fromkeys(files))
    return tuple(found)


def examples_for(paths: Sequence[Path]) -> Path:
    """Where the patient examples lie: `patient_examples` beside the scenarios or above, else beside the scenarios."""
    first = paths[0].resolve()
    folder = first if first.is_dir() else first.parent
    for above in (folder, *folder.parents, Path.cwd()):
        if (above / "patient_examples").is_dir():
            return above / "patient_examples"
    return folder


def read_suite(
    files: Iterable[Path], examples: Path, knowledge: KnowledgeBase, *, names: bool = True
) -> tuple[Case, ...]:
    """Every scenario with its patient. Raises ScenarioError with the faults of all files, unknown `names` included."""
    located: list[LocatedScenario] = []
    faults: list[ScenarioFault] = []
    for file in files:
        try:
            located += read_located(file)
        except ScenarioError as error:
            faults += error.faults
    faults += unknown_names(located, knowledge.knowledge) if names else ()
    cases: list[Case] = []
    for one in located:
        try:
            cases.append(Case(one, build_patient(one.scenario.patient, examples)))
        except ScenarioError as error:
            faults.append(one.fault(str(error), "", "patient"))
    if faults:
        raise ScenarioError(faults)
    return tuple(cases)


def select(cases: Iterable[Case], filters: Filters, knowledge: KnowledgeBase) -> tuple[Case, ...]:
    """The cases that fit. A rule or trial fits where the scenario names it or its patient satisfies it, a source
    where such a rule or trial cites it.
    """
    return tuple(case for case in cases if _fits(case, filters, knowledge))


def _fits(case: Case, filters: Filters, knowledge: KnowledgeBase) -> bool:
    if filters.tags and not set(filters.tags) & set(case.scenario.tags):
        return False
    if not (filters.rules or filters.sources):
        return True
    concerned = case.named | _satisfied(case, knowledge)
    if filters.rules and not any(fnmatchcase(one, pattern) for one in concerned for pattern in filters.rules):
        return False
    base = knowledge.knowledge
    entries = (base.rules.get(one) or base.trials.get(one) for one in concerned)
    cited = {citation.source for entry in entries if entry for citation in entry.cites}
    return not filters.sources or bool(cited & set(filters.sources))


def _satisfied(case: Case, knowledge: KnowledgeBase) -> frozenset[str]:
    try:
        verdicts = outcome_of(case.patient, knowledge).verdicts
    except ProfileError:
        return frozenset()  # a scenario about an invalid profile fires nothing
    return frozenset(node for node, verdict in verdicts.items() if verdict is TRUE)


def run_suite(cases: Iterable[Case], knowledge: KnowledgeBase) -> Iterator[CaseResult]:
    """The result of each case, in order."""
    for case in cases:
        start = time.perf_counter()
        result = run_on(case.scenario, case.patient, knowledge)
        yield CaseResult(case, result.differences, time.perf_counter() - start)


def to_junit(results: Sequence[CaseResult]) -> str:
    """The results as JUnit XML: one test suite per file, one test case per scenario."""
    root = ET.Element("testsuites", name="her2cds scenarios")
    for file, group in groupby(results, key=lambda one: one.case.located.file):
        members = list(group)
        failed = sum(bool(one.differences) for one in members)
        suite = ET.SubElement(root, "testsuite", name=file, tests=str(len(members)), failures=str(failed), errors="0")
        suite.set("time", f"{sum(one.seconds for one in members):.3f}")
        for one in members:
            place = {"file": file, "line": str(one.case.located.line), "time": f"{one.seconds:.3f}"}
            element = ET.SubElement(suite, "testcase", classname=Path(file).stem, name=one.case.scenario.title, **place)
            if one.differences:
                failure = ET.SubElement(element, "failure", message=str(one.differences[0]))
                failure.text = "\n".join(map(str, one.differences))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
