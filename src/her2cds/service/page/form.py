"""Between a submitted form and the profile as a tree. What cannot be read as a number stays text, so that the
profile's own check names it beside its field; an empty control leaves its field out, which means unknown."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from her2cds.errors import ProfileFault
from her2cds.profile.changes import set_at, steps_of
from her2cds.service.page.fields import Field, row_fields, sections, simple_fields

Json = dict[str, Any]
Submitted = Mapping[str, list[str]]
MOST_ROWS = 200
MOST_INNER_ROWS = 1000
_MISSING = object()
_ROW = re.compile(r"[0-9]{1,6}")
_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")


def profile_in(submitted: Submitted) -> Json:
    """The profile that a form holds, with the questions answered that were answered in place."""
    tree = _part(Field("", "", "part", parts=sections()), "", submitted)
    for name in submitted:
        kind, _, path = name.partition(":")
        if kind == "answer":
            _answer(tree, path, name, submitted)
    return tree


def changes_in(submitted: Submitted) -> Json:
    """The fields that what-if switches set, by path."""
    found = {}
    for path, field in simple_fields().items():
        value = _control(field, f"if:{path}", submitted)
        if value is not _MISSING:
            found[path] = value
    return found


def fitting(tree: Json) -> tuple[Json, dict[str, int]]:
    """A profile as far as the form can show it; and of each list that is longer, by its path, how long it is.

    The form has at most 200 rows of a list, and of all lists within rows at most 1000 together.
    """
    shown, room = dict(tree), MOST_INNER_ROWS
    lengths: dict[str, int] = {}
    for outer in _lists(sections(), tree):
        rows = tree[outer.name]
        kept = [dict(row) if isinstance(row, dict) else row for row in rows[:MOST_ROWS]]
        shown[outer.name] = kept
        lengths |= {outer.name: len(rows)} if len(rows) > len(kept) else {}
        for number, row in enumerate(kept):
            for inner in _lists(outer.parts, row):
                length = len(row[inner.name])
                row[inner.name] = row[inner.name][: min(MOST_ROWS, room)]
                room -= len(row[inner.name])
                lengths |= {f"{outer.name}.{number}.{inner.name}": length} if length > len(row[inner.name]) else {}
    return shown, lengths


def controls(tree: Json) -> dict[str, str]:
    """The names of all controls that the form has for a profile, each with its label and those of its groups."""
    return dict(_controls(sections(), tree, "", ""))


def faults_by_control(faults: Iterable[ProfileFault], names: Container[str]) -> dict[str, list[ProfileFault]]:
    """The faults by the control that they stand beside; those without a control under an empty name."""
    found: dict[str, list[ProfileFault]] = {}
    for fault in faults:
        steps = steps_of(fault.path) if fault.path.startswith("$.") else []
        places = (".".join(steps[:length]) for length in range(len(steps), 0, -1))
        found.setdefault(next((place for place in places if place in names), ""), []).append(fault)
    return found


def place_for(origin: str, tree: Json) -> tuple[str, Field] | None:
    """Where the answer to a question goes, and its control; None where no single control holds it.

    A fact of the specimens goes to the newest one.
    """
    if origin in simple_fields():
        return origin, simple_fields()[origin]
    field = row_fields().get(origin)
    if field is None or not origin.startswith("specimens[]"):
        return None
    specimens = tree.get("specimens") or [{}]
    newest = max(range(len(specimens)), key=lambda one: (str(specimens[one].get("date", "")), one))
    return f"specimens.{newest}.{field.name}", field


def _lists(fields: Iterable[Field], tree: Any) -> list[Field]:
    """The fields with rows that a part of a profile holds a list for."""
    return [
        one for one in fields if one.kind == "rows" and isinstance(tree, dict) and isinstance(tree.get(one.name), list)
    ]


def _answer(tree: Json, path: str, name: str, submitted: Submitted) -> None:
    field = simple_fields().get(path)
    if field is None and path.startswith("specimens."):
        field = row_fields().get(f"specimens[].{path.rpartition('.')[2]}")
    if field is None:
        return
    value = _control(field, name, submitted)
    if value is _MISSING:
        return
    if path.startswith("specimens.") and not tree.get("specimens"):
        tree["specimens"] = [{}]
    set_at(tree, path, value)


def _part(field: Field, prefix: str, submitted: Submitted) -> Json:
    found: Json = {}
    for one in field.parts:
        if one.path == "":
            found |= _part(one, prefix, submitted)
            continue
        value = _value(one, f"{prefix}{one.name}", submitted)
        if value is not _MISSING:
            found[one.name] = value
    return found


def _value(field: Field, name: str, submitted: Submitted) -> Any:
    if field.kind == "part":
        return _part(field, f"{name}.", submitted) or _MISSING
    if field.kind == "rows":
        rows = [_part(field, f"{name}.{row}.", submitted) for row in _rows(name, submitted)]
        filled = [one for one in rows if one]
        return filled or ([] if f"{name}:none" in submitted else _MISSING)
    return _control(field, name, submitted)


def _rows(name: str, submitted: Submitted) -> list[int]:
    """The numbers of the rows that were submitted."""
    starts = (one.removeprefix(f"{name}.").partition(".")[0] for one in submitted if one.startswith(f"{name}."))
    return sorted({int(one) for one in starts if _ROW.fullmatch(one) and int(one) < MOST_ROWS})


def _control(field: Field, name: str, submitted: Submitted) -> Any:
    values = [one.strip() for one in submitted.get(name, []) if one.strip()]
    if field.kind in ("words", "choices"):
        words = values if field.kind == "choices" else _words(values)
        return words or ([] if f"{name}:none" in submitted else _MISSING)
    if not values:
        return _MISSING
    if field.kind == "yes_no":
        return {"yes": True, "no": False}.get(values[0], values[0])
    return _number(values[0]) if field.kind in ("number", "whole") else values[0]


def _words(values: Iterable[str]) -> list[str]:
    parts = (part.strip() for value in values for line in value.splitlines() for part in line.split(","))
    return [part for part in parts if part]


def _number(text: str) -> int | float | str:
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


def _controls(fields: Iterable[Field], tree: Any, prefix: str, group: str) -> Iterator[tuple[str, str]]:
    for one in fields:
        if one.path == "":
            yield from _controls(one.parts, tree, prefix, group)
            continue
        name, label = f"{prefix}{one.name}", f"{group}{one.label}"
        inner = tree.get(one.name) if isinstance(tree, dict) else None
        yield name, label
        if one.kind == "part":
            yield from _controls(one.parts, inner, f"{name}.", f"{label}: ")
        elif one.kind == "rows" and isinstance(inner, list):
            for number, row in enumerate(inner[:MOST_ROWS]):
                yield f"{name}.{number}", f"{group}{one.one} {number + 1}"
                yield from _controls(one.parts, row, f"{name}.{number}.", f"{group}{one.one} {number + 1}: ")
