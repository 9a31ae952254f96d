"""her2cds: clinical decision support for HER2 breast cancer.

from her2cds import evaluate, load_knowledge

knowledge = load_knowledge()
report = evaluate(patient_json, knowledge)
"""

from her2cds.errors import EngineError, Her2CdsError, KnowledgeError, ProfileError
from her2cds.evaluation import KnowledgeBase, evaluate, load_knowledge
from her2cds.profile.model import Profile
from her2cds.report.model import Report
from her2cds.version import __version__

__all__ = [
    "EngineError",
    "Her2CdsError",
    "KnowledgeBase",
    "KnowledgeError",
    "Profile",
    "ProfileError",
    "Report",
    "__version__",
    "evaluate",
    "load_knowledge",
]
