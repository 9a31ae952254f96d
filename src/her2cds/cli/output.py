"""Exit codes, and writing to the two streams."""

from __future__ import annotations

import gc
import sys
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from her2cds.evaluation import KnowledgeBase


class Exit(IntEnum):
    """Exit codes, from best to worst."""

    ok = 0
    failed_check = 1
    usage = 2
    invalid_patient = 3
    invalid_knowledge = 4
    engine = 5


def stdout(text: str) -> None:
    """Write a line to standard output as UTF-8, whatever the locale."""
    sys.stdout.buffer.write(text.encode() + b"\n")
    sys.stdout.flush()


def fail(code: Exit, message: str) -> Exit:
    """Write a message to standard error and hand back the exit code."""
    sys.stderr.write(message + "\n")
    return code


def open_knowledge(rules: Path | None) -> KnowledgeBase:
    """The knowledge base, or the end of the process with exit code 4 and all its faults."""
    from her2cds.errors import KnowledgeError
    from her2cds.evaluation import load_knowledge

    try:
        knowledge = load_knowledge(rules)
    except KnowledgeError as error:
        sys.exit(int(fail(Exit.invalid_knowledge, str(error))))
    gc.freeze()  # what is loaded stays; from here on garbage is collected as usual
    gc.enable()
    return knowledge
