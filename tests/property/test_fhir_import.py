"""Whatever a document holds, the import gives a valid profile that accounts for every record, or a clear refusal."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from her2cds import KnowledgeBase, ProfileError, evaluate
from her2cds.interop.draft import Imported
from her2cds.interop.fhir.importing import import_fhir
from her2cds.interop.fhir.resources import gather
from tests.fhir_builders import (
    LOINC,
    NEGATIVE,
    POSITIVE,
    SNOMED,
    TODAY,
    breast_cancer,
    bundle,
    coded,
    condition,
    cycles,
    drug,
    drug_named,
    observation,
    patient,
    variant,
)

BASE = bundle(
    patient(),
    breast_cancer(),
    condition("94381002", onsetDateTime="2022-01-01", clinicalStatus={"coding": [{"code": "active"}]}),
    condition("94225005", verificationStatus={"coding": [{"code": "confirmed"}]}),
    coded("85319-2", ("LA11843-2", LOINC)),
    coded("85318-4", NEGATIVE),
    coded("48676-1", POSITIVE),
    coded("48676-1", NEGATIVE, "2024-02-20"),
    coded("85319-2", ("LA6111-4", LOINC), "2024-03-05"),
    coded("85147-7", POSITIVE),
    coded("83057-0", NEGATIVE),
    variant("11998", "TP53", protein="p.Arg175His"),
    coded("85337-4", POSITIVE),
    observation("85329-1", valueQuantity={"value": 0, "unit": "%"}),
    observation("10230-1", valueQuantity={"value": 58, "unit": "%"}),
    observation("89247-1", valueInteger=1),
    coded("21908-9", ("258228008", SNOMED)),
    coded("97509-4", ("271299001", SNOMED), "2022-07-01"),
    variant("3430", "ERBB2", protein="p.Leu755Ser"),
    cycles("224905", "2022-02-01", 3),
    drug(
        *("1371046", None, "MedicationRequest"),
        status="active",
        meta={"profile": ["http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-cancer-related-medication-request"]},
        dosageInstruction=[{"timing": {"repeat": {"boundsPeriod": {"start": "2022-08-01"}}}}],
        statusReason={"coding": [{"system": SNOMED, "code": "407563006"}]},
    ),
    coded("85339-0", POSITIVE, specimen={"reference": "Specimen/s"}),
    {"resourceType": "Specimen", "id": "s", "collection": {"bodySite": {"coding": [{"code": "76752008"}]}}},
    drug_named("trastuzumab xyzotecan"),
)
JUNK = st.sampled_from(
    [None, "", "x", 0, -1, 1e9, True, [], {}, ["x"], {"a": 1}, [[]], [None], {"reference": 5}, {"coding": "x"},
     {"coding": [{"code": 5}]}, {"value": "3"}, "2099-01-01", "1850-01-01", "2020-13-45", "stopped"]
)  # fmt: skip


def places(tree: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path] if path else []
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        found += places(value, (*path, key))
    return found


PLACES = places(BASE["entry"])


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    tree = copy.deepcopy(BASE)
    for _ in range(draw(st.integers(1, 4))):
        *way, last = draw(st.sampled_from(PLACES))
        here: Any = tree["entry"]
        try:
            for key in way:
                here = here[key]
            if draw(st.booleans()):
                here[last] = draw(JUNK)
            else:
                del here[last]
        except (KeyError, IndexError, TypeError):
            continue
    return tree


def accounts_for_everything(result: Imported, tree: Any) -> bool:
    return {one.label for one in gather(tree, "again").all} <= result.report.mentioned()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=damaged())
def test_a_damaged_document_gives_a_valid_profile_or_a_refusal(knowledge: KnowledgeBase, tree: dict[str, Any]) -> None:
    try:
        result = import_fhir(tree, knowledge.knowledge, today=TODAY)
    except ProfileError:
        return
    evaluate(result.profile, knowledge, today=TODAY)
    assert accounts_for_everything(result, tree)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(BASE["entry"]))))
def test_the_order_of_the_resources_changes_no_fact(knowledge: KnowledgeBase, order: list[int]) -> None:
    shuffled = {**BASE, "entry": [BASE["entry"][index] for index in order]}
    first = import_fhir(BASE, knowledge.knowledge, today=TODAY).profile
    assert json.dumps(import_fhir(shuffled, knowledge.knowledge, today=TODAY).profile, sort_keys=True) == json.dumps(
        first, sort_keys=True
    )
