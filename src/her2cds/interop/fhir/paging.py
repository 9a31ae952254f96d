"""What a Bundle says about its own gaps: further pages, results that were cut off, errors of the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def gaps(tree: object) -> list[str]:
    """What a Bundle, or one inside of it, says is missing; none for a document that says nothing of the kind."""
    return list(dict.fromkeys(_gaps(tree)))


def _gaps(tree: object) -> Iterator[str]:
    if isinstance(tree, list):
        for one in tree:
            yield from _gaps(one)
    elif isinstance(tree, dict) and tree.get("resourceType") == "Bundle":
        entries, total = _dicts(tree.get("entry")), tree.get("total")
        if any(one.get("relation") == "next" for one in _dicts(tree.get("link"))):
            yield "one page of several: there is a link to the next"
        if isinstance(total, int) and total > len(entries):
            yield f"{len(entries)} entries of {total}"
        for entry in entries:
            yield from _gaps(entry.get("resource"))
    elif isinstance(tree, dict) and tree.get("resourceType") == "OperationOutcome":
        for issue in _dicts(tree.get("issue")):
            if issue.get("severity") in ("fatal", "error", "warning"):
                yield f"{issue['severity']} of the server: {issue.get('diagnostics') or issue.get('code')}"


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
