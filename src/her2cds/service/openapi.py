"""What the OpenAPI document says of bodies and answers. Bodies are read strictly by our own reader, so that the
document describes them and FastAPI does not parse them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from her2cds.exploration.change import Comparison
from her2cds.exploration.effects import WhatIsMissing
from her2cds.profile.model import Profile
from her2cds.report.model import Report
from her2cds.report.ranked_because import RankedBecause
from her2cds.report.why import Why
from her2cds.service.answers import MOST_CHANGES
from her2cds.service.hooks.model import Cards, Feedback, HookRequest
from her2cds.service.problems import PROBLEM_JSON

Json = dict[str, Any]
_REFERENCES = "#/components/schemas/{model}"
_BODIES: dict[str, type[BaseModel]] = {"Profile": Profile, "HookRequest": HookRequest, "Feedback": Feedback}

_PROBLEM: Json = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "faults": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
    },
}
_FAULT: Json = {
    "type": "object",
    "required": ["path", "found", "expected", "remedy"],
    "properties": {name: {"type": "string"} for name in ("path", "found", "expected", "remedy")},
}
_BUNDLE: Json = {
    "type": "object",
    "description": "A FHIR R4 Bundle; the import reads it with tolerance and reports what it does not understand",
    "required": ["resourceType"],
    "properties": {"resourceType": {"type": "string"}},
}
_PATIENT: Json = {"anyOf": [{"$ref": "#/components/schemas/Profile"}, {"$ref": "#/components/schemas/Bundle"}]}
_STATUSES = {
    400: "The body is not JSON that can be used",
    401: "Nobody whom the service knows",
    403: "A page of another origin",
    404: "There is no such service",
    408: "The body took too long",
    412: "The chart was not prefetched, or not as a whole",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "The patient or the question cannot be used; nothing was evaluated",
    429: "Too many requests",
    500: "No answer could be made",
    503: "Too busy, too slow, or not recorded",
}


def _problems(*statuses: int) -> dict[int | str, Json]:
    content = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _STATUSES[status], "content": content} for status in statuses}


_EVERYWHERE = (400, 401, 403, 408, 413, 415, 422, 429, 500, 503)


def _route(summary: str, answer: Any, body: Json, *more: int) -> Json:
    return {
        "summary": summary,
        "responses": {200: {"model": answer}, **_problems(*_EVERYWHERE, *more)},
        "openapi_extra": {"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}},
    }


def _object(required: list[str], **properties: Json) -> Json:
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}


_TEXT: Json = {"type": "string"}
_TEXTS: Json = {"type": "array", "items": _TEXT, "maxItems": MOST_CHANGES}
_CHANGED: Json = {"type": "object", "maxProperties": MOST_CHANGES}

EVALUATE = _route("Evaluate a patient", Report, _PATIENT)
QUESTIONS = _route("What is missing", WhatIsMissing, _PATIENT)
EXPLAIN = _route(
    "Why, or why not", Why | RankedBecause, _object(["patient", "name"], patient=_PATIENT, name=_TEXT, over=_TEXT)
)
WHAT_IF = _route(
    "What if",
    Comparison,
    _object(
        ["patient"],
        patient=_PATIENT,
        set=_CHANGED,
        remove=_TEXTS,
        append=_CHANGED,
        progresses_on=_TEXTS,
    ),
)
IMPORT = _route("Read a FHIR Bundle", dict[str, Any], {"$ref": "#/components/schemas/Bundle"})
DISCOVERY: Json = {"summary": "CDS Hooks: discovery", "responses": _problems(400, 401, 403, 429)}
HOOK = _route("CDS Hooks: call a service", Cards, {"$ref": "#/components/schemas/HookRequest"}, 404, 412)
FEEDBACK = _route("CDS Hooks: feedback", dict[str, Any], {"$ref": "#/components/schemas/Feedback"}, 404)
KNOWLEDGE: Json = {"summary": "The knowledge base", "responses": _problems(400, 401, 403, 429)}


def complete(document: Json, *, with_tokens: bool) -> Json:
    """The document that FastAPI makes, with the schemas of the bodies and, where they are asked for, of tokens."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas |= {"Problem": _PROBLEM, "Fault": _FAULT, "Bundle": _BUNDLE}
    for name, model in _BODIES.items():
        schema = model.model_json_schema(ref_template=_REFERENCES)
        schemas |= schema.pop("$defs", {})
        schemas[name] = schema
    if with_tokens:
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"bearer": []}]
    return document
