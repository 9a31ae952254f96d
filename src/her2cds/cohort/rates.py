"""The declared distributions of invented patients: every rate with what it is a share of, and where it comes from.

`her2cds generate --rates` prints this table. Where the reviews give a rate, it is theirs; `assumed` rates are round
numbers that make every branch of the rules occur, and say nothing about any population.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Rate:
    """A probability, what it is a share of, and its origin (a review's passage, or `assumed`)."""

    value: float
    of: str
    origin: str = ASSUMED


@dataclass(frozen=True, slots=True)
class Mix:
    """The shares of the values of one item (they add up to one), and their origin."""

    shares: Mapping[str, float]
    of: str
    origin: str = ASSUMED


RATES: Mapping[str, Rate] = {
    # --- Biology ---------------------------------------------------------------------------------------
    "her2.positive": Rate(0.175, "breast cancers; 15 to 20 %", "guidi2023 §1, wang2022 §1"),
    "her2.low": Rate(0.6, "cancers that are not HER2-positive"),
    "her2.awaits_ish": Rate(0.03, "cancers: IHC 2+ and no ISH result yet"),
    "her2.positive_by_ish": Rate(0.2, "HER2-positive cancers: IHC 2+ and ISH positive, the rest IHC 3+"),
    "hr.positive": Rate(0.67, "invasive breast cancers", "qi2024 §1"),
    "her2.lost": Rate(0.15, "HER2-positive cancers re-tested after anti-HER2 therapy for metastatic disease"),
    "erbb2.mutation": Rate(0.04, "cancers that are not HER2-positive; less than 5 %", "wang2022 §2.1"),
    "erbb2.mutation_amplified": Rate(0.01, "HER2-positive cancers: mutation and amplification rarely meet"),
    "no_receptors": Rate(0.02, "charts without any receptor result"),
    "other_primary": Rate(0.005, "charts of cancers that turned out to be of another organ"),
    "p95her2": Rate(0.3, "HER2-positive cancers", "wang2022 §2.3"),
    "pd_l1": Rate(0.175, "HER2-positive cancers before neoadjuvant treatment", "mercogliano2023 §3.3"),
    # --- Course ----------------------------------------------------------------------------------------
    "de_novo": Rate(0.35, "metastatic cancers: metastatic at diagnosis"),
    "residual": Rate(0.5, "cancers after neoadjuvant treatment: invasive disease left at surgery"),
    "relapse_under_adjuvant": Rate(
        0.27,
        "relapses of HER2-positive disease: under adjuvant trastuzumab or within 6 months of it",
        "mercogliano2023 §1",
    ),
    "goes_on": Rate(0.3, "patients with advanced disease: a treatment goes on and controls it outside the brain"),
    "toxicity": Rate(0.1, "courses for metastatic disease: stopped for toxicity"),
    "maintenance": Rate(0.3, "first lines with a taxane: antibodies alone go on as maintenance"),
    "brain.her2_positive": Rate(0.35, "patients with metastatic HER2-positive disease"),
    "brain.other": Rate(0.12, "patients with other metastatic disease"),
    "leptomeningeal": Rate(0.06, "patients with brain metastases"),
    # --- Person and health -----------------------------------------------------------------------------
    "male": Rate(0.01, "patients"),
    "pregnant": Rate(0.01, "premenopausal women"),
    "ild.t_dxd": Rate(0.136, "patients after T-DXd", "tapia2023 §3.1.1"),
    "ild.other": Rate(0.01, "patients without T-DXd"),
    "lvef.low": Rate(0.05, "patients: LVEF below 50 %"),
    "heart_failure": Rate(0.4, "patients with a low LVEF, and all below 40 %"),
    "neuropathy": Rate(0.3, "patients after a taxane"),
    "diarrhoea": Rate(0.04, "patients: chronic diarrhoea"),
    "autoimmune": Rate(0.05, "patients"),
    "hypersensitive": Rate(0.02, "patients who had an antibody or a taxane"),
    "unsuitable": Rate(0.2, "patients from 75 years on: chemotherapy, or a taxane, does not suit them"),
    "statin": Rate(0.2, "patients"),
    # --- Genomic tests -----------------------------------------------------------------------------------
    "sequenced": Rate(0.45, "metastatic cancers"),
    "tested_early": Rate(0.08, "other cancers: sequenced"),
    "TP53:mutation": Rate(0.45, "sequenced cancers"),
    "PIK3CA:mutation": Rate(0.3, "sequenced cancers"),
    "PTEN:loss": Rate(0.5, "metastatic cancers whose panel detects losses", "guidi2023 §2.2"),
    "NF1:mutation": Rate(0.08, "metastatic cancers", "guidi2023 §6"),
    "SLX4:mutation": Rate(0.2, "cancers sequenced after T-DXd", "guidi2023 §3"),
    "CDK12:amplification": Rate(0.9, "HER2-positive cancers whose panel detects amplifications", "wang2022 §3.1.1"),
    "CCND1:amplification": Rate(0.15, "cancers whose panel detects amplifications"),
    "ESR1:mutation": Rate(0.25, "hormone-receptor-positive cancers sequenced after endocrine therapy"),
}

MIXES: Mapping[str, Mix] = {
    "setting": Mix({"early": 0.5, "locally_advanced_unresectable": 0.05, "metastatic": 0.45}, "patients"),
    "phase": Mix(
        {"before_surgery": 0.35, "after_surgery": 0.45, "adjuvant_anti_her2_completed": 0.2},
        "early HER2-positive cancers; the last phase is none of the others'",
    ),
    "stage": Mix({"I": 0.3, "II": 0.45, "III": 0.25}, "early cancers"),
    "region": Mix({"europe": 0.4, "usa": 0.25, "china": 0.15, "japan": 0.08, "uk": 0.08, "other": 0.04}, "patients"),
    "ecog": Mix({"0": 0.45, "1": 0.38, "2": 0.12, "3": 0.04, "4": 0.01}, "patients"),
    "lines": Mix(
        {"0": 0.3, "1": 0.27, "2": 0.2, "3": 0.13, "4": 0.07, "5": 0.03},
        "metastatic patients: lines that ended in progression",
    ),
    "brain": Mix({"stable": 0.45, "untreated": 0.15, "progressing": 0.4}, "patients with brain metastases"),
    "impairment": Mix({"none": 0.9, "mild": 0.07, "moderate": 0.02, "severe": 0.01}, "patients: liver; kidney alike"),
    "pam50": Mix(
        {"her2_enriched": 0.5, "luminal_b": 0.25, "luminal_a": 0.15, "basal_like": 0.1},
        "HER2-positive cancers with a PAM50 test",
    ),
    "chart": Mix(
        {"complete": 0.3, "usual": 0.5, "sparse": 0.2},
        "charts; a usual one lacks 12 % of the items that may be missing, a sparse one 45 %",
    ),
}

MISSING_SHARE = {"complete": 0.0, "usual": 0.12, "sparse": 0.45}
