"""Contradictions inside a profile: errors where they could change the pathway, warnings where they cannot.

The list is documented in docs/methods/contradictions.md; each function is one family of checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date as Date

from her2cds.profile.contradiction import Contradiction, Finding, error, warning
from her2cds.profile.model import Profile, Treatment
from her2cds.profile.receptor_contradictions import receptors

_RESPONDING = ("complete", "partial", "stable")
_EARLY = ("neoadjuvant", "adjuvant")
_DISTANT = frozenset({"bone", "liver", "lung", "brain", "peritoneum", "pleura", "leptomeninges"})


def contradictions(profile: Profile, today: Date) -> list[Contradiction]:
    """All contradictions in the profile, taking `today` as the latest possible date."""
    checks: tuple[Callable[[Profile], Finding], ...] = (
        receptors,
        _extent,
        _advanced_extent,
        _brain,
        _brain_under_treatment,
        _person,
        _treatments,
        _line_numbers,
        _lines_going_on,
        _progression_now,
        _progression_taken_from_response,
        _lungs,
        _heart,
    )
    found = [one for check in checks for one in check(profile)]
    return [*found, *_dates(profile, today)]


def _extent(profile: Profile) -> Finding:
    disease, treatments = profile.disease, profile.treatments or ()
    if disease.setting == "early":
        if disease.stage == "IV":
            yield error("$.disease.stage", "IV in early disease", "I to III, or setting metastatic")
        if disease.sites_of_metastasis:
            yield error("$.disease.sites_of_metastasis", "metastases in early disease", "none, or setting metastatic")
        if disease.relapse_date is not None:
            yield error(
                "$.disease.setting",
                f"early, with a relapse_date ({disease.relapse_date}: the first distant relapse)",
                "setting metastatic, or no relapse_date",
            )
        if any(one.setting == "metastatic" for one in treatments):
            yield error(
                "$.treatments",
                "a treatment for metastatic disease in early disease",
                "setting metastatic, or none",
            )
    if disease.residual_invasive_disease and any(
        one.setting == "neoadjuvant" and one.best_response == "pathological_complete" for one in treatments
    ):
        yield error(
            "$.disease.residual_invasive_disease",
            "true after a pathological complete response",
            "one of the two",
        )


def _advanced_extent(profile: Profile) -> Finding:
    disease = profile.disease
    if disease.setting == "metastatic" and disease.early_phase is not None:
        yield error("$.disease.early_phase", f"{disease.early_phase} in metastatic disease", "no early_phase")
    distant = [one for one in disease.sites_of_metastasis or () if one in _DISTANT]
    if disease.setting == "locally_advanced_unresectable" and distant:
        yield error(
            "$.disease.sites_of_metastasis",
            f"{', '.join(distant)} in disease that is locally advanced",
            "no distant metastases, or setting metastatic",
        )


def _brain(profile: Profile) -> Finding:
    brain, disease = profile.brain_metastases, profile.disease
    sites = disease.sites_of_metastasis or ()
    has_brain = brain.status in ("stable", "untreated", "progressing")
    if brain.status == "none" and "brain" in sites:
        yield error("$.brain_metastases.status", "none, with brain among the sites of metastasis", "one of the two")
    if brain.leptomeningeal is False and "leptomeninges" in sites:
        yield error("$.brain_metastases.leptomeningeal", "false, with leptomeninges among the sites", "one of the two")
    if (has_brain or brain.leptomeningeal) and disease.setting == "early":
        yield error("$.disease.setting", "early, with metastases in the central nervous system", "metastatic")
    if disease.progressing_now == "cns_only" and brain.status in ("none", "stable") and not brain.leptomeningeal:
        yield error(
            "$.disease.progressing_now",
            f"cns_only, with brain metastases {brain.status}",
            "status progressing or untreated",
        )
    if disease.progressing_now == "no" and brain.status == "progressing":
        yield error("$.disease.progressing_now", "no, with progressing brain metastases", "cns_only or systemic")


def _brain_under_treatment(profile: Profile) -> Finding:
    """Without a word on how the disease is now, the latest treatment tells it; lesions may be stable again since."""
    brain = profile.brain_metastases
    if brain.status != "none" or brain.leptomeningeal or profile.disease.progressing_now is not None:
        return
    for index, one in _latest(profile):
        if one.progression_site == "cns_only":
            yield error(
                "$.brain_metastases.status",
                f"none, with progression in the central nervous system only under treatments[{index}]",
                "the status of the brain metastases, or another progression_site",
            )
            return


def _latest(profile: Profile) -> list[tuple[int, Treatment]]:
    """The courses for advanced disease that go on, else the last one; none where no order can be told."""
    advanced = _advanced(profile)
    going_on = [(index, one) for index, one in advanced if one.ongoing]
    if going_on or len(advanced) < 2:
        return going_on or advanced
    numbered = all(one.line is not None for _, one in advanced)
    if not numbered and any(one.start is None for _, one in advanced):
        return []
    return [max(advanced, key=lambda pair: _place(pair[1], numbered))]


def _advanced(profile: Profile) -> list[tuple[int, Treatment]]:
    """The courses that are not said to be for early disease, with their places in the list."""
    return [(index, one) for index, one in enumerate(profile.treatments or ()) if one.setting not in _EARLY]


def _place(one: Treatment, numbered: bool) -> tuple[int, Date, bool]:
    return (one.line or 0) if numbered else 0, one.start or one.end or Date.min, bool(one.maintenance_of_previous)


def _person(profile: Profile) -> Finding:
    person = profile.patient
    if person.sex == "male" and person.pregnancy in ("pregnant", "breastfeeding"):
        yield error("$.patient.pregnancy", f"{person.pregnancy} in a male patient", "one of the two")
    if person.sex == "male" and person.menopausal_status is not None:
        yield error("$.patient.menopausal_status", "a menopausal status in a male patient", "one of the two")
    if person.pregnancy == "pregnant" and person.menopausal_status == "postmenopausal":
        yield error("$.patient.pregnancy", "pregnant after menopause", "one of the two")


def _treatments(profile: Profile) -> Finding:
    for index, one in enumerate(profile.treatments or ()):
        path = f"$.treatments[{index}]"
        if one.ongoing and one.end is not None:
            yield error(f"{path}.ongoing", f"true with the end {one.end}", "one of the two")
        if one.ongoing and one.stop_reason is not None:
            yield error(f"{path}.ongoing", f"true with the stop_reason {one.stop_reason}", "one of the two")
        if one.start and one.end and one.end < one.start:
            yield error(f"{path}.end", f"{one.end}, before the start {one.start}", "an end after the start")
        if one.stopped_agents and not set(one.stopped_agents) <= set(one.agents):
            yield error(f"{path}.stopped_agents", ", ".join(one.stopped_agents), f"some of {', '.join(one.agents)}")
        if one.progression_site and one.stop_reason not in (None, "progression"):
            yield error(
                f"{path}.progression_site",
                f"given with stop_reason {one.stop_reason}",
                "stop_reason progression",
            )
        if one.line is not None and one.setting in _EARLY:
            yield warning(
                f"{path}.line",
                f"line {one.line} for {one.setting} treatment",
                "line numbers for metastatic disease only",
            )


def _line_numbers(profile: Profile) -> Finding:
    advanced = _advanced(profile)
    counts = Counter(one.line for _, one in advanced if one.line is not None and not one.maintenance_of_previous)
    for line, count in sorted(counts.items()):
        if count > 1:
            yield warning(
                "$.treatments[].line",
                f"line {line} numbered {count} times",
                "each line once",
                "The courses are counted as one line.",
            )
    numbers = {one.line for _, one in advanced if one.line is not None}
    listed = len(numbers) + sum(one.line is None and not one.maintenance_of_previous for _, one in advanced)
    last = max(numbers, default=0)
    if last > listed and profile.treatments_complete is not False:
        index = next(index for index, one in advanced if one.line == last)
        yield warning(
            f"$.treatments[{index}].line",
            f"line {last}, with {listed} line{'s' if listed > 1 else ''} listed",
            "the lines before it in the list",
            "Add the earlier treatments, or set treatments_complete to false.",
        )


def _lines_going_on(profile: Profile) -> Finding:
    """One fault for each of the courses: which of them has ended cannot be told."""
    going_on = [
        (index, one.line)
        for index, one in _advanced(profile)
        if one.ongoing and one.line is not None and not one.maintenance_of_previous
    ]
    for index, line in going_on:
        others = sorted({other for _, other in going_on if other != line})
        if others:
            yield error(
                f"$.treatments[{index}].ongoing",
                f"true for line {line}, and for line {', '.join(map(str, others))} as well",
                "one line that goes on",
                "A drug that is given on into the next line is an agent of that line, too.",
            )


def _progression_now(profile: Profile) -> Finding:
    for index, one in enumerate(profile.treatments or ()):
        if profile.disease.progressing_now == "no" and one.ongoing and one.progression_site == "systemic":
            yield error(
                "$.disease.progressing_now",
                f"no, with systemic progression under treatments[{index}], which goes on",
                "systemic, or no progression_site there",
            )
            return


def _progression_taken_from_response(profile: Profile) -> Finding:
    """Under a treatment that goes on, a response without a word on the disease now is read as no progression."""
    if profile.disease.progressing_now is not None or profile.disease.setting == "early":
        return
    going_on = [(index, one) for index, one in _advanced(profile) if one.ongoing]
    if any(one.progression_site or one.best_response not in _RESPONDING for _, one in going_on):
        return
    for index, one in going_on[:1]:
        yield warning(
            "$.disease.progressing_now",
            "nothing",
            "whether the disease is progressing now",
            f"It is taken as not progressing from the best response under treatments[{index}] ({one.best_response}); "
            "confirm that",
        )


def _lungs(profile: Profile) -> Finding:
    ild = profile.health.interstitial_lung_disease
    if ild and ild.status == "never" and (ild.grade or ild.caused_by or ild.steroids_needed):
        yield error(
            "$.health.interstitial_lung_disease.status",
            "never, with a grade, cause or steroids",
            "past or active",
        )


def _heart(profile: Profile) -> Finding:
    health = profile.health
    if health.heart_failure == "none" and health.lvef_percent is not None and health.lvef_percent < 40:
        yield warning("$.health.heart_failure", f"none, with LVEF {health.lvef_percent:g} %", "a check of both values")


def _dates(profile: Profile, today: Date) -> Finding:
    limit = profile.date or today
    dated: list[tuple[str, Date | None]] = [
        ("$.disease.diagnosis_date", profile.disease.diagnosis_date),
        ("$.disease.relapse_date", profile.disease.relapse_date),
        ("$.brain_metastases.last_imaging_date", profile.brain_metastases.last_imaging_date),
        ("$.health.lvef_date", profile.health.lvef_date),
        *((f"$.specimens[{i}].date", one.date) for i, one in enumerate(profile.specimens or ())),
        *((f"$.genomic_tests[{i}].date", one.date) for i, one in enumerate(profile.genomic_tests or ())),
        *((f"$.treatments[{i}].start", one.start) for i, one in enumerate(profile.treatments or ())),
        *((f"$.treatments[{i}].end", one.end) for i, one in enumerate(profile.treatments or ())),
    ]
    if profile.date is not None and profile.date > today:
        yield error("$.date", str(profile.date), f"a date up to today ({today})")
    for path, value in dated:
        if value is not None and value > limit:
            what = "the date of the profile" if profile.date else "today"
            yield error(
                path,
                str(value),
                f"a date up to {what} ({limit})",
                "A date in the future cannot be a finding.",
            )
        if value is not None and value.year < 1900:
            yield error(path, str(value), "a date from 1900 on")
    diagnosis, relapse = profile.disease.diagnosis_date, profile.disease.relapse_date
    if diagnosis and relapse and relapse < diagnosis:
        yield error(
            "$.disease.relapse_date",
            f"{relapse}, before the diagnosis {diagnosis}",
            "a relapse after the diagnosis",
        )
