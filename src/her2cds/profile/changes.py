"""Changes to a profile given as a tree: set, remove and append at a path, before it is read and checked.

A path is written as in error messages (`$.treatments[0].stop_reason`) or with dots only (`treatments.0.stop_reason`).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

from her2cds.errors import ProfileError, ProfileFault

_STEP = re.compile(r"[^.\[\]]+")
_INDEX = re.compile(r"[0-9]{1,6}")


def steps_of(path: str) -> list[str]:
    """The steps of a path. Raises ProfileError for a path without any."""
    steps = _STEP.findall(path.removeprefix("$"))
    if not steps:
        raise ProfileError([_fault(path, "no field", "a path such as brain_metastases.status")], "change")
    return steps


def set_at(tree: dict[str, Any], path: str, value: object) -> None:
    """Give the field at the path a value; parts on the way that are missing are made."""
    parent, key = _walk(tree, path, create=True)
    _store(parent, key, copy.deepcopy(value), path)


def remove_at(tree: dict[str, Any], path: str) -> None:
    """Take away what stands at the path."""
    parent, key = _walk(tree, path, create=False)
    try:
        del parent[key]
    except (KeyError, IndexError, TypeError):
        raise _nothing_there(path) from None


def append_at(tree: dict[str, Any], path: str, value: object) -> None:
    """Add an element to the list at the path, which is made where it is missing."""
    parent, key = _walk(tree, path, create=True)
    if isinstance(parent, dict) and key not in parent:
        parent[key] = []
    try:
        found = parent[key]
    except (KeyError, IndexError, TypeError):
        raise _nothing_there(path) from None
    if not isinstance(found, list):
        raise ProfileError([_fault(path, "something that is not a list", "a list to append to")], "change")
    found.append(copy.deepcopy(value))


def progress_on(tree: dict[str, Any], drug: str, is_drug: Callable[[object], bool]) -> None:
    """Let the disease progress now on a drug: its course that goes on ends with progression on the profile's date.

    Where no course with it goes on, one for advanced disease is added that ended with progression. `is_drug` says
    whether an agent, as the profile writes it, is this drug. Raises ProfileError where a course has no list of agents.
    """
    courses = tree.setdefault("treatments", [])
    date = tree.get("date")
    for number, course in reversed(list(enumerate(courses if isinstance(courses, list) else []))):
        if isinstance(course, dict) and "stop_reason" not in course and any(map(is_drug, _agents(course, number))):
            course.pop("ongoing", None)
            course["stop_reason"] = "progression"
            if date is not None:
                course["end"] = date
            break
    else:
        append_at(tree, "treatments", {"setting": "metastatic", "agents": [drug], "stop_reason": "progression"})
    disease = tree.setdefault("disease", {})
    if isinstance(disease, dict):
        disease.pop("progressing_now", None)  # the latest treatment says it now


def _agents(course: dict[str, Any], number: int) -> list[Any]:
    agents = course.get("agents", [])
    if not isinstance(agents, list):
        path = f"$.treatments[{number}].agents"
        raise ProfileError([_fault(path, "something that is not a list", "a list of agents")], "change")
    return agents


def _walk(tree: dict[str, Any], path: str, *, create: bool) -> tuple[Any, Any]:
    """The container that holds the last step of the path, and that step as its key."""
    *steps, last = steps_of(path)
    here: Any = tree
    for step in steps:
        key = _key(here, step, path)
        if create and isinstance(here, dict) and here.get(key) is None:
            here[key] = {}
        try:
            here = here[key]
        except (KeyError, IndexError, TypeError):
            raise _nothing_there(path) from None
    if not isinstance(here, (dict, list)):
        raise _nothing_there(path)
    return here, _key(here, last, path)


def _key(container: object, step: str, path: str) -> str | int:
    if not isinstance(container, list):
        return step
    if not _INDEX.fullmatch(step):
        raise ProfileError([_fault(path, f"'{step}' in a list", "the number of an element, from 0")], "change")
    return int(step)


def _store(parent: Any, key: Any, value: object, path: str) -> None:
    try:
        parent[key] = value
    except IndexError:
        raise _nothing_there(path) from None


def _nothing_there(path: str) -> ProfileError:
    return ProfileError([_fault(path, "nothing", "a field or list element that the profile holds")], "change")


def _fault(path: str, found: str, expected: str) -> ProfileFault:
    return ProfileFault(path if path.startswith("$") else f"$.{path}", found, expected)
