"""The patient profile: model, reading, names, contradictions."""
