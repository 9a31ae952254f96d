"""How a text speaks of a whole class of drugs, by the ids of `drug_classes.yaml`."""

from __future__ import annotations

import re

_CONJUGATE = r"ADCs?\b|conjugates?\b"
_TERMS = {
    "anti-her2": r"(?:anti-HER2|HER2[- ](?:directed|targeted|targeting|blocking))",
    "anti-her2-antibody": r"antibod(?:y|ies)\b|mAbs?\b",
    "anti-her2-adc": _CONJUGATE,
    "microtubule-adc": _CONJUGATE,
    "topoisomerase-i-adc": _CONJUGATE,
    "trop2-adc": _CONJUGATE,
    "her2-tki": r"TKIs?\b|tyrosine[- ]kinase inhibitors?\b",
    "her2-bispecific": r"bispecific|BsAbs?\b",
    "her2-cell-therapy": r"CAR\b|T cells?\b|cell(?:ular)? (?:immuno)?therap",
    "her2-vaccine": r"vaccin",
    "her3-directed": r"(?:anti-HER3|HER3[- ](?:directed|targeted|targeting))",
    "taxane": r"taxanes?\b",
    "anthracycline": r"anthracyclines?\b",
    "chemotherapy": r"chemotherap",
    "endocrine": r"endocrine|hormonal (?:treatment|therap)",
    "aromatase-inhibitor": r"aromatase",
    "cdk46-inhibitor": r"CDK4/(?:CDK)?6 inhibitors?\b",
    "checkpoint-inhibitor": r"checkpoint|ICIs?\b|PD-L?1 (?:antibod|inhibitor)",
    "parp-inhibitor": r"PARP",
    "atr-inhibitor": r"ATR\b",
    "src-inhibitor": r"Src\b",
    "hsp90-inhibitor": r"HSP-?90|heat shock protein",
    "statin": r"statins?\b",
    "tnf-blocker": r"TNF",
    "radiopharmaceutical": r"radio|thorium",
}
_PATTERNS = {drug_class: re.compile(rf"\b(?:{terms})", re.IGNORECASE) for drug_class, terms in _TERMS.items()}


def classes_spoken_of(text: str) -> frozenset[str]:
    """The ids of the drug classes that a plain text speaks of in general terms."""
    return frozenset(drug_class for drug_class, pattern in _PATTERNS.items() if pattern.search(text))
