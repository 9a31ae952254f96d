"""Writes the generated pages of the documentation: the knowledge base entry by entry, and the reference.

Run by mkdocs (plugin gen-files); `python scripts/site/make_pages.py` prints the names of the pages.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import knowledge_pages
import reference_pages

from her2cds.knowledge.load import load_knowledge_base

PROJECT = Path(__file__).resolve().parents[2]


def pages() -> dict[str, str]:
    """Every generated page: its path below docs/ and its Markdown."""
    knowledge = load_knowledge_base(PROJECT / "rules")
    return {**knowledge_pages.pages(knowledge), **reference_pages.pages(knowledge)}


def write_for_mkdocs() -> None:
    """Hand the pages to mkdocs."""
    import mkdocs_gen_files

    for name, text in pages().items():
        with mkdocs_gen_files.open(name, "w") as stream:
            stream.write(text)


if __name__ == "__main__":
    print("\n".join(pages()))
else:
    write_for_mkdocs()
