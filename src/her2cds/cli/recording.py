"""Recording in the audit log, for the commands that answer: the log, and an answer recorded before it is shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import date as Date
from typing import TYPE_CHECKING, Annotated, Generic, NamedTuple, TypeVar

import typer

from her2cds.cli.output import Exit, fail

if TYPE_CHECKING:
    from her2cds.audit.log import AuditLog
    from her2cds.evaluation import Case, KnowledgeBase

T = TypeVar("T")

_HELP = "audit log: a file name (SQLite), sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
_EXTRA = ("sqlalchemy", "alembic", "mako", "psycopg")
Url = Annotated[str, typer.Option("--audit", envvar="HER2CDS_AUDIT", metavar="URL", help=_HELP)]
OptionalUrl = Annotated[
    str | None,
    typer.Option("--audit", envvar="HER2CDS_AUDIT", metavar="URL", help=f"record every answer in an {_HELP}"),
]


@contextmanager
def open_log(url: str, *, create: bool) -> Iterator[AuditLog]:
    """The audit log; where it, or the extra it needs, is not there, the end of the process with the reason."""
    from her2cds.errors import AuditError

    try:
        from her2cds.audit.log import AuditLog

        with AuditLog.open(url, create=create) as log:
            yield log
    except AuditError as error:
        raise typer.Exit(int(fail(Exit.audit, str(error)))) from None
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        message = f"the audit log needs {error.name}: pip install 'her2cds[audit]'"
        raise typer.Exit(int(fail(Exit.usage, message))) from None


def optional_log(url: str | None) -> AbstractContextManager[AuditLog | None]:
    """The audit log where one is named."""
    return open_log(url, create=True) if url else nullcontext()


class Answered(NamedTuple, Generic[T]):
    """An answer, and what is kept of it: the body by which the service gives the same, and the answer as JSON."""

    value: T
    input: str | bytes
    output: str


def recorded(
    request: str,
    content: bytes,
    knowledge: KnowledgeBase,
    log: AuditLog | None,
    answer: Callable[[Date], Answered[T]],
) -> T:
    """An answer for the content of a file on this day, which is (or its refusal is) in the log before anybody sees it.

    Raises ProfileError, UnknownNameError and EngineError as `answer` does, after recording; AuditError where
    recording failed.
    """
    from her2cds.errors import EngineError, ProfileError, UnknownNameError
    from her2cds.profile.json_text import MAX_BYTES

    today = Date.today()
    if log is None:
        return answer(today).value
    who, identity = local_user(), knowledge.identity
    try:
        found = answer(today)
    except (ProfileError, UnknownNameError, EngineError) as error:
        # The faults alone: the label is a file name, which may name the patient.
        faults = error.faults if isinstance(error, ProfileError) else (error,)
        refusal = "\n".join(str(fault) for fault in faults)
        # Of an input that is too large only the beginning was read: its hash would be nobody's.
        hashed = content if len(content) <= MAX_BYTES else None
        log.record(who=who, request=request, knowledge=identity, input=hashed, refusal=refusal, day=today)
        raise
    log.record(who=who, request=request, knowledge=identity, input=found.input, output=found.output, day=today)
    return found.value


def recorded_case(content: bytes, label: str, knowledge: KnowledgeBase, log: AuditLog) -> Case:
    """A case whose report (or refusal) is in the log before anybody sees it. Raises as `recorded` does."""
    from her2cds.audit.replay import EVALUATE
    from her2cds.evaluation import examine, report_on

    def answer(today: Date) -> Answered[Case]:
        case = examine(content, knowledge, today=today, label=label)
        return Answered(case, content, report_on(case, knowledge).to_json(indent=None))

    return recorded(EVALUATE, content, knowledge, log, answer)


def local_user() -> str:
    """The user of this process, from the system and not from the environment, which anyone can set."""
    try:
        import pwd

        return f"local:{pwd.getpwuid(os.geteuid()).pw_name}"
    except ImportError:  # not a POSIX system
        return f"local:{os.getlogin()}"
    except KeyError:  # a container's user without an entry
        return f"local:uid-{os.geteuid()}"
