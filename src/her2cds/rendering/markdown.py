"""Blocks as Markdown, for a chart note."""

from __future__ import annotations

import re
from collections.abc import Iterable

from her2cds.rendering.blocks import Block, Bullets, Heading, Tree, TreeLine
from her2cds.rendering.plain import one_line

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|]|&(?=#?\w+;)|~(?=~)|(?<=~)~)")
# What makes a list, a rule, a heading or a fence of a line that begins with it.
_LEADING = re.compile(r"^(?:([0-9]{1,9})(?=[.)](?:\s|$))|(?=[-+](?:[\s-]|$)|=))")


def to_markdown(blocks: Iterable[Block]) -> str:
    """The blocks in Markdown; text from the profile and the knowledge base is escaped."""
    return "\n".join(_block(block) for block in blocks) + "\n"


def escape(text: str) -> str:
    """Text that Markdown shows as it is, on one line, wherever it stands."""
    return _LEADING.sub(r"\1\\", _inline(text).lstrip())


def _inline(text: str) -> str:
    """Text that Markdown shows as it is where something of ours stands before it on the line."""
    return _SPECIAL.sub(r"\\\1", one_line(text))


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"\n{'#' * block.level} {_inline(block.text)}\n"
    if isinstance(block, Bullets):
        return "\n".join(_bullet(label, text) for label, text in block.lines)
    if isinstance(block, Tree):
        return "\n".join(_branch(line) for line in block.lines) + "\n"
    return f"**{_inline(block.text)}**\n" if block.strong else f"{escape(block.text)}\n"


def _bullet(label: str, text: str) -> str:
    return f"- **{_inline(label)}:** {_inline(text)}" if label else f"- {escape(text)}"


def _branch(line: TreeLine) -> str:
    return f"{'  ' * line.depth}- **{_inline(line.mark)}** {_inline(line.text)}"
