"""From the bytes of a request to a patient, strictly: what is not understood is refused, never skipped."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

from starlette.requests import Request

from her2cds.errors import ProfileError, ProfileFault
from her2cds.profile.json_text import parse_json
from her2cds.service.bundles import ChartRead, ReadBundle, is_bundle
from her2cds.service.problems import FHIR_JSON, ProblemError

MAX_DEPTH = 60
LABEL = "request"
_MOST_FAULTS = 100


async def json_body(request: Request) -> bytes:
    """The body of a request that says it is JSON; `object_in` reads it, in a worker. Raises ProblemError 415."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in ("application/json", FHIR_JSON):
        raise ProblemError(415, "not-json", "The body is to be application/json.")
    return await request.body()


def object_in(content: bytes) -> dict[str, Any]:
    """The JSON object in `content`. Raises ProblemError 400, with line and column where the JSON is broken."""
    try:
        tree = parse_json(content, LABEL, max_bytes=len(content))  # its size was looked at when it arrived
    except ProfileError as error:
        raise ProblemError(400, "not-json", "The body is not JSON that can be used.", error.faults) from None
    if not isinstance(tree, dict):
        fault = ProfileFault("$", "no object", "a JSON object")
        raise ProblemError(400, "not-an-object", "The body is not a JSON object.", (fault,))
    if _deeper_than(tree, MAX_DEPTH):
        fault = ProfileFault("$", "deep nesting", f"at most {MAX_DEPTH} levels")
        raise ProblemError(400, "too-deep", "The body is nested too deeply.", (fault,))
    if _SURROGATE.search(content) and not _is_text(tree):
        fault = ProfileFault("$", "half of a character (a lone surrogate)", "whole characters")
        raise ProblemError(400, "not-text", "The body holds text that is none.", (fault,))
    return tree


def patient_in(tree: dict[str, Any], read_bundle: ReadBundle) -> dict[str, Any]:
    """The profile that a body holds, or that is read from the Bundle which it holds."""
    return imported(tree, read_bundle).profile if is_bundle(tree) else tree


def imported(tree: dict[str, Any], read_bundle: ReadBundle) -> ChartRead:
    """What the FHIR import makes of a resource. Raises ProfileError for what is none."""
    part(tree, "resourceType", str)
    return read_bundle(tree)


def part(tree: Mapping[str, Any], name: str, kind: type, default: Any = None) -> Any:
    """A part of a body by its name. Raises ProfileError where it is missing without default, or of another type."""
    value = tree.get(name, default)
    fits = isinstance(value, kind)
    if fits and isinstance(value, list):
        fits = all(isinstance(one, str) for one in value)
    if not fits:
        found = "nothing" if value is None else type(value).__name__
        raise ProfileError([ProfileFault(f"$.{name}", found, _EXPECTED[kind])], LABEL)
    return value


def only_parts(tree: Mapping[str, Any], *names: str) -> None:
    """Raises ProfileError for the parts that are none of these names: for the first hundred of them."""
    others = islice((one for one in tree if one not in names), _MOST_FAULTS)
    unknown = [ProfileFault(f"$.{one}", "an unknown part", ", ".join(names)) for one in others]
    if unknown:
        raise ProfileError(unknown, LABEL)


def _is_text(tree: object) -> bool:
    """Whether all text of a tree can be written as UTF-8, in an answer or a page."""
    try:
        json.dumps(tree, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_EXPECTED: dict[type, str] = {dict: "an object", list: "a list of texts", str: "text"}


def _deeper_than(tree: object, depth: int) -> bool:
    """Whether a tree has more levels: looked at level by level, because the tree may be as deep as it likes."""
    level = [tree]
    for _ in range(depth):
        level = [
            child
            for node in level
            if isinstance(node, (dict, list))
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return True
