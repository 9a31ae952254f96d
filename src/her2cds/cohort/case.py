"""One row of a cohort as an evaluated case: what a run and the comparison of two knowledge bases share."""

from __future__ import annotations

import traceback
from datetime import date as Date
from pathlib import Path

from her2cds.cohort.source import Row
from her2cds.errors import EngineError
from her2cds.evaluation import Case, KnowledgeBase, examine
from her2cds.profile.read import profile_from_tree


def case_of(row: Row, knowledge: KnowledgeBase, today: Date) -> Case:
    """The case of a row that holds a profile or a FHIR resource.

    Raises ProfileError for an invalid one, EngineError, and whatever one patient brings about in the software.
    """
    if row.error is not None:
        raise row.error
    tree = row.tree
    if isinstance(tree, dict) and "resourceType" in tree:
        from her2cds.interop.fhir.importing import import_fhir  # imported late: most cohorts hold profiles

        tree = import_fhir(tree, knowledge.knowledge, today=today).profile
    return examine(profile_from_tree(tree), knowledge, today=today)


def failure_words(error: Exception) -> str:
    """Why a patient has no answer. Only our own messages are free of patient data; of others, class and place."""
    if isinstance(error, EngineError):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"unexpected {type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"
