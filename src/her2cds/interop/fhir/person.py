"""The person: Patient, performance status, menopause, pregnancy, LVEF, lungs, heart and allergies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date as Date

from her2cds.interop.fhir.candidates import Candidates
from her2cds.interop.fhir.codes import Meaning
from her2cds.interop.fhir.drugs import DrugReader
from her2cds.interop.fhir.elements import Answer, Reading, words_for
from her2cds.interop.fhir.resources import Resource

_ID_CHARACTERS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_PD_L1 = "biomarkers.pd_l1"
_NEWEST = (
    "patient.ecog",
    "patient.menopausal_status",
    "patient.pregnancy",
    "health.lvef_percent",
    "biomarkers.tmb_mutations_per_megabase",
    "biomarkers.tmb_high",
)


@dataclass(slots=True)
class PersonRecord:
    """Facts about the person, gathered first and put together in `put`."""

    reading: Reading
    candidates: Candidates = field(default_factory=Candidates)
    allergies: dict[str, str] = field(default_factory=dict)
    lungs: list[tuple[str, str]] = field(default_factory=list)
    heart: list[tuple[str, str]] = field(default_factory=list)

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
        paths = dict(zip(readers, _NEWEST, strict=True))
        value = readers[question](answer)
        if value is None:
            self.reading.draft.unread(
                resource.label, f"{question}: {answer.said}", "no value that can be read, or out of range"
            )
        else:
            self.candidates.add(paths[question], value, day, resource.label)

    def read_pd_l1(self, assay: str, resource: Resource, answer: Answer, day: Date | None) -> None:
        """PD-L1 with the assay; where several disagree on the newest day, none is taken."""
        status = answer.tokens & {"positive", "negative"}
        if len(status) != 1:
            self.reading.draft.unread(resource.label, f"PD-L1 {assay}: {answer.said}", "neither positive nor negative")
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
            elif "not_pregnant" not in tokens:
                status = "premenopausal" if "premenopausal" in tokens else "postmenopausal"
                self.candidates.add("patient.menopausal_status", status, day, resource.label)
        else:
            return False
        return True

    def read_allergy(self, resource: Resource, drugs: DrugReader, active: bool) -> None:
        """An allergy to a drug of the knowledge base."""
        concept = resource.content.get("code")
        found = drugs.read(concept, resource)
        words = words_for(concept)
        if not active:
            self.reading.draft.aside(resource.label, words, "not active, or refuted")
        elif resource.content.get("type") == "intolerance":
            self.reading.draft.aside(resource.label, words, "an intolerance is not a hypersensitivity")
        elif not found.drugs:
            self.reading.draft.aside(resource.label, words, "no drug that the knowledge base knows")
        for drug in found.drugs if active and resource.content.get("type") != "intolerance" else ():
            self.allergies[drug] = resource.label

    def put(self) -> None:
        """Write the person into the draft."""
        draft = self.reading.draft
        for path in (*_NEWEST, _PD_L1):
            newest = self.candidates.settle_newest(path, draft)
            if path == "health.lvef_percent" and newest is not None and newest.day is not None:
                draft.put("health.lvef_date", newest.day.isoformat(), [newest.source])
        if self.allergies:
            draft.put("health.hypersensitivity_to", sorted(self.allergies), self.allergies.values())
        for path, found, worse in (
            ("health.interstitial_lung_disease.status", self.lungs, "active"),
            ("health.heart_failure", self.heart, "active"),
        ):
            if found:
                value = worse if any(one == worse for one, _ in found) else found[0][0]
                draft.put(path, value, [source for _, source in found], "status of the Condition")


def _ecog(answer: Answer) -> object:
    number = answer.plain()
    return int(number) if number is not None and number in (0, 1, 2, 3, 4) else None


def _menopause(answer: Answer) -> object:
    found = answer.tokens & {"premenopausal", "postmenopausal"}
    return found.pop() if len(found) == 1 else None


def _pregnancy(answer: Answer) -> object:
    if "pregnant" in answer.tokens:
        return "pregnant"
    return None  # 'not pregnant' does not say whether she breastfeeds


def _lvef(answer: Answer) -> object:
    percent = answer.percent(unit_needed=True)
    return percent if percent is not None and 5 <= percent <= 90 else None


def _tmb(answer: Answer) -> object:
    per_megabase = answer.unit.casefold() in (
        "1/1000000{base}",
        "1/1000000",
        "mutations/megabase",
        "mut/mb",
        "{mutations}/{megabase}",
    )
    return answer.number if per_megabase and not answer.comparator and 0 <= (answer.number or -1) <= 2000 else None


def _tmb_class(answer: Answer) -> object:
    if "low" in answer.tokens:
        return False
    return True if "high" in answer.tokens else None
