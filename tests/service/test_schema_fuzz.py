"""The OpenAPI document taken at its word: generated requests, sound and unsound, against every route."""

from __future__ import annotations

import os
from typing import Any

import pytest

pytest.importorskip("schemathesis", reason="the generated requests need schemathesis")

import schemathesis
from hypothesis import HealthCheck, settings

from her2cds import load_knowledge
from her2cds.service.app import create_app
from tests.conftest import PROJECT
from tests.service.conftest import Chart

EXAMPLES = int(os.environ.get("HER2CDS_FUZZ_EXAMPLES", "8"))
_APP = create_app(load_knowledge(PROJECT / "rules"), read_bundle=Chart())
schema = schemathesis.openapi.from_asgi("/openapi.json", _APP, headers={"Host": "127.0.0.1"})
# Every limit of every field, one by one: thousands of requests, for the long run only.
schema.config.phases.coverage.enabled = EXAMPLES > 8


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
def test_every_generated_request_is_answered_as_the_document_says(case: Any) -> None:
    """No server error; each status and body is one that the document declares; unsound bodies are refused."""
    answer = case.call(headers={"Host": "127.0.0.1"})
    # A body that fits the schema may still contradict itself, so that a refusal of it is no fault.
    case.validate_response(answer, excluded_checks=[schemathesis.checks.CHECKS.get_one("positive_data_acceptance")])
