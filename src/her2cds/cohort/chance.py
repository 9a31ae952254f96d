"""Draws from the declared distributions, the same ones for the same seed and number of the patient."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

from her2cds.cohort.rates import MIXES, RATES

T = TypeVar("T")


class Chance:
    """One patient's source of chance. `her2_positive` replaces the declared rate, to make a cohort richer."""

    def __init__(self, seed: int, number: int, her2_positive: float | None = None) -> None:
        # Seeded by text: the stream of a patient depends on nothing but the two numbers, on every machine.
        self._random = random.Random(f"{seed}/{number}")
        self._instead: Mapping[str, float] = {} if her2_positive is None else {"her2.positive": her2_positive}

    def happens(self, rate: str) -> bool:
        """Whether the thing with this declared rate is so."""
        return self._random.random() < self._instead.get(rate, RATES[rate].value)

    def with_share(self, share: float) -> bool:
        """Whether a thing with this share is so."""
        return self._random.random() < share

    def value(self, mix: str) -> str:
        """A value of a declared mix."""
        shares = MIXES[mix].shares
        return self._random.choices(list(shares), list(shares.values()))[0]

    def one_of(self, values: Sequence[T]) -> T:
        """One of equally likely values."""
        return self._random.choice(values)

    def whole(self, low: int, high: int) -> int:
        """A whole number between two, both included."""
        return self._random.randint(low, high)

    def near(self, centre: float, spread: float, low: float, high: float) -> float:
        """A number round a centre, with one decimal, within limits."""
        return round(min(max(self._random.gauss(centre, spread), low), high), 1)

    def days(self, median_months: float) -> int:
        """A duration in days whose median is given in months: skewed, never under a week."""
        return max(7, round(self._random.lognormvariate(0.0, 0.5) * median_months * 30.44))
