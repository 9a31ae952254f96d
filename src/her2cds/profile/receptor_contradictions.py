"""Contradictions between the receptor results of one specimen."""

from __future__ import annotations

from her2cds.profile.assays import ER_PR_CLEARLY_POSITIVE_PERCENT, ER_PR_POSITIVE_PERCENT, ish_of
from her2cds.profile.contradiction import Finding, error, warning
from her2cds.profile.model import Profile, Specimen


def receptors(profile: Profile) -> Finding:
    """The contradictions within each specimen."""
    for index, specimen in enumerate(profile.specimens or ()):
        path = f"$.specimens[{index}]"
        yield from _her2_status(specimen, path)
        yield from _ish(specimen, path)
        yield from _ish_of_mixed_numbers(specimen, path)
        for marker, status, percent in (
            ("er", specimen.er, specimen.er_percent),
            ("pr", specimen.pr, specimen.pr_percent),
        ):
            yield from _steroid_receptor(f"{path}.{marker}", status, percent)


_REMEDY_HER2 = "Check the pathology report; leave out what is not certain."


def _her2_status(specimen: Specimen, path: str) -> Finding:
    ihc, ish, reported = specimen.her2_ihc, ish_of(specimen), specimen.her2_reported
    if ihc is None or reported is None:
        return
    found = f"her2_ihc {ihc}{_ish_told(specimen)} with her2_reported {reported}"
    expected = {
        "3+": ("positive",),
        "2+": {"positive": ("positive",), "negative": ("low", "negative")}.get(
            ish or "", ("positive", "low", "negative")
        ),
        "1+": ("positive", "low", "negative") if ish == "positive" else ("low", "negative"),
        "0": ("positive", "negative") if ish == "positive" else ("negative",),
    }[ihc]
    if reported not in expected:
        yield error(f"{path}.her2_reported", found, f"her2_reported {' or '.join(expected)}", _REMEDY_HER2)


def _ish_told(specimen: Specimen) -> str:
    """The ISH result as the chart gives it, for a message; empty where it gives none."""
    result = ish_of(specimen)
    if result is None:
        return ""
    if specimen.her2_ish is not None:
        return f" and her2_ish {result}"
    ratio, copies = specimen.her2_ish_ratio, specimen.her2_copies_per_cell
    return f" and ISH {result} (ratio {ratio:g}, {copies:g} copies per cell)"


def _ish(specimen: Specimen, path: str) -> Finding:
    ratio, copies, result = specimen.her2_ish_ratio, specimen.her2_copies_per_cell, specimen.her2_ish
    if ratio is None or copies is None or result is None:
        return
    found = f"her2_ish {result} with ratio {ratio:g} and {copies:g} copies per cell"
    if (result == "negative" and ratio >= 2.0 and copies >= 4.0) or (
        result == "positive" and ratio < 2.0 and copies < 4.0
    ):
        yield error(f"{path}.her2_ish", found, "a result that fits ratio and copies (ASCO/CAP 2018)", _REMEDY_HER2)
    elif result == "equivocal" and (ratio >= 2.0) == (copies >= 4.0):
        clear = "positive" if ratio >= 2.0 else "negative"
        yield warning(f"{path}.her2_ish", found, f"{clear}, by ratio and copies (ASCO/CAP 2018)", _REMEDY_HER2)


def _ish_of_mixed_numbers(specimen: Specimen, path: str) -> Finding:
    """Positive on numbers that disagree, where ASCO/CAP 2018 ends in negative.

    Groups 2 and 4 do beside IHC 2+ once a second count has not changed them, and all three groups beside IHC 0 or 1+;
    none does beside IHC 3+. A chart may know more than its numbers (the second count): it is told, not refused.
    """
    ratio, copies, ihc = specimen.her2_ish_ratio, specimen.her2_copies_per_cell, specimen.her2_ihc
    field = "her2_ish" if specimen.her2_ish is not None else "her2_reported"
    if ratio is None or copies is None or ihc == "3+" or getattr(specimen, field) != "positive":
        return
    group_3 = ratio < 2.0 and copies >= 6.0
    if (ratio >= 2.0) != (copies >= 4.0) and not (group_3 and ihc in (None, "2+")):
        beside = f" beside IHC {ihc}" if ihc else ""
        found = f"positive with ratio {ratio:g} and {copies:g} copies per cell{beside}"
        unless = {None: ", unless IHC is 3+ or a second count differs", "2+": ", unless a second count differs"}
        expected = f"negative{unless.get(ihc, '')} (ASCO/CAP 2018)"
        yield warning(f"{path}.{field}", found, expected, _REMEDY_HER2)


def _steroid_receptor(path: str, status: str | None, percent: float | None) -> Finding:
    if status is None or percent is None:
        return
    found = f"{status} with {percent:g} % positive cells"
    if status == "positive" and percent < ER_PR_POSITIVE_PERCENT:
        yield error(path, found, "negative below 1 %", "Check the pathology report.")
    elif status == "negative" and percent >= ER_PR_CLEARLY_POSITIVE_PERCENT:
        yield error(path, found, "positive from 1 %", "Check the pathology report.")
    elif status == "negative" and percent >= ER_PR_POSITIVE_PERCENT:
        yield warning(
            path, found, "positive from 1 % (low positive up to 10 %)", "An older cut-off may have been used."
        )
