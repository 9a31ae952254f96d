"""What is remembered from one patient to the next: bounded, and never more than a saving of time."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

MOST = 1024


def remember(memory: dict[K, V], key: K, value: V) -> V:
    """Keep a value, and hand it back. A memory that is full starts afresh."""
    if len(memory) >= MOST:
        memory.clear()
    memory[key] = value
    return value
