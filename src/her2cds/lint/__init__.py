"""Lint: what makes a sound knowledge base worse than it should be. Every check is a function with a name."""
