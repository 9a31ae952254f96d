"""Shared fixtures: the bundled knowledge base, loaded once, and the folders of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from her2cds import KnowledgeBase, load_knowledge

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def knowledge() -> KnowledgeBase:
    return load_knowledge(PROJECT / "rules")


@pytest.fixture(scope="session")
def examples() -> Path:
    return PROJECT / "patient_examples"
