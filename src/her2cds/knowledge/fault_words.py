"""What is wrong with an entry's form, in words for a reader who writes rules and not code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from her2cds.suggest import did_you_mean

_CONDITION = "expected a condition: a mapping with exactly one key, or the word always where a rule has none"
# What a reader is told of the patterns in the models.
FORMS = {
    r"^[1-9]\d{0,2}$": "a reference number from 1 to 999",
    r"^[A-Za-z0-9][A-Za-z0-9.+\-]*$": "an id: letters, digits, '.', '+' and '-', beginning with a letter or a digit",
    r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$": "the name of a fact: words in lower case, joined by points",
    r"^(-?\d+(\.\d+)?|NR|NE)$": "a figure in the digits of the source, or NR (not reached) or NE (not estimable)",
    r"^(<|=|>)? ?(0(\.\d+)?|1(\.0+)?)$": "a p value from 0 to 1, such as 0.03 or <0.001",
    r"^\d+\.\d+\.\d+$": "a version of three numbers, such as 1.0.0",
    r"^\d{4}-(0[1-9]|1[0-2])$": "a month, such as 2023-02",
    r"^[A-Z][A-Z0-9\-]*$": "a gene symbol in capital letters",
    r"^[DN]\d{2,3}$": "the number of a discrepancy, such as D12",
    r"^(NCT\d{8}|\d{4}-\d{6}-\d{2})$": "a registry identifier: NCT and eight digits, or a EudraCT number",
}
_WORDS = {
    "missing": "required field is missing",
    "string_type": "expected a text, not a list, a mapping or a bare number",
    "tuple_type": "expected a list, in brackets or with a dash before each entry",
    "dict_type": "expected a mapping: fields with their values",
    "model_type": "expected a mapping: fields with their values",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "finite_number": "expected a number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
}


class Wording(NamedTuple):
    """One fault of form: the path of the field below the entry, what is wrong, the nearest valid name."""

    path: tuple[str | int, ...]
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        """The fault in one line, the field first."""
        where = ".".join(str(part) for part in self.path)
        return f"{where}: {self.message}" if where else self.message


def worded(details: Iterable[ErrorDetails], model: type[BaseModel]) -> Iterator[Wording]:
    """The faults that pydantic found in an entry of this model, in a reader's words, each field's condition once."""
    conditions = set()
    for detail in details:
        path = detail["loc"]
        if "when" in path:
            path = path[: path.index("when") + 1]
            if path not in conditions:
                conditions.add(path)
                yield Wording(path, _WORDS["missing"] if detail["type"] == "missing" else _CONDITION)
        else:
            yield _wording(detail, model)


def _wording(detail: ErrorDetails, model: type[BaseModel]) -> Wording:
    kind, path, given, context = detail["type"], detail["loc"], detail["input"], detail.get("ctx", {})
    suggestion = ""
    if kind == "extra_forbidden":
        fields = tuple(_model_at(model, path[:-1]).model_fields)
        message = f"unknown field '{path[-1]}'"
        suggestion = did_you_mean(str(path[-1]), fields) or f"one of: {', '.join(fields)}"
    elif kind == "literal_error":
        valid = _words_in(context["expected"])
        message = f"'{given}' is not known here"
        suggestion = did_you_mean(str(given), valid) or f"one of: {', '.join(valid)}"
    elif kind == "string_pattern_mismatch":
        message = f"'{given}' is not {FORMS.get(context['pattern'], 'of the form expected here')}"
    else:
        message = _WORDS.get(kind) or _with_limit(kind, context) or detail["msg"].removeprefix("Value error, ")
    return Wording(path, message, suggestion)


def _with_limit(kind: str, limits: dict[str, Any]) -> str:
    """What a fault says that has a limit in it; empty for any other."""
    match kind:
        case "string_too_short":
            return f"expected text of at least {limits['min_length']} characters"
        case "string_too_long":
            return f"the text is longer than {limits['max_length']} characters"
        case "too_short":
            return f"expected at least {limits['min_length']} entries"
        case "too_long":
            return f"expected at most {limits['max_length']} entries"
        case "less_than":
            return f"expected less than {limits['lt']}"
        case "greater_than":
            return f"expected more than {limits['gt']}"
        case "greater_than_equal":
            return f"expected at least {limits['ge']}"
        case "less_than_equal":
            return f"expected at most {limits['le']}"
        case _:
            return "expected a date: year, month and day, such as 2023-02-01" if kind.startswith("date_") else ""


def _words_in(expected: str) -> tuple[str, ...]:
    """The values of a closed list, from pydantic's `'a', 'b' or 'c'`."""
    return tuple(part.strip("' ") for part in expected.replace("' or '", "', '").split("', '"))


def _model_at(model: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel]:
    """The model of the part of an entry that a path leads to."""
    for part in path:
        field = model.model_fields.get(str(part))
        if field is not None:
            model = next(_models_in(field.annotation), model)
    return model


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
