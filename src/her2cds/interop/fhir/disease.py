"""The cancer itself: Conditions, stage and TNM categories, disease status, and where the disease has spread.

A metastasis counts where its Condition is active and belongs to a breast primary of the input, or names no other and
breast is the only primary. The site code alone says nothing about the primary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date as Date

from her2cds.interop.fhir.candidates import Candidates
from her2cds.interop.fhir.codes import Meaning
from her2cds.interop.fhir.elements import Answer, Reading, codings, extension, words_for
from her2cds.interop.fhir.resources import Resource, inside, listed, profiles_of

_RELATED_PRIMARY = (
    "mcode-related-primary-cancer-condition",
    "condition-related",
    "onco-core-RelatedPrimaryCancerCondition-extension",
)
# Diagnoses that name breast cancer together with a receptor; as ICD-10 codes these are statuses only.
_BREAST_WITH_RECEPTORS = ("her2.positive", "her2.negative", "no_place.hormone_receptors_together")
_STATUS = {"improved": "no", "stable": "no"}


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
    breast: list[tuple[Resource, Date | None]] = field(default_factory=list)
    secondaries: list[tuple[Resource, str, Date | None]] = field(default_factory=list)
    spread: list[Spread] = field(default_factory=list)
    candidates: Candidates = field(default_factory=Candidates)
    worsened: list[tuple[Date | None, str]] = field(default_factory=list)
    unknown_spread: bool = False

    # --- Conditions ---------------------------------------------------------------------------------------

    def read_condition(self, resource: Resource, meanings: list[Meaning], active: bool) -> bool:
        """A cancer Condition; false where it is none."""
        tokens = {one.token for one in meanings}
        onset = resource.content.get("onsetDateTime") or inside(resource.content, "onsetPeriod", "start")
        day = self.reading.day(onset, resource, "onset")
        sites = {
            one for token in tokens if token.startswith("metastasis.") for one in [token.removeprefix("metastasis.")]
        }
        if any(one.system == "snomed" and one.token in _BREAST_WITH_RECEPTORS for one in meanings):
            tokens.add("primary.breast")
        if "primary.unnamed" in tokens and self._in_breast(resource):
            tokens.add("primary.breast")
        if "primary.breast" in tokens:
            self.primaries[resource.label] = "breast"
            self.breast.append((resource, day))
            self._stages_of(resource)
        elif "primary.unnamed" in tokens or self._other_cancer(resource):
            self._other_primary(resource, active)
        elif sites:
            if active:
                self.secondaries.append((resource, sorted(sites)[0], day))
            else:
                self.reading.draft.aside(resource.label, words_for(resource.content.get("code")), "not active")
        elif "spread.regional_or_unstated" in tokens:
            self.unknown_spread = True
            words = words_for(resource.content.get("code"))
            self.reading.draft.aside(resource.label, words, "does not say whether the spread is distant, or to where")
            self.reading.draft.ask(f"{words}: is the disease metastatic, and which organs are involved?")
        elif tokens & {"history.metastatic", "recurrence.local"}:
            words = words_for(resource.content.get("code"))
            self.reading.draft.aside(
                resource.label, words, "history or local recurrence: the profile has no field for it"
            )
            self.reading.draft.ask(f"{words}: what is the setting now?")
        else:
            return False
        return True

    def _other_primary(self, resource: Resource, active: bool) -> None:
        words = words_for(resource.content.get("code"))
        if active:
            self.primaries[resource.label] = "other"
        self.reading.draft.aside(resource.label, words, "a cancer that is not known to be of the breast")

    def _other_cancer(self, resource: Resource) -> bool:
        """A primary cancer by ICD-10 chapter, or by its mCODE profile, that the code map does not know as breast."""
        for coding in codings(resource.content.get("code")):
            code = str(coding.get("code", "")).upper()
            icd = "icd-10" in str(coding.get("system", ""))
            if icd and code[:1] == "C" and code[:3] not in ("C50", "C77", "C78", "C79", "C80", "C7B"):
                return True
        return any("primary-cancer-condition" in one for one in profiles_of(resource.content))

    def _in_breast(self, resource: Resource) -> bool:
        sites = self.reading.meanings(resource.content.get("bodySite"), resource)
        return any(one.token == "site.breast" for one in sites)

    def _stages_of(self, resource: Resource) -> None:
        for stage in listed(resource.content.get("stage")):
            self._stage(stage.get("summary"), None, resource)

    # --- Observations -------------------------------------------------------------------------------------

    def read_stage(self, resource: Resource, day: Date | None) -> None:
        """A stage group Observation."""
        self._stage(resource.content.get("valueCodeableConcept"), day, resource)

    def _stage(self, concept: object, day: Date | None, resource: Resource) -> None:
        groups = {one.token.removeprefix("stage.") for one in self.reading.meanings(concept, resource)
                  if one.token.startswith("stage.")}  # fmt: skip
        if len(groups) == 1:
            self.candidates.add("disease.stage", groups.pop(), day, resource.label)
        else:
            self.reading.draft.unread(resource.label, f"stage {words_for(concept)}", "no stage group of the code map")

    def read_category(self, question: str, resource: Resource, answer: Answer, day: Date | None) -> None:
        """An M or N category."""
        letter = question.removeprefix("category.")
        found = {token.removeprefix(f"{letter}.") for token in answer.tokens if token.startswith(f"{letter}.")}
        if len(found) != 1:
            self.reading.draft.unread(resource.label, f"{letter.upper()} category {answer.said}", "not in the code map")
        elif letter == "n":
            self.candidates.add("disease.node_positive", found.pop() == "positive", day, resource.label, "N category")
        else:
            self.candidates.add("m", found.pop(), day, resource.label)

    def read_status(self, resource: Resource, answer: Answer, day: Date | None) -> None:
        """A disease status: improved, stable, worsened."""
        found = {token.removeprefix("status.") for token in answer.tokens if token.startswith("status.")}
        if len(found) != 1:
            self.reading.draft.unread(resource.label, f"disease status {answer.said}", "not in the code map")
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
            return
        self.candidates.add("disease.tumour_size_cm", round(number * centimetres, 3), day, resource.label)

    # --- Putting it together --------------------------------------------------------------------------------

    def put(self) -> None:
        """Write the disease into the draft."""
        self._put_primary()
        self._put_sites()
        draft = self.reading.draft
        stage = self.candidates.settle_agreed("disease.stage", draft)
        self.candidates.settle_newest("disease.node_positive", draft)
        self.candidates.settle_newest("disease.tumour_size_cm", draft)
        self._put_setting(stage.value if stage else None)
        self._put_status()

    def _put_primary(self) -> None:
        draft = self.reading.draft
        organs = set(self.primaries.values())
        if len(organs) > 1:
            found = "; ".join(f"{organ} ({label})" for label, organ in self.primaries.items())
            draft.conflict("$.disease.primary", found, self.primaries, "not taken: which cancer is to be treated?")
        elif organs:
            draft.put("disease.primary", organs.pop(), self.primaries)
        onsets = sorted((day, one.label) for one, day in self.breast if day is not None)
        if onsets and len(organs) <= 1:
            draft.put("disease.diagnosis_date", onsets[0][0].isoformat(), [onsets[0][1]], "onset of the breast cancer")

    def _put_sites(self) -> None:
        draft = self.reading.draft
        for resource, site, day in self.secondaries:
            words = words_for(resource.content.get("code"))
            if self._of_breast(resource):
                self.spread.append(Spread(site, day, resource.label))
            else:
                self.unknown_spread = True
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
        for ending in _RELATED_PRIMARY:
            for one in extension(resource.content, ending):
                primary = self.reading.resources.follow(one.get("valueReference"), resource)
                return primary is not None and self.primaries.get(primary.label) == "breast"
        return bool(self.breast) and "other" not in self.primaries.values()

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
        diagnosis = min((day for _, day in self.breast if day), default=None)
        if diagnosis is not None and first.day is not None and first.day > diagnosis:
            how = "first distant metastasis after a diagnosis staged I to III or M0"
            self.reading.draft.put("disease.relapse_date", first.day.isoformat(), [first.source], how)

    def was_early(self) -> bool:
        """Whether a stage I to III or an M0 is on record, and nothing that says stage IV or M1."""
        stages = {one.value for one in self.candidates.by_path.get("disease.stage", [])}
        categories = {one.value for one in self.candidates.by_path.get("m", [])}
        return bool(stages or categories) and "IV" not in stages and "1" not in categories

    def spread_on_record(self) -> bool:
        """Whether anything in the record speaks of spread, understood or not."""
        stages = {one.value for one in self.candidates.by_path.get("disease.stage", [])}
        return bool(self.spread or self.worsened or "IV" in stages) or self.unknown_spread

    def first_spread(self) -> Date | None:
        """The day of the first metastasis, or of a diagnosis with stage IV; None where it is not dated."""
        days = [one.day for one in self.spread]
        if days:
            return None if None in days else min(day for day in days if day)
        staged = [one.day for one in self.candidates.by_path.get("disease.stage", []) if one.value == "IV" and one.day]
        return min(staged, default=None)

    def _put_status(self) -> None:
        draft = self.reading.draft
        found = self.candidates.by_path.get("status", [])
        dated = [one for one in found if one.day is not None]
        latest = [one for one in dated if one.day == max(other.day for other in dated if other.day)] or found
        values = {one.value for one in latest}
        for one in found:
            if one not in latest:
                draft.aside(
                    one.source, f"disease status {one.value}", "an older status; used to tell how a course ended"
                )
        if len(values) > 1:
            draft.conflict(
                "$.disease.progressing_now", ", ".join(sorted(values)), [one.source for one in latest], "not taken"
            )
            return
        for value in values:
            sources = [one.source for one in latest]
            if value in _STATUS:
                draft.put("disease.progressing_now", _STATUS[value], sources, f"latest disease status: {value}")
            else:
                draft.aside(sources[0], f"latest disease status: {value}", "where the disease progresses is not said")
                draft.ask("Is the disease progressing now, in the central nervous system only or elsewhere too?")
