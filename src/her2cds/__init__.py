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
    from her2cds.evaluation import (
        Case,
        KnowledgeBase,
        evaluate,
        examine,
        explain,
        explain_order,
        find_trials,
        load_knowledge,
    )
    from her2cds.exploration.change import Changes, Comparison, compare, what_if
    from her2cds.exploration.effects import WhatIsMissing, what_is_missing
    from her2cds.profile.model import Profile
    from her2cds.report.model import Report, TrialListing
    from her2cds.report.ranked_because import RankedBecause
    from her2cds.report.why import Why

__all__ = [
    "Case",
    "Changes",
    "Comparison",
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
    "WhatIsMissing",
    "Why",
    "__version__",
    "compare",
    "evaluate",
    "examine",
    "explain",
    "explain_order",
    "find_trials",
    "load_knowledge",
    "what_if",
    "what_is_missing",
]

_HOMES = {
    "EngineError": "her2cds.errors",
    "Her2CdsError": "her2cds.errors",
    "KnowledgeError": "her2cds.errors",
    "ProfileError": "her2cds.errors",
    "RegistryError": "her2cds.errors",
    "UnknownNameError": "her2cds.errors",
    "Case": "her2cds.evaluation",
    "KnowledgeBase": "her2cds.evaluation",
    "examine": "her2cds.evaluation",
    "evaluate": "her2cds.evaluation",
    "explain": "her2cds.evaluation",
    "explain_order": "her2cds.evaluation",
    "find_trials": "her2cds.evaluation",
    "load_knowledge": "her2cds.evaluation",
    "Changes": "her2cds.exploration.change",
    "Comparison": "her2cds.exploration.change",
    "compare": "her2cds.exploration.change",
    "what_if": "her2cds.exploration.change",
    "WhatIsMissing": "her2cds.exploration.effects",
    "what_is_missing": "her2cds.exploration.effects",
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
