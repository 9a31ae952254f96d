"""From a folder of YAML to a checked knowledge base: read, validate, cross-check, cache."""

from __future__ import annotations

import hashlib
from pathlib import Path

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.cache import cache_file, read_cache, write_cache
from her2cds.knowledge.files import bundled_rules, combined_hash, content_hash, read_files, read_overlay_files


def load_knowledge_base(root: Path | None = None, *, overlay: Path | None = None, use_cache: bool = True) -> Knowledge:
    """Load and check the knowledge base in `root`, or the bundled one, with the overlay in that folder on top.

    Raises KnowledgeError with every fault found; a knowledge base or an overlay is never loaded in part.
    """
    files = read_files(root or bundled_rules())
    over = read_overlay_files(overlay) if overlay is not None else ()
    digest = combined_hash(content_hash(files), content_hash(over)) if over else content_hash(files)
    path = cache_file(digest, _shape())
    if use_cache:
        cached = read_cache(path, digest)
        if cached is not None:
            return Knowledge(cached)
    # Checking needs the YAML reader and every check; a start from the cache does without them.
    from her2cds.knowledge.build import build

    data = build(files, digest, over)
    if use_cache:
        write_cache(path, data)
    return Knowledge(data)


def _shape() -> str:
    """Changes whenever the code that reads and checks does, so that a cache written by other code is never read."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
