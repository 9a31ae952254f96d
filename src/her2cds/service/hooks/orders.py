"""The drugs that draft orders are about.

Codes and full names are read as the FHIR import reads them. Beyond that, an order's text may say more than an import
accounts for ("Enhertu 100 mg, first dose today"): a name within it is then enough, because an order that is not read
is not warned of. A brand in square brackets decides (RxNorm writes `Trastuzumab Injection [Enhertu]`), and an
antibody followed by a payload that the knowledge base does not know is no antibody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date as Date
from typing import Any

from her2cds.errors import ProfileError, ProfileFault
from her2cds.interop.draft import Draft
from her2cds.interop.fhir.codes import code_map
from her2cds.interop.fhir.drugs import DrugReader
from her2cds.interop.fhir.elements import Reading
from her2cds.interop.fhir.resources import Resource, gather, listed
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.names import folded
from her2cds.service.problems import ProblemError

Json = dict[str, Any]
_BRAND = re.compile(r"\[([^\]]{2,60})\]")
_WORD = re.compile(r"[^\s,;/()\[\]]+")
_PAYLOAD = re.compile(r"(tecan|tansine|otin|mazine)$")
_LONGEST_NAME = 5
_SHORTEST_WITHIN_TEXT = 5
_MOST_WORDS = 500
_MOST_ORDERS = 200
_LABEL = "draft orders"


@dataclass(frozen=True, slots=True)
class Order:
    """One draft order: its reference (empty without an id), and the ids of the drugs it is about."""

    reference: str
    drugs: tuple[str, ...]


def draft_orders(bundle: Json | None, knowledge: Knowledge, selected: tuple[str, ...] = ()) -> Iterator[Order]:
    """The orders whose drugs can be read; with `selected`, only those among these references.

    Raises ProblemError 400 for more orders, or more words in one, than are checked: a part of them is never taken for
    all.
    """
    try:
        resources = gather(bundle, _LABEL)
    except ProfileError:
        return  # no order at all
    reading = Reading(code_map(), knowledge, resources, Draft(_LABEL), Date.today())
    reader = DrugReader(reading)
    orders = [
        (reference, one)
        for one in resources.of_type("MedicationRequest", "MedicationOrder")
        if (reference := _reference(one)) in selected or not selected
    ]
    if len(orders) > _MOST_ORDERS:
        raise _too_much("orders", f"{len(orders)} orders", f"at most {_MOST_ORDERS}")
    for reference, one in orders:
        concept = _concept(one, reading)
        _refuse_long(concept)
        drugs = reader.read(concept, one).drugs or _drugs_within(concept, knowledge)
        if drugs:
            yield Order(reference, drugs)


def _reference(order: Resource) -> str:
    """The reference to an order within the call; empty for one without an id."""
    identifier = order.content.get("id")
    return f"{order.type}/{identifier}" if isinstance(identifier, str) and identifier else ""


def _refuse_long(concept: object) -> None:
    words = sum(len(_WORD.findall(text)) for text in _texts(concept))
    if words > _MOST_WORDS:
        raise _too_much("words", f"an order of {words} words", f"at most {_MOST_WORDS}")


def _too_much(what: str, found: str, most: str) -> ProblemError:
    fault = ProfileFault("$.context.draftOrders", found, most)
    words = "More is ordered than is checked in one call; nothing was checked."
    return ProblemError(400, f"too-many-{what}", words, (fault,))


def _concept(order: Resource, reading: Reading) -> object:
    """The concept that says what is ordered: in the order itself, or in the Medication that it points to."""
    concept, reference = order.content.get("medicationCodeableConcept"), order.content.get("medicationReference")
    if concept is not None or not isinstance(reference, dict):
        return concept
    medication = reading.resources.follow(reference, order)
    return medication.content.get("code") if medication else {"text": reference.get("display")}


def _drugs_within(concept: object, knowledge: Knowledge) -> tuple[str, ...]:
    """The drugs that the first text with a known name names."""
    return next((drugs for text in _texts(concept) if (drugs := drugs_named(text, knowledge))), ())


def _texts(concept: object) -> Iterator[str]:
    """The texts of a concept: those of its codes, then its own."""
    for one in listed(concept):
        texts = [*(coding.get("display") for coding in listed(one.get("coding"))), one.get("text")]
        yield from (text for text in texts if isinstance(text, str))


def drugs_named(text: str, knowledge: Knowledge) -> tuple[str, ...]:
    """The drugs that a text names; none where it names none that is known."""
    whole = _known(text, knowledge)
    if whole:
        return whole
    brand = _BRAND.search(text)
    if brand:
        return _known(brand.group(1), knowledge)
    words = _WORD.findall(text)
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
