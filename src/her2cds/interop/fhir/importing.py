"""From a FHIR R4 document to a profile and an import report: each resource is read once, and none is lost.

Plain reading, not validation: real records break the standard in small ways. What is read is exact in meaning (codes,
statuses, units, days); what is not understood is listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date as Date
from typing import Any

from her2cds.errors import ProfileError, ProfileFault
from her2cds.interop.draft import Draft, Imported
from her2cds.interop.fhir.codes import code_map
from her2cds.interop.fhir.disease import Disease
from her2cds.interop.fhir.drugs import DrugReader
from her2cds.interop.fhir.elements import Answer, Reading, answer_of, words_for
from her2cds.interop.fhir.genomics import GenomicTests
from her2cds.interop.fhir.leftovers import parts_not_read
from her2cds.interop.fhir.medications import TYPES as MEDICATION_TYPES
from her2cds.interop.fhir.medications import Medications
from her2cds.interop.fhir.person import PersonRecord
from her2cds.interop.fhir.receptors import Result, Specimens, read_receptor
from her2cds.interop.fhir.resources import Resource, Resources, gather, inside, listed, of_one_patient, read_resources
from her2cds.interop.settle import settle
from her2cds.knowledge.base import Knowledge

_RECEPTORS = (
    *("er", "pr", "er.percent", "pr.percent", "ki67.percent"),
    *("her2.ihc", "her2.ish", "her2.ratio", "her2.copies", "her2.overall"),
)
_PERSON = ("ecog", "menopause", "pregnancy", "lvef", "tmb", "tmb.class")
_REFUSED = ("entered-in-error", "refuted", "cancelled")
_NOT_FINAL = ("preliminary", "registered")
_NOT_SURE = ("unconfirmed", "provisional", "differential")
_RECORDS = ("Patient", "Condition", "Observation", "Procedure", "DiagnosticReport", "AllergyIntolerance")
_CLINICAL = (*_RECORDS, *MEDICATION_TYPES)
_DATES = ("effectiveDateTime", "onsetDateTime", "performedDateTime", "authoredOn", "recordedDate", "dateWritten")
_PERIODS = ("effectivePeriod", "performedPeriod", "onsetPeriod")


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
    person, others = of_one_patient(resources, label, patient)
    about = [one for one in resources.all if one not in others]
    day = as_of or _last_day(about, now)
    reading = Reading(code_map(), knowledge, resources, Draft(label), min(day, now) if day else now)
    for one in others:
        reading.draft.aside(one.label, one.type, "about another patient")
    later = [one for one in about if (days := _days(one)) and min(days) > reading.today]
    for one in later:
        reading.draft.aside(one.label, one.type, f"after {reading.today}, the day of the profile")
    _Import(reading, treatments_complete).run(person, [one for one in about if one not in later], day)
    settle(reading.draft, knowledge, now)
    imported = reading.draft.finish(len(resources.all))
    return _nothing_lost(imported, reading, resources)


def _nothing_lost(imported: Imported, reading: Reading, resources: Resources) -> Imported:
    """Every resource is named in the report; one that no reader mentioned is listed as not understood."""
    mentioned = imported.report.mentioned()
    missing = [one for one in resources.all if one.label not in mentioned]
    for one in missing:
        reading.draft.unread(one.label, one.type, "not read")
    return reading.draft.finish(len(resources.all)) if missing else imported


def _last_day(resources: list[Resource], today: Date) -> Date | None:
    """The last day on which something about the patient is on record; days after today do not count."""
    return max((day for one in resources for day in _days(one) if day <= today), default=None)


def _days(resource: Resource) -> list[Date]:
    """The days of a resource; a date less exact than a day is left to its reader, who says so."""
    found = []
    for text in _days_in(resource.content):
        with suppress(ValueError):
            found.append(Date.fromisoformat(text[:10]))
    return found


def _days_in(content: dict[str, Any]) -> Iterator[str]:
    yield from (content[key] for key in _DATES if isinstance(content.get(key), str))
    periods = [content.get(key) for key in _PERIODS]
    periods += [inside(one, "timing", "repeat", "boundsPeriod") for one in listed(content.get("dosageInstruction"))]
    for period in periods:
        if isinstance(period, dict):
            yield from (text for text in (period.get("start"), period.get("end")) if isinstance(text, str))


@dataclass(slots=True)
class _Import:
    reading: Reading
    treatments_complete: bool

    def run(self, patient: Resource | None, resources: list[Resource], as_of: Date | None) -> None:
        reading = self.reading
        drugs = DrugReader(reading)
        person, disease, specimens = PersonRecord(reading), Disease(reading), Specimens()
        genomics, medications = GenomicTests(reading), Medications(reading, drugs, complete=self.treatments_complete)
        if as_of is not None:
            reading.draft.put("date", as_of.isoformat(), [], "the last day on record, or as asked for")
        for one in resources:
            if one.type == "DiagnosticReport":
                self._report(one, genomics)
        for one in resources:
            match one.type:
                case "Patient":
                    if one is patient:
                        person.read_patient(one, as_of)
                    else:
                        reading.draft.aside(one.label, "Patient", "not the patient that was read")
                case "Condition":
                    self._condition(one, person, disease, specimens)
                case "Observation":
                    self._observation(one, person, disease, specimens, genomics)
                case "Procedure":
                    self._procedure(one, medications)
                case "AllergyIntolerance":
                    if not self._refused(one):
                        person.read_allergy(one, drugs, _is_active(one))
                case kind if kind in MEDICATION_TYPES:
                    if not self._refused(one):
                        medications.read(one)
                case "DiagnosticReport" | "Medication" | "Specimen":
                    pass
                case kind:
                    reading.draft.aside(one.label, kind, "a kind of resource that holds no field of the profile")
            parts_not_read(one, reading.draft)
        person.put()
        disease.put()
        specimens.put(reading)
        genomics.put()
        medications.put(disease, reading.today)
        for one in resources:
            if one.type in ("DiagnosticReport", "Medication", "Specimen"):
                self._holder(one)

    def _holder(self, resource: Resource) -> None:
        words = words_for(resource.content.get("code") or resource.content.get("type"))
        self.reading.draft.aside(resource.label, words, "holds other resources together; those were read")

    def _report(self, resource: Resource, genomics: GenomicTests) -> None:
        meanings = self.reading.meanings(resource.content.get("code"), resource)
        if any(one.token == "genomic_report" for one in meanings):
            genomics.note_report(
                resource, self.reading.day(resource.content.get("effectiveDateTime"), resource, "date")
            )

    def _refused(self, resource: Resource) -> bool:
        """Whether the record takes itself back, or must not be read by who does not know its modifiers."""
        content, draft = resource.content, self.reading.draft
        words = words_for(content.get("code") or content.get("medicationCodeableConcept"))
        verification = {str(one.get("code")) for one in listed(inside(content, "verificationStatus", "coding"))}
        status = str(content.get("status") or "")
        if status in _REFUSED or verification & set(_REFUSED):
            draft.aside(resource.label, f"{words}, {status or 'refuted'}", "it takes itself back")
        elif verification & set(_NOT_SURE):
            draft.aside(resource.label, f"{words}, not confirmed", "only what is confirmed counts")
        elif content.get("modifierExtension"):
            draft.unread(resource.label, words, "a modifier extension changes its meaning")
        else:
            if status in _NOT_FINAL:
                draft.doubt(resource.label, f"{words}, {status}", "read although it is not final")
            return False
        return True

    def _condition(self, one: Resource, person: PersonRecord, disease: Disease, specimens: Specimens) -> None:
        if self._refused(one):
            return
        code = one.content.get("code")
        meanings = self.reading.meanings(code, one)
        active = _is_active(one)
        results = [
            Result(field, value, one.label, "status from a Condition")
            for token in (m.token for m in meanings)
            for field, value in _receptor_status(token)
        ]
        day = self.reading.day(one.content.get("recordedDate"), one, "recorded")
        for result in results:
            specimens.add(result, None, day, None)
        if any(m.token == "no_place.hormone_receptors_together" for m in meanings):
            self.reading.draft.aside(one.label, words_for(code), "several receptors in one code; give each on its own")
        taken = disease.read_condition(one, meanings, active) or person.read_condition(one, meanings, active)
        if not taken and not results and not any(m.token.startswith("no_place.") for m in meanings):
            self.reading.draft.unread(one.label, words_for(code), "no code of the code map")

    def _observation(
        self, one: Resource, person: PersonRecord, disease: Disease, specimens: Specimens, genomics: GenomicTests
    ) -> None:
        if self._refused(one):
            return
        content = one.content
        questions = _questions({m.token for m in self.reading.meanings(content.get("code"), one)})
        said = content.get("effectiveDateTime") or content.get("effectiveInstant")
        day = self.reading.day(said or inside(content, "effectivePeriod", "start"), one, "date")
        if len(questions) != 1:
            why = "no code of the code map" if not questions else "codes of several questions"
            self.reading.draft.unread(one.label, words_for(content.get("code")), why)
            return
        answer = answer_of(content, one, self.reading)
        if "dataAbsentReason" in content and not answer.kinds:
            self.reading.draft.aside(one.label, words_for(content.get("code")), "the record says that it has no value")
            return
        self._answer(questions[0], answer, one, day, person, disease, specimens, genomics)

    def _answer(
        self,
        question: str,
        answer: Answer,
        one: Resource,
        day: Date | None,
        person: PersonRecord,
        disease: Disease,
        specimens: Specimens,
        genomics: GenomicTests,
    ) -> None:
        if question in _RECEPTORS:
            reference = inside(one.content, "specimen", "reference")
            for result in read_receptor(question, answer, one, self.reading):
                specimens.add(result, reference if isinstance(reference, str) else None, day, self._site(one))
        elif question in _PERSON:
            person.read_observation(question, one, answer, day)
        elif question.startswith("pd_l1."):
            person.read_pd_l1(question.removeprefix("pd_l1."), one, answer, day)
        elif question == "stage":
            disease.read_stage(one, day)
        elif question.startswith("category."):
            disease.read_category(question, one, answer, day)
        elif question == "disease_status":
            disease.read_status(one, answer, day)
        elif question.startswith("tumour_size"):
            self._size(one, answer, day, disease)
        elif question == "variant":
            genomics.read_variant(one, answer, day)
        elif question == "region_studied":
            genomics.read_region(one, day)
        else:
            self.reading.draft.aside(
                one.label, f"{words_for(one.content.get('code'))}: {answer.said}", "no field for it"
            )

    def _size(self, one: Resource, answer: Answer, day: Date | None, disease: Disease) -> None:
        if answer.kinds:
            disease.read_size(one, answer.number, answer.unit, day)
        for component in listed(one.content.get("component")):
            if any(m.token == "tumour_size" for m in self.reading.meanings(component.get("code"), one)):
                part = answer_of(component, one, self.reading)
                disease.read_size(one, part.number, part.unit, day)

    def _site(self, one: Resource) -> str | None:
        """Primary where the sample was taken from the breast; a metastasis is not told from other body sites."""
        specimen = self.reading.resources.follow(one.content.get("specimen"), one)
        taken = inside(specimen.content, "collection", "bodySite") if specimen is not None else None
        sites = self.reading.meanings(taken or one.content.get("bodySite"), one)
        return "primary" if any(m.token == "site.breast" for m in sites) else None

    def _procedure(self, one: Resource, medications: Medications) -> None:
        if self._refused(one):
            return
        content, draft = one.content, self.reading.draft
        meanings = self.reading.meanings(content.get("code"), one)
        words = words_for(content.get("code"))
        said = content.get("performedDateTime") or inside(content, "performedPeriod", "start")
        if any(m.token == "breast_surgery" for m in meanings) and content.get("status") == "completed":
            day = self.reading.day(said, one, "performed")
            if day is not None:
                medications.surgeries.append(day)
            draft.aside(one.label, words, "breast surgery: tells neoadjuvant from adjuvant treatment")
        elif meanings:
            draft.aside(one.label, words, "a procedure without a field of its own")
        else:
            draft.unread(one.label, words, "no code of the code map")


def _questions(tokens: set[str]) -> list[str]:
    """The questions that the codes of an Observation ask; the assay counts more than 'interpretation' beside it."""
    found = sorted(one for one in tokens if one in _RECEPTORS or one in _PERSON or one in _OTHER_QUESTIONS
                   or one.startswith(("pd_l1.", "no_place.", "category.", "tumour_size")))  # fmt: skip
    if len(found) == 2 and "her2.overall" in found:
        found.remove("her2.overall")
    return found


_OTHER_QUESTIONS = ("stage", "disease_status", "variant", "region_studied")


def _receptor_status(token: str) -> Iterator[tuple[str, str]]:
    marker, _, status = token.partition(".")
    if marker in ("er", "pr") and status in ("positive", "negative"):
        yield marker, status
    elif marker == "her2" and status in ("positive", "negative", "low"):
        yield "her2_reported", status


def _is_active(one: Resource) -> bool:
    """Whether a Condition or allergy is active: said so, or not said to be over."""
    codes = {str(coding.get("code")) for coding in listed(inside(one.content, "clinicalStatus", "coding"))}
    return not codes & {"inactive", "remission", "resolved"} and not one.content.get("abatementDateTime")
