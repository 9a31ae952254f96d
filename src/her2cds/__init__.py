"""her2cds: clinical decision support for HER2 breast cancer.

from her2cds import evaluate, load_knowledge

knowledge = load_knowledge()
report = evaluate(patient_json, knowledge)

Names are loaded when they are first used, so that importing the package costs little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from her2cds.version import __version__

if TYPE_CHECKING:
    from her2cds.errors import (
        EngineError,
        Her2CdsError,
        KnowledgeError,
        ProfileError,
        RegistryError,
        UnknownNameError,
    )
    from her2cds.evaluation import KnowledgeBase, evaluate, explain, explain_order, find_trials, load_knowledge
    from her2cds.profile.model import Profile
    from her2cds.report.model import Report, TrialListing
    from her2cds.report.ranked_because import RankedBecause
    from her2cds.report.why import Why

__all__ = [
    "EngineError",
    "Her2CdsError",
    "KnowledgeBase",
    "KnowledgeError",
    "Profile",
    "ProfileError",
    "RankedBecause",
    "RegistryError",
    "Report",
    "TrialListing",
    "UnknownNameError",
    "Why",
    "__version__",
    "evaluate",
    "explain",
    "explain_order",
    "find_trials",
    "load_knowledge",
]

_HOMES = {
    "EngineError": "her2cds.errors",
    "Her2CdsError": "her2cds.errors",
    "KnowledgeError": "her2cds.errors",
    "ProfileError": "her2cds.errors",
    "RegistryError": "her2cds.errors",
    "UnknownNameError": "her2cds.errors",
    "KnowledgeBase": "her2cds.evaluation",
    "evaluate": "her2cds.evaluation",
    "explain": "her2cds.evaluation",
    "explain_order": "her2cds.evaluation",
    "find_trials": "her2cds.evaluation",
    "load_knowledge": "her2cds.evaluation",
    "Profile": "her2cds.profile.model",
    "RankedBecause": "her2cds.report.ranked_because",
    "Report": "her2cds.report.model",
    "TrialListing": "her2cds.report.model",
    "Why": "her2cds.report.why",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'her2cds' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
