"""Scenarios: a patient and what the report must say, in YAML that a clinician can read and write."""
