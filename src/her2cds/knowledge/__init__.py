"""The knowledge base: entries, loading, checks."""
