"""Exit codes, and writing to the two streams."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, TypeVar

import typer

from her2cds.cli.options import Format
from her2cds.cli.terminal import print_blocks
from her2cds.rendering.plain import without_controls

if TYPE_CHECKING:
    from her2cds.evaluation import KnowledgeBase
    from her2cds.rendering.blocks import Block

T = TypeVar("T")


class Exit(IntEnum):
    """Exit codes, from best to worst."""

    ok = 0
    failed_check = 1
    usage = 2
    invalid_patient = 3
    invalid_knowledge = 4
    engine = 5
    audit = 6


def utf8(text: str) -> bytes:
    """Text as UTF-8; what that cannot hold (the name of a file, an altered row) as an escape, in JSON a valid one."""
    return text.encode("utf-8", "backslashreplace")


def stdout(text: str) -> None:
    """Write a line to standard output as UTF-8, whatever the locale."""
    with standard_output() as stream:
        stream.write(utf8(text) + b"\n")


@contextmanager
def standard_output() -> Iterator[IO[bytes]]:
    """Standard output for bytes. Where it cannot be written, the end of the process: one line, exit code 1."""
    if sys.stdout is None:
        raise typer.Exit(int(fail(Exit.failed_check, "standard output: closed; give the command one to write to")))
    try:
        yield sys.stdout.buffer
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # the reader has seen enough: the command line ends without a word
    except OSError as error:
        # What is still held back would be tried, and told of, again when the interpreter ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        raise typer.Exit(int(fail(Exit.failed_check, f"standard output: {error.strerror or error}"))) from None


def fail(code: Exit, message: str) -> Exit:
    """Write a message to standard error and hand back the exit code. What it quotes cannot steer the terminal."""
    if sys.stderr is not None:  # where it is closed, the code alone has to tell
        sys.stderr.write(without_controls(message) + "\n")
    return code


def open_knowledge(rules: Path | None, registry: Path | None = None, overlay: Path | None = None) -> KnowledgeBase:
    """The knowledge base, or the end of the process with exit code 4 and all its faults."""
    from her2cds.errors import KnowledgeError, RegistryError
    from her2cds.evaluation import load_knowledge

    try:
        knowledge = load_knowledge(rules, overlay=overlay, registry=registry)
    except (KnowledgeError, RegistryError) as error:
        sys.exit(int(fail(Exit.invalid_knowledge, str(error))))
    gc.freeze()  # what is loaded stays; from here on garbage is collected as usual
    gc.enable()
    return knowledge


def content_of(name: str) -> bytes:
    """The bytes of a file, or of standard input; one byte more than allowed is enough to refuse it."""
    from her2cds.errors import ProfileError, ProfileFault
    from her2cds.profile.json_text import MAX_BYTES

    try:
        if name == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(name).open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ProfileError(
            [ProfileFault("$", error.strerror or "an unreadable file", "a readable JSON file")], name
        ) from None


def guarded(name: str, answer: Callable[[], T]) -> T | Exit:
    """The answer for one patient file, or the exit code of what went wrong, already told."""
    from her2cds.errors import AuditError, EngineError, ProfileError, UnknownNameError

    try:
        return answer()
    except ProfileError as error:
        return fail(Exit.invalid_patient, str(error))
    except UnknownNameError as error:
        return fail(Exit.usage, str(error))
    except EngineError as error:
        return fail(Exit.engine, f"{name}: no answer, because a rule could not be evaluated: {error}")
    except AuditError as error:
        return fail(Exit.audit, f"{name}: no answer: {error}")


class Answer(Protocol):
    """Anything that can be written as JSON."""

    def to_json(self, indent: int | None = 2) -> str:
        """The answer as JSON."""


A = TypeVar("A", bound=Answer)


def print_answers(
    answers: Sequence[A], output_format: Format, blocks: Callable[[A], Iterable[Block]], *, many: bool
) -> None:
    """Print answers in a format; `many` makes JSON a list, whatever the number of answers that were given."""
    if output_format is Format.json:
        texts = [answer.to_json() for answer in answers]
        stdout("[" + ",\n".join(texts) + "]" if many else "\n".join(texts))
        return
    for answer in answers:
        if output_format is Format.markdown:
            from her2cds.rendering.markdown import to_markdown

            stdout(to_markdown(blocks(answer)))
        else:
            with standard_output():
                print_blocks(blocks(answer))
