"""The report as a FHIR Bundle: valid R4, cited, and never an order."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from her2cds import KnowledgeBase, evaluate
from her2cds.interop.fhir.export import report_bundle, to_fhir_json
from her2cds.interop.fhir.importing import import_fhir
from her2cds.report.model import Report
from tests.conftest import PROJECT

EXAMPLES = sorted((PROJECT / "patient_examples").glob("*.json"))
SCHEMA = Path(os.environ.get("FHIR_R4_SCHEMA", PROJECT / "build" / "fhir.schema.json"))
Json = dict[str, Any]


@cache
def report_of(example: Path, knowledge: KnowledgeBase) -> Report:
    return evaluate(example.read_text(encoding="utf-8"), knowledge)


def resources(bundle: Json, kind: str) -> list[Json]:
    return [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == kind]


def actions(holder: Json) -> Iterator[Json]:
    for one in holder.get("action", []):
        yield one
        yield from actions(one)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_bundle_fits_the_r4_models(knowledge: KnowledgeBase, example: Path) -> None:
    models = pytest.importorskip("fhir.resources.R4B.bundle", reason="fhir.resources is not installed")
    models.Bundle.model_validate(report_bundle(report_of(example, knowledge)))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_bundle_fits_the_official_r4_json_schema(knowledge: KnowledgeBase, example: Path) -> None:
    if not SCHEMA.exists():
        pytest.skip(f"the R4 JSON Schema is not at {SCHEMA}: run scripts/fetch_fhir_schema.sh, or set FHIR_R4_SCHEMA")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    bundle = report_bundle(report_of(example, knowledge))
    assert jsonschema.Draft6Validator(schema).is_valid(bundle)
    for entry in bundle["entry"]:  # one resource at a time: the schema's own message names no cause
        kind = entry["resource"]["resourceType"]
        one = {"definitions": schema["definitions"], "$ref": f"#/definitions/{kind}"}
        assert [str(fault.message) for fault in jsonschema.Draft6Validator(one).iter_errors(entry["resource"])] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_everything_is_a_draft_proposal_without_dose_and_nothing_an_order(
    knowledge: KnowledgeBase, example: Path
) -> None:
    bundle = report_bundle(report_of(example, knowledge))
    for kind in ("RequestGroup", "MedicationRequest", "ServiceRequest"):
        for one in resources(bundle, kind):
            assert (one["status"], one["intent"]) == ("draft", "proposal")
            assert "dosageInstruction" not in one
    assert '"order"' not in json.dumps(bundle)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_action_holds_actions_or_a_resource_of_the_bundle_and_not_both(
    knowledge: KnowledgeBase, example: Path
) -> None:
    """Invariant rqg-1 of RequestGroup, which neither schema nor models check."""
    bundle = report_bundle(report_of(example, knowledge))
    urls = {one["fullUrl"] for one in bundle["entry"]}
    assert len(urls) == len(bundle["entry"])
    (group,) = resources(bundle, "RequestGroup")
    for action in actions(group):
        assert ("action" in action) != ("resource" in action), action.get("title")
        if "resource" in action:
            assert action["resource"]["reference"] in urls
    (guidance,) = resources(bundle, "GuidanceResponse")
    assert guidance["result"]["reference"] in urls


def test_therapies_stand_in_rank_order_with_their_evidence_as_documentation(knowledge: KnowledgeBase) -> None:
    report = report_of(PROJECT / "patient_examples" / "second-line-her2-positive.json", knowledge)
    (group,) = resources(report_bundle(report), "RequestGroup")
    first = group["action"][0]["action"]
    assert [one["title"] for one in first] == [one.name for one in report.therapies]
    assert first[0]["code"][0]["coding"][0]["code"] == "t-dxd"
    kinds = {one["type"] for one in first[0]["documentation"]}
    assert kinds == {"documentation"}
    assert any("DESTINY-Breast03" in one.get("label", "") for one in first[0]["documentation"])


def test_a_conjugate_is_proposed_under_its_own_rxnorm_code(knowledge: KnowledgeBase) -> None:
    report = report_of(PROJECT / "patient_examples" / "second-line-her2-positive.json", knowledge)
    requests = resources(report_bundle(report), "MedicationRequest")
    codes = {
        one["medicationCodeableConcept"]["text"]: one["medicationCodeableConcept"].get("coding") for one in requests
    }
    assert codes["Trastuzumab deruxtecan"][0]["code"] == "2267582"


def test_what_is_ruled_out_is_noted_and_not_proposed(knowledge: KnowledgeBase) -> None:
    report = report_of(PROJECT / "patient_examples" / "second-line-active-ild.json", knowledge)
    (group,) = resources(report_bundle(report), "RequestGroup")
    assert any("Not recommended: Trastuzumab deruxtecan" in one["text"] for one in group["note"])
    titles = [one.get("title") for one in group["action"][0]["action"]]
    assert not any("T-DXd" in str(title) for title in titles)


def test_the_same_report_gives_the_same_bytes(knowledge: KnowledgeBase) -> None:
    example = PROJECT / "patient_examples" / "sparse-profile.json"
    one, two = (evaluate(example.read_text(encoding="utf-8"), knowledge) for _ in range(2))
    assert to_fhir_json(one) == to_fhir_json(two)


def test_our_own_proposals_are_not_read_back_as_treatment(knowledge: KnowledgeBase) -> None:
    report = report_of(PROJECT / "patient_examples" / "second-line-her2-positive.json", knowledge)
    result = import_fhir(report_bundle(report), knowledge.knowledge)
    assert "treatments" not in result.profile
