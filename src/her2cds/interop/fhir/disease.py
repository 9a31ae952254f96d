"""The cancer itself: Conditions, stage and TNM categories, disease status, and where the disease has spread.

A metastasis counts where its Condition is active and belongs to a breast primary of the input, or names no other and
breast is the only primary. The site code alone says nothing about the primary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date as Date

from her2cds.interop.fhir.bearings import Bearing, by_its_words, of_spread
from her2cds.interop.fhir.cancers import (
    Primary,
    diagnosis_of,
    is_of_another_organ,
    is_secondary,
    is_unknown_primary,
    several,
)
from her2cds.interop.fhir.candidates import Candidates
from her2cds.interop.fhir.codes import Meaning
from her2cds.interop.fhir.elements import Answer, Reading, extension, words_for
from her2cds.interop.fhir.resources import Resource, inside, listed

_RELATED_PRIMARY = (
    "mcode-related-primary-cancer-condition",
    "condition-related",
    "onco-core-RelatedPrimaryCancerCondition-extension",
)
# Diagnoses that name breast cancer together with a receptor; as ICD-10 codes these are statuses only.
_BREAST_WITH_RECEPTORS = ("her2.positive", "her2.negative", "no_place.hormone_receptors_together")
_PATHS = {
    "stage": "disease.stage",
    "category.m": "m",
    "category.n": "disease.node_positive",
    "disease_status": "status",
    "tumour_size": "disease.tumour_size_cm",
    "tumour_size.panel": "disease.tumour_size_cm",
}
QUESTIONS = tuple(_PATHS)
_OF_ONE_CANCER = tuple(path for path in dict.fromkeys(_PATHS.values()) if path != "status")


@dataclass(frozen=True, slots=True)
class Spread:
    """One distant metastasis on record."""

    site: str
    day: Date | None
    source: str


@dataclass(slots=True)
class Disease:
    """What the record says about the cancer, gathered first and put together in `put`."""

    reading: Reading
    primaries: dict[str, str] = field(default_factory=dict)
    breast: list[Primary] = field(default_factory=list)
    secondaries: list[tuple[Resource, str, Date | None]] = field(default_factory=list)
    spread: list[Spread] = field(default_factory=list)
    candidates: Candidates = field(default_factory=Candidates)
    worsened: list[tuple[Date | None, str]] = field(default_factory=list)
    signs_of_spread: bool = False  # what speaks of spread, or of a return, without being a metastasis that counts
    bearings: dict[str, Bearing] = field(default_factory=dict)
    of_spread: set[str] = field(default_factory=set)  # the Conditions that are a spread, of whichever primary
    unnamed: set[str] = field(default_factory=set)  # those that are a cancer of an organ that is not told
    signs: list[tuple[Date | None, str]] = field(default_factory=list)

    # --- Conditions ---------------------------------------------------------------------------------------

    def read_condition(self, resource: Resource, meanings: list[Meaning], active: bool) -> bool:
        """A cancer Condition; false where it is none."""
        tokens = {one.token for one in meanings}
        day = self.reading.day(_diagnosed(resource), resource, "onset")
        sites = {
            one for token in tokens if token.startswith("metastasis.") for one in [token.removeprefix("metastasis.")]
        }
        if any(one.system == "snomed" and one.token in _BREAST_WITH_RECEPTORS for one in meanings):
            tokens.add("primary.breast")
        if "primary.unnamed" in tokens and self._in_breast(resource):
            tokens.add("primary.breast")
        if "primary.breast" in tokens:
            self.bearings[resource.label] = Bearing.OURS
            self.primaries[resource.label] = "breast"
            self.breast.append(Primary(resource, day, active))
            self._stages_of(resource)
        elif is_of_another_organ(resource):
            self._other_primary(resource, active)
        elif sites:
            self._metastasis(resource, sorted(sites)[0], day, active)
        elif tokens & {"history.metastatic", "recurrence.local"}:
            if "recurrence.local" in tokens:
                self.signs.append((day, resource.label))
            self._past_or_local(resource)
        elif "spread.regional_or_unstated" in tokens or is_secondary(resource):
            self._spread_somewhere(resource, day)
        elif "primary.unnamed" in tokens or is_unknown_primary(resource):
            self._unknown_primary(resource, active)
        else:
            return False
        return True

    def note_not_taken(self, resource: Resource, *, is_no_cancer: bool) -> None:
        """A Condition that is read as something else than a cancer, or that no reader took."""
        self.bearings[resource.label] = Bearing.OTHER if is_no_cancer else by_its_words(resource)

    def note_unsure(self, resource: Resource, meanings: list[Meaning]) -> None:
        """A Condition that is not confirmed: a result about it is still about that tumour."""
        known = any(one.token == "primary.breast" for one in meanings)
        self.bearings[resource.label] = Bearing.PERHAPS if known else by_its_words(resource)

    def bearing_of(self, resource: Resource) -> Bearing:
        """What a Condition is to the breast cancer; one that was not read (a relative's, a later one) tells nothing."""
        if resource.label in self.of_spread:
            return of_spread(self._related_organ(resource), self.primaries.values())
        found = self.bearings.get(resource.label, Bearing.UNTOLD)
        if found is Bearing.PERHAPS and resource.label in self.unnamed and self.breast:
            return Bearing.UNTOLD
        return found

    def _metastasis(self, resource: Resource, site: str, day: Date | None, active: bool) -> None:
        self.of_spread.add(resource.label)
        if active:
            self.secondaries.append((resource, site, day))
            return
        self.signs_of_spread = True
        self.signs.append((day, resource.label))
        words = words_for(resource.content.get("code"))
        self.reading.draft.aside(resource.label, words, "not active: spread that there once was, not counted as now")
        self.reading.draft.ask(f"{words}, no longer active: what is the setting now?")

    def _spread_somewhere(self, resource: Resource, day: Date | None) -> None:
        self.of_spread.add(resource.label)
        self.signs_of_spread = True
        self.signs.append((day, resource.label))
        words = words_for(resource.content.get("code"))
        self.reading.draft.aside(resource.label, words, "does not say whether the spread is distant, or to where")
        self.reading.draft.ask(f"{words}: is the disease metastatic, and which organs are involved?")

    def _past_or_local(self, resource: Resource) -> None:
        self.of_spread.add(resource.label)
        self.signs_of_spread = True
        words = words_for(resource.content.get("code"))
        self.reading.draft.aside(resource.label, words, "history or local recurrence: the profile has no field for it")
        self.reading.draft.ask(f"{words}: what is the setting now?")

    def _unknown_primary(self, resource: Resource, active: bool) -> None:
        """A cancer whose organ is not told: it may be the breast cancer, so nothing is said of it."""
        self.bearings[resource.label] = Bearing.PERHAPS
        self.unnamed.add(resource.label)
        words = words_for(resource.content.get("code"))
        self.reading.draft.unread(resource.label, words, "a cancer that does not say of which organ, in a known code")
        if active:
            self.primaries[resource.label] = "unknown"
            self.reading.draft.ask(f"{words} ({resource.label}): is this the breast cancer?")

    def _other_primary(self, resource: Resource, active: bool) -> None:
        self.bearings[resource.label] = Bearing.OTHER
        words = words_for(resource.content.get("code"))
        if active:
            self.primaries[resource.label] = "other"
        self.reading.draft.aside(resource.label, words, "a cancer of another organ")

    def _in_breast(self, resource: Resource) -> bool:
        sites = self.reading.meanings(resource.content.get("bodySite"), resource)
        return any(one.token == "site.breast" for one in sites)

    def _stages_of(self, resource: Resource) -> None:
        for stage in listed(resource.content.get("stage")):
            summary = stage.get("summary")
            tokens = {one.token for one in self.reading.meanings(summary, resource)}
            self._stage(tokens, words_for(summary), None, resource)

    # --- Observations -------------------------------------------------------------------------------------

    def read_history(self, resource: Resource) -> None:
        """An Observation that there once were metastases (mCODE from STU3 on); the value false denies them."""
        if resource.content.get("valueBoolean") is False:
            words = words_for(resource.content.get("code"))
            self.reading.draft.aside(resource.label, f"{words}: none", "does not say what the setting is now")
        else:
            self._past_or_local(resource)

    def note_valueless(self, question: str, said: str, resource: Resource, day: Date | None) -> None:
        """An answer to a question about the disease that gives no value: no older one may stand as current."""
        self.candidates.add_valueless(_PATHS[question], said, day, resource.label)

    def read_stage(self, resource: Resource, answer: Answer, day: Date | None) -> None:
        """A stage group Observation."""
        if not self._stage(answer.tokens, answer.said, day, resource):
            self.note_valueless("stage", answer.said, resource, day)

    def _stage(self, tokens: set[str], said: str, day: Date | None, resource: Resource) -> bool:
        groups = {one.removeprefix("stage.") for one in tokens if one.startswith("stage.")}
        if len(groups) == 1:
            self.candidates.add("disease.stage", groups.pop(), day, resource.label)
            return True
        self.reading.draft.unread(resource.label, f"stage {said}", "no stage group of the code map")
        return False

    def read_category(self, question: str, resource: Resource, answer: Answer, day: Date | None) -> None:
        """An M or N category."""
        letter = question.removeprefix("category.")
        found = {token.removeprefix(f"{letter}.") for token in answer.tokens if token.startswith(f"{letter}.")}
        if len(found) != 1:
            self.reading.draft.unread(resource.label, f"{letter.upper()} category {answer.said}", "not in the code map")
            self.note_valueless(question, answer.said, resource, day)
        elif letter == "n":
            self.candidates.add("disease.node_positive", found.pop() == "positive", day, resource.label, "N category")
        else:
            self.candidates.add("m", found.pop(), day, resource.label)

    def read_status(self, resource: Resource, answer: Answer, day: Date | None) -> None:
        """A disease status: improved, stable, worsened; in mCODE STU3 also that there are distant metastases."""
        found = {token.removeprefix("status.") for token in answer.tokens if token.startswith("status.")}
        if not found and "m.1" in answer.tokens:
            found = {"distant metastasis present"}
            self.candidates.add("m", "1", day, resource.label)
        if len(found) != 1:
            self.reading.draft.unread(resource.label, f"disease status {answer.said}", "not in the code map")
            self.note_valueless("disease_status", answer.said, resource, day)
            return
        status = found.pop()
        if status == "worsened":
            self.worsened.append((day, resource.label))
        self.candidates.add("status", status, day, resource.label)

    def read_size(self, resource: Resource, number: float | None, unit: str, day: Date | None) -> None:
        """A largest dimension of the tumour, in cm or mm."""
        centimetres = {"cm": 1.0, "mm": 0.1}.get(unit)
        if number is None or centimetres is None or not 0 <= number * centimetres <= 40:
            self.reading.draft.unread(resource.label, f"tumour size {number} {unit}", "a length in cm or mm is needed")
            self.note_valueless("tumour_size", f"{number} {unit}".strip(), resource, day)
            return
        self.candidates.add("disease.tumour_size_cm", round(number * centimetres, 3), day, resource.label)

    # --- Putting it together --------------------------------------------------------------------------------

    def put(self) -> None:
        """Write the disease into the draft, but for its status: that is put once the treatments are known."""
        self._put_primary()
        self._leave_out_another_cancer()
        self._put_sites()
        draft = self.reading.draft
        stage = self.candidates.settle_agreed("disease.stage", draft)
        self.candidates.settle_newest("disease.node_positive", draft)
        self.candidates.settle_newest("disease.tumour_size_cm", draft)
        self._put_setting(stage.value if stage else None)

    def _put_primary(self) -> None:
        draft = self.reading.draft
        organs = set(self.primaries.values())
        if len(organs) > 1:
            found = "; ".join(f"{organ} ({label})" for label, organ in self.primaries.items())
            draft.conflict("$.disease.primary", found, self.primaries, "not taken: which cancer is to be treated?")
        elif organs - {"unknown"}:
            draft.put("disease.primary", organs.pop(), self.primaries)
        treated = diagnosis_of(self.breast)
        if treated is not None and treated.day is not None and len(organs) <= 1:
            how = "onset of the breast cancer, or the day on which it was asserted"
            draft.put("disease.diagnosis_date", treated.day.isoformat(), [treated.resource.label], how)
        if several(self.breast):
            shown = "; ".join(f"{one.resource.label} ({one.day or 'undated'})" for one in self.breast)
            draft.ask(f"Several records of breast cancer: {shown}. One cancer or more, and which is to be treated?")

    def _leave_out_another_cancer(self) -> None:
        """With more than one breast cancer, what was staged before the one to be treated was found is not of it."""
        since = self.diagnosis()
        own = {one.resource.label for one in self.breast if one.day is not None and one.day == since}
        for path in _OF_ONE_CANCER if several(self.breast) else ():
            kept = []
            for one in self.candidates.by_path.pop(path, []):
                if one.source in own or (since is not None and one.day is not None and one.day >= since):
                    kept.append(one)
                else:
                    why = "not known to be of the breast cancer to be treated: there are records of more than one"
                    self.reading.draft.aside(one.source, f"{path} {one.value}", why)
            if kept:
                self.candidates.by_path[path] = kept

    def _put_sites(self) -> None:
        draft = self.reading.draft
        for resource, site, day in self.secondaries:
            words = words_for(resource.content.get("code"))
            if self._of_breast(resource):
                self.spread.append(Spread(site, day, resource.label))
            else:
                self.signs_of_spread = True
                self.signs.append((day, resource.label))
                draft.aside(resource.label, words, "not known to come from a breast cancer of this record")
                draft.ask(f"{words}: does it come from the breast cancer?")
        sites = sorted({one.site for one in self.spread})
        if not sites:
            return
        draft.put("disease.sites_of_metastasis", sites, [one.source for one in self.spread])
        if "brain" in sites:
            draft.ask("Brain metastases: stable after treatment, untreated, or progressing?")
        if "leptomeninges" in sites:
            meninges = [one.source for one in self.spread if one.site == "leptomeninges"]
            draft.put("brain_metastases.leptomeningeal", True, meninges)

    def _of_breast(self, resource: Resource) -> bool:
        return of_spread(self._related_organ(resource), self.primaries.values()) is Bearing.OURS

    def _related_organ(self, resource: Resource) -> str | None:
        """The organ of the primary that a spread names: empty where it is not known, None where it names none."""
        for ending in _RELATED_PRIMARY:
            for one in extension(resource.content, ending):
                primary = self.reading.resources.follow(one.get("valueReference"), resource)
                if primary is None:
                    return ""
                over = "other" if self.bearings.get(primary.label) is Bearing.OTHER else ""
                return self.primaries.get(primary.label, over)
        return None

    def _put_setting(self, stage: str | None) -> None:
        draft = self.reading.draft
        m_values = {one.value for one in self.candidates.by_path.get("m", [])}
        m_sources = [one.source for one in self.candidates.by_path.get("m", [])]
        stage_sources = [one.source for one in self.candidates.by_path.get("disease.stage", [])]
        if self.spread:
            draft.put(
                "disease.setting", "metastatic", [one.source for one in self.spread], "distant metastases on record"
            )
        elif stage == "IV" and "0" in m_values:
            draft.conflict("$.disease.setting", "stage IV and M0", [*stage_sources, *m_sources], "no setting was taken")
        elif stage == "IV" or m_values == {"1"}:
            draft.put("disease.setting", "metastatic", stage_sources if stage == "IV" else m_sources, "stage IV or M1")
        else:
            draft.ask("The setting now: early, locally advanced and not resectable, or metastatic?")
        self._put_relapse()
        for one in self.candidates.by_path.get("m", []):
            draft.aside(one.source, f"M{one.value}", "the state at staging; used for the setting only where it says M1")

    def _put_relapse(self) -> None:
        """First distant relapse: the first dated metastasis after a diagnosis that was staged as not metastatic."""
        days = [one.day for one in self.spread]
        if not self.spread or None in days or not self.was_early():
            return
        first = min((one for one in self.spread if one.day), key=lambda one: one.day or Date.max)
        diagnosis = self.diagnosis()
        if several(self.breast):
            self.reading.draft.ask("First distant relapse: when, if the cancer has come back after an early stage?")
            return
        if diagnosis is not None and first.day is not None and first.day > diagnosis:
            how = "first distant metastasis after a diagnosis staged I to III or M0"
            self.reading.draft.put("disease.relapse_date", first.day.isoformat(), [first.source], how)

    def diagnosis(self) -> Date | None:
        """The day of diagnosis of the breast cancer that is active, else of the latest; None where not on record."""
        found = diagnosis_of(self.breast)
        return found.day if found is not None else None

    def was_early(self) -> bool:
        """Whether a stage I to III or an M0 is on record, and nothing that says stage IV or M1, or may say it since."""
        stages, categories = self.candidates.by_path.get("disease.stage", []), self.candidates.by_path.get("m", [])
        latest = max((one.day for one in (*stages, *categories) if one.day), default=None)
        unread = [one for path in ("disease.stage", "m") for one in self.candidates.valueless.get(path, [])]
        if any(one.day is not None and (latest is None or one.day > latest) for one in unread):
            return False
        said = {one.value for one in stages} | {f"M{one.value}" for one in categories}
        return bool(said) and not said & {"IV", "M1"}

    def spread_on_record(self) -> bool:
        """Whether anything in the record speaks of spread, understood or not."""
        stages = {one.value for one in self.candidates.by_path.get("disease.stage", [])}
        return bool(self.spread or self.worsened or "IV" in stages) or self.signs_of_spread

    def first_spread(self) -> Date | None:
        """The day of the first metastasis, or of a diagnosis with stage IV; None where it is not dated."""
        days = [one.day for one in self.spread]
        if days:
            return None if None in days else min(day for day in days if day)
        staged = [one.day for one in self.candidates.by_path.get("disease.stage", []) if one.value == "IV" and one.day]
        return min(staged, default=None)


def _diagnosed(resource: Resource) -> object:
    """The onset of a Condition, else the day on which it was asserted (which mCODE takes for that of the diagnosis)."""
    onset = resource.content.get("onsetDateTime") or inside(resource.content, "onsetPeriod", "start")
    asserted = (one.get("valueDateTime") for one in extension(resource.content, "condition-assertedDate"))
    return onset or next(asserted, None)
