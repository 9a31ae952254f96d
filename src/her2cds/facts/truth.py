"""Kleene's three truth values."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Truth(IntEnum):
    """False < unknown < true, so that `all` is a minimum and `any` a maximum."""

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2

    def negated(self) -> Truth:
        """True becomes false and the other way round; unknown stays unknown."""
        return Truth(2 - self)


def truth(value: bool) -> Truth:
    """The truth value of a known statement."""
    return Truth.TRUE if value else Truth.FALSE


def all_of(values: Iterable[Truth]) -> Truth:
    """Kleene conjunction; true for none."""
    return min(values, default=Truth.TRUE)


def any_of(values: Iterable[Truth]) -> Truth:
    """Kleene disjunction; false for none."""
    return max(values, default=Truth.FALSE)
