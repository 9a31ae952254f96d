"""From a FHIR R4 document to a profile and an import report: each resource is read once, and none is lost.

Plain reading, not validation: real records break the standard in small ways. What is read is exact in meaning (codes,
statuses, units, days); what is not understood is listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date as Date
from typing import Any

from her2cds.errors import ProfileError, ProfileFault
from her2cds.interop.draft import Draft, Imported
from her2cds.interop.fhir.codes import code_map
from her2cds.interop.fhir.days import days_of, implied_days, last_day
from her2cds.interop.fhir.disease import Disease
from her2cds.interop.fhir.drugs import DrugReader
from her2cds.interop.fhir.elements import Reading, words_for
from her2cds.interop.fhir.genomics import GenomicTests
from her2cds.interop.fhir.leftovers import parts_not_read
from her2cds.interop.fhir.medications import TYPES as MEDICATION_TYPES
from her2cds.interop.fhir.medications import Medications
from her2cds.interop.fhir.observations import ObservationReader
from her2cds.interop.fhir.person import PersonRecord
from her2cds.interop.fhir.progress import put_status
from her2cds.interop.fhir.resources import (
    READ_WHERE_CONTAINED,
    Resource,
    Resources,
    contained_in,
    gather,
    inside,
    listed,
    read_resources,
)
from her2cds.interop.fhir.specimens import Result, Specimens
from her2cds.interop.fhir.standing import is_active, is_refused, is_unsure, takes_itself_back
from her2cds.interop.fhir.subjects import Subjects, of_one_patient
from her2cds.interop.settle import settle
from her2cds.knowledge.base import Knowledge

_RECORDS = ("Patient", "Condition", "Observation", "Procedure", "DiagnosticReport", "AllergyIntolerance")
_CLINICAL = (*_RECORDS, *MEDICATION_TYPES)


def import_fhir(
    content: bytes | str | dict[str, Any] | list[Any],
    knowledge: Knowledge,
    *,
    label: str = "FHIR document",
    today: Date | None = None,
    as_of: Date | None = None,
    patient: str | None = None,
    treatments_complete: bool = False,
) -> Imported:
    """A profile, and the report on where each fact came from, out of a Bundle, an array, NDJSON or one resource.

    `as_of` is the day of the profile (default: the last day on record); what lies after it is not used. `patient` names
    one of several patients. `treatments_complete` says that the record holds all treatments; otherwise what it does not
    hold may have been given. Raises ProfileError where the document cannot be read or holds nothing about a patient.
    """
    if isinstance(content, (bytes, str)):
        resources = read_resources(content.encode() if isinstance(content, str) else content, label)
    else:
        resources = gather(content, label)
    if not any(resources.of_type(*_CLINICAL)):
        types = ", ".join(sorted({one.type for one in resources.all})[:5])
        raise ProfileError([ProfileFault("$", types, "resources about a patient (Condition, Observation, …)")], label)
    now = today or Date.today()
    if as_of is not None and as_of > now:
        raise ProfileError([ProfileFault("--date", str(as_of), f"a day up to today ({now})")], label)
    subjects = of_one_patient(resources, _CLINICAL, label, patient)
    day = as_of or last_day(subjects.about, resources, now)
    reading = Reading(code_map(), knowledge, resources, Draft(label), min(day, now) if day else now)
    _Import(reading, treatments_complete).run(subjects.patient, _to_be_read(subjects, reading), day)
    settle(reading.draft, knowledge, now)
    return _nothing_lost(reading, resources)


def _to_be_read(subjects: Subjects, reading: Reading) -> list[Resource]:
    """The resources about the patient up to the day of the profile; all others are listed."""
    draft = reading.draft
    for one in reading.resources.outdated:
        draft.aside(one.label, one.type, "a version of a record that a newer one replaces, or that was deleted")
    for name in reading.resources.namesakes:
        why = "several records with this id, of another code or patient: not taken for versions of one, all are read"
        draft.doubt(name, "one id", why)
    for gap in reading.resources.gaps:
        draft.doubt("Bundle", gap, "what is missing is not known to be absent: import the whole record")
        draft.ask("The input is not the whole record: what does the rest of it hold?")
    for one, why in subjects.others:
        draft.aside(one.label, one.type, why)
    for one, why in subjects.doubtful:
        draft.doubt(one.label, one.type, why)
    if subjects.same_elsewhere:
        draft.ask(f"Records name the patient as {', '.join(subjects.same_elsewhere)}: is that the same person?")
    up_to_then = []
    for one in subjects.about:
        days = days_of(one) or implied_days(one, reading.resources) or (days_of(one.container) if one.container else [])
        if days and min(days) > reading.today:
            draft.aside(one.label, one.type, f"after {reading.today}, the day of the profile")
        else:
            up_to_then.append(one)
    return up_to_then


def _nothing_lost(reading: Reading, resources: Resources) -> Imported:
    """Every resource is named in the report; one that no reader mentioned is listed as not understood."""
    records = len(resources.all) + len(resources.outdated)
    imported = reading.draft.finish(records)
    mentioned = imported.report.mentioned()
    missing = [one for one in resources.all if one.label not in mentioned]
    for one in missing:
        reading.draft.unread(one.label, one.type, "not read")
    return reading.draft.finish(records) if missing else imported


@dataclass(slots=True)
class _Import:
    """The readers of one document, each with its part of the profile."""

    reading: Reading
    treatments_complete: bool
    drugs: DrugReader = field(init=False)
    person: PersonRecord = field(init=False)
    disease: Disease = field(init=False)
    specimens: Specimens = field(init=False)
    genomics: GenomicTests = field(init=False)
    medications: Medications = field(init=False)
    observations: ObservationReader = field(init=False)

    def __post_init__(self) -> None:
        self.drugs = DrugReader(self.reading)
        self.person, self.disease, self.specimens = PersonRecord(self.reading), Disease(self.reading), Specimens()
        self.genomics = GenomicTests(self.reading)
        self.medications = Medications(self.reading, self.drugs, complete=self.treatments_complete)
        self.observations = ObservationReader(self.reading, self.person, self.disease, self.specimens, self.genomics)
        for candidates in (self.person.candidates, self.disease.candidates):
            candidates.spans = self.reading.spans

    def run(self, patient: Resource | None, resources: list[Resource], as_of: Date | None) -> None:
        reading = self.reading
        if as_of is not None:
            reading.draft.put("date", as_of.isoformat(), [], "the last day on record, or as asked for")
        for one in resources:
            if one.type == "DiagnosticReport":
                self._report(one)
        for one in sorted(resources, key=lambda one: one.type != "Condition"):  # results may be about one of them
            if one.type == "Patient" and one is patient:
                self.person.read_patient(one, as_of)
            else:
                self._read(one)
            parts_not_read(one, reading.draft)
            self._contained(one)
        self.person.put()
        self.disease.put()
        self.specimens.put(reading)
        self.genomics.put()
        put_status(self.disease, self.medications.put(self.disease, reading.today))
        for one in resources:
            if one.type in ("DiagnosticReport", "Medication", "Specimen"):
                self._holder(one)

    def _read(self, one: Resource) -> None:
        draft = self.reading.draft
        match one.type:
            case "Patient":
                draft.aside(one.label, "Patient", "not the patient that was read")
            case "Condition":
                self._condition(one)
            case "Observation":
                self.observations.read(one)
            case "Procedure":
                self._procedure(one)
            case "AllergyIntolerance":
                if not is_refused(one, self.reading.draft):
                    self.person.read_allergy(one, self.drugs, is_active(one, self.reading.today))
            case kind if kind in MEDICATION_TYPES:
                if not is_refused(one, self.reading.draft):
                    self.medications.read(one)
            case "DiagnosticReport" | "Medication" | "Specimen":
                pass
            case kind:
                draft.aside(one.label, kind, "a kind of resource that holds no field of the profile")

    def _holder(self, resource: Resource) -> None:
        draft, resources = self.reading.draft, self.reading.resources
        words = words_for(resource.content.get("code") or resource.content.get("type"))
        draft.aside(resource.label, words, "holds other resources together; those of the input were read")
        results = listed(resource.content.get("result"))
        missing = [
            str(one.get("reference") or words_for(one)) for one in results if resources.follow(one, resource) is None
        ]
        if missing:
            draft.unread(resource.label, f"results {', '.join(missing)}", "not in the input")

    def _contained(self, resource: Resource) -> None:
        """Clinical content inside of a resource that is not read there."""
        for inner in contained_in(resource):
            if inner.type in _CLINICAL and inner.type not in (*READ_WHERE_CONTAINED, "Patient"):
                words = words_for(inner.content.get("code"))
                self.reading.draft.unread(inner.label, words, f"a {inner.type} contained in another resource")

    def _report(self, resource: Resource) -> None:
        meanings = self.reading.meanings(resource.content.get("code"), resource)
        if takes_itself_back(resource):
            self.genomics.note_withdrawn(resource)
        elif any(one.token == "genomic_report" for one in meanings):
            day = self.reading.day(resource.content.get("effectiveDateTime"), resource, "date")
            self.genomics.note_report(resource, day)

    def _condition(self, one: Resource) -> None:
        code = one.content.get("code")
        if is_refused(one, self.reading.draft):
            if is_unsure(one):
                self.disease.note_unsure(one, self.reading.meanings(code, one))
            return
        meanings = self.reading.meanings(code, one)
        active = is_active(one, self.reading.today)
        results = [
            Result(field, value, one.label, "status from a Condition")
            for token in (m.token for m in meanings)
            for field, value in _receptor_status(token)
        ]
        for result in results:
            self.specimens.add_stated(result)
        if any(m.token == "no_place.hormone_receptors_together" for m in meanings):
            self.reading.draft.aside(one.label, words_for(code), "several receptors in one code; give each on its own")
        of_cancer = self.disease.read_condition(one, meanings, active)
        taken = of_cancer or self.person.read_condition(one, meanings, active)
        if not of_cancer:
            self.disease.note_not_taken(one, is_no_cancer=taken)
        if not taken and not results and not any(m.token.startswith("no_place.") for m in meanings):
            self.reading.draft.unread(one.label, words_for(code), "no code of the code map")

    def _procedure(self, one: Resource) -> None:
        if is_refused(one, self.reading.draft):
            return
        content, draft = one.content, self.reading.draft
        meanings = self.reading.meanings(content.get("code"), one)
        words = words_for(content.get("code"))
        said = content.get("performedDateTime") or inside(content, "performedPeriod", "start")
        if any(m.token == "breast_surgery" for m in meanings) and content.get("status") == "completed":
            day = self.reading.day(said, one, "performed")
            if day is not None:
                self.medications.surgeries.append((day, one.label))
            draft.aside(one.label, words, "breast surgery: tells neoadjuvant from adjuvant treatment")
        elif meanings:
            draft.aside(one.label, words, "a procedure without a field of its own")
        else:
            draft.unread(one.label, words, "no code of the code map")


def _receptor_status(token: str) -> Iterator[tuple[str, str]]:
    marker, _, status = token.partition(".")
    if marker in ("er", "pr") and status in ("positive", "negative"):
        yield marker, status
    elif marker == "her2" and status in ("positive", "negative", "low"):
        yield "her2_reported", status
