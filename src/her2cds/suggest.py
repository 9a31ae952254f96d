"""Nearest valid names, for messages that tell a reader how to mend a slip."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, valid: Iterable[str], limit: int = 3) -> list[str]:
    """The valid names most like `name`, best first; empty where none is close (ratio below 0.6)."""
    from difflib import get_close_matches  # imported late: most runs suggest nothing

    folded = {candidate.casefold(): candidate for candidate in valid}
    return [folded[hit] for hit in get_close_matches(name.casefold(), folded, n=limit, cutoff=0.6)]


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """`did you mean 'x' or 'y'?`, or an empty string where nothing is close."""
    hits = nearest(name, valid)
    return f"did you mean {' or '.join(repr(hit) for hit in hits)}?" if hits else ""
