"""From JSON text (or a parsed tree) to a chart that can be evaluated, or every fault at once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date as Date
from functools import cache, reduce
from operator import or_
from types import GenericAlias, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from her2cds.errors import ProfileError, ProfileFault
from her2cds.knowledge.base import Knowledge
from her2cds.profile.contradictions import contradictions
from her2cds.profile.json_text import parse_json
from her2cds.profile.model import Profile
from her2cds.profile.normalise import Chart, normalise
from her2cds.suggest import did_you_mean

_MAX_FAULTS = 100
_MAX_SHOWN = 60
_MOST_PARTS = 50_000
_MOST_FIELDS = 1_000
_ANNOTATED: Any = Annotated  # used at run time, on forms that no type checker sees


def read_profile(content: bytes | str, label: str = "patient profile") -> Profile:
    """Parse and validate JSON text. Raises ProfileError with every fault of form."""
    raw = content.encode() if isinstance(content, str) else content
    return profile_from_tree(parse_json(raw, label), label)


def profile_from_tree(tree: Any, label: str = "patient profile") -> Profile:
    """Validate a parsed JSON tree. Raises ProfileError with every fault of form.

    Of a tree with more than 50,000 parts the first fault of each list is named, and that the others are not: a fault
    takes far more memory than the few bytes of a body that make it.
    """
    huge = _is_huge(tree, label)
    try:
        if huge:
            _stopping().model_validate(tree)
        return Profile.model_validate(tree)
    except ValidationError as error:
        details = error.errors(include_url=False)
        faults = list(dict.fromkeys(_fault(detail) for detail in details[:_MAX_FAULTS]))
        if len(details) > _MAX_FAULTS:
            faults.append(ProfileFault("$", f"{len(details)} faults", f"the first {_MAX_FAULTS} are shown"))
        elif huge:
            faults.append(ProfileFault("$", "a very large profile", "the first fault of each list is shown"))
        raise ProfileError(faults, label) from None


def make_chart(
    profile: Profile, knowledge: Knowledge, today: Date | None = None, label: str = "patient profile"
) -> Chart:
    """Normalise names and look for contradictions. Raises ProfileError; warnings become notices of the chart."""
    chart = normalise(profile, knowledge)
    found = contradictions(chart.profile, today or Date.today())
    faults = [*chart.faults, *(one.fault for one in found if one.blocks)]
    if faults:
        raise ProfileError(faults, label)
    chart.notices += [f"Check the profile: {one.fault}" for one in found if not one.blocks]
    return chart


def _is_huge(tree: Any, label: str) -> bool:
    """Whether a tree has so many parts that the list of all its faults could fill the memory.

    Raises ProfileError where one object of such a tree has more fields than any list of faults can name.
    """
    parts = widest = 0
    rest = [tree]
    while rest:
        node = rest.pop()
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        parts += len(inner)
        widest = max(widest, len(inner) if isinstance(node, dict) else 0)
        rest += [one for one in inner if isinstance(one, (dict, list))]
    if parts > _MOST_PARTS and widest > _MOST_FIELDS:
        raise ProfileError([ProfileFault("$", f"an object with {widest} fields", "the fields of the schema")], label)
    return parts > _MOST_PARTS


@cache
def _stopping() -> type[BaseModel]:
    """The form of a profile, except that each list is read up to its first fault."""
    return _stopping_model(Profile)


def _stopping_model(model: type[BaseModel]) -> type[BaseModel]:
    fields: dict[str, Any] = {name: (_stopping_form(one.annotation), one) for name, one in model.model_fields.items()}
    return create_model(model.__name__, __base__=model, **fields)


def _stopping_form(form: Any) -> Any:
    """The form of a field: models and lists within it are exchanged, wherever they stand in a union."""
    arguments = get_args(form)
    if isinstance(form, type) and issubclass(form, BaseModel):
        return _stopping_model(form)
    if get_origin(form) is tuple:
        return _ANNOTATED[GenericAlias(tuple, (_stopping_form(arguments[0]), ...)), Field(fail_fast=True)]
    if get_origin(form) in (Union, UnionType):
        return reduce(or_, map(_stopping_form, arguments))
    return form


def _fault(detail: ErrorDetails) -> ProfileFault:
    path, kind = _json_path(detail["loc"]), detail["type"]
    found = _shown(detail["input"])
    if kind == "extra_forbidden":
        field = str(detail["loc"][-1])
        fields = fields_at(detail["loc"][:-1])
        hint = did_you_mean(field, fields)
        remedy = hint[0].upper() + hint[1:] if hint else f"Known fields here: {', '.join(sorted(fields))}."
        return ProfileFault(path, "an unknown field", "a field of the schema", remedy)
    if kind == "literal_error":
        expected = str(detail.get("ctx", {}).get("expected", ""))
        values = [value.strip("' ") for value in expected.replace(" or ", ", ").split(", ")]
        hint = did_you_mean(detail["input"], values) if isinstance(detail["input"], str) else ""
        return ProfileFault(path, found, f"one of {', '.join(values)}", hint[:1].upper() + hint[1:])
    if kind == "missing":
        return ProfileFault(path, "nothing", "a value", "This field is required here.")
    remedy = "Write numbers without quotation marks." if _number_as_text(kind, detail["input"]) else ""
    message = detail["msg"].removeprefix("Value error, ").replace("Input should be ", "")
    return ProfileFault(path, found, message[:1].lower() + message[1:], remedy)


def _number_as_text(kind: str, value: object) -> bool:
    return kind in ("int_type", "float_type") and isinstance(value, str)


def _json_path(location: Iterable[int | str]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)


def _shown(value: object) -> str:
    """A value in few characters: a message never repeats a large part of a profile."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"


def fields_at(location: Iterable[int | str]) -> set[str]:
    """The field names of the model at a location; empty where there is none."""
    model: type[BaseModel] | None = Profile
    for part in location:
        if model is None:
            return set()
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation)
    return set(model.model_fields) if model else set()


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, UnionType, tuple) or get_args(annotation):
        for argument in get_args(annotation):
            model = _model_in(argument)
            if model is not None:
                return model
    return None
