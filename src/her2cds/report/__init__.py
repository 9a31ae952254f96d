"""The report: its model, its assembly, and its renderings."""
