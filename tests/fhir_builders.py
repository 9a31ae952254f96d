"""Invented FHIR resources for tests, short to write."""

from __future__ import annotations

from datetime import date as Date
from datetime import timedelta
from itertools import count
from typing import Any

from her2cds import KnowledgeBase
from her2cds.interop.draft import Imported
from her2cds.interop.fhir.importing import import_fhir

Json = dict[str, Any]
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
HGNC = "http://www.genenames.org"
POSITIVE, NEGATIVE = ("10828004", SNOMED), ("260385009", SNOMED)
TODAY = Date(2025, 1, 1)
_numbers = count(1)


def concept(code: str, system: str, display: str | None = None) -> Json:
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def patient(**more: Any) -> Json:
    return {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1970-05-02", **more}


def condition(code: str, system: str = SNOMED, **more: Any) -> Json:
    return {"resourceType": "Condition", "id": f"c{next(_numbers)}", "code": concept(code, system), **more}


def breast_cancer(onset: str = "2020-01-10") -> Json:
    return condition("254837009", onsetDateTime=onset)


def observation(code: str, day: str | None = "2024-02-01", system: str = LOINC, **more: Any) -> Json:
    dated = {"effectiveDateTime": day} if day else {}
    one = {"resourceType": "Observation", "id": f"o{next(_numbers)}", "status": "final"}
    return {**one, "code": concept(code, system), **dated, **more}


def coded(code: str, answer: tuple[str, str], day: str | None = "2024-02-01", **more: Any) -> Json:
    return observation(code, day, valueCodeableConcept=concept(*answer), **more)


def drug(code: str, start: str | None, kind: str = "MedicationStatement", **more: Any) -> Json:
    dated = {"effectiveDateTime": start} if start else {}
    one = {"resourceType": kind, "id": f"m{next(_numbers)}", "status": "completed"}
    return {**one, "medicationCodeableConcept": concept(code, RXNORM), **dated, **more}


def drug_named(text: str, start: str | None = "2024-02-01", **more: Any) -> Json:
    one = drug("0", start, **more)
    return {**one, "medicationCodeableConcept": {"text": text}}


def cycles(code: str, start: str, number: int, days: int = 21) -> list[Json]:
    first = Date.fromisoformat(start)
    dates = [(first + timedelta(days=days * one)).isoformat() for one in range(number)]
    return [drug(code, day, "MedicationAdministration") for day in dates]


def surgery(day: str, code: str = "392021009") -> Json:
    one = {"resourceType": "Procedure", "id": f"s{next(_numbers)}", "status": "completed"}
    return {**one, "code": concept(code, SNOMED), "performedDateTime": day}


def status_of(kind: str, code: str) -> Json:
    """A clinical or verification status: `status_of("clinical", "resolved")`."""
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/condition-{kind}", "code": code}]}


def variant(gene: str, symbol: str, present: bool = True, **changes: str) -> Json:
    parts = [{"code": concept("48018-6", LOINC), "valueCodeableConcept": concept(gene, HGNC, symbol)}]
    codes = {"protein": "48005-3", "coding": "48004-6"}
    parts += [
        {"code": concept(codes[name], LOINC), "valueCodeableConcept": concept(text, "http://varnomen.hgvs.org")}
        for name, text in changes.items()
    ]
    answer = ("LA9633-4" if present else "LA9634-2", LOINC)
    return coded("69548-6", answer, component=parts)


def bundle(*resources: Json | list[Json]) -> Json:
    flat = [one for part in resources for one in (part if isinstance(part, list) else [part])]
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in flat]}


def imported(knowledge: KnowledgeBase, *resources: Json | list[Json], **options: Any) -> Imported:
    return import_fhir(bundle(*resources), knowledge.knowledge, today=TODAY, **options)
