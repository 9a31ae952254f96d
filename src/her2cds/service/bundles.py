"""From a FHIR Bundle to a patient profile: the one place where the service meets the FHIR import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from her2cds.service.problems import ProblemError

Json = dict[str, Any]


class Imported(Protocol):
    """What an import hands back: the profile as a tree, and a report on how it came about."""

    @property
    def profile(self) -> Json:
        """The profile, as `profile_from_tree` accepts it."""

    @property
    def report(self) -> ImportReport:
        """What became of every record."""


class ImportReport(Protocol):
    """The part of an import report that the service shows."""

    def to_json(self, indent: int | None = 2) -> str:
        """The whole report as JSON."""


ReadBundle = Callable[[Mapping[str, Any]], Imported]


def is_bundle(tree: object) -> bool:
    """Whether a parsed JSON body is FHIR rather than a profile."""
    return isinstance(tree, dict) and "resourceType" in tree


def no_reader(_: Mapping[str, Any]) -> Imported:
    """Stands in where the FHIR import is not installed."""
    raise ProblemError(501, "no-fhir-import", "This service reads patient profiles only; FHIR import is not available.")


def installed_reader() -> ReadBundle:
    """The reader of the FHIR import, or one that says that there is none."""
    if find_spec("her2cds.interop.fhir") is None:
        return no_reader
    reader: ReadBundle = getattr(import_module("her2cds.interop.fhir"), "import_tree", no_reader)
    return reader
