"""Small invented knowledge bases for tests of the machinery."""

from __future__ import annotations

from typing import Any

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.data import KnowledgeData

CITE = {"source": "tapia2023", "at": "1. Introduction"}


def small_base(
    facts: dict[str, dict[str, Any]],
    criteria: dict[str, Any],
    derive: list[tuple[str, Any]],
    flag: Any,
    rules: list[Any],
) -> Knowledge:
    """A base with the facts, criteria, rules that derive b.derived and b.flag, and request rules."""
    vocabulary = [
        {"id": name, "meaning": "a fact", "origin": "test", **definition} for name, definition in facts.items()
    ]
    made = [
        {
            "id": f"derive-{value}",
            "title": "derive",
            "when": when,
            "derive": {"fact": "b.derived", "value": value},
            "cites": [CITE],
        }
        for value, when in derive
    ]
    made.append(
        {
            "id": "derive-flag",
            "title": "derive",
            "when": flag,
            "derive": {"fact": "b.flag", "value": "true"},
            "cites": [CITE],
        }
    )
    made += [
        {
            "id": f"rule-{index}",
            "title": "rule",
            "when": when,
            "request": {"test": "a test", "because": "why not"},
            "cites": [CITE],
        }
        for index, when in enumerate(rules)
    ]
    data = KnowledgeData.model_validate(
        {
            "content_hash": "0",
            "manifest": {
                "id": "small",
                "version": "0.0.1",
                "title": "small base",
                "intended_use": "tests",
                "evidence_cut_off": "never",
            },
            "ranking": {
                "needed": [],
                "rechallenge": "no again",
                "hypersensitivity": "not tolerated",
                "unsuitable": "unsuitable",
                "intolerance": "not tolerated",
                "categories": ["preferred"],
                "criteria": [],
                "strategies": [],
                "situations": [],
            },
            "vocabulary": vocabulary,
            "sources": [
                {
                    "id": "tapia2023",
                    "role": "review",
                    "citation": "a review",
                    "reliability": "good",
                    "sections": ["1. Introduction"],
                }
            ],
            "drug_classes": [],
            "drugs": [],
            "combinations": [],
            "genes": [],
            "regimens": [],
            "discrepancies": [],
            "evidence": [],
            "criteria": [
                {"id": name, "title": "criterion", "when": when, "because": "needed"} for name, when in criteria.items()
            ],
            "rules": made,
            "trials": [],
            "places": {},
        }
    )
    return Knowledge(data)
