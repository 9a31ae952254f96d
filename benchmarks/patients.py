"""The patients of all benchmarks: the examples, then random well-formed profiles from a fixed seed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tests.property.random_profiles import RandomProfiles

from her2cds import KnowledgeBase, ProfileError
from her2cds.profile.normalise import Chart
from her2cds.profile.read import make_chart, read_profile

PROJECT = Path(__file__).resolve().parent.parent
RULES = PROJECT / "rules"
EXAMPLE = PROJECT / "patient_examples" / "second-line-her2-positive.json"
SEED = 20261121


def stream() -> Iterator[bytes]:
    """Profiles as JSON text without end; the same ones each time."""
    for path in sorted((PROJECT / "patient_examples").glob("*.json")):
        yield path.read_bytes()
    generator = RandomProfiles(SEED)
    while True:
        yield json.dumps(generator.tree(), ensure_ascii=False).encode()


def profiles(count: int) -> list[bytes]:
    """The first `count` of them."""
    return list(islice(stream(), count))


def charts(count: int, knowledge: KnowledgeBase) -> list[Chart]:
    """The charts of those profiles; profiles with contradictions are left out."""
    found = []
    for text in profiles(count):
        try:
            found.append(make_chart(read_profile(text), knowledge.knowledge))
        except ProfileError:
            continue
    return found
