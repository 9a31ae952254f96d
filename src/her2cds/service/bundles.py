"""From a FHIR Bundle to a patient profile: the one place where the service meets the FHIR import."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from her2cds.knowledge.base import Knowledge
from her2cds.service.problems import ProblemError

Json = dict[str, Any]
_IMPORT = "her2cds.interop.fhir.importing"


class ImportReport(Protocol):
    """What became of every record of a chart."""

    def to_json(self, indent: int | None = 2) -> str:
        """The whole report as JSON."""


@dataclass(frozen=True, slots=True)
class ChartRead:
    """What an import hands back: the profile as a tree, its report, and in words what a reader must know of it.

    The first of the `remarks` counts what was read and what was not; the others name conflicts and gaps.
    """

    profile: Json
    report: ImportReport
    remarks: tuple[str, ...]


ReadBundle = Callable[[Mapping[str, Any]], ChartRead]


def is_bundle(tree: object) -> bool:
    """Whether a parsed JSON body is FHIR rather than a profile."""
    return isinstance(tree, dict) and "resourceType" in tree


def no_reader(_: Mapping[str, Any]) -> ChartRead:
    """Stands in where the FHIR import is not installed."""
    raise ProblemError(501, "no-fhir-import", "This service reads patient profiles only; FHIR import is not available.")


def installed_reader(knowledge: Knowledge) -> ReadBundle:
    """The reader of the FHIR import, or one that says that there is none."""
    try:
        import_fhir = import_module(_IMPORT).import_fhir
    except ModuleNotFoundError as error:
        if not _IMPORT.startswith(error.name or ""):
            raise  # the import is there, and something that it needs is not
        return no_reader

    def read(bundle: Mapping[str, Any]) -> ChartRead:
        found = import_fhir(dict(bundle), knowledge, label="FHIR document")
        return ChartRead(found.profile, found.report, tuple(_remarks(found.report)))

    return read


def _remarks(report: Any) -> Iterator[str]:
    yield (
        f"{len(report.facts)} facts read from {report.records} records; {len(report.conflicts)} conflicts, "
        f"{len(report.not_understood)} records not understood, {len(report.set_aside)} set aside"
    )
    yield from (f"Conflict at {one.path}: {one.found}; {one.outcome}" for one in report.conflicts)
    yield from (f"Not understood: {one.source}: {one.found} ({one.why})" for one in report.not_understood)
    yield from (f"Read with doubt: {one.source}: {one.found} ({one.why})" for one in report.read_with_doubt)
    yield from (f"To ask: {one}" for one in report.to_ask)
