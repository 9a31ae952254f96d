"""The provenance check: does what the knowledge base says stand where it says that it stands?"""

from her2cds.errors import MissingTextsError
from her2cds.provenance.render import render_text
from her2cds.provenance.report import CheckedClaim, Failure, Status, VerificationReport
from her2cds.provenance.verify import run, verify

__all__ = [
    "CheckedClaim",
    "Failure",
    "MissingTextsError",
    "Status",
    "VerificationReport",
    "render_text",
    "run",
    "verify",
]
