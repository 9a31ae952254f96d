"""Blocks as Markdown, for a chart note."""

from __future__ import annotations

import re
from collections.abc import Iterable

from her2cds.rendering.blocks import Block, Bullets, Heading, Tree, TreeLine

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|])")


def to_markdown(blocks: Iterable[Block]) -> str:
    """The blocks in Markdown; text from the profile and the knowledge base is escaped."""
    return "\n".join(_block(block) for block in blocks) + "\n"


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", text)


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"\n{'#' * block.level} {escape(block.text)}\n"
    if isinstance(block, Bullets):
        return "\n".join(_bullet(label, text) for label, text in block.lines)
    if isinstance(block, Tree):
        return "\n".join(_branch(line) for line in block.lines) + "\n"
    return f"**{escape(block.text)}**\n" if block.strong else f"{escape(block.text)}\n"


def _bullet(label: str, text: str) -> str:
    return f"- **{escape(label)}:** {escape(text)}" if label else f"- {escape(text)}"


def _branch(line: TreeLine) -> str:
    return f"{'  ' * line.depth}- **{escape(line.mark)}** {escape(line.text)}"
