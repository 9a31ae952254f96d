"""Text from outside made plain: it cannot end a line, hide, turn round or steer a terminal.

Names of drugs and genes, findings of a record and names of files come from whoever wrote them. In a report each
stands on a line of ours and must not be able to imitate the next one.
"""

from __future__ import annotations

import re

_BREAK = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
# What a terminal obeys (tab and line feed apart), and the marks that turn the direction of text round.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_IN_ITS_PLACE = "\N{REPLACEMENT CHARACTER}"


def one_line(text: str) -> str:
    """The text on one line: each line break or tab becomes a space, and controls show as a replacement character."""
    return text if text.isprintable() else without_controls(_BREAK.sub(" ", text))


def without_controls(text: str) -> str:
    """The text with its line feeds and tabs, and a replacement character for every other control character."""
    return _CONTROL.sub(_IN_ITS_PLACE, text)
