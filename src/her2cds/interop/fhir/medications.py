"""Medication resources to records of drugs given: which drug, when, in which setting, how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date as Date
from typing import Any

from her2cds.interop.courses import Course, Given, group
from her2cds.interop.fhir.disease import Disease
from her2cds.interop.fhir.drugs import DrugReader, Named, ingredients_of
from her2cds.interop.fhir.elements import Reading, codings, extension, words_for
from her2cds.interop.fhir.resources import Resource, inside, listed, profiles_of
from her2cds.profile.model import MAX_ITEMS

TYPES = (
    "MedicationAdministration",
    "MedicationStatement",
    "MedicationRequest",
    "MedicationDispense",
    "MedicationOrder",
)
_NOT_GIVEN = (
    *("entered-in-error", "not-done", "not-taken", "cancelled"),
    *("draft", "intended", "preparation", "declined", "unknown"),
)

_GOING_ON = {"active": True, "in-progress": True, "completed": False, "stopped": False}
_STARTS = (
    *("effectiveDateTime", "effectiveTimeDateTime", "authoredOn", "dateWritten"),
    *("whenHandedOver", "whenPrepared"),
)
# One dose given or handed over: its status and the end of its period say nothing on whether the course goes on.
_DOSES = ("MedicationAdministration", "MedicationDispense")
_NOT_AN_ORDER = {"proposal", "plan", "option"}
_NOT_TAKEN = {"n": "not taken", "unk": "not known whether taken"}  # MedicationStatement of FHIR STU3
_OF_NO_ORGAN = ("C50", "C77", "C78", "C79", "C80", "C7B")  # ICD-10: breast, secondary and unspecified cancers
_STOP = {
    "stop.completed": "completed",
    "stop.toxicity": "toxicity",
    "stop.patient_choice": "patient_choice",
    "stop.other": "other",
}


@dataclass(slots=True)
class Medications:
    """All drugs on record, gathered first and put together in `put`."""

    reading: Reading
    drugs: DrugReader
    given: list[tuple[Given, str | None]] = field(default_factory=list)
    surgeries: list[tuple[Date, str]] = field(default_factory=list)
    complete: bool = False
    taking: dict[str, str] = field(default_factory=dict)
    by_name: dict[str, str] = field(default_factory=dict)

    def read(self, resource: Resource) -> None:
        """One medication resource."""
        content, draft = resource.content, self.reading.draft
        named = self._named(resource)
        status = str(content.get("status") or "")
        if content.get("doNotPerform") is True or content.get("wasNotGiven") or content.get("wasNotTaken"):
            draft.aside(resource.label, named.words, "a drug that was not to be given, or was not")
        elif status in _NOT_GIVEN or str(content.get("intent") or "") in _NOT_AN_ORDER:
            draft.aside(
                resource.label, f"{named.words}, {status or 'no status'}", "its status does not say that it was given"
            )
        elif not_taken := _NOT_TAKEN.get(str(content.get("taken"))):
            draft.aside(resource.label, f"{named.words}, {not_taken}", "it does not say that it was given")
        elif self._is_of_cancer(named) and (other := self._other_cancer(resource)):
            why = "given for another cancer than that of the breast: none of its courses"
            draft.aside(resource.label, f"{named.words}, for {other}", why)
        elif not named.drugs:
            self._unknown(resource, named)
        else:
            for drug in named.drugs:
                self._known(resource, drug, named)

    def _known(self, resource: Resource, drug: str, named: Named) -> None:
        record, intent = self._record(resource, drug)
        if intent == "supportive" and self.drugs.is_anticancer(drug):
            self.reading.draft.doubt(resource.label, named.words, "an anti-cancer drug with supportive intent; counted")
        if self.drugs.is_anticancer(drug):
            self.given.append((record, intent))
            if named.how:
                self.by_name[resource.label] = named.how
        elif record.going_on:
            self.taking[drug] = resource.label
        else:
            why = "neither anti-cancer treatment nor said to be taken now"
            self.reading.draft.aside(resource.label, f"{named.words}, {resource.content.get('status')}", why)

    def _unknown(self, resource: Resource, named: Named) -> None:
        """A drug that is not known: kept in the history as written where it may be anti-cancer treatment."""
        draft = self.reading.draft
        if not (named.resembles or self._for_cancer(resource)):
            draft.unread(resource.label, named.words, "no drug of the knowledge base; not known to be for the cancer")
            return
        draft.unread(resource.label, named.words, "no drug that can be told for sure; kept in the history as written")
        draft.ask(f"'{named.words}': which drug is it?")
        name = f"unrecognised: {named.words}" if named.resembles else named.words
        self.given.append(self._record(resource, name[:120]))

    def _for_cancer(self, resource: Resource) -> bool:
        """Whether the resource is filed as cancer treatment: by profile, or by its reason."""
        if any("cancer-related-medication" in one for one in profiles_of(resource.content)):
            return True
        tokens = [one.token for found in self._reasons(resource)
                  for one in self.reading.meanings(found.content.get("code"), found)]  # fmt: skip
        return any(one.startswith(("primary.", "metastasis.")) for one in tokens)

    def _is_of_cancer(self, named: Named) -> bool:
        return named.resembles or any(map(self.drugs.is_anticancer, named.drugs))

    def _reasons(self, resource: Resource) -> list[Resource]:
        """The Conditions of the input for which a drug was given."""
        references = listed(resource.content.get("reasonReference"))
        found = (self.reading.resources.follow(one, resource) for one in references)
        return [one for one in found if one is not None and one.type == "Condition"]

    def _other_cancer(self, resource: Resource) -> str:
        """The cancer of another organ for which a drug was given, in words; empty where it is not known to be one.

        A Condition that is not known at all is remarked, and the drug counted: it may be the breast cancer in words of
        its own.
        """
        content, reasons = resource.content, self._reasons(resource)
        concepts = [(one.content.get("code"), one) for one in reasons]
        concepts += [(one, resource) for one in listed(content.get("reasonCode"))]
        if not concepts or any(self.reading.meanings(*one) for one in concepts):
            return ""
        others = [words_for(concept) for concept, _ in concepts if _is_of_another_organ(concept)]
        if others:
            return "; ".join(others)
        if reasons:
            said = "; ".join(words_for(one.content.get("code")) for one in reasons)
            why = "the reason is not known to be the breast cancer; the drug was counted all the same"
            self.reading.draft.doubt(resource.label, f"given for {said}", why)
        return ""

    def _named(self, resource: Resource) -> Named:
        content = resource.content
        concept = content.get("medicationCodeableConcept")
        reference = content.get("medicationReference")
        ingredients: list[object] = []
        if concept is None and reference is not None:
            medication = self.reading.resources.follow(reference, resource)
            if medication is not None:
                concept = medication.content.get("code")
                ingredients = ingredients_of(medication, resource, self.reading.resources)
                self.reading.draft.aside(medication.label, words_for(concept), f"read for {resource.label}")
            elif isinstance(reference, dict):
                concept = {"text": reference.get("display") or "a Medication that is not in the input"}
        return self.drugs.read_product(concept, ingredients, resource)

    def _record(self, resource: Resource, drug: str) -> tuple[Given, str | None]:
        content = resource.content
        start, end = self._days(resource)
        stop, intent = self._stop(resource), self._intent(resource)
        if resource.type in _DOSES:
            return Given(drug, resource.label, start, stop=stop, until=end), intent
        going_on = False if end is not None else _GOING_ON.get(str(content.get("status")))
        return Given(drug, resource.label, start, end, None, going_on, stop), intent

    def _days(self, resource: Resource) -> tuple[Date | None, Date | None]:
        content = resource.content
        bounds = [inside(one, "timing", "repeat", "boundsPeriod") for one in listed(content.get("dosageInstruction"))]
        periods = [content.get("effectivePeriod"), content.get("effectiveTimePeriod"), *bounds]
        period = next((one for one in periods if inside(one, "start") or inside(one, "end")), None)
        said = [inside(period, "start"), *(content.get(name) for name in _STARTS)]
        if resource.type in _DOSES:
            said.append(inside(period, "end"))  # the end of a dose is a day on which it was given, too
        start = next((one for one in said if one), None)
        if start is None:
            found = "no start" if inside(period, "end") else "no date"
            self.reading.draft.doubt(resource.label, found, "it cannot be placed among the other treatments")
        day = self.reading.day(start, resource, "start")
        return day, self.reading.day(inside(period, "end"), resource, "end")

    def _stop(self, resource: Resource) -> str | None:
        content = resource.content
        concepts: list[Any] = [content.get("statusReason"), content.get("statusReasonCodeableConcept")]
        endings = ("termination-reason", "TerminationReason-extension")
        concepts += [one.get("valueCodeableConcept") for ending in endings for one in extension(content, ending)]
        tokens = {one.token for concept in concepts for one in self.reading.meanings(concept, resource)}
        stops = [token for token in sorted(tokens) if token.startswith("stop.")]
        if "stop.no_response" in stops:
            self.reading.draft.aside(
                resource.label, "no response to treatment", "not the same as progression; left open"
            )
            self.reading.draft.ask(f"{resource.label} ended for want of a response: did the disease progress?")
        said = [words_for(one) for one in concepts if one]
        if said and not stops:
            self.reading.draft.unread(resource.label, f"reason for the end: {said[0]}", "not in the code map")
        return next((_STOP[one] for one in stops if one in _STOP), None)

    def _intent(self, resource: Resource) -> str | None:
        content = resource.content
        endings = ("procedure-intent", "TreatmentIntent-extension", "mcode-treatment-intent")
        values = [one.get("valueCodeableConcept") for ending in endings for one in extension(content, ending)]
        tokens = {one.token for value in values for one in self.reading.meanings(value, resource)}
        found = [token.removeprefix("intent.") for token in tokens if token.startswith("intent.")]
        return found[0] if len(found) == 1 else None

    # --- Putting it together --------------------------------------------------------------------------------

    def put(self, disease: Disease, as_of: Date) -> list[tuple[Date, str]]:
        """Write the treatments into the draft; returns the day on which each course began, maintenance apart."""
        draft = self.reading.draft
        if self.taking:
            draft.put("health.concomitant_drugs", sorted(self.taking), self.taking.values())
            draft.assume("The drugs taken beside cancer treatment were taken to be all on record.")
        if not self.given:
            draft.ask("Treatments: the record holds none; give the list, [] for none.")
            return []
        surgery = self._first_operation(disease)
        records = [_with_setting(one, intent, disease, surgery) for one, intent in self.given]
        worsened = {day for day, _ in disease.worsened if day is not None}
        courses = group(records, worsened, self._is_endocrine, as_of)
        if len(courses) > MAX_ITEMS:
            found, sources = f"{len(courses)} courses", [one for course in courses for one in course.sources]
            draft.conflict("$.treatments", found, sources, f"none was taken; a profile holds {MAX_ITEMS}")
            draft.ask("Treatments: the record does not tell one course from another; give the list.")
            return []
        draft.tree["treatments"] = [{} for _ in courses]
        if self.complete:
            draft.put("treatments_complete", True, [], "as the import was told")
        else:
            draft.put("treatments_complete", False, [], "a record does not show what was given elsewhere")
            draft.ask("Treatments: is the list whole? Then set treatments_complete to true.")
        for index, course in enumerate(courses):
            how = "; ".join(dict.fromkeys(self.by_name[one] for one in course.sources if one in self.by_name))
            worsenings = [label for day, label in disease.worsened if day in course.worsened_on]
            for name, value in course.fields().items():
                sources = worsenings if value == "progression" else course.sources
                draft.put(f"treatments[{index}].{name}", value, sources, how if name == "agents" else "")
            self._ask_about(index, course, worsenings)
        return [(one.start, one.sources[0]) for one in courses if one.start is not None and not one.maintenance]

    def _ask_about(self, index: int, course: Course, worsenings: list[str]) -> None:
        """What the records of a course leave open."""
        draft, names, days = (
            self.reading.draft,
            ", ".join(sorted(course.drugs)),
            ", ".join(map(str, course.worsened_on)),
        )
        if course.contested:
            said = f"ended for {course.stated_stop}, and a worsening on {days}, after the last record"
            sources = [*course.sources, *worsenings]
            draft.conflict(f"$.treatments[{index}].stop_reason", said, sources, "neither was taken for the reason")
            draft.ask(f"{names}: ended for {course.stated_stop}, or because the disease progressed?")
        elif course.worsened_on:
            draft.ask(f"Progression on {names}: in the central nervous system only, or elsewhere (progression_site)?")
            if course.given_on_after_worsening:
                draft.ask(f"{names}, given on after the worsening on {days}: one line, or a further one from then on?")
        if course.joined:
            began = f"{names}, from {course.start} on, when {', '.join(course.joined)} had been given before"
            draft.ask(f"{began}: the same line, or a new one? No worsening is on record, so no line was counted.")
        if course.setting is None:
            draft.ask(f"Treatment with {names}: neoadjuvant, adjuvant or metastatic?")
        if course.followed and any(one.going_on for one in course.periods):
            outcome = "taken for ended by the worsening" if course.worsened_on else "left open"
            draft.doubt(course.sources[0], "still marked active", f"a later course began: {outcome}")

    def _first_operation(self, disease: Disease) -> Date | None:
        """The first breast surgery of the active cancer: an operation before its diagnosis was for another one."""
        diagnosis = disease.diagnosis()
        counted = [day for day, _ in self.surgeries if diagnosis is not None and day >= diagnosis]
        for day, label in self.surgeries:
            if day not in counted:
                why = "not known to lie on or after the diagnosis of the active breast cancer: not used"
                self.reading.draft.aside(label, f"breast surgery on {day}", why)
        return min(counted, default=None)

    def _is_endocrine(self, drug: str) -> bool:
        known = self.reading.knowledge.drugs.get(drug)
        return known is not None and "endocrine" in known.classes


def _is_of_another_organ(concept: object) -> bool:
    """Whether a code is that of a cancer of another organ than the breast, by the chapter of ICD-10."""
    icd = [str(one.get("code", "")).upper() for one in codings(concept) if "icd-10" in str(one.get("system", ""))]
    return any(code.startswith("C") and not code.startswith(_OF_NO_ORGAN) for code in icd)


def _with_setting(record: Given, intent: str | None, disease: Disease, surgery: Date | None) -> Given:
    """The setting of one record: by its intent, else by the first spread, else by surgery of disease staged early."""
    setting: str | None = None
    first = disease.first_spread()
    if intent == "palliative" or (
        record.start is not None and first is not None and record.start >= first and intent != "curative"
    ):
        setting = "metastatic"
    elif record.start is not None and surgery is not None:
        before_spread = not disease.spread_on_record() or (first is not None and record.start < first)
        diagnosis = disease.diagnosis()
        of_this_cancer = diagnosis is not None and record.start >= diagnosis
        if of_this_cancer and (intent == "curative" or (disease.was_early() and before_spread)):
            setting = "neoadjuvant" if record.start < surgery else "adjuvant"
    return replace(record, setting=setting)
