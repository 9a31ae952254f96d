"""Other systems' languages: what this knowledge base can say in them, and what it cannot."""
