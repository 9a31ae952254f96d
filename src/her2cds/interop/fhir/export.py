"""A report as a FHIR R4 Bundle: a GuidanceResponse that points to a RequestGroup of proposals.

A RequestGroup action holds either further actions or a resource, so each drug of a regimen is a MedicationRequest and
each trial and test a ServiceRequest. All of them are drafts with the intent `proposal`, without dose or timing: nothing
here is an order. Ids are derived from the content, so the same report gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from typing import Any

from her2cds.interop.fhir.codes import code_map
from her2cds.knowledge.citations import Citation
from her2cds.report.model import (
    DrugShown,
    EvidenceShown,
    Investigational,
    NotRecommended,
    Report,
    TestToRequest,
    Therapy,
)
from her2cds.report.trial_model import TrialShown

Json = dict[str, Any]
_NAMESPACE = uuid.UUID("6f1d8c2e-4c1b-5b0e-9a51-6d2f3c7a9b10")
_KNOWLEDGE_SYSTEM = "urn:her2cds:knowledge"
_REGIMENS = "urn:her2cds:regimen"
_REGISTRY = "https://clinicaltrials.gov/study/"


def report_bundle(report: Report) -> Json:
    """The report as a Bundle of type `collection`."""
    bundle = _Bundle(report)
    notices = bundle.add(_notices(report))
    proposals = bundle.add(_Proposals(report, bundle).request_group())
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
    return _filled(
        {
            "resourceType": "GuidanceResponse",
            "requestIdentifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{identity}"},
            "moduleUri": f"{_KNOWLEDGE_SYSTEM}:{report.knowledge.id}|{report.knowledge.version}",
            "status": "data-requested" if report.questions else "success",
            "subject": _subject(report),
            "occurrenceDateTime": report.profile_date,
            "performer": {"display": f"her2cds {report.software_version}"},
            "note": _notes(_guidance_notes(report)),
            "evaluationMessage": [{"reference": notices}],
            "result": {"reference": proposals},
        }
    )


def _guidance_notes(report: Report) -> Iterable[str]:
    yield report.intended_use
    yield (
        f"Knowledge base {report.knowledge.id} {report.knowledge.version}, content {report.knowledge.content_hash}. "
        f"{report.knowledge.evidence_cut_off}"
    )
    if report.statement:
        yield report.statement
    for one in report.classification:
        yield f"{one.meaning}: {one.value}. {one.because}"


def _subject(report: Report) -> Json:
    if report.patient_id and _is_id(report.patient_id):
        return {"reference": f"Patient/{report.patient_id}"}
    return {"display": report.patient_id or "the patient of the profile"}


def _is_id(text: str) -> bool:
    """Whether a profile's id may stand in a FHIR reference: FHIR ids have no underscore."""
    return all(one.isalnum() or one in "-." for one in text)


class _Proposals:
    """Writes the RequestGroup, and a proposal for each leaf of it into the bundle."""

    def __init__(self, report: Report, bundle: _Bundle) -> None:
        self._report = report
        self._bundle = bundle

    def request_group(self) -> Json:
        """The RequestGroup of all suggestions."""
        report = self._report
        actions = [
            _group(
                "Candidate therapies, ranked; a shared rank is a tie", map(self._therapy, report.therapies), one_of=True
            ),
            _group(
                "Investigational: for trials, not ranked as care", map(self._investigational, report.investigational)
            ),
            _group(
                "Clinical trials to consider", (self._trial(one) for group in report.trials for one in group.trials)
            ),
            _group("Tests to request", map(self._test, report.tests_to_request)),
        ]
        return _filled(
            {
                "resourceType": "RequestGroup",
                "status": "draft",
                "intent": "proposal",
                "code": {"text": "Candidate therapies for HER2 breast cancer: decision support, not an order"},
                "subject": _subject(report),
                "authoredOn": report.profile_date,
                "note": _notes(_not_recommended(one) for one in report.not_recommended),
                "action": [one for one in actions if one is not None],
            }
        )

    def _therapy(self, therapy: Therapy) -> Json:
        return _filled(
            {
                "prefix": f"{therapy.rank}.",
                "title": therapy.name,
                "description": _sentences(_why(therapy)),
                "textEquivalent": _sentences(_to_know(therapy)),
                "code": [_regimen_code(therapy.regimen, therapy.name)],
                "documentation": [
                    *_reviews(citation for reason in therapy.because for citation in reason.citations),
                    *(_study(one) for one in therapy.evidence),
                ],
                **self._steps(therapy),
            }
        )

    def _steps(self, therapy: Therapy) -> Json:
        """The drugs of a regimen; one without drugs (surgery, radiotherapy) is a service."""
        if not therapy.drugs:
            return self._service(therapy.name)
        parts = [self._part(part) for part in therapy.drugs]
        return {"groupingBehavior": "logical-group", "selectionBehavior": "all", "action": parts}

    def _part(self, part: DrugShown) -> Json:
        """One drug of a regimen, or the drugs of which one is chosen."""
        drugs = [self._drug(drug, name) for drug, name in zip(part.options, part.names, strict=True)]
        if len(drugs) == 1:
            return drugs[0]
        return {"title": " or ".join(part.names), "selectionBehavior": "exactly-one", "action": drugs}

    def _drug(self, drug: str, name: str) -> Json:
        medication = _drug_code(drug, name)
        proposal = {"medicationCodeableConcept": medication, **self._proposal("MedicationRequest")}
        return {"title": name, "resource": {"reference": self._bundle.add(proposal)}}

    def _proposal(self, kind: str) -> Json:
        return {"resourceType": kind, "status": "draft", "intent": "proposal", "subject": _subject(self._report)}

    def _service(self, text: str) -> Json:
        proposal = {"code": {"text": text}, **self._proposal("ServiceRequest")}
        return {"resource": {"reference": self._bundle.add(proposal)}}

    def _investigational(self, one: Investigational) -> Json:
        return _filled(
            {
                "title": one.name,
                "description": _sentences([*(reason.because for reason in one.because), *one.caveats]),
                "code": [_regimen_code(one.regimen, one.name)],
                "documentation": [
                    *_reviews(citation for reason in one.because for citation in reason.citations),
                    *(_study(study) for study in one.evidence),
                ],
                **self._service(f"Look for a trial of {one.name}"),
            }
        )

    def _trial(self, trial: TrialShown) -> Json:
        return _filled(
            {
                "title": f"{trial.id}{f' ({trial.acronym})' if trial.acronym else ''}: {trial.title}",
                "description": _sentences(
                    [
                        f"{trial.eligibility}. {trial.status_words}",
                        *(f"{note.drug}, {note.effect}: {note.because}" for note in trial.drug_notes),
                        *(f"Not known: {one}" for one in trial.unknown),
                    ]
                ),
                "documentation": [
                    {"type": "documentation", "display": trial.id, "url": f"{_REGISTRY}{trial.id}"},
                    *_reviews(trial.citations),
                ],
                **self._service(f"Check eligibility for {trial.id}"),
            }
        )

    def _test(self, one: TestToRequest) -> Json:
        return _filled(
            {
                "title": one.test,
                "description": one.because,
                "documentation": _reviews(one.citations),
                **self._service(one.test),
            }
        )


def _group(title: str, actions: Iterable[Json], *, one_of: bool = False) -> Json | None:
    listed = list(actions)
    if not listed:
        return None
    selection = {"groupingBehavior": "logical-group", "selectionBehavior": "at-most-one" if one_of else "any"}
    return {"title": title, **selection, "action": listed}


def _why(therapy: Therapy) -> Iterable[str]:
    rank = f"{therapy.rank}{', tied' if therapy.tied else ''}"
    yield f"Rank {rank}, {therapy.category.replace('_', ' ')}, {therapy.status}."
    yield from (f"Only if: {one}." for one in therapy.conditional_on)
    yield from (one.because for one in therapy.because)
    yield therapy.above_the_next_because or ""


def _to_know(therapy: Therapy) -> Iterable[str]:
    """What speaks against it or has to be watched."""
    for warning in therapy.warnings:
        yield _sentences([f"{warning.title}:", warning.because, warning.action or ""])
    yield from (f"To check: {one.title} ({', '.join(one.missing)})." for one in therapy.open_checks)
    yield from (f"{one.marker} ({one.effect}, level {one.level}): {one.because}" for one in therapy.modifiers)
    yield from therapy.caveats


def _regimen_code(regimen: str, name: str) -> Json:
    return {"coding": [{"system": _REGIMENS, "code": regimen, "display": name}], "text": name}


def _drug_code(drug: str, name: str) -> Json:
    """A drug by name, with its RxNorm ingredient where the code map holds one."""
    codes = code_map()
    first = next((one for one in codes.drug_codes(drug) if one.system == "rxnorm"), None)
    if first is None:
        return {"text": name}
    return {"coding": [{"system": codes.uris["rxnorm"], "code": first.code, "display": first.display}], "text": name}


def _study(shown: EvidenceShown) -> Json:
    study = shown.study
    return _filled(
        {
            "type": "documentation",
            "label": f"{study.name}, phase {study.phase}, level {study.level}",
            "display": study.summary,
            "citation": study.primary,
            "url": f"https://doi.org/{study.doi}" if study.doi else None,
        }
    )


def _reviews(citations: Iterable[Citation]) -> list[Json]:
    return [{"type": "documentation", "label": one.source, "display": _place(one)} for one in dict.fromkeys(citations)]


def _place(citation: Citation) -> str:
    references = f", reference {', '.join(map(str, citation.reference))}" if citation.reference else ""
    return f"{citation.source}, {citation.at}{references}"


def _not_recommended(one: NotRecommended) -> str:
    return f"Not recommended: {one.name}. " + " ".join(reason.because for reason in one.reasons)


def _notices(report: Report) -> Json:
    """Notices, disagreements and questions as an OperationOutcome, which may not be empty."""
    issues = [_issue("information", "informational", one.text) for one in report.notices]
    issues += [
        _issue("warning", "incomplete", f"{one.question} Decides: {'; '.join(one.decides)}") for one in report.questions
    ]
    issues += [
        _issue("information", "conflict", f"{one.id}: {one.title}. Followed: {one.followed}")
        for one in report.discrepancies
    ]
    nothing = _issue("information", "informational", "No notice, and no question is open.")
    return {"resourceType": "OperationOutcome", "issue": issues or [nothing]}


def _issue(severity: str, code: str, text: str) -> Json:
    return {"severity": severity, "code": code, "diagnostics": text}


def _notes(texts: Iterable[str]) -> list[Json]:
    return [{"text": text} for text in texts if text.strip()]


def _sentences(texts: Iterable[str]) -> str:
    return " ".join(text.strip() for text in texts if text.strip())


def _filled(resource: Json) -> Json:
    """Without what is empty: FHIR allows no empty value."""
    return {name: value for name, value in resource.items() if value not in (None, "", [], {})}
