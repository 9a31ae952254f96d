"""A report as a FHIR R4 Bundle: a GuidanceResponse that points to a RequestGroup of proposals.

Each drug of a regimen is a MedicationRequest and each trial and test a ServiceRequest. All of them are drafts with the
intent `proposal`, without dose or timing: nothing here is an order. Ids are derived from the content, so the same
report gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator

from her2cds.interop.fhir.export_parts import Json, filled, notes, subject, text_of
from her2cds.interop.fhir.export_proposals import Proposals
from her2cds.rendering.blocks import cite
from her2cds.rendering.words import (
    course_words,
    discrepancy_words,
    local_change_words,
    modifier_words,
    question_words,
    source_words,
)
from her2cds.report.model import Report

_NAMESPACE = uuid.UUID("6f1d8c2e-4c1b-5b0e-9a51-6d2f3c7a9b10")
_KNOWLEDGE_SYSTEM = "urn:her2cds:knowledge"


def report_bundle(report: Report) -> Json:
    """The report as a Bundle of type `collection`."""
    bundle = _Bundle(report)
    notices = bundle.add(_notices(report))
    proposals = bundle.add(Proposals(report, bundle.add).request_group())
    guidance = bundle.add(_guidance(report, bundle.id, notices, proposals))
    heads = [guidance, proposals, notices]
    entries = sorted(bundle.entries, key=lambda one: heads.index(one["fullUrl"]) if one["fullUrl"] in heads else 3)
    return {"resourceType": "Bundle", "id": bundle.id, "type": "collection", "entry": entries}


class _Bundle:
    """Collects resources; their ids follow from the report and their place, so they are the same every time."""

    def __init__(self, report: Report) -> None:
        self._digest = hashlib.sha256(report.to_json(indent=None).encode()).hexdigest()
        self.id = str(uuid.uuid5(_NAMESPACE, self._digest))
        self.entries: list[Json] = []

    def add(self, resource: Json) -> str:
        """Add a resource; returns the URL by which others refer to it."""
        identity = str(uuid.uuid5(_NAMESPACE, f"{self._digest}/{len(self.entries)}"))
        url = f"urn:uuid:{identity}"
        kind = resource.pop("resourceType")
        self.entries.append({"fullUrl": url, "resource": {"resourceType": kind, "id": identity, **resource}})
        return url


def to_fhir_json(report: Report) -> str:
    """The Bundle as JSON text."""
    return json.dumps(report_bundle(report), indent=2, ensure_ascii=False)


def _guidance(report: Report, identity: str, notices: str, proposals: str) -> Json:
    return filled(
        {
            "resourceType": "GuidanceResponse",
            "requestIdentifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{identity}"},
            "moduleUri": f"{_KNOWLEDGE_SYSTEM}:{report.knowledge.id}|{report.knowledge.version}",
            "status": "data-requested" if report.questions else "success",
            "subject": subject(report),
            "occurrenceDateTime": report.profile_date,
            "performer": {"display": f"her2cds {report.software_version}"},
            "note": notes(text_of([line]) for line in _guidance_lines(report)),
            "evaluationMessage": [{"reference": notices}],
            "result": {"reference": proposals},
        }
    )


def _guidance_lines(report: Report) -> Iterable[tuple[str, str]]:
    """What the answer rests on: the statement, the patient as understood, the knowledge base and its sources."""
    yield "", report.intended_use
    overlay = f", overlay {report.knowledge.overlay}" if report.knowledge.overlay else ""
    yield (
        "",
        f"Knowledge base {report.knowledge.id} {report.knowledge.version}{overlay}, "
        f"content {report.knowledge.content_hash}. {report.knowledge.evidence_cut_off}",
    )
    if report.statement:
        yield "", report.statement
    yield from ((one.meaning, f"{one.value}. {one.because}") for one in report.classification)
    for course in report.history:
        line = f", line {course.line}" if course.line else ""
        agents = " + ".join(course.agents)
        yield "Treatment so far", f"{agents}, {course.setting}{line}{course_words(course)}"
    yield from (("Finding", f"{modifier_words(one)} {cite(one.citations)}") for one in report.findings)
    yield from _overlay_lines(report)
    yield from ((f"Source {one.id}", source_words(one)) for one in report.sources)


def _overlay_lines(report: Report) -> Iterator[tuple[str, str]]:
    over = report.overlay
    if over is None:
        return
    note = f" {over.note}" if over.note else ""
    yield "Changed at this site", f"{over.title}: overlay {over.id} {over.version} ({over.content_hash[:12]}).{note}"
    for one in over.changes:
        yield f"Changed at this site, {one.id}", f"{local_change_words(one)} {cite(one.citations)}"


def _notices(report: Report) -> Json:
    """Notices, disagreements and questions as an OperationOutcome, which may not be empty."""
    issues = [
        _issue("information", "informational", "", f"{one.text} {cite(one.citations)}".strip())
        for one in report.notices
    ]
    issues += [_issue("warning", "incomplete", one.question, question_words(one)) for one in report.questions]
    issues += [
        _issue("information", "conflict", f"{one.id} {one.title}", discrepancy_words(one))
        for one in report.discrepancies
    ]
    nothing = _issue("information", "informational", "", "No notice, and no question is open.")
    return {"resourceType": "OperationOutcome", "issue": issues or [nothing]}


def _issue(severity: str, code: str, label: str, text: str) -> Json:
    return {"severity": severity, "code": code, "diagnostics": text_of([(label, text)])}
