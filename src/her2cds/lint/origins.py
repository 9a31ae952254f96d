"""Lint check on the vocabulary: the field of a profile that a fact is said to come from is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from her2cds.knowledge.base import Knowledge
from her2cds.lint.findings import Check, Finding, finding
from her2cds.profile.read import fields_at

_PATH = re.compile(r"[a-z_]\w*(?:\[\])?(?:\.\w+(?:\[\])?)*")


def origins_are_in_the_profile(knowledge: Knowledge) -> Iterator[Finding]:
    """The `origin` of a given fact names at least one field of a profile, and none that is not there."""
    for fact in knowledge.data.vocabulary:
        if fact.derived:
            continue
        paths = [path for path in _PATH.findall(fact.origin) if _parts(path)[0] in fields_at(())]
        wrong = [path for path in paths if not _is_field(path)]
        if wrong or not paths:
            message = f"a profile has no field '{wrong[0] if wrong else fact.origin}' (`origin`)"
            yield finding(knowledge, "origins_are_in_the_profile", "error", f"vocabulary:{fact.id}", message)


def _parts(path: str) -> list[str]:
    return path.replace("[]", "").split(".")


def _is_field(path: str) -> bool:
    parts = _parts(path)
    return all(part in fields_at(parts[:index]) for index, part in enumerate(parts))


ORIGIN_CHECKS: tuple[Check, ...] = (origins_are_in_the_profile,)
