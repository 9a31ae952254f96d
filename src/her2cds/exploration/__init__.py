"""Questions about the answer: what is missing and what it would change, what if, and how two patients compare."""
