"""Protein changes in one-letter form: `p.Leu755Ser`, `NP_004439.2:p.(Leu755Ser)` and `L755S` are one change."""

from __future__ import annotations

import re

_THREE_TO_ONE = {
    "Ala": "A", "Arg": "R", "Asn": "N", "Asp": "D", "Cys": "C", "Gln": "Q", "Glu": "E", "Gly": "G", "His": "H",
    "Ile": "I", "Leu": "L", "Lys": "K", "Met": "M", "Phe": "F", "Pro": "P", "Ser": "S", "Thr": "T", "Trp": "W",
    "Tyr": "Y", "Val": "V", "Ter": "*", "Sec": "U",
}  # fmt: skip
_PROTEIN = re.compile(r"(?:^|[\s:(])p\.(\(?[^\s()]+)")  # also beside a change of the DNA: c.2264T>C (p.Leu755Ser)
_WORD = re.compile("|".join(_THREE_TO_ONE), re.IGNORECASE)
_FORM = re.compile(
    r"^(?:[A-Z*]\d+(?:[A-Z*=]|fs(?:[*X]\d*)?|[A-Z]fs(?:[*X]\d*)?|del|dup)"
    r"|[A-Z*]\d+(?:_[A-Z*]\d+)?(?:del(?:ins[A-Z*]+)?|dup|ins[A-Z*]+)?)$"
)


def normalise_change(text: str) -> str | None:
    """The change in one-letter form without prefix, or None where the text is no protein change."""
    protein = _PROTEIN.search(text)
    bare = (protein.group(1) if protein else text).strip().strip("()")
    short = _WORD.sub(lambda match: _THREE_TO_ONE[match.group().capitalize()], bare)
    return short if _FORM.match(short) else None
