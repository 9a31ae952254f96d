"""Version of the software; the knowledge base has its own in rules/manifest.yaml."""

__version__ = "0.1.0"
