"""The shape of a scenario file, and reading it.

A file is a list of scenarios. A patient is an example file by its stem, changed where the scenario says so:

    - title: Active interstitial lung disease takes T-DXd out of the ranking and says why
      patient: {example: second-line-her2-positive, set: {health.interstitial_lung_disease.status: active}}
      expect:
        top_regimen: [t-dm1, tucatinib-trastuzumab-capecitabine]
        not_recommended: {t-dxd: interstitial lung disease}
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from her2cds.errors import Her2CdsError, ProfileError
from her2cds.knowledge.fault_words import worded
from her2cds.knowledge.yaml_reader import LOADER, Document, read_yaml
from her2cds.profile.changes import append_at, remove_at, set_at

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, order=True)
class ScenarioFault:
    """One fault in a scenario file: file, line, what is wrong, and the nearest valid name or what to do."""

    file: str
    line: int
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        """The fault as `file:line: message`, with the suggestion on a second line."""
        text = f"{self.file}:{self.line}: {self.message}"
        return f"{text}\n  {self.suggestion}" if self.suggestion else text


class ScenarioError(Her2CdsError):
    """Scenarios cannot be run. Carries the faults where they were found in files; `what` says in files of what."""

    def __init__(self, faults: str | Sequence[ScenarioFault], what: str = "scenarios") -> None:
        self.faults = () if isinstance(faults, str) else tuple(sorted(faults))
        count = f"{len(self.faults)} fault{'s' if len(self.faults) != 1 else ''}"
        super().__init__(faults if isinstance(faults, str) else "\n".join([f"{what}: {count}", *map(str, self.faults)]))


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PatientOf(_Part):
    """A patient: an example changed at dotted paths, or a whole profile.

    `set` gives values at paths (`health.lvef_percent`, `treatments.0.stop_reason`), `remove` takes fields away,
    `append` adds an element to a list.
    """

    example: str | None = None
    profile: dict[str, Any] | None = None
    set: dict[str, Any] = Field(default_factory=dict)
    remove: tuple[str, ...] = ()
    append: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_start(self) -> PatientOf:
        if (self.example is None) == (self.profile is None):
            raise ValueError("give either `example` or `profile`")
        return self


Texts = Annotated[tuple[str, ...], Field(default=())]


def _says_nothing(expected: object) -> bool:
    """Whether any report would meet an expectation. Of a kind of rule, none at all is something to expect."""
    if isinstance(expected, dict):
        return not expected or "" in expected.values()
    return not expected or (isinstance(expected, tuple) and "" in expected)


VerdictKind = Literal["classification", "therapy", "caution", "biomarker", "request", "trial", "situation"]


class Expectation(_Part):
    """What the report must say. Every field that is given is checked; nothing else is.

    `fires_exactly` lists by kind every rule with a condition that is satisfied, and no other may be; `concludes` gives
    satisfied rules with their whole conclusion, in the words of `conclusion_words`.
    """

    classification: dict[str, str] = Field(default_factory=dict)
    top_regimen: tuple[str, ...] = ()
    include: Texts
    exclude: Texts
    determined: Texts
    conditional: Texts
    order: Texts
    tied: tuple[tuple[str, str], ...] = ()
    nothing_ranked: bool = False
    not_recommended: dict[str, str] = Field(default_factory=dict)
    warns: dict[str, str] = Field(default_factory=dict)
    checks_first: dict[str, str] = Field(default_factory=dict)
    findings: Texts
    no_findings: Texts
    investigational: Texts
    not_investigational: Texts
    tests: Texts
    no_tests: Texts
    asks: Texts
    does_not_ask: Texts
    notices: Texts
    statement: str | None = None
    discrepancies: Texts
    trials: Texts
    possible_trials: Texts
    no_trials: Texts
    shows: Texts
    does_not_show: Texts
    fires: Texts
    fires_exactly: dict[VerdictKind, tuple[str, ...]] = Field(default_factory=dict)
    concludes: dict[str, str] = Field(default_factory=dict)
    just_misses: Texts
    invalid: Texts

    @model_validator(mode="after")
    def _every_field_can_fail(self) -> Expectation:
        empty = [field for field in sorted(self.model_fields_set) if _says_nothing(getattr(self, field))]
        if empty:
            raise ValueError(f"{', '.join(empty)}: says nothing, so it could not fail; name something or leave it out")
        return self

    @field_validator("top_regimen", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class Scenario(_Part):
    """One patient and what is expected of the report."""

    title: Annotated[str, Field(min_length=10)]
    patient: PatientOf
    expect: Expectation
    tags: Texts

    @field_validator("patient", mode="before")
    @classmethod
    def _example_by_name(cls, value: object) -> object:
        return {"example": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _expects_something(self) -> Scenario:
        if not self.expect.model_fields_set:
            raise ValueError("`expect` says nothing, so the scenario could not fail")
        return self


@dataclass(frozen=True, slots=True)
class LocatedScenario:
    """A scenario with its file and the lines of its parts."""

    scenario: Scenario
    file: str
    document: Document
    index: int

    @property
    def line(self) -> int:
        """Where the scenario begins."""
        return self.document.line((self.index,))

    def fault(self, message: str, suggestion: str = "", *path: str | int) -> ScenarioFault:
        """A fault of this scenario, at the line of the given field."""
        return ScenarioFault(self.file, self.document.line((self.index, *path)), message, suggestion)


def read_scenarios(path: Path) -> tuple[Scenario, ...]:
    """The scenarios of one file. Raises ScenarioError with every fault, each with its line."""
    return tuple(one.scenario for one in read_located(path))


def read_located(path: Path) -> tuple[LocatedScenario, ...]:
    """The scenarios of one file with their places. Raises ScenarioError with every fault, each with its line."""
    document, found = read_list(path, Scenario, "scenarios", "- title: …")
    return tuple(LocatedScenario(one, str(path), document, index) for index, one in enumerate(found))


def read_list(path: Path, model: type[M], what: str, start: str) -> tuple[Document, tuple[M, ...]]:
    """The entries of a file that is a list of them, and where they stand. `what` they are, and how one starts.

    Raises ScenarioError with every fault, each with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError([ScenarioFault(str(path), 0, f"cannot be read: {error}")], what) from None
    document = read_yaml(str(path), text)
    faults = [ScenarioFault(str(path), one.line, one.message, one.suggestion) for one in document.faults]
    if faults:
        raise ScenarioError(faults, what)
    tree = yaml.load(text, Loader=LOADER)  # once more, for numbers and truth values; `document` holds text and lines
    if not isinstance(tree, list):
        raise ScenarioError([ScenarioFault(str(path), 1, f"expected a list of {what}", f"start with `{start}`")], what)
    found = []
    for index, raw in enumerate(tree):
        try:
            found.append(model.model_validate(raw))
        except ValidationError as error:
            for one in worded(error.errors(), model):
                line = document.line((index, *one.path))
                faults.append(ScenarioFault(str(path), line, str(one), one.suggestion))
    if faults:
        raise ScenarioError(faults, what)
    return document, tuple(found)


def build_patient(patient: PatientOf, examples: Path) -> dict[str, Any]:
    """The profile, as a tree, that a scenario describes.

    Raises ScenarioError for an example or a path that is not there.
    """
    tree = copy.deepcopy(patient.profile) if patient.profile is not None else _example(patient.example or "", examples)
    try:
        for path, value in patient.set.items():
            set_at(tree, path, value)
        for path in patient.remove:
            remove_at(tree, path)
        for path, value in patient.append.items():
            append_at(tree, path, value)
    except ProfileError as error:
        raise ScenarioError(str(error)) from None
    return tree


def _example(name: str, examples: Path) -> dict[str, Any]:
    path = examples / f"{name}.json"
    try:
        tree: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        known = ", ".join(sorted(one.stem for one in examples.glob("*.json")))
        raise ScenarioError(f"no patient example '{name}'; there are: {known}") from None
    return tree
