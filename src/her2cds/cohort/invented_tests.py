"""The pathology and sequencing of an invented patient, in days from the diagnosis."""

from __future__ import annotations

from typing import Any

from her2cds.cohort.chance import Chance
from her2cds.cohort.invented_course import Biology, Course

_PANEL = ("ERBB2", "PIK3CA", "PTEN", "TP53", "ESR1", "AKT1", "NF1", "SLX4", "BRCA1", "BRCA2")
_WIDE_PANEL = (*_PANEL, "CDK12", "CCND1", "FGFR1", "EGFR", "MET", "ERBB3", "KRAS", "MTOR")
_CHANGES = {
    "ERBB2": ("L755S", "V777L", "D769Y", "p.Leu755Ser"),
    "PIK3CA": ("H1047R", "E545K", "E542K"),
    "TP53": ("R175H", "R273H", "p.Arg248Gln"),
    "ESR1": ("D538G", "Y537S"),
}
_NEEDS_WIDE_PANEL = ("amplification", "loss")


def specimens(chance: Chance, biology: Biology, course: Course, metastatic: bool) -> list[dict[str, Any]]:
    """The primary at diagnosis; a biopsy at relapse; one after progression, where HER2 can be lost."""
    found = [_specimen(chance, biology, biology.her2, 0, "primary")]
    if metastatic and course.relapse is not None:
        found.append(_specimen(chance, biology, biology.her2, course.relapse, "metastasis"))
    had_anti_her2 = biology.her2 == "positive" and any(one["setting"] == "metastatic" for one in course.courses)
    if metastatic and had_anti_her2 and chance.with_share(0.35):
        lost = chance.happens("her2.lost")
        status = chance.one_of(("low", "zero")) if lost else "positive"
        found.append(_specimen(chance, biology, status, course.today, "metastasis"))
    return found


def _specimen(chance: Chance, biology: Biology, her2: str, day: int, site: str) -> dict[str, Any]:
    er = chance.near(75, 20, 1, 100) if biology.hr_positive else 0.0
    pr = chance.near(40, 30, 0, 100) if biology.hr_positive else 0.0
    return {
        "date": day,
        "site": site,
        **_her2_results(chance, her2),
        "er": "positive" if er >= 1 else "negative",
        "er_percent": er,
        "pr": "positive" if pr >= 1 else "negative",
        "pr_percent": pr,
        "ki67_percent": chance.near(45 if her2 == "positive" else 25, 15, 2, 95),
    }


def _her2_results(chance: Chance, her2: str) -> dict[str, Any]:
    """IHC and ISH that give this class."""
    if her2 == "positive":
        if not chance.happens("her2.positive_by_ish"):
            return {"her2_ihc": "3+"}
        ratio = chance.near(4.0, 1.2, 2.1, 12)
        return {"her2_ihc": "2+", "her2_ish": "positive", "her2_ish_ratio": ratio, "her2_copies_per_cell": ratio * 2}
    if her2 == "low":
        return {"her2_ihc": "1+"} if chance.with_share(0.6) else {"her2_ihc": "2+", "her2_ish": "negative"}
    return {"her2_ihc": "2+"} if her2 == "equivocal" else {"her2_ihc": "0"}


def genomic_tests(chance: Chance, biology: Biology, course: Course, metastatic: bool) -> list[dict[str, Any]]:
    """One panel for part of the patients: what it covers, detects and found."""
    if not chance.happens("sequenced" if metastatic else "tested_early"):
        return []
    wide = chance.with_share(0.4)
    possible = {
        "TP53:mutation": True,
        "PIK3CA:mutation": True,
        "NF1:mutation": metastatic,
        "SLX4:mutation": course.had_t_dxd,
        "ESR1:mutation": biology.hr_positive and course.had_endocrine,
        "PTEN:loss": metastatic,
        "CDK12:amplification": biology.her2 == "positive",
        "CCND1:amplification": True,
    }
    found = [one for one, could_be in possible.items() if could_be and chance.happens(one)]
    if chance.happens("erbb2.mutation_amplified" if biology.her2 == "positive" else "erbb2.mutation"):
        found.append("ERBB2:mutation")
    if biology.her2 == "positive":
        found.append("ERBB2:amplification")
    detects = ["mutation", *_NEEDS_WIDE_PANEL] if wide else ["mutation"]
    return [
        {
            "date": max(0, course.today - chance.whole(1, 30)) if metastatic else 0,
            "sample": chance.one_of(("tissue", "tissue", "plasma")),
            "genes_covered": list(_WIDE_PANEL if wide else _PANEL),
            "detects": detects,
            "alterations": [_alteration(chance, *one.split(":")) for one in found if one.split(":")[1] in detects],
        }
    ]


def _alteration(chance: Chance, gene: str, kind: str) -> dict[str, str]:
    changes = _CHANGES.get(gene) if kind == "mutation" else None
    change = {"protein_change": chance.one_of(changes)} if changes else {}
    return {"gene": gene, "kind": kind, **change}


def marker_results(chance: Chance, biology: Biology) -> dict[str, Any]:
    """Markers that are not alterations of one gene, for HER2-positive cancers that were tested for them."""
    if biology.her2 != "positive" or not chance.with_share(0.3):
        return {}
    return {
        "pd_l1": {"status": "positive" if chance.happens("pd_l1") else "negative"},
        "p95her2": "positive" if chance.happens("p95her2") else "negative",
        "tils_percent": chance.near(20, 15, 0, 90),
        "pam50": chance.value("pam50"),
        "fcgr3a": chance.one_of(("high_affinity", "low_affinity")),
    }
