"""Errors as HTTP: problem details (RFC 9457), or an OperationOutcome for a caller that speaks FHIR.

A problem names the path and the offending value at most, never a whole patient, and no inner part of the program.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.responses import Response

from her2cds.errors import EngineError, Her2CdsError, ProfileError, ProfileFault, UnknownNameError

PROBLEM_JSON = "application/problem+json"
FHIR_JSON = "application/fhir+json"
_TYPE = "urn:her2cds:problem:"
_ISSUE_CODES = {
    400: "structure",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    408: "timeout",
}
_ISSUE_CODES |= {412: "required", 413: "too-long", 415: "not-supported", 422: "invalid", 429: "throttled"}
_ISSUE_CODES |= {500: "exception", 503: "transient"}


@dataclass(eq=False)
class ProblemError(Her2CdsError):
    """A request that gets no answer: the status, what kind of problem it is, and what to do about it."""

    status: int
    kind: str
    detail: str
    faults: tuple[ProfileFault, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The problem in a few words: the same for all problems of its kind."""
        words = self.kind.replace("-", " ")
        return (words[0].upper() + words[1:]).replace("json", "JSON").replace("fhir", "FHIR")


def problem_of(error: Her2CdsError) -> ProblemError:
    """The problem that one of our own errors stands for."""
    if isinstance(error, ProfileError):
        count = f"{len(error.faults)} fault{'s' if len(error.faults) != 1 else ''}"
        return ProblemError(422, "invalid-profile", f"{error.label}: {count}; nothing was evaluated.", error.faults)
    if isinstance(error, UnknownNameError):
        return ProblemError(422, "unknown-name", str(error))
    if isinstance(error, EngineError):
        return ProblemError(500, "rule-failed", "A rule could not be evaluated, so no report is made.")
    return ProblemError(500, "internal", "The service could not answer.")


def response_of(problem: ProblemError, *, instance: str, fhir: bool = False) -> Response:
    """The problem as a response. `instance` identifies this occurrence in the service's log."""
    body = _operation_outcome(problem) if fhir else _problem_details(problem, instance)
    return Response(
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace"),
        status_code=problem.status,
        media_type=FHIR_JSON if fhir else PROBLEM_JSON,
        headers=dict(problem.headers),
    )


def accepts_fhir(headers: Mapping[str, str]) -> bool:
    """Whether the caller asks for FHIR."""
    return FHIR_JSON in headers.get("accept", "")


def speaks_fhir(headers: Mapping[str, str]) -> bool:
    """Whether the caller sends or asks for FHIR, and gets its errors as an OperationOutcome."""
    return accepts_fhir(headers) or FHIR_JSON in headers.get("content-type", "")


def http_problem(status: int, detail: object = None, headers: Mapping[str, str] | None = None) -> ProblemError:
    """The problem for a plain HTTP status: a path that is not there, a method that is not allowed."""
    phrase = HTTPStatus(status).phrase
    text = detail if isinstance(detail, str) and detail else phrase
    return ProblemError(status, phrase.lower().replace(" ", "-"), text, headers=headers or {})


def _problem_details(problem: ProblemError, instance: str) -> dict[str, object]:
    body: dict[str, object] = {
        "type": f"{_TYPE}{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": instance,
    }
    if problem.faults:
        body["faults"] = [fault._asdict() for fault in problem.faults]
    return body


def _operation_outcome(problem: ProblemError) -> dict[str, object]:
    code = _ISSUE_CODES.get(problem.status, "processing")
    return {"resourceType": "OperationOutcome", "issue": list(_issues(problem, code))}


def _issues(problem: ProblemError, code: str) -> Iterable[dict[str, object]]:
    if not problem.faults:
        yield {"severity": "error", "code": code, "diagnostics": problem.detail}
    for fault in problem.faults:
        yield {"severity": "error", "code": code, "diagnostics": str(fault), "expression": [fault.path]}
