"""Kleene's three truth values."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final


class Truth(IntEnum):
    """False < unknown < true, so that `all` is a minimum and `any` a maximum."""

    FALSE = 0
    UNKNOWN = 1
    TRUE = 2

    def negated(self) -> Truth:
        """True becomes false and the other way round; unknown stays unknown."""
        return _NEGATED[self]


# Names of their own: looking a member up on its class takes longer than the comparison that it is wanted for.
FALSE: Final = Truth.FALSE
UNKNOWN: Final = Truth.UNKNOWN
TRUE: Final = Truth.TRUE

_NEGATED = (TRUE, UNKNOWN, FALSE)


def truth(value: bool) -> Truth:
    """The truth value of a known statement."""
    return TRUE if value else FALSE


def all_of(values: Iterable[Truth]) -> Truth:
    """Kleene conjunction; true for none."""
    return min(values, default=TRUE)


def any_of(values: Iterable[Truth]) -> Truth:
    """Kleene disjunction; false for none."""
    return max(values, default=FALSE)
