"""JSON text to a plain tree, strictly: UTF-8, no duplicate keys, no NaN, bounded size and depth.

Every refusal is a ProfileFault that says where, so that nothing reaches the model half-read.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from her2cds.errors import ProfileError, ProfileFault

MAX_BYTES = 2_000_000
_MAX_DIGITS = 25
_MAX_SHOWN = 60


def parse_json(content: bytes, label: str = "patient profile", max_bytes: int = MAX_BYTES) -> Any:
    """The tree in `content`. Raises ProfileError with line and column, or with what is wrong as a whole."""
    if len(content) > max_bytes:
        _refuse(label, "$", f"{len(content)} bytes", f"at most {max_bytes} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(label, f"byte {error.start}", "a byte that is not UTF-8", "UTF-8 text", "Save the file as UTF-8.")
    if not text.strip():
        _refuse(label, "$", "nothing", "a JSON object", "The file is empty.")
    try:
        return json.loads(
            text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_int, parse_float=_float
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ProfileError([ProfileFault(where, error.msg, "valid JSON")], label) from None
    except RecursionError:
        raise ProfileError(
            [ProfileFault("$", "nesting without end", "a profile as in the JSON Schema")], label
        ) from None
    except _RefusedError as error:
        raise ProfileError([ProfileFault("$", error.found, error.expected)], label) from None


class _RefusedError(Exception):
    def __init__(self, found: str, expected: str) -> None:
        super().__init__(found)
        self.found, self.expected = found, expected


def _refuse(label: str, path: str, found: str, expected: str, remedy: str = "") -> None:
    raise ProfileError([ProfileFault(path, found, expected, remedy)], label)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        times = Counter(key for key, _ in pairs)
        twice = min(key for key, count in times.items() if count > 1)
        shown = twice if len(twice) <= _MAX_SHOWN else f"{twice[:_MAX_SHOWN]}…"
        raise _RefusedError(f"the key {shown!r} twice in one object", "each key once")
    return tree


def _no_constant(word: str) -> float:
    raise _RefusedError(word, "a finite number")


def _int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise _RefusedError(f"a number with {len(digits)} digits", f"at most {_MAX_DIGITS} digits")
    return int(digits)


def _float(digits: str) -> float:
    if len(digits) > 2 * _MAX_DIGITS:
        raise _RefusedError(f"a number with {len(digits)} characters", f"at most {2 * _MAX_DIGITS}")
    return float(digits)
