"""What differs between two JSON answers, element by element, with paths that a reader can find again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# The fields by which an element of a list is known again when others come in before it.
_NAMES = ("regimen", "id", "rule", "fact", "test", "strategy")
_NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that differs: the path (`$.therapies[t-dxd].rank`), and what stands there, as JSON or `nothing`."""

    path: str
    then: str
    now: str


def differences(then: Any, now: Any, path: str = "$") -> Iterator[Difference]:
    """Every difference between two parsed JSON values, in the order of the older one."""
    if isinstance(then, dict) and isinstance(now, dict):
        yield from _of_parts(then, now, path, "{}.{}")
    elif isinstance(then, list) and isinstance(now, list):
        yield from _of_lists(then, now, path)
    elif then != now or type(then) is not type(now):
        yield Difference(path, json.dumps(then, ensure_ascii=False), json.dumps(now, ensure_ascii=False))


def _of_lists(then: list[Any], now: list[Any], path: str) -> Iterator[Difference]:
    name = _name_of_elements(then, now)
    if name is None:
        yield from _of_parts(dict(enumerate(then)), dict(enumerate(now)), path, "{}[{}]")
        return
    before, after = ({one[name]: one for one in elements} for elements in (then, now))
    yield from _of_parts(before, after, path, "{}[{}]")
    in_both_then, in_both_now = [one for one in before if one in after], [one for one in after if one in before]
    if in_both_then != in_both_now:
        yield Difference(f"{path}, the order", ", ".join(in_both_then), ", ".join(in_both_now))


def _of_parts(then: dict[Any, Any], now: dict[Any, Any], path: str, step: str) -> Iterator[Difference]:
    for key in dict.fromkeys([*then, *now]):
        below = step.format(path, key)
        if key not in now:
            yield Difference(below, json.dumps(then[key], ensure_ascii=False), _NOTHING)
        elif key not in then:
            yield Difference(below, _NOTHING, json.dumps(now[key], ensure_ascii=False))
        else:
            yield from differences(then[key], now[key], below)


def _name_of_elements(then: list[Any], now: list[Any]) -> str | None:
    """The field that tells the elements of both lists apart; None where there is none."""
    return next((name for name in _NAMES if _tells_apart(name, then) and _tells_apart(name, now)), None)


def _tells_apart(name: str, elements: list[Any]) -> bool:
    names = [one.get(name) if isinstance(one, dict) else None for one in elements]
    return all(isinstance(one, str) for one in names) and len(set(names)) == len(names)
