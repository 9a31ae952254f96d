"""The engine: which rules fire for a patient, decided by durable-rules, and an independent evaluator."""
