"""The drugs that draft orders are about.

Codes and full names are read as the FHIR import reads them. Beyond that, an order's text may say more than an import
accounts for ("Enhertu 100 mg, first dose today"): a name within it is then enough, because an order that is not read
is not warned of. A brand in square brackets decides (RxNorm writes `Trastuzumab Injection [Enhertu]`), and an
antibody followed by a payload that the knowledge base does not know is no antibody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date as Date
from typing import Any

from her2cds.errors import ProfileFault
from her2cds.interop.draft import Draft
from her2cds.interop.fhir.codes import code_map
from her2cds.interop.fhir.drugs import DrugReader, ingredients_of
from her2cds.interop.fhir.elements import Reading
from her2cds.interop.fhir.resources import Resource, Resources, gather, inside, listed
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.names import folded
from her2cds.service.hooks.model import HookRequest
from her2cds.service.hooks.patient import PatientReferences, split_reference
from her2cds.service.problems import ProblemError

Json = dict[str, Any]
_BRAND = re.compile(r"\[([^\]]{2,60})\]")
_WORD = re.compile(r"[^\s,;/()\[\]]+")
_PAYLOAD = re.compile(r"(tecan|tansine|otin|mazine)$")
_LONGEST_NAME = 5
_SHORTEST_WITHIN_TEXT = 4  # T-DXd, T-DM1
_MOST_WORDS = 500
_MOST_ORDERS = 200
_LABEL = "draft orders"
_ORDERS = ("MedicationRequest", "MedicationOrder")
_GROUPS = ("RequestGroup", "RequestOrchestration", "CarePlan")
_WITHDRAWN = ("cancelled", "entered-in-error")


@dataclass(frozen=True, slots=True)
class Order:
    """One draft order: its reference (empty without an id), and the ids of the drugs it is about."""

    reference: str
    drugs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DraftOrders:
    """The orders of drugs that are known; and those that could not be read, by their references."""

    orders: tuple[Order, ...]
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A draft order; `origin` holds what it contains, which is the group of orders where it stands in one."""

    order: Resource
    origin: Resource

    @property
    def reference(self) -> str:
        """The reference to it within the call: empty without an id, and within a group."""
        identifier = self.order.content.get("id")
        given = self.order is self.origin and isinstance(identifier, str)
        return f"{self.order.type}/{identifier}" if given and identifier else ""


def draft_orders(request: HookRequest, knowledge: Knowledge) -> DraftOrders:
    """The draft orders of a call; on selection those that are selected. Withdrawn ones are none.

    Raises ProblemError 400 for what is no Bundle of resources, for an order that is not this patient's, for a selection
    that is no draft order, and for more orders, or more words in one, than are checked: a part of them is never taken
    for all.
    """
    entries = _entries(request.context.draft_orders or {})
    _refuse_another_patient(entries, request)
    if not entries:
        return DraftOrders((), ())
    resources = gather({"resourceType": "Bundle", "entry": entries}, _LABEL)
    selected = _selected(request, resources)
    drafts = [one for one in _drafts(resources) if _is_meant(one, selected)]
    if len(drafts) > _MOST_ORDERS:
        raise _too_much("orders", f"{len(drafts)} orders", f"at most {_MOST_ORDERS}")
    reader = DrugReader(Reading(code_map(), knowledge, resources, Draft(_LABEL), Date.today()))
    orders: list[Order] = []
    unread = _outside(resources, selected)
    places = (resources, *_prefetched(request))
    for one in drafts:
        concept, ingredients = _product(one, places)
        said = [concept, *ingredients]
        _refuse_long(said)
        drugs = reader.read_product(concept, ingredients, one.order).drugs or _drugs_within(said, knowledge)
        if drugs:
            orders.append(Order(one.reference, drugs))
        elif not any(text.strip() for text in _texts(said)):
            unread.append(one.reference or one.origin.label)
    return DraftOrders(tuple(orders), tuple(unread))


# --- What is ordered -----------------------------------------------------------------------------------------------


def _entries(bundle: Json) -> list[Json]:
    """The entries of the draft orders, each with a resource. Raises ProblemError 400 for anything else."""
    entries = bundle.get("entry")
    entries = [] if entries is None else entries
    if bundle.get("resourceType") != "Bundle" or not isinstance(entries, list):
        raise _malformed("no Bundle", "a FHIR Bundle of the draft orders")
    for entry in entries:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(kind, str) or kind == "Bundle":
            raise _malformed("an entry that holds no resource, or a Bundle", "one draft order in each entry")
    return entries


def _refuse_another_patient(entries: list[Json], request: HookRequest) -> None:
    bundles = [request.context.draft_orders, *request.prefetch.values()]
    named = [one for bundle in bundles if bundle for one in listed(bundle.get("entry"))]
    known = [one for one in named if isinstance(one.get("resource"), dict)]
    patient = PatientReferences(request.context.patient_id, request.fhir_server, known)
    for entry in entries:
        for resource in (entry["resource"], *listed(entry["resource"].get("contained"))):
            other = patient.other(resource) if resource.get("resourceType") != "Patient" else ""
            if other:
                raise _malformed(other, "orders for the patient of context.patientId")


def _selected(request: HookRequest, resources: Resources) -> list[Resource]:
    """The draft orders that are selected; none where the call is not about a selection, and all are meant."""
    if request.hook != "order-select":
        return []
    found = [resources.follow({"reference": one}) for one in request.context.selections]
    if None in found:
        fault = ProfileFault("$.context.selections", "a selection that is no draft order", "TYPE/ID of a draft order")
        raise ProblemError(400, "unknown-selection", "A selected order cannot be found; nothing was checked.", (fault,))
    return [one for one in found if one is not None]


def _drafts(resources: Resources) -> Iterator[_Draft]:
    """The orders of drugs: those on their own, and those within a group. Withdrawn ones order nothing."""
    for one in resources.all:
        if one.type in _ORDERS:
            inner = [one]
        elif one.type in _GROUPS:
            contained = listed(one.content.get("contained"))
            inner = [Resource(one.label, part) for part in contained if part.get("resourceType") in _ORDERS]
        else:
            continue
        yield from (_Draft(order, one) for order in inner if not _is_withdrawn(order.content))


def _is_withdrawn(order: Json) -> bool:
    return order.get("doNotPerform") is True or order.get("status") in _WITHDRAWN


def _is_meant(draft: _Draft, selected: list[Resource]) -> bool:
    """Whether an order is selected. With a group all are: what it refers to may stand outside of it."""
    if not selected or any(one.type in _GROUPS for one in selected):
        return True
    name = draft.reference
    return any(one is draft.order or (name and name == _Draft(one, one).reference) for one in selected)


def _outside(resources: Resources, selected: list[Resource]) -> list[str]:
    """The groups that refer to an order which was not sent."""
    groups = [one for one in selected or resources.all if one.type in _GROUPS]
    return [one.label for one in groups if any(resources.follow(to, one) is None for to in _members(one.content))]


def _members(group: Json) -> Iterator[Json]:
    """The references of a group, in its actions and theirs, to orders of drugs, or to what they do not say."""
    for one in _references(group):
        name = one.get("reference")
        kind = split_reference(name)[1].partition("/") if isinstance(name, str) else ("", "", "")
        if kind[0] in _ORDERS or (name and not kind[1]):
            yield one


def _references(group: Json) -> Iterator[Json]:
    waiting = [*listed(group.get("action")), *listed(group.get("activity"))]
    while waiting:
        part = waiting.pop()
        waiting += listed(part.get("action"))
        yield from listed(part.get("resource") or part.get("reference"))


def _malformed(found: str, expected: str) -> ProblemError:
    fault = ProfileFault("$.context.draftOrders", found, expected)
    return ProblemError(400, "malformed-orders", "The draft orders cannot be checked; nothing was checked.", (fault,))


# --- Which drug ----------------------------------------------------------------------------------------------------


def _refuse_long(concept: object) -> None:
    words = sum(len(_WORD.findall(text)) for text in _texts(concept))
    if words > _MOST_WORDS:
        raise _too_much("words", f"an order of {words} words", f"at most {_MOST_WORDS}")


def _too_much(what: str, found: str, most: str) -> ProblemError:
    fault = ProfileFault("$.context.draftOrders", found, most)
    words = "More is ordered than is checked in one call; nothing was checked."
    return ProblemError(400, f"too-many-{what}", words, (fault,))


def _product(draft: _Draft, places: Sequence[Resources]) -> tuple[object, list[object]]:
    """What is ordered, as the order or the Medication that it points to says it, and the ingredients of that."""
    content = draft.order.content
    newer = content.get("medication")  # FHIR R5 has both in one
    newer = newer if isinstance(newer, dict) else {}
    concept = content.get("medicationCodeableConcept") or newer.get("concept")
    reference = content.get("medicationReference") or newer.get("reference")
    if concept or not isinstance(reference, dict):
        return concept, []
    for resources in places:
        medication = resources.follow(reference, draft.order) or resources.follow(reference, draft.origin)
        if medication is not None:
            named = medication.content.get("code") or {"text": reference.get("display")}
            return named, ingredients_of(medication, draft.origin, resources)
    return {"text": reference.get("display")}, []


def _prefetched(request: HookRequest) -> list[Resources]:
    """The Medications that were sent with the chart: an order may point to one of them."""
    bundles = [one for one in request.prefetch.values() if one is not None]
    entries = [entry for bundle in bundles for entry in listed(bundle.get("entry"))]
    found = [one for one in entries if inside(one, "resource", "resourceType") == "Medication"]
    return [gather({"resourceType": "Bundle", "entry": found}, _LABEL)] if found else []


def _drugs_within(concept: object, knowledge: Knowledge) -> tuple[str, ...]:
    """The drugs that any text names: where a code says trastuzumab and the text T-DXd, both are checked."""
    return tuple(dict.fromkeys(drug for text in _texts(concept) for drug in drugs_named(text, knowledge)))


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
