"""One contradiction of a profile: an error, or a warning where it could not change the pathway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from her2cds.errors import ProfileFault


class Contradiction(NamedTuple):
    """One contradiction. `blocks` ones keep the profile from being evaluated."""

    fault: ProfileFault
    blocks: bool


Finding = Iterator[Contradiction]


def error(path: str, found: str, expected: str, remedy: str = "") -> Contradiction:
    """A contradiction that keeps the profile from being evaluated."""
    return Contradiction(ProfileFault(path, found, expected, remedy), blocks=True)


def warning(path: str, found: str, expected: str, remedy: str = "") -> Contradiction:
    """A contradiction that the reader is told of."""
    return Contradiction(ProfileFault(path, found, expected, remedy), blocks=False)
