"""From a FHIR R4 document to a profile and an import report: each resource is read once, and none is lost.

Plain reading, not validation: real records break the standard in small ways. What is read is exact in meaning (codes,
statuses, units, days); what is not understood is listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date as Date
from typing import Any

from her2cds.errors import ProfileError, ProfileFault
from her2cds.interop.draft import Draft, Imported
from her2cds.interop.fhir.codes import code_map
from her2cds.interop.fhir.disease import QUESTIONS as _DISEASE
from her2cds.interop.fhir.disease import Disease
from her2cds.interop.fhir.drugs import DrugReader
from her2cds.interop.fhir.elements import Answer, Reading, answer_of, extension, words_for
from her2cds.interop.fhir.genomics import GenomicTests
from her2cds.interop.fhir.leftovers import parts_not_read
from her2cds.interop.fhir.medications import TYPES as MEDICATION_TYPES
from her2cds.interop.fhir.medications import Medications
from her2cds.interop.fhir.person import QUESTIONS as _PERSON
from her2cds.interop.fhir.person import PersonRecord, is_not_sure
from her2cds.interop.fhir.receptors import read_receptor
from her2cds.interop.fhir.resources import Resource, Resources, gather, inside, listed, of_one_patient, read_resources
from her2cds.interop.fhir.specimens import QUESTIONS as _RECEPTORS
from her2cds.interop.fhir.specimens import Result, Specimens, specimen_of
from her2cds.interop.settle import settle
from her2cds.knowledge.base import Knowledge

_REFUSED = ("entered-in-error", "refuted", "cancelled")
_NOT_FINAL = ("preliminary", "registered")
_WITHHELD = ("masked", "as-text", "unsupported", "error", "not-permitted")  # reasons why a result is not shown
_RECORDS = ("Patient", "Condition", "Observation", "Procedure", "DiagnosticReport", "AllergyIntolerance")
_CLINICAL = (*_RECORDS, *MEDICATION_TYPES)
_DATES = (
    *("effectiveDateTime", "effectiveInstant", "effectiveTimeDateTime", "onsetDateTime", "performedDateTime"),
    *("authoredOn", "recordedDate", "dateWritten", "whenHandedOver", "whenPrepared"),
)
_PERIODS = ("effectivePeriod", "effectiveTimePeriod", "performedPeriod", "onsetPeriod")


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
    elsewhere = {id(one) for one in others}
    about = [one for one in resources.all if id(one) not in elsewhere]
    day = as_of or _last_day(about, now)
    reading = Reading(code_map(), knowledge, resources, Draft(label), min(day, now) if day else now)
    for one in others:
        reading.draft.aside(one.label, one.type, "about another patient")
    up_to_then = []
    for one in about:
        if (days := _days(one)) and min(days) > reading.today:
            reading.draft.aside(one.label, one.type, f"after {reading.today}, the day of the profile")
        else:
            up_to_then.append(one)
    _Import(reading, treatments_complete).run(person, up_to_then, day)
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
    asserted = (one.get("valueDateTime") for one in extension(content, "condition-assertedDate"))
    yield from (text for text in asserted if isinstance(text, str))
    periods = [content.get(key) for key in _PERIODS]
    periods += [inside(one, "timing", "repeat", "boundsPeriod") for one in listed(content.get("dosageInstruction"))]
    for period in periods:
        if isinstance(period, dict):
            yield from (text for text in (period.get("start"), period.get("end")) if isinstance(text, str))


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

    def __post_init__(self) -> None:
        self.drugs = DrugReader(self.reading)
        self.person, self.disease, self.specimens = PersonRecord(self.reading), Disease(self.reading), Specimens()
        self.genomics = GenomicTests(self.reading)
        self.medications = Medications(self.reading, self.drugs, complete=self.treatments_complete)

    def run(self, patient: Resource | None, resources: list[Resource], as_of: Date | None) -> None:
        reading = self.reading
        if as_of is not None:
            reading.draft.put("date", as_of.isoformat(), [], "the last day on record, or as asked for")
        for one in resources:
            if one.type == "DiagnosticReport":
                self._report(one)
        for one in resources:
            if one.type == "Patient" and one is patient:
                self.person.read_patient(one, as_of)
            else:
                self._read(one)
            parts_not_read(one, reading.draft)
        self.person.put()
        self.disease.put()
        self.specimens.put(reading)
        self.genomics.put()
        self.disease.put_status(self.medications.put(self.disease, reading.today))
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
                self._observation(one)
            case "Procedure":
                self._procedure(one)
            case "AllergyIntolerance":
                if not self._refused(one):
                    self.person.read_allergy(one, self.drugs, _is_active(one))
            case kind if kind in MEDICATION_TYPES:
                if not self._refused(one):
                    self.medications.read(one)
            case "DiagnosticReport" | "Medication" | "Specimen":
                pass
            case kind:
                draft.aside(one.label, kind, "a kind of resource that holds no field of the profile")

    def _holder(self, resource: Resource) -> None:
        words = words_for(resource.content.get("code") or resource.content.get("type"))
        self.reading.draft.aside(resource.label, words, "holds other resources together; those were read")

    def _report(self, resource: Resource) -> None:
        meanings = self.reading.meanings(resource.content.get("code"), resource)
        if any(one.token == "genomic_report" for one in meanings):
            day = self.reading.day(resource.content.get("effectiveDateTime"), resource, "date")
            self.genomics.note_report(resource, day)

    def _refused(self, resource: Resource) -> bool:
        """Whether the record takes itself back, or must not be read by who does not know its modifiers."""
        content, draft = resource.content, self.reading.draft
        words = words_for(content.get("code") or content.get("medicationCodeableConcept"))
        verification = {str(one.get("code")) for one in listed(inside(content, "verificationStatus", "coding"))}
        status = str(content.get("status") or "")
        if status in _REFUSED or verification & set(_REFUSED):
            draft.aside(resource.label, f"{words}, {status or 'refuted'}", "it takes itself back")
        elif is_not_sure(content) and resource.type != "AllergyIntolerance":
            draft.aside(resource.label, f"{words}, not confirmed", "only what is confirmed counts")
        elif content.get("modifierExtension"):
            draft.unread(resource.label, words, "a modifier extension changes its meaning")
        else:
            if status in _NOT_FINAL:
                draft.doubt(resource.label, f"{words}, {status}", "read although it is not final")
            return False
        return True

    def _condition(self, one: Resource) -> None:
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
        for result in results:
            self.specimens.add_stated(result)
        if any(m.token == "no_place.hormone_receptors_together" for m in meanings):
            self.reading.draft.aside(one.label, words_for(code), "several receptors in one code; give each on its own")
        taken = self.disease.read_condition(one, meanings, active) or self.person.read_condition(one, meanings, active)
        if not taken and not results and not any(m.token.startswith("no_place.") for m in meanings):
            self.reading.draft.unread(one.label, words_for(code), "no code of the code map")

    def _observation(self, one: Resource) -> None:
        content, draft = one.content, self.reading.draft
        refused = self._refused(one)
        if refused and not _is_modified(content):
            return
        questions = _questions({m.token for m in self.reading.meanings(content.get("code"), one)})
        said = content.get("effectiveDateTime") or content.get("effectiveInstant")
        day = self.reading.day(said or inside(content, "effectivePeriod", "start"), one, "date")
        words = words_for(content.get("code"))
        if refused:
            self._no_value(questions, "an answer that a modifier extension changes", one, day)
        elif len(questions) != 1:
            draft.unread(one.label, words, "codes of several questions" if questions else "no code of the code map")
            self._no_value(questions, "an answer to several questions at once", one, day)
        elif (answer := answer_of(content, one, self.reading)).kinds or not _says_that_it_is_empty(content):
            self._answer(questions[0], answer, one, day)
        else:
            draft.aside(one.label, words, "the record says that it has no value")
            if _is_withheld(content):
                self._no_value(questions, "a result that is not shown", one, day)

    def _answer(self, question: str, answer: Answer, one: Resource, day: Date | None) -> None:
        if question in _RECEPTORS:
            self._receptor(question, answer, one, day)
        elif question in _PERSON:
            self.person.read_observation(question, one, answer, day)
        elif question.startswith("pd_l1."):
            self.person.read_pd_l1(question.removeprefix("pd_l1."), one, answer, day)
        elif question == "comorbidities":
            self.person.read_comorbidities(one)
        elif question == "variant":
            self.genomics.read_variant(one, answer, day)
        elif question == "region_studied":
            self.genomics.read_region(one, day)
        elif question in (*_DISEASE, "history.metastatic"):
            self._of_disease(question, answer, one, day)
        else:
            words = f"{words_for(one.content.get('code'))}: {answer.said}"
            self.reading.draft.aside(one.label, words, "no field for it")
            if question == "no_place.er_pr_together":
                self._no_value(["er", "pr"], answer.said, one, day)

    def _receptor(self, question: str, answer: Answer, one: Resource, day: Date | None) -> None:
        results = read_receptor(question, answer, one, self.reading)
        for result in results:
            self.specimens.add(result, specimen_of(one), day, self._site(one))
        if not results and "not_done" not in answer.tokens:
            self.specimens.add_unread(question, answer.said, one, day)

    def _of_disease(self, question: str, answer: Answer, one: Resource, day: Date | None) -> None:
        if question == "stage":
            self.disease.read_stage(one, answer, day)
        elif question == "history.metastatic":
            self.disease.read_history(one)
        elif question == "disease_status":
            self.disease.read_status(one, answer, day)
        elif question.startswith("category."):
            self.disease.read_category(question, one, answer, day)
        else:
            self._size(one, answer, day)

    def _no_value(self, questions: list[str], said: str, one: Resource, day: Date | None) -> None:
        """An answer is on record and gives no value: no older one may stand as the current one."""
        for question in questions:
            if question in _RECEPTORS:
                self.specimens.add_unread(question, said, one, day)
            elif question in _PERSON or question.startswith("pd_l1."):
                self.person.note_valueless(question, said, one, day)
            elif question in _DISEASE:
                self.disease.note_valueless(question, said, one, day)

    def _size(self, one: Resource, answer: Answer, day: Date | None) -> None:
        if answer.kinds:
            self.disease.read_size(one, answer.number, answer.unit, day)
        for component in listed(one.content.get("component")):
            if any(m.token == "tumour_size" for m in self.reading.meanings(component.get("code"), one)):
                part = answer_of(component, one, self.reading)
                self.disease.read_size(one, part.number, part.unit, day)

    def _site(self, one: Resource) -> str | None:
        """Primary where the sample was taken from the breast; a metastasis is not told from other body sites."""
        specimen = self.reading.resources.follow(one.content.get("specimen"), one)
        taken = inside(specimen.content, "collection", "bodySite") if specimen is not None else None
        sites = self.reading.meanings(taken or one.content.get("bodySite"), one)
        return "primary" if any(m.token == "site.breast" for m in sites) else None

    def _procedure(self, one: Resource) -> None:
        if self._refused(one):
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


def _questions(tokens: set[str]) -> list[str]:
    """The questions that the codes of an Observation ask; the assay counts more than 'interpretation' beside it."""
    found = sorted(one for one in tokens if one in _RECEPTORS or one in _PERSON or one in _OTHER_QUESTIONS
                   or one.startswith(("pd_l1.", "no_place.", "category.", "tumour_size")))  # fmt: skip
    if len(found) == 2 and "her2.overall" in found:
        found.remove("her2.overall")
    return found


_OTHER_QUESTIONS = (
    *("stage", "disease_status", "variant", "region_studied"),
    *("comorbidities", "history.metastatic"),
)


def _is_modified(content: dict[str, Any]) -> bool:
    """Whether an Observation stands, but with a modifier that changes its meaning."""
    return bool(content.get("modifierExtension")) and str(content.get("status") or "") not in _REFUSED


def _says_that_it_is_empty(content: dict[str, Any]) -> bool:
    """Whether an Observation without a value says so: by a reason, or because its result is not there yet."""
    return "dataAbsentReason" in content or (content.get("status") == "registered" and "component" not in content)


def _is_withheld(content: dict[str, Any]) -> bool:
    """Whether there is a result that the record does not show; a test that was not made is no result."""
    reasons = {str(one.get("code")) for one in listed(inside(content, "dataAbsentReason", "coding"))}
    return bool(reasons & set(_WITHHELD))


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
