"""Entries from the JSON that was written of them once they had been checked, without checking them again.

Only for text that is known to be what `write_cache` wrote: making pydantic's validators and running them is a tenth of
a short command's time. What comes out is equal to what was written, defaults included.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic_core import from_json

from her2cds.knowledge.citations import Entry

E = TypeVar("E", bound=Entry)
_Restore = Callable[[Any], Any]


def restored(kind: type[E], text: bytes) -> E:
    """The entry of this kind that `text` was written of, with `exclude_defaults`.

    Raises ValueError for text that is no JSON, or JSON of another shape.
    """
    try:
        entry: E = _of_entry(kind)(from_json(text))
    except (TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"not written of a {kind.__name__}: {error}") from None
    return entry


@cache
def _of_entry(kind: type[Entry]) -> _Restore:
    """How an entry of this kind is made from the mapping of its fields: as `model_construct` does, with its parts."""
    fields, write = kind.model_fields, object.__setattr__  # an entry itself cannot be written to
    # In the order of the fields, which is the order they are written in.
    empty = {name: None if field.is_required() else field.get_default() for name, field in fields.items()}
    needed = {name for name, field in fields.items() if field.is_required()}
    inner = [(name, restore) for name, field in fields.items() if (restore := _of_type(field.annotation)) is not None]

    def restore_entry(tree: dict[str, Any]) -> Entry:
        if not needed <= tree.keys():
            raise KeyError(*(needed - tree.keys()))
        values = {**empty, **tree}
        for name, restore in inner:
            if tree.get(name) is not None:
                values[name] = restore(tree[name])
        entry = kind.__new__(kind)
        write(entry, "__dict__", values)
        write(entry, "__pydantic_fields_set__", set(tree))
        write(entry, "__pydantic_extra__", None)
        write(entry, "__pydantic_private__", None)
        return entry

    return restore_entry


def _of_type(annotation: Any) -> _Restore | None:
    """How a value of this type is made from its JSON; None where it is what JSON has already."""
    origin, of = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return next((found for one in of if (found := _of_type(one)) is not None), None)
    if origin is tuple:
        return _of_each(_of_type(of[0]))
    if origin is dict:
        return _of_values(_of_type(of[1]))
    if isinstance(annotation, type) and issubclass(annotation, Entry):
        return _of_entry(annotation)
    return _of_type(of[0]) if of and hasattr(annotation, "__metadata__") else None


def _of_each(restore: _Restore | None) -> _Restore:
    return tuple if restore is None else lambda values: tuple([restore(one) for one in values])


def _of_values(restore: _Restore | None) -> _Restore | None:
    return None if restore is None else lambda values: {key: restore(one) for key, one in values.items()}
