"""Tables (CSV, TSV) to profiles, by a mapping file that says what each column and value means.

The mapping is data that a person writes and reviews: no column is read by its name alone, and a value that the mapping
does not list is reported, never guessed. docs/methods/table-import.md describes its form.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date as Date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from her2cds.errors import ProfileError, ProfileFault
from her2cds.interop.draft import Conflict, Draft, Imported
from her2cds.interop.settle import settle
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.yaml_reader import read_yaml
from her2cds.profile.changes import steps_of
from her2cds.profile.model import MAX_ITEMS, Profile


def _meant(value: object) -> object:
    """YAML is read as text throughout; what a text means may be true, false or null."""
    return {"true": True, "false": False, "null": None}.get(value, value) if isinstance(value, str) else value


Meant = Annotated[str | bool | None, BeforeValidator(_meant)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Entry):
    """What one column gives: a field of the profile, and how its text becomes the value.

    `values` lists the texts and what each means (`null`: understood, and says nothing for this field); `number` reads a
    plain number; `text` takes the text as it is; `date` reads YYYY-MM-DD, `split` makes a list at a separator. For
    a field that takes a number the value is one: whole where the field takes whole numbers only.
    """

    field: str
    values: dict[str, Meant] | None = None
    kind: Literal["values", "number", "text", "date"] = "values"
    split: str | None = None

    @model_validator(mode="after")
    def _says_how(self) -> Column:
        if (self.kind == "values") != (self.values is not None):
            raise ValueError("give `values`, or `kind: number`, `text` or `date`, and not both")
        return self


class TableMapping(_Entry):
    """A mapping file as a whole."""

    delimiter: str | None = None
    header_line: int = Field(default=1, ge=1)
    skip_lines_after_header: int = Field(default=0, ge=0)
    comment: str | None = None
    missing: tuple[str, ...] = ("",)
    id: str | None = None
    constants: dict[str, Meant] = Field(default_factory=dict)
    columns: dict[str, Column] = Field(default_factory=dict)
    not_used: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its line number and its cells by column."""

    line: int
    cells: dict[str, str]


def read_mapping(text: str, label: str) -> TableMapping:
    """A mapping from YAML. Raises ProfileError, with every fault, where it cannot be used."""
    document = read_yaml(label, text)
    if document.faults:
        faults = [ProfileFault(f"line {one.line}", one.message, "a mapping", one.suggestion) for one in document.faults]
        raise ProfileError(faults, label)
    try:
        mapping = TableMapping.model_validate(document.tree)
    except ValidationError as error:
        faults = [
            ProfileFault("$." + ".".join(map(str, one["loc"])), str(one["input"])[:60], one["msg"])
            for one in error.errors(include_url=False)
        ]
        raise ProfileError(faults, label) from None
    _check_fields(mapping, label)
    return mapping


def _check_fields(mapping: TableMapping, label: str) -> None:
    """Every field named must be one of the profile's: a misspelt one would lose a column without a word."""
    paths = (*mapping.constants, *(one.field for one in mapping.columns.values()))
    faults = [fault for path in paths for fault in [_fault_of(path)] if fault is not None]
    if faults:
        raise ProfileError(faults, label)


def _fault_of(path: str) -> ProfileFault | None:
    """What is wrong with the path of a field: it has to lead to a single value, with a place in a list on the way."""
    model: type[BaseModel] | None = Profile
    place_needed, so_far = False, ""
    for step in steps_of(path):
        if model is None:
            return ProfileFault(path, f"'{step}' below {so_far}, which has no parts", so_far)
        if place_needed:
            if not step.isdigit() or int(step) >= MAX_ITEMS:
                return ProfileFault(path, f"'{step}' in a list", f"a place from 0 to {MAX_ITEMS - 1}: {so_far}[0]")
            place_needed, so_far = False, f"{so_far}[{step}]"
            continue
        if step not in model.model_fields:
            return ProfileFault(path, "no field of the profile", f"one of {', '.join(sorted(model.model_fields)[:12])}")
        annotation = model.model_fields[step].annotation
        model = next((one for one in _types_in(annotation) if issubclass(one, BaseModel)), None)
        place_needed = model is not None and _is_list(annotation)
        if place_needed and so_far:
            return ProfileFault(path, f"{step}, a list within a list", "one value; variants come from a MAF")
        so_far = f"{so_far}.{step}".removeprefix(".")
    if model is None:
        return None
    example = f"{so_far}{'[0]' if place_needed else ''}.{next(iter(model.model_fields))}"
    return ProfileFault(path, "a part of the profile that has fields of its own", f"one of these fields: {example}")


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is tuple or any(map(_is_list, get_args(annotation)))


def import_table(
    content: bytes,
    mapping: TableMapping,
    knowledge: Knowledge,
    *,
    label: str = "table",
    today: Date | None = None,
) -> list[Imported]:
    """One profile with its report for each row. Raises ProfileError where the table does not fit the mapping."""
    rows = list(read_rows(content, mapping, label))
    if not rows:
        raise ProfileError([ProfileFault("$", "no row", "a table with a header and rows")], label)
    ids = Counter(row.cells[mapping.id] for row in rows) if mapping.id else Counter()
    return [_import_row(row, mapping, knowledge, label, today or Date.today(), ids) for row in rows]


def read_rows(content: bytes, mapping: TableMapping, label: str) -> Iterator[Row]:
    """The rows of a table. Raises ProfileError where it cannot be read or lacks columns that the mapping names."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProfileError([ProfileFault(f"byte {error.start}", "no UTF-8", "UTF-8 text")], label) from None
    delimiter = mapping.delimiter or ("\t" if Path(label).suffix.lower() in (".tsv", ".txt", ".maf") else ",")
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    if delimiter == "\t":  # tab-separated exports do not quote: a quotation mark is part of the text
        reader = csv.reader(io.StringIO(plain), delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(io.StringIO(plain), delimiter=delimiter)
    try:
        lines = [(reader.line_num, cells) for cells in reader if _counts(cells, mapping)]
    except csv.Error as error:
        raise ProfileError([ProfileFault(f"line {reader.line_num}", str(error), "a table")], label) from None
    header = [one.strip() for one in (lines[mapping.header_line - 1][1] if len(lines) >= mapping.header_line else [])]
    _check_header(header, mapping, label)
    for number, cells in lines[mapping.header_line + mapping.skip_lines_after_header :]:
        if len(cells) != len(header):
            fault = ProfileFault(f"line {number}", f"{len(cells)} cells", f"{len(header)}, as in the header")
            raise ProfileError([fault], label)
        yield Row(number, dict(zip(header, (cell.strip() for cell in cells), strict=True)))


def _counts(cells: list[str], mapping: TableMapping) -> bool:
    """Whether a line is part of the table: not empty, not a comment."""
    return any(one.strip() for one in cells) and not (mapping.comment and cells[0].startswith(mapping.comment))


def _check_header(header: list[str], mapping: TableMapping, label: str) -> None:
    wanted = [*mapping.columns, *mapping.not_used, *([mapping.id] if mapping.id else [])]
    faults = [ProfileFault("header", f"no column '{one}'", "the columns of the mapping") for one in wanted
              if one not in header]  # fmt: skip
    twice = sorted({one for one in header if header.count(one) > 1})
    faults += [ProfileFault("header", f"column '{one}' twice", "each column once") for one in twice]
    if faults:
        raise ProfileError(faults, label)


def _import_row(
    row: Row, mapping: TableMapping, knowledge: Knowledge, label: str, today: Date, ids: Counter[str]
) -> Imported:
    draft = Draft(f"{label}, line {row.line}")
    if mapping.id:
        _identify(draft, mapping.id, row.cells[mapping.id], ids)
    for path, constant in mapping.constants.items():
        _put(draft, path, constant, "mapping", "the mapping says so for every row")
    for name, column in mapping.columns.items():
        _cell(draft, name, row.cells[name], column, mapping)
    for name, text in row.cells.items():
        if name in mapping.not_used and text not in mapping.missing:
            draft.aside(name, text, mapping.not_used[name])
        elif name not in mapping.columns and name != mapping.id and text not in mapping.missing:
            draft.unread(name, text, "a column that the mapping does not name")
    settle(draft, knowledge, today)
    return draft.finish(len(row.cells))


def _identify(draft: Draft, column: str, text: str, ids: Counter[str]) -> None:
    """The id of a row. One that cannot be used is not repeated in the report: it may be a name."""
    if not text:
        return
    if not _usable_id(text):
        why = "an id has at most 64 letters without accents, digits and . _ -; the profile has none"
        draft.unread(column, "an id that cannot be used", why)
        return
    draft.put("id", text, [column])
    if ids[text] > 1:
        draft.doubt(column, text, f"{ids[text]} rows have this id; each became a profile of its own")
        draft.ask(f"{ids[text]} rows with the id {text}: one patient? Then give one row.")


def _cell(draft: Draft, name: str, text: str, column: Column, mapping: TableMapping) -> None:
    if text in mapping.missing:
        return
    parts = [one.strip() for one in text.split(column.split)] if column.split else [text]
    values = []
    for part in parts:
        known, value = _value(part, column)
        if not known:
            draft.unread(name, part, f"no value for {column.field} that the mapping understands")
        elif value is None:
            draft.aside(name, part, f"says nothing for {column.field}")
        else:
            values.append(value)
    if values:
        _put(draft, column.field, values if column.split else values[0], name, f"{name}: {text}")


def _value(text: str, column: Column) -> tuple[bool, Any]:
    """Whether the text is understood, and its value."""
    if column.kind == "text":
        return True, text
    if column.kind == "values":
        values: Mapping[str, Any] = column.values or {}
        return text in values, values.get(text)
    try:
        return True, float(text) if column.kind == "number" else Date.fromisoformat(text).isoformat()
    except ValueError:
        return False, None


def _put(draft: Draft, path: str, value: Any, source: str, how: str) -> None:
    """Set a field; columns that say different things about one field are a conflict, and none of them is taken."""
    steps = steps_of(path)
    if len(steps) > 1 and steps[1].isdigit():
        entries = draft.tree.setdefault(steps[0], [])
        entries.extend({} for _ in range(int(steps[1]) + 1 - len(entries)))
    path = "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in steps)[1:]
    value = _fitting(value, _types_at(path))
    if _joins_a_conflict(draft, path, value, source):
        return
    earlier = [one for one in draft.facts if one.path == f"$.{path}"]
    if earlier and earlier[0].value != value:
        sources = [*(name for one in earlier for name in one.sources), source]
        draft.conflict(f"$.{path}", f"{earlier[0].value} and {value}", sources, "none of them was taken")
        draft.take_back(path)
        return
    draft.put(path, value, [source], how)


def _joins_a_conflict(draft: Draft, path: str, value: Any, source: str) -> bool:
    """Whether columns have disagreed on the field already: a further one does not decide between them."""
    for place, one in enumerate(draft.conflicts):
        if one.path == f"$.{path}":
            found, sources = f"{one.found} and {value}", (*one.sources, source)
            draft.conflicts[place] = Conflict(one.path, found, sources, "none of them was taken")
            return True
    return False


def _fitting(value: Any, types: frozenset[type]) -> Any:
    """The value as the number that a field takes; as it is where the field takes none, or the text is none."""
    if not isinstance(value, (str, float)) or not types & {int, float}:
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return int(number) if int in types and number.is_integer() else number


@lru_cache(maxsize=1000)
def _types_at(path: str) -> frozenset[type]:
    """The types that the profile's field at this path takes; asked for every cell of a column."""
    types: frozenset[type] = frozenset({Profile})
    for step in steps_of(path):
        if not step.isdigit():
            model = next(one for one in types if issubclass(one, BaseModel))
            types = frozenset(_types_in(model.model_fields[step].annotation))
    return types


def _types_in(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for argument in get_args(annotation):
        yield from _types_in(argument)


def _usable_id(text: str) -> bool:
    return 0 < len(text) <= 64 and all(one.isascii() and (one.isalnum() or one in "._-") for one in text)
