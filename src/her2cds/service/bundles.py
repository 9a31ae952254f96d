"""From a FHIR Bundle to a patient profile: the one place where the service meets the FHIR import."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date as Date
from typing import Any

from her2cds.interop.draft import ImportReport
from her2cds.interop.fhir.importing import import_fhir
from her2cds.interop.report_text import report_lines
from her2cds.knowledge.base import Knowledge

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChartRead:
    """A chart that was read: the profile as a tree, the import report, and its first words, which count."""

    profile: Json
    report: ImportReport

    @property
    def counts(self) -> str:
        """How much was read and how much was not."""
        one = self.report
        return (
            f"{len(one.facts)} facts read from {one.records} records; {len(one.conflicts)} conflicts, "
            f"{len(one.not_understood)} not understood, {len(one.set_aside)} not used"
        )

    @property
    def lines(self) -> Iterator[str]:
        """The import report, line by line."""
        return report_lines(self.report)


ReadBundle = Callable[[Mapping[str, Any]], ChartRead]


def is_bundle(tree: object) -> bool:
    """Whether a parsed JSON body is FHIR rather than a profile."""
    return isinstance(tree, dict) and "resourceType" in tree


def reader_for(knowledge: Knowledge, today: Date | None = None) -> ReadBundle:
    """The reader that the service uses; what lies after `today` (default: the system's date) does not count."""

    def read(bundle: Mapping[str, Any]) -> ChartRead:
        imported = import_fhir(dict(bundle), knowledge, today=today)
        return ChartRead(imported.profile, imported.report)

    return read
