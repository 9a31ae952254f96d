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
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from her2cds.errors import Her2CdsError, ProfileError
from her2cds.profile.changes import append_at, remove_at, set_at

try:
    from yaml import CSafeLoader as _Loader
except ImportError:
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]


class ScenarioError(Her2CdsError):
    """A scenario file cannot be read; says where and what was expected."""


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


class Expectation(_Part):
    """What the report must say. Every field that is given is checked; nothing else is."""

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
    just_misses: Texts
    invalid: Texts

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


_SCENARIOS = TypeAdapter(tuple[Scenario, ...])


def read_scenarios(path: Path) -> tuple[Scenario, ...]:
    """The scenarios of one file. Raises ScenarioError with the file and what is wrong in it."""
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
        return _SCENARIOS.validate_python(raw)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ScenarioError(f"{path.name}: {error}") from None
    except ValidationError as error:
        faults = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
        raise ScenarioError("\n".join([f"{path.name}: {len(faults)} faults", *faults])) from None


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
