"""Invented patients: profiles that are consistent in themselves, from declared distributions, by seed and number.

The same seed and number give the same profile, so that any part of a cohort can be made alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date as Date
from datetime import timedelta
from typing import Any

from her2cds.cohort.chance import Chance
from her2cds.cohort.invented_course import Biology, Course, CourseMaker
from her2cds.cohort.invented_tests import genomic_tests, marker_results, specimens
from her2cds.cohort.rates import MISSING_SHARE

_FIRST_DAY, _LAST_DAY = Date(2022, 6, 1), Date(2024, 5, 31)
_MENOPAUSE_YEARS = 51
_CERTAINLY_FAILING = 40  # an LVEF below this without heart failure is a contradiction to check
_SITES = ("bone", "liver", "lung", "lymph_node", "skin", "chest_wall", "pleura")
# What may be missing from a chart, by path; the rest is what every chart says.
_MAY_BE_MISSING = (
    "patient.menopausal_status",
    "patient.pregnancy",
    "patient.region",
    "patient.ecog",
    "disease.stage",
    "disease.tumour_size_cm",
    "disease.node_positive",
    "disease.residual_invasive_disease",
    "disease.diagnosis_date",
    "disease.relapse_date",
    "disease.sites_of_metastasis",
    "disease.progressing_now",
    "brain_metastases.status",
    "brain_metastases.leptomeningeal",
    "brain_metastases.local_therapy_possible",
    "biomarkers",
    "genomic_tests",
    "health.lvef_percent",
    "health.heart_failure",
    "health.interstitial_lung_disease",
    "health.hepatic_impairment",
    "health.renal_impairment",
    "health.neuropathy_grade",
    "health.chronic_diarrhoea",
    "health.autoimmune_disease",
    "health.hypersensitivity_to",
    "health.unsuitable_for",
    "health.concomitant_drugs",
)


def invented_patients(
    count: int, seed: int, first: int = 1, her2_positive: float | None = None
) -> Iterator[dict[str, Any]]:
    """The profiles number `first` to `first + count - 1` of the cohort that this seed stands for.

    `her2_positive` is the share of HER2-positive cancers where it is not to be the declared one.
    """
    for number in range(first, first + count):
        yield _Patient(Chance(seed, number, her2_positive), f"S{seed}-{number}").profile()


class _Patient:
    def __init__(self, chance: Chance, identifier: str) -> None:
        self._chance = chance
        self._identifier = identifier
        self._setting = chance.value("setting")
        self._biology = Biology(_her2(chance), chance.happens("hr.positive"))
        self._brain = self._brain_status()
        self._phase = self._early_phase()
        self._course = self._make_course()
        self._today = _FIRST_DAY + timedelta(chance.whole(0, (_LAST_DAY - _FIRST_DAY).days))
        self._diagnosis = self._today - timedelta(self._course.today)

    def profile(self) -> dict[str, Any]:
        """The profile, with what this chart lacks taken out."""
        tree: dict[str, Any] = {
            "schema_version": "1",
            "id": self._identifier,
            "date": self._today.isoformat(),
            "patient": self._person(),
            "disease": self._disease(),
            "brain_metastases": self._brain_metastases(),
            "specimens": self._dated(specimens(self._chance, self._biology, self._course, self._metastatic)),
            "genomic_tests": self._dated(genomic_tests(self._chance, self._biology, self._course, self._metastatic)),
            "biomarkers": marker_results(self._chance, self._biology),
            "treatments": self._dated(self._course.courses),
            "health": self._health(),
        }
        self._thin_out(tree)
        return {name: part for name, part in tree.items() if part != {}}

    @property
    def _metastatic(self) -> bool:
        return self._setting == "metastatic"

    @property
    def _early(self) -> bool:
        return self._setting == "early"

    # --- Course ---------------------------------------------------------------------------------------------

    def _early_phase(self) -> str:
        phase = self._chance.value("phase")
        if phase == "adjuvant_anti_her2_completed" and self._biology.her2 != "positive":
            return "after_surgery"
        return phase

    def _make_course(self) -> Course:
        maker = CourseMaker(self._chance, self._biology)
        if self._early:
            return maker.early(self._phase)
        lines = int(self._chance.value("lines"))
        de_novo = not self._metastatic or self._chance.happens("de_novo")
        course = maker.advanced(lines, de_novo=de_novo, goes_on=self._chance.happens("goes_on"))
        last = course.courses[-1] if course.courses else {}
        if self._brain == "progressing" and "progression_site" in last and self._chance.with_share(0.4):
            last["progression_site"] = "cns_only"
        return course

    # --- Person and disease ------------------------------------------------------------------------------------

    def _person(self) -> dict[str, Any]:
        age = self._chance.near(58, 13, 24, 92)
        male = self._chance.happens("male")
        person: dict[str, Any] = {
            "age_years": int(age),
            "sex": "male" if male else "female",
            "region": self._chance.value("region"),
            "ecog": int(self._chance.value("ecog")),
        }
        if not male:
            premenopausal = age < _MENOPAUSE_YEARS
            person["menopausal_status"] = "premenopausal" if premenopausal else "postmenopausal"
            pregnant = premenopausal and self._chance.happens("pregnant")
            person["pregnancy"] = "pregnant" if pregnant else "neither"
        self._age = age
        return person

    def _disease(self) -> dict[str, Any]:
        primary = "other" if self._chance.happens("other_primary") else "breast"
        disease: dict[str, Any] = {"primary": primary, "setting": self._setting}
        disease["diagnosis_date"] = self._diagnosis.isoformat()
        if self._early:
            stage = self._chance.value("stage")
            disease["early_phase"] = self._phase
            disease["stage"] = stage
            disease["tumour_size_cm"] = self._chance.near({"I": 1.3, "II": 2.9, "III": 5.2}[stage], 0.6, 0.3, 12)
            disease["node_positive"] = stage == "III" or (stage == "II" and self._chance.with_share(0.5))
            disease["locally_advanced_or_inflammatory"] = stage == "III"
            self._residual(disease)
        elif self._metastatic:
            disease["sites_of_metastasis"] = self._sites()
            if self._course.goes_on:
                disease["progressing_now"] = "cns_only" if self._brain == "progressing" else "no"
            if self._course.relapse is None:
                disease["stage"] = "IV"
            else:
                disease["relapse_date"] = self._day(self._course.relapse)
        return disease

    def _residual(self, disease: dict[str, Any]) -> None:
        """Whether invasive disease was left, where there was neoadjuvant treatment."""
        for one in self._course.courses:
            if one["setting"] == "neoadjuvant":
                disease["residual_invasive_disease"] = one["best_response"] == "residual_disease"

    def _sites(self) -> list[str]:
        sites = [site for site in _SITES if self._chance.with_share(0.3)] or ["bone"]
        return [*sites, "brain"] if self._brain != "none" else sites

    def _brain_status(self) -> str:
        rate = "brain.her2_positive" if self._biology.her2 == "positive" else "brain.other"
        return self._chance.value("brain") if self._metastatic and self._chance.happens(rate) else "none"

    def _brain_metastases(self) -> dict[str, Any]:
        if not self._metastatic:
            return {}
        brain: dict[str, Any] = {"status": self._brain, "leptomeningeal": False}
        if self._brain != "none":
            brain["leptomeningeal"] = self._chance.happens("leptomeningeal")
            brain["last_imaging_date"] = self._day(max(0, self._course.today - self._chance.whole(2, 60)))
            if self._brain != "stable":
                brain["local_therapy_possible"] = self._chance.with_share(0.6)
        return brain

    # --- Health -------------------------------------------------------------------------------------------------

    def _health(self) -> dict[str, Any]:
        chance, course = self._chance, self._course
        low = chance.happens("lvef.low")
        lvef = chance.near(44, 4, 25, 49) if low else chance.near(62, 4, 50, 75)
        heart = lvef < _CERTAINLY_FAILING or (low and chance.happens("heart_failure"))
        neuropathy = course.had_taxane_or_antibody and chance.happens("neuropathy")
        hypersensitive = course.had_taxane_or_antibody and chance.happens("hypersensitive")
        frail = self._age >= 75 and chance.happens("unsuitable")
        return {
            "lvef_percent": lvef,
            "lvef_date": self._day(max(0, course.today - chance.whole(1, 90))),
            "heart_failure": chance.one_of(("history", "active")) if heart else "none",
            "interstitial_lung_disease": self._lungs(),
            "hepatic_impairment": chance.value("impairment"),
            "renal_impairment": chance.value("impairment"),
            "neuropathy_grade": chance.whole(1, 3) if neuropathy else 0,
            "chronic_diarrhoea": chance.happens("diarrhoea"),
            "autoimmune_disease": chance.happens("autoimmune"),
            "hypersensitivity_to": [chance.one_of(("trastuzumab", "docetaxel", "paclitaxel"))]
            if hypersensitive
            else [],
            "unsuitable_for": [chance.one_of(("chemotherapy", "taxane"))] if frail else [],
            "concomitant_drugs": ["atorvastatin"] if chance.happens("statin") else [],
        }

    def _lungs(self) -> dict[str, Any]:
        had = self._course.had_t_dxd
        if not self._chance.happens("ild.t_dxd" if had else "ild.other"):
            return {"status": "never"}
        grade = self._chance.one_of((1, 1, 2, 2, 2, 3))
        lungs = {"status": self._chance.one_of(("past", "active")), "grade": grade, "steroids_needed": grade > 1}
        return {**lungs, "caused_by": ["T-DXd"]} if had else lungs

    # --- Dates and gaps -----------------------------------------------------------------------------------------

    def _day(self, days: int) -> str:
        return (self._diagnosis + timedelta(days)).isoformat()

    def _dated(self, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The parts with dates in place of days from the diagnosis."""
        return [
            {name: self._day(value) if name in ("date", "start", "end") else value for name, value in part.items()}
            for part in parts
        ]

    def _thin_out(self, tree: dict[str, Any]) -> None:
        if self._chance.happens("no_receptors"):
            del tree["specimens"]
        share = MISSING_SHARE[self._chance.value("chart")]
        for path in _MAY_BE_MISSING:
            if self._chance.with_share(share):
                parent, _, last = path.rpartition(".")
                (tree[parent] if parent else tree).pop(last, None)


def _her2(chance: Chance) -> str:
    if chance.happens("her2.positive"):
        return "positive"
    if chance.happens("her2.awaits_ish"):
        return "equivocal"
    return "low" if chance.happens("her2.low") else "zero"
