"""Checks over every combination of facts that the rules can tell apart: proofs by enumeration, not samples."""
