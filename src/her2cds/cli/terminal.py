"""Writes text to standard output: with colour on a terminal that wants it, plain into a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from her2cds.rendering.blocks import Block


def print_blocks(blocks: Iterable[Block]) -> None:
    """Print blocks. Nothing in them is read as markup."""
    from her2cds.rendering.text import styled_lines

    if not (sys.stdout.isatty() or os.environ.get("FORCE_COLOR")):
        sys.stdout.write("\n".join(line.text for line in styled_lines(blocks)) + "\n")
        return
    # Rich takes as long to import as a whole evaluation: only a terminal needs it.
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 80)
    for line in styled_lines(blocks, console.width):
        text = Text(line.text)
        text.stylize(line.style, line.start, line.end)
        console.print(text, soft_wrap=True)
