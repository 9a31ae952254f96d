"""The drugs that draft orders are about.

A name is read where it is one that the knowledge base knows, alone or within the text of an order. A brand in square
brackets decides (RxNorm writes `Trastuzumab Injection [Enhertu]`), and an antibody followed by a payload that the
knowledge base does not know is no antibody: such an order is left unread rather than misread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.names import folded

Json = dict[str, Any]
_BRAND = re.compile(r"\[([^\]]{2,60})\]")
_WORD = re.compile(r"[^\s,;/()\[\]]+")
_PAYLOAD = re.compile(r"(tecan|tansine|otin|mazine)$")
_LONGEST_NAME = 5
_SHORTEST_WITHIN_TEXT = 5
_MOST_WORDS = 60
_MOST_ORDERS = 200


@dataclass(frozen=True, slots=True)
class Order:
    """One draft order: its reference (empty without an id), and the ids of the drugs it is about."""

    reference: str
    drugs: tuple[str, ...]


def draft_orders(bundle: Json | None, knowledge: Knowledge, selected: tuple[str, ...] = ()) -> Iterator[Order]:
    """The orders whose drugs can be read; with `selected`, only those among these references."""
    resources = list(_resources(bundle))[:_MOST_ORDERS]
    for one in resources:
        if one.get("resourceType") not in ("MedicationRequest", "MedicationOrder"):
            continue
        identifier = one.get("id")
        reference = f"{one['resourceType']}/{identifier}" if isinstance(identifier, str) and identifier else ""
        if selected and reference not in selected:
            continue
        drugs = _drugs_of(one, resources, knowledge)
        if drugs:
            yield Order(reference, drugs)


def drugs_named(text: str, knowledge: Knowledge) -> tuple[str, ...]:
    """The drugs that a text names; none where it names none that is known."""
    whole = _known(text, knowledge)
    if whole:
        return whole
    brand = _BRAND.search(text)
    if brand:
        return _known(brand.group(1), knowledge)
    words = _WORD.findall(text)[:_MOST_WORDS]
    found: list[str] = []
    place = 0
    while place < len(words):
        for length in range(min(_LONGEST_NAME, len(words) - place), 0, -1):
            name = " ".join(words[place : place + length])
            drugs = _known(name, knowledge) if len(folded(name)) >= _SHORTEST_WITHIN_TEXT else ()
            if drugs:
                after = words[place + length] if place + length < len(words) else ""
                found += () if _PAYLOAD.search(after.casefold()) else drugs
                place += length - 1
                break
        place += 1
    return tuple(dict.fromkeys(found))


def _known(name: str, knowledge: Knowledge) -> tuple[str, ...]:
    drug = knowledge.drug_names.find(name)
    if drug is not None:
        return (drug,)
    combination = knowledge.combination_names.find(name)
    return knowledge.combinations[combination].drugs if combination is not None else ()


def _resources(bundle: Json | None) -> Iterator[Json]:
    for entry in _list((bundle or {}).get("entry")):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            yield resource
            yield from (one for one in _list(resource.get("contained")) if isinstance(one, dict))


def _drugs_of(order: Json, resources: list[Json], knowledge: Knowledge) -> tuple[str, ...]:
    for text in _texts(order, resources):
        drugs = drugs_named(text, knowledge)
        if drugs:
            return drugs
    return ()


def _texts(order: Json, resources: list[Json]) -> Iterator[str]:
    """The names of what is ordered, the most specific first: displays of codes, then text."""
    yield from _concept_texts(order.get("medicationCodeableConcept"))
    reference = order.get("medicationReference")
    if isinstance(reference, dict):
        if isinstance(reference.get("display"), str):
            yield reference["display"]
        identifier = str(reference.get("reference", "")).lstrip("#").removeprefix("Medication/")
        for one in resources:
            if one.get("resourceType") == "Medication" and one.get("id") == identifier:
                yield from _concept_texts(one.get("code"))


def _concept_texts(concept: object) -> Iterator[str]:
    if isinstance(concept, dict):
        displays = [one.get("display") for one in _list(concept.get("coding")) if isinstance(one, dict)]
        yield from (text for text in (*displays, concept.get("text")) if isinstance(text, str) and text)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
