"""The audit log: who asked what of which knowledge base, and what the answer was; append-only, with a hash chain."""
