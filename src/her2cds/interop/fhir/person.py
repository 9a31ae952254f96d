"""The person: Patient, performance status, menopause, pregnancy, LVEF, lungs, heart and allergies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date as Date

from her2cds.interop.fhir.allergies import Allergies
from her2cds.interop.fhir.candidates import Candidates
from her2cds.interop.fhir.codes import Meaning
from her2cds.interop.fhir.drugs import DrugReader
from her2cds.interop.fhir.elements import Answer, Reading, answer_of, extension, words_for
from her2cds.interop.fhir.resources import Json, Resource, inside, listed

_ID_CHARACTERS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_PD_L1 = "biomarkers.pd_l1"
_LVEF_LOW, _LVEF_NORMAL = 40.0, 55.0  # below the one and from the other on, a bound tells what the rules ask of an LVEF
_JUST_BELOW_LOW = 39.9
_NEWEST = (
    "patient.ecog",
    "patient.menopausal_status",
    "patient.pregnancy",
    "health.lvef_percent",
    "biomarkers.tmb_mutations_per_megabase",
    "biomarkers.tmb_high",
)
QUESTIONS = ("ecog", "menopause", "pregnancy", "lvef", "tmb", "tmb.class")
_PATHS = dict(zip(QUESTIONS, _NEWEST, strict=True))


@dataclass(slots=True)
class PersonRecord:
    """Facts about the person, gathered first and put together in `put`."""

    reading: Reading
    candidates: Candidates = field(default_factory=Candidates)
    allergies: Allergies = field(init=False)
    lungs: list[tuple[str, str]] = field(default_factory=list)
    heart: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.allergies = Allergies(self.reading)

    def read_patient(self, resource: Resource, as_of: Date | None) -> None:
        """Sex, age on the day of the profile, and the logical id; nothing that names the person."""
        draft, content = self.reading.draft, resource.content
        identity = str(content.get("id") or "")
        if identity and set(identity) <= _ID_CHARACTERS and len(identity) <= 64:
            draft.put("id", identity, [resource.label], "logical id of the Patient")
        gender = content.get("gender")
        if gender in ("female", "male"):
            draft.put("patient.sex", gender, [resource.label])
        elif gender is not None:
            draft.unread(resource.label, f"gender {gender}", "the profile tells female and male, or leaves it open")
        born = self.reading.day(content.get("birthDate"), resource, "birth date")
        if born is not None and as_of is not None:
            age = as_of.year - born.year - ((as_of.month, as_of.day) < (born.month, born.day))
            draft.put("patient.age_years", age, [resource.label], f"on {as_of}")
        if content.get("deceasedBoolean") or content.get("deceasedDateTime"):
            draft.doubt(resource.label, "deceased", "the record says that the patient has died")
        draft.aside(resource.label, "name, identifiers, address and other demographics", "never taken over")

    def read_observation(self, question: str, resource: Resource, answer: Answer, day: Date | None) -> None:
        """One of the questions about the person."""
        readers: dict[str, Callable[[Answer], object]] = {
            "ecog": _ecog,
            "menopause": _menopause,
            "pregnancy": _pregnancy,
            "lvef": _lvef,
            "tmb": _tmb,
            "tmb.class": _tmb_class,
        }
        value = readers[question](answer)
        if question == "pregnancy" and answer.tokens & {"pregnant", "not_pregnant"} == {"not_pregnant"}:
            self._not_pregnant(resource, day)
        elif value is None:
            self.reading.draft.unread(
                resource.label, f"{question}: {answer.said}", "no value that can be read, or out of range"
            )
            self.note_valueless(question, answer.said, resource, day)
        else:
            how = f"stands for the bound '{answer.said}'" if answer.comparator else ""
            self.candidates.add(_PATHS[question], value, day, resource.label, how)

    def note_valueless(self, question: str, said: str, resource: Resource, day: Date | None) -> None:
        """An answer to a question about the person that gives no value: no older one may stand as current."""
        path = _PD_L1 if question.startswith("pd_l1.") else _PATHS[question]
        self.candidates.add_valueless(path, said, day, resource.label)

    def _not_pregnant(self, resource: Resource, day: Date | None) -> None:
        """An earlier pregnancy is over; `neither` is not written, because it denies breastfeeding as well."""
        said = "not pregnant"
        self.reading.draft.aside(resource.label, said, "says nothing of breastfeeding; no earlier pregnancy counts")
        why = "ends an earlier pregnancy and does not say whether she breastfeeds"
        self.candidates.add_valueless("patient.pregnancy", said, day, resource.label, why)

    def read_pd_l1(self, assay: str, resource: Resource, answer: Answer, day: Date | None) -> None:
        """PD-L1 with the assay; where several disagree on the newest day, none is taken."""
        status = answer.tokens & {"positive", "negative"}
        if len(status) != 1:
            self.reading.draft.unread(resource.label, f"PD-L1 {assay}: {answer.said}", "neither positive nor negative")
            self.note_valueless(f"pd_l1.{assay}", answer.said, resource, day)
            return
        self.candidates.add(_PD_L1, {"status": status.pop(), "assay": assay}, day, resource.label)

    def read_condition(self, resource: Resource, meanings: list[Meaning], active: bool) -> bool:
        """Interstitial lung disease, heart failure, pregnancy, menopause as a Condition; false for any other."""
        tokens = {one.token for one in meanings}
        onset = resource.content.get("onsetDateTime") or resource.content.get("recordedDate")
        if "ild" in tokens:
            self.lungs.append(("active" if active else "past", resource.label))
        elif "heart_failure" in tokens:
            self.heart.append(("active" if active else "history", resource.label))
        elif tokens & {"pregnant", "not_pregnant", "premenopausal", "postmenopausal"} and active:
            day = self.reading.day(onset, resource, "onset")
            if "pregnant" in tokens:
                self.candidates.add("patient.pregnancy", "pregnant", day, resource.label)
            elif "not_pregnant" in tokens:
                self._not_pregnant(resource, day)
            else:
                status = "premenopausal" if "premenopausal" in tokens else "postmenopausal"
                self.candidates.add("patient.menopausal_status", status, day, resource.label)
        else:
            return False
        return True

    def read_comorbidities(self, resource: Resource) -> None:
        """A list of conditions beside the cancer, as mCODE STU2 (components) and later (extensions) give it."""
        draft = self.reading.draft
        for concept, present in [*self._by_component(resource), *self._by_extension(resource)]:
            tokens = {one.token for one in self.reading.meanings(concept, resource)}
            if not present:
                draft.aside(resource.label, f"{words_for(concept)}: absent", "absent now does not say never")
            elif "ild" in tokens:
                self.lungs.append(("active", resource.label))
            elif "heart_failure" in tokens:
                self.heart.append(("active", resource.label))
        draft.aside(resource.label, "list of comorbid conditions", "read for lungs and heart; for the rest no field")

    def _by_component(self, resource: Resource) -> Iterator[tuple[object, bool]]:
        """The categories of a list and the conditions named below them; what is neither present nor absent is noted."""
        for component in listed(resource.content.get("component")):
            answer = answer_of(component, resource, self.reading)
            category = component.get("code")
            if answer.tokens & {"present", "absent"}:
                yield category, "present" in answer.tokens
            else:
                said = f"{words_for(category)}: {answer.said}"
                self.reading.draft.unread(resource.label, said, "neither present nor absent")
            for one in extension(component, "comorbid-condition-code") if "present" in answer.tokens else ():
                yield one.get("valueCodeableConcept"), True

    def _by_extension(self, resource: Resource) -> Iterator[tuple[object, bool]]:
        """The conditions of a list that are coded in it; those that it refers to are read as Conditions."""
        for ending, present in (("mcode-related-condition", True), ("mcode-related-condition-absent", False)):
            for one in extension(resource.content, ending):
                if one.get("valueCodeableConcept") is not None:
                    yield one["valueCodeableConcept"], present

    def read_allergy(self, resource: Resource, drugs: DrugReader, active: bool) -> None:
        """An allergy, confirmed or not, to a drug or to something that may be one."""
        self.allergies.read(resource, drugs, active=active, unsure=is_not_sure(resource.content))

    def put(self) -> None:
        """Write the person into the draft."""
        draft = self.reading.draft
        for path in (*_NEWEST, _PD_L1):
            newest = self.candidates.settle_newest(path, draft)
            if path == "health.lvef_percent" and newest is not None and newest.day is not None:
                draft.put("health.lvef_date", newest.day.isoformat(), [newest.source])
        self.allergies.put()
        for path, found, worse in (
            ("health.interstitial_lung_disease.status", self.lungs, "active"),
            ("health.heart_failure", self.heart, "active"),
        ):
            if found:
                value = worse if any(one == worse for one, _ in found) else found[0][0]
                draft.put(path, value, [source for _, source in found], "status of the Condition")


def is_not_sure(content: Json) -> bool:
    """Whether a Condition or an allergy is said not to be confirmed."""
    found = {str(one.get("code")) for one in listed(inside(content, "verificationStatus", "coding"))}
    return bool(found & {"unconfirmed", "provisional", "differential"})


def _ecog(answer: Answer) -> object:
    """The grade as a number or as a coded answer; none where the two differ."""
    grades = {float(token.removeprefix("ecog.")) for token in answer.tokens if token.startswith("ecog.")}
    if answer.number is not None:
        grades.add(number if (number := answer.plain()) is not None else -1)
    grade = grades.pop() if len(grades) == 1 else None
    return int(grade) if grade in (0, 1, 2, 3, 4) else None


def _menopause(answer: Answer) -> object:
    found = answer.tokens & {"premenopausal", "postmenopausal"}
    return found.pop() if len(found) == 1 else None


def _pregnancy(answer: Answer) -> object:
    return "pregnant" if answer.tokens & {"pregnant", "not_pregnant"} == {"pregnant"} else None


def _lvef(answer: Answer) -> object:
    """The percentage, or a number that stands for a bound which leaves no doubt about the limits that rules ask for.

    "<35 %" is read as 35, which is below 40 as well; "<40 %" as 39.9, since 40 itself would not be; ">=55 %" as 55.
    A bound between ("<50 %") says on neither side enough, and is not read.
    """
    percent = answer.percent(unit_needed=True)
    bound = answer.bound(unit_needed=True)
    if bound is not None:
        sign, limit = bound
        if (sign in ("<", "<=") and limit < _LVEF_LOW) or (sign in (">", ">=") and limit >= _LVEF_NORMAL):
            percent = limit
        elif sign == "<" and limit == _LVEF_LOW:
            percent = _JUST_BELOW_LOW
    return percent if percent is not None and 5 <= percent <= 90 else None


def _tmb(answer: Answer) -> object:
    per_megabase = answer.unit.casefold() in (
        "1/1000000{base}",
        "1/1000000",
        "mutations/megabase",
        "mut/mb",
        "{mutations}/{megabase}",
    )
    number = answer.number
    return number if per_megabase and not answer.comparator and number is not None and 0 <= number <= 2000 else None


def _tmb_class(answer: Answer) -> object:
    if "low" in answer.tokens:
        return False
    return True if "high" in answer.tokens else None
