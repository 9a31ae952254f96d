"""Which cancer a Condition is: by its codes and its mCODE profile; and the breast cancer that is to be treated now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date as Date

from her2cds.interop.fhir.elements import codings
from her2cds.interop.fhir.resources import Resource, listed, profiles_of
from her2cds.interop.fhir.standing import stated

_SECONDARY = ("C77", "C78", "C79", "C7B")
_NO_ORGAN = (*_SECONDARY, "C50", "C76", "C80")


@dataclass(frozen=True, slots=True)
class Primary:
    """One breast cancer on record: the day of its diagnosis, and its clinical status."""

    resource: Resource
    day: Date | None
    active: bool

    @property
    def in_remission(self) -> bool:
        """Whether it is said to be in remission: treated, and not a thing of the past."""
        return "remission" in stated(self.resource.content.get("clinicalStatus"))

    @property
    def said(self) -> tuple[object, ...]:
        """What tells it from another one: its codes, its side, and whether it is active."""
        sites = [code for one in listed(self.resource.content.get("bodySite")) for code in _codes(one)]
        return (frozenset(_codes(self.resource.content.get("code"))), frozenset(sites), self.active)


def several(primaries: Sequence[Primary]) -> bool:
    """Whether the records may be of more than one breast cancer: they differ in day and in what they say.

    One without a day is another only where one of the two is active and the other is not.
    """
    dated = [one for one in primaries if one.day is not None]
    if len({one.day for one in dated}) > 1 and len({one.said for one in dated}) > 1:
        return True
    return 0 < len(dated) < len(primaries) and len({one.active for one in primaries}) > 1


def diagnosis_of(primaries: Sequence[Primary]) -> Primary | None:
    """The breast cancer that is active, as first recorded, else the latest; None where its day is not on record."""
    dated = [(one.day, one) for one in primaries if one.day is not None]
    if any(one.active for one in primaries):
        return min((one for one in dated if one[1].active), key=lambda one: one[0], default=(None, None))[1]
    latest = [one for one in dated if one[1].in_remission] or dated
    return max(latest, key=lambda one: one[0], default=(None, None))[1]


def is_of_another_organ(resource: Resource) -> bool:
    """Whether an ICD-10 code names the primary cancer of an organ that is not the breast."""
    return any(code[:1] == "C" and code[:3] not in _NO_ORGAN for code in _icd10(resource))


def is_of_breast_by_icd10(resource: Resource) -> bool:
    """Whether a code of any edition of ICD-10 names breast cancer; their three-character categories are the same."""
    return any(code[:3] == "C50" for code in _icd10(resource))


def is_unknown_primary(resource: Resource) -> bool:
    """Whether a Condition is a primary cancer by its mCODE profile or its chapter, of an organ that is not told."""
    profiled = any("primary-cancer-condition" in one for one in profiles_of(resource.content))
    return profiled or any(code[:3] in ("C76", "C80") for code in _icd10(resource))


def is_secondary(resource: Resource) -> bool:
    """Whether a Condition is a secondary cancer by its mCODE profile or its ICD-10 chapter, whatever its code is."""
    profiled = any("secondary-cancer-condition" in one for one in profiles_of(resource.content))
    return profiled or any(code[:3] in _SECONDARY for code in _icd10(resource))


def _icd10(resource: Resource) -> list[str]:
    found = codings(resource.content.get("code"))
    return [str(one.get("code", "")).upper() for one in found if "icd-10" in str(one.get("system", ""))]


def _codes(concept: object) -> list[str]:
    return [str(one.get("code")) for one in codings(concept)]
