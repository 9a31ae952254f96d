"""Whether a Condition that a result is about is the breast cancer: it is, it may be, it cannot be told, or it is not.

Only what is known to be of another organ, or no cancer at all, lets a result be set aside. One that is dropped for any
weaker reason would leave an older one standing as the current one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from enum import Enum

from her2cds.interop.fhir.cancers import is_of_breast_by_icd10
from her2cds.interop.fhir.elements import texts_of
from her2cds.interop.fhir.resources import Resource

_BREAST = re.compile(r"\b(breast|mamma|mammary|mammae)\b")
# Words that make of a breast cancer something else: a benign or an earlier one, a relative's, or none.
_NOT_THE_CANCER = re.compile(r"\b(benign|situ|history|family|not?|without|excluded|than|outside)\b")


class Bearing(Enum):
    """What a Condition is to the breast cancer."""

    OURS = "the breast cancer, or its spread"
    PERHAPS = "in all likelihood the breast cancer: what is about it is read, with doubt"
    UNTOLD = "not known to be the breast cancer, nor another: what is about it is not read, and nothing older stands"
    OTHER = "the cancer of another organ, or no cancer: what is about it is set aside"


def by_its_words(resource: Resource) -> Bearing:
    """Of a Condition that no code of the map tells: whether its chapter or its words speak of breast cancer."""
    words = " ".join(texts_of(resource.content.get("code"))).casefold()
    speaks = is_of_breast_by_icd10(resource) or bool(_BREAST.search(words))
    return Bearing.PERHAPS if speaks and not _NOT_THE_CANCER.search(words) else Bearing.UNTOLD


def of_spread(related: str | None, organs: Collection[str]) -> Bearing:
    """Of a spread: by the organ of the primary that it names (empty: not known; None: it names none), else of all."""
    if related is not None:
        return {"breast": Bearing.OURS, "other": Bearing.OTHER}.get(related, Bearing.UNTOLD)
    if set(organs) == {"breast"}:
        return Bearing.OURS
    return Bearing.UNTOLD if set(organs) & {"breast", "other"} else Bearing.PERHAPS


def together(bearings: Iterable[Bearing]) -> Bearing:
    """What a result is to the breast cancer that is about several Conditions; about none of them, it is ours."""
    found = set(bearings)
    if len(found) < 2:
        return next(iter(found), Bearing.OURS)
    likely = Bearing.OTHER not in found and bool(found & {Bearing.OURS, Bearing.PERHAPS})
    return Bearing.PERHAPS if likely else Bearing.UNTOLD
