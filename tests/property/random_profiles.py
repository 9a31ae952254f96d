"""Random, well-formed profiles: any field known or absent, lists of any length, values from small domains."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

AGENTS = [
    "trastuzumab",
    "pertuzumab",
    "docetaxel",
    "paclitaxel",
    "T-DM1",
    "T-DXd",
    "tucatinib",
    "capecitabine",
    "lapatinib",
    "neratinib",
    "letrozole",
    "doxorubicin",
    "vinorelbine",
    "palbociclib",
    "margetuximab",
]
GENES = ["ERBB2", "PIK3CA", "PTEN", "TP53", "MUC4", "NF1", "SLX4", "CCND1", "CDK12", "ESR1"]
KINDS = ["mutation", "amplification", "loss", "overexpression"]
STOPS = ["progression", "toxicity", "completed", "maintenance_switch", "other"]


class RandomProfiles:
    """A stream of profile trees from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def tree(self) -> dict[str, Any]:
        """One profile. About one in a hundred has two lines that both go on: it contradicts itself and is refused."""
        share = self._random.choice((0.3, 0.6, 0.9))
        setting = self._random.choice(
            ["early", "metastatic", "metastatic", "metastatic", "locally_advanced_unresectable"]
        )
        advanced = setting != "early"
        tree: dict[str, Any] = {
            "date": "2024-06-01",
            "patient": self._some(
                share,
                age_years=lambda: self._random.randint(20, 95),
                sex=lambda: "female",
                menopausal_status=lambda: self._random.choice(["premenopausal", "postmenopausal"]),
                region=lambda: self._random.choice(["europe", "usa", "china"]),
                ecog=lambda: self._random.randint(0, 4),
            ),
            "disease": {
                "primary": self._random.choice(["breast"] * 12 + ["other"]),
                "setting": setting,
                **self._some(
                    share,
                    tumour_size_cm=lambda: self._random.choice([0.8, 2.0, 2.1, 5.0]),
                    residual_invasive_disease=lambda: self._random.random() < 0.5,
                ),
            },
            "specimens": [self._specimen(share) for _ in range(self._random.randint(0, 3))],
            "genomic_tests": [self._test() for _ in range(self._random.randint(0, 2))],
            "treatments": [self._treatment(share, advanced, line) for line in range(1, self._random.randint(1, 5))],
            "biomarkers": self._some(
                share,
                pam50=lambda: self._random.choice(["luminal_a", "her2_enriched"]),
                p95her2=lambda: self._random.choice(["positive", "negative"]),
                pd_l1=lambda: {"status": self._random.choice(["positive", "negative"])},
            ),
            "health": self._health(share),
        }
        if not advanced:
            tree["disease"]["early_phase"] = self._random.choice(
                ["before_surgery", "after_surgery", "adjuvant_anti_her2_completed"]
            )
        elif self._random.random() < share:
            tree["brain_metastases"] = {
                "status": self._random.choice(["none", "none", "stable", "untreated", "progressing"]),
                "local_therapy_possible": self._random.random() < 0.5,
            }
        return tree

    def other_person(self, tree: Mapping[str, Any]) -> dict[str, Any]:
        """The same disease and the same treatments in another person: age, region, health, biomarkers are random."""
        other = self.tree()
        return {**tree, **{part: other[part] for part in ("patient", "biomarkers", "health")}}

    def _some(self, share: float, **makers: Any) -> dict[str, Any]:
        return {name: make() for name, make in makers.items() if self._random.random() < share}

    def _specimen(self, share: float) -> dict[str, Any]:
        return self._some(
            share,
            date=lambda: f"20{self._random.randint(18, 23)}-0{self._random.randint(1, 9)}-15",
            site=lambda: self._random.choice(["primary", "metastasis"]),
            her2_ihc=lambda: self._random.choice(["0", "1+", "2+", "3+", "3+"]),
            her2_ish=lambda: self._random.choice(["positive", "negative", "equivocal"]),
            er=lambda: self._random.choice(["positive", "negative"]),
            pr=lambda: self._random.choice(["positive", "negative"]),
        )

    def _test(self) -> dict[str, Any]:
        return {
            "genes_covered": self._random.sample(GENES, self._random.randint(0, len(GENES))),
            "detects": self._random.sample(KINDS, self._random.randint(1, 4)),
            "alterations": [
                {"gene": self._random.choice(GENES), "kind": self._random.choice(KINDS)}
                for _ in range(self._random.randint(0, 4))
            ],
        }

    def _treatment(self, share: float, advanced: bool, line: int) -> dict[str, Any]:
        setting = self._random.choice(
            ["metastatic", "metastatic", "adjuvant"] if advanced else ["neoadjuvant", "adjuvant"]
        )
        tree: dict[str, Any] = {"setting": setting, "agents": self._random.sample(AGENTS, self._random.randint(1, 3))}
        if setting == "metastatic":
            tree["line"] = line
        if self._random.random() < share:
            tree["stop_reason"] = self._random.choice(STOPS)
            tree["end"] = f"20{18 + line}-05-01"
        elif setting == "metastatic" and self._random.random() < 0.3:
            tree["ongoing"] = True
        return tree

    def _health(self, share: float) -> dict[str, Any]:
        return self._some(
            share,
            lvef_percent=lambda: self._random.choice([30, 45, 52, 60, 65]),
            heart_failure=lambda: self._random.choice(["none", "none", "history", "active"]),
            interstitial_lung_disease=lambda: self._random.choice(
                [
                    {"status": "never"},
                    {"status": "never"},
                    {"status": "past", "grade": 1},
                    {"status": "active", "grade": 2},
                ]
            ),
            hepatic_impairment=lambda: self._random.choice(["none", "mild", "moderate", "severe"]),
            chronic_diarrhoea=lambda: self._random.random() < 0.2,
            neuropathy_grade=lambda: self._random.randint(0, 4),
            hypersensitivity_to=lambda: self._random.choice([[], [], ["trastuzumab"], ["docetaxel"]]),
            unsuitable_for=lambda: self._random.choice([[], [], ["taxane"], ["chemotherapy"]]),
        )
