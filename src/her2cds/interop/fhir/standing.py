"""Whether a record stands: what takes itself back, what is not confirmed, and what is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date as Date
from typing import Any

from her2cds.interop.draft import Draft
from her2cds.interop.fhir.days import ends_of
from her2cds.interop.fhir.elements import words_for
from her2cds.interop.fhir.resources import Resource

_REFUSED = ("entered-in-error", "refuted", "cancelled")
_NOT_SURE = ("unconfirmed", "provisional", "differential")
_NOT_FINAL = ("preliminary", "registered", "unknown")
_OVER = {"inactive", "remission", "resolved"}


def stated(status: object) -> set[str]:
    """The codes of a status, whether it came as a concept, as a list of them, as its text or (DSTU2) as a bare code."""
    return {one.strip().casefold().replace(" ", "-") for one in _stated(status)}


def _stated(status: object) -> Iterator[str]:
    if isinstance(status, str):
        yield status
    elif isinstance(status, list):
        for one in status:
            yield from _stated(one)
    elif isinstance(status, dict):
        codes = [one.get("code") for one in _dicts(status.get("coding"))] or [status.get("code"), status.get("text")]
        yield from (one for one in codes if isinstance(one, str))


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def is_refused(resource: Resource, draft: Draft) -> bool:
    """Whether the record takes itself back, or must not be read by who does not know its modifiers; it is listed."""
    content = resource.content
    words = words_for(content.get("code") or content.get("medicationCodeableConcept"))
    verification = stated(content.get("verificationStatus"))
    status = str(content.get("status") or "")
    if takes_itself_back(resource):
        draft.aside(resource.label, f"{words}, {status or 'refuted'}", "it takes itself back")
    elif verification & set(_NOT_SURE) and resource.type != "AllergyIntolerance":
        draft.aside(resource.label, f"{words}, not confirmed", "only what is confirmed counts")
    elif verification and "confirmed" not in verification and resource.type != "AllergyIntolerance":
        said = ", ".join(sorted(verification))
        draft.unread(resource.label, f"{words}, {said}", "not known to be confirmed; only what is confirmed counts")
        draft.ask(f"{words} ({resource.label}), '{said}': is it confirmed?")
    elif content.get("modifierExtension"):
        draft.unread(resource.label, words, "a modifier extension changes its meaning")
    else:
        if status in _NOT_FINAL:
            draft.doubt(resource.label, f"{words}, {status}", "read although it is not final")
        return False
    return True


def takes_itself_back(resource: Resource) -> bool:
    """Whether the record, or the one that contains it, says that it is not true."""
    said = {str(resource.content.get("status") or ""), *stated(resource.content.get("verificationStatus"))}
    return bool(said & set(_REFUSED)) or (resource.container is not None and takes_itself_back(resource.container))


def is_unsure(resource: Resource) -> bool:
    """Whether a Condition is not confirmed yet, and nothing else stands against it."""
    said = stated(resource.content.get("verificationStatus"))
    return bool(said & set(_NOT_SURE)) and not takes_itself_back(resource) and not is_modified(resource)


def is_modified(resource: Resource) -> bool:
    """Whether a record stands, but with a modifier that changes its meaning."""
    return bool(resource.content.get("modifierExtension")) and not takes_itself_back(resource)


def is_active(resource: Resource, today: Date) -> bool:
    """Whether a Condition or allergy is active on a day: said so, or not said to be over by then."""
    content = resource.content
    days = ends_of(resource)
    if days and min(days) > today:
        return True  # what ended later was still there
    ended = any(key.startswith("abatement") and content[key] for key in content)
    return not ended and not stated(content.get("clinicalStatus")) & _OVER
