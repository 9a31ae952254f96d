"""Observations: which question each asks, and the reader that takes its answer; components are read likewise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date as Date
from typing import Any

from her2cds.interop.fhir.bearings import Bearing, together
from her2cds.interop.fhir.days import implied, observed, span
from her2cds.interop.fhir.disease import QUESTIONS as _DISEASE
from her2cds.interop.fhir.disease import Disease
from her2cds.interop.fhir.elements import Answer, Reading, answer_of, words_for
from her2cds.interop.fhir.genomics import GenomicTests
from her2cds.interop.fhir.person import QUESTIONS as _PERSON
from her2cds.interop.fhir.person import PersonRecord
from her2cds.interop.fhir.receptors import read_receptor
from her2cds.interop.fhir.resources import Json, Resource, inside, listed
from her2cds.interop.fhir.specimens import QUESTIONS as _RECEPTORS
from her2cds.interop.fhir.specimens import Specimens, specimen_of
from her2cds.interop.fhir.standing import is_modified, is_refused

_WITHHELD = ("masked", "as-text", "unsupported", "error", "not-permitted")  # reasons why a result is not shown
_OTHER_QUESTIONS = ("stage", "disease_status", "variant", "region_studied", "comorbidities", "history.metastatic")
_WITH_OWN_COMPONENTS = ("variant", "region_studied", "comorbidities")  # their readers go through the components
_TAKE_COMPONENTS = (*_RECEPTORS, *_PERSON, *_DISEASE)


@dataclass(slots=True)
class ObservationReader:
    """Takes each Observation to the part of the profile that it is about."""

    reading: Reading
    person: PersonRecord
    disease: Disease
    specimens: Specimens
    genomics: GenomicTests

    def read(self, one: Resource) -> None:
        """Read one Observation; what it holds and no reader takes is listed."""
        content, draft = one.content, self.reading.draft
        refused = is_refused(one, draft)
        if refused and not is_modified(one):
            return
        questions = self._questions(content.get("code"), one)
        parts = [] if set(questions) & set(_WITH_OWN_COMPONENTS) else listed(content.get("component"))
        asked = [*questions, *(question for part in parts for question in self._questions(part.get("code"), one))]
        bearing = self._bearing(one) if any(map(_is_about_the_cancer, asked)) else Bearing.OURS
        if bearing is Bearing.OTHER:
            return
        day, words = self._day(one), words_for(content.get("code"))
        if bearing is Bearing.UNTOLD:
            self._no_value(asked, "an answer about a cancer that is not known to be this one", one, day)
            return
        if refused:
            self._no_value(asked, "an answer that a modifier extension changes", one, day)
            return
        taken = self._components(parts, one, day)
        if len(questions) != 1:
            draft.unread(one.label, words, "codes of several questions" if questions else "no code of the code map")
            self._no_value(questions, "an answer to several questions at once", one, day)
        elif (answer := answer_of(content, one, self.reading)).kinds or not (taken or _says_that_it_is_empty(content)):
            self._answer(questions[0], answer, one, day)
        elif taken and "dataAbsentReason" not in content:
            draft.aside(one.label, words, "no value of its own; its components were read")
        else:
            draft.aside(one.label, words, "the record says that it has no value")
            if _is_withheld(content):
                self._no_value(questions, "a result that is not shown", one, day)

    def _questions(self, concept: object, one: Resource) -> list[str]:
        return questions_of({meaning.token for meaning in self.reading.meanings(concept, one)})

    def _day(self, one: Resource) -> Date | None:
        """The day of an Observation; of a vague date, or a day of issue alone, the days that it allows are kept."""
        issued = one.content.get("issued")
        said, source = observed(one.content), ""
        if said is None:
            said, source = implied(one, self.reading.resources)
        if source:
            why = "the day of the report that contains the result, or of its specimen: it gives none itself"
            self.reading.draft.doubt(one.label, f"{said} ({source})", why)
        if said is None and issued is not None:
            if (found := span(issued)) is not None:
                self.reading.spans[one.label] = (Date.min, found[1])
            why = "when the result was handed out, not when the finding was made: it counts as not dated"
            self.reading.draft.unread(one.label, f"issued {issued}", why)
            return None
        day = self.reading.day(said, one, "date")
        if day is None and (found := span(said)) is not None:
            self.reading.spans[one.label] = found
        return day

    def _bearing(self, one: Resource) -> Bearing:
        """What the focus of a result is to the breast cancer; whatever keeps it from being read as it is, is told."""
        found = dict(self._foci(one))
        bearing, draft, words = together(found.values()), self.reading.draft, words_for(one.content.get("code"))
        about = "; ".join(said for said, part in found.items() if part is not Bearing.OURS)
        if bearing is Bearing.OTHER:
            draft.aside(one.label, words, f"about {about}")
        elif bearing is Bearing.PERHAPS:
            draft.doubt(one.label, f"focus {about}", "not known to be the breast cancer; read as about it")
        elif bearing is Bearing.UNTOLD:
            draft.unread(one.label, words, f"about {about}, of which it is not known whether it is the breast cancer")
            draft.ask(f"{words} ({one.label}) is about {about}: is that the breast cancer?")
        return bearing

    def _foci(self, one: Resource) -> Iterator[tuple[str, Bearing]]:
        """Each Condition that a result is about, in words, and what it is to the breast cancer."""
        for reference in listed(one.content.get("focus")):
            found = self.reading.resources.follow(reference, one)
            said = str(reference.get("reference") or reference.get("display") or "")
            if found is not None and found.type == "Condition":
                yield f"{words_for(found.content.get('code'))} ({found.label})", self.disease.bearing_of(found)
            elif found is None and "Condition/" in said:
                yield said, Bearing.PERHAPS

    # --- Components -----------------------------------------------------------------------------------------

    def _components(self, parts: Iterable[Json], one: Resource, day: Date | None) -> bool:
        """Read the components; true where one gave an answer. What no reader takes is listed."""
        taken = False
        for part in parts:
            questions, answer = self._questions(part.get("code"), one), answer_of(part, one, self.reading)
            said = f"component {words_for(part.get('code'))}: {answer.said}"
            if len(questions) != 1 or not (questions[0] in _TAKE_COMPONENTS or questions[0].startswith("pd_l1.")):
                known = any(question.startswith("no_place.") for question in questions)
                listing = self.reading.draft.aside if known else self.reading.draft.unread
                listing(one.label, said, "no field for it" if known else "no component that the import reads")
                self._no_value(questions, "an answer that cannot be read", one, day)
            elif answer.kinds:
                self._answer(questions[0], answer, one, day)
                taken = True
            else:
                self.reading.draft.aside(one.label, said, "the record says that it has no value")
                if _is_withheld(part):
                    self._no_value(questions, "a result that is not shown", one, day)
        return taken

    # --- Answers --------------------------------------------------------------------------------------------

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
        specimen = specimen_of(one, self.reading.resources)
        for result in results:
            self.specimens.add(result, specimen, day, self._site(one))
        if not results and "not_done" not in answer.tokens:
            self.specimens.add_unread(question, answer.said, one, specimen, day)

    def _of_disease(self, question: str, answer: Answer, one: Resource, day: Date | None) -> None:
        if question == "stage":
            self.disease.read_stage(one, answer, day)
        elif question == "history.metastatic":
            self.disease.read_history(one)
        elif question == "disease_status":
            self.disease.read_status(one, answer, day)
        elif question.startswith("category."):
            self.disease.read_category(question, one, answer, day)
        elif answer.kinds:
            self.disease.read_size(one, answer.number, answer.unit, day)

    def _no_value(self, questions: Iterable[str], said: str, one: Resource, day: Date | None) -> None:
        """An answer is on record and gives no value: no older one may stand as the current one."""
        for question in dict.fromkeys(questions):
            if question in _RECEPTORS:
                specimen = specimen_of(one, self.reading.resources)
                self.specimens.add_unread(question, said, one, specimen, day)
            elif question in _PERSON or question.startswith("pd_l1."):
                self.person.note_valueless(question, said, one, day)
            elif question in _DISEASE:
                self.disease.note_valueless(question, said, one, day)
            elif question == "variant":
                self.genomics.note_unread(one, said, day)
            elif question == "history.metastatic":
                self.disease.signs_of_spread = True

    def _site(self, one: Resource) -> str | None:
        """Primary where the sample was taken from the breast; a metastasis is not told from other body sites."""
        specimen = self.reading.resources.follow(one.content.get("specimen"), one)
        taken = inside(specimen.content, "collection", "bodySite") if specimen is not None else None
        sites = self.reading.meanings(taken or one.content.get("bodySite"), one)
        return "primary" if any(m.token == "site.breast" for m in sites) else None


def questions_of(tokens: set[str]) -> list[str]:
    """The questions that the codes of an Observation ask; the one with a field counts more than one beside it.

    An assay counts more than "interpretation", and more than the code of the procedure.
    """
    found = sorted(one for one in tokens if one in _RECEPTORS or one in _PERSON or one in _OTHER_QUESTIONS
                   or one.startswith(("pd_l1.", "no_place.", "category.", "tumour_size")))  # fmt: skip
    for less in ("no_place.her2_procedure", "her2.overall"):
        if len(found) == 2 and less in found and any(one.startswith("her2.") and one != less for one in found):
            found.remove(less)
    return found


def _is_about_the_cancer(question: str) -> bool:
    """Whether a question is about a tumour, so that its answer may belong to another cancer."""
    if question in ("tmb", "tmb.class", "variant", "region_studied", "history.metastatic"):
        return True
    return question in _RECEPTORS or question in _DISEASE or question.startswith("pd_l1.")


def _says_that_it_is_empty(content: dict[str, Any]) -> bool:
    """Whether an Observation without a value says so: by a reason, or because its result is not there yet."""
    return "dataAbsentReason" in content or (content.get("status") == "registered" and "component" not in content)


def _is_withheld(content: dict[str, Any]) -> bool:
    """Whether there is a result that the record does not show; a test that was not made is no result."""
    reasons = {str(one.get("code")) for one in listed(inside(content, "dataAbsentReason", "coding"))}
    return bool(reasons & set(_WITHHELD))
