"""`her2cds audit`: verify, replay, list, export and prune the audit log."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from her2cds.cli.options import Format, Output, Overlay, Registry, Rules
from her2cds.cli.output import Exit, fail, guarded, open_knowledge, print_answers, standard_output, stdout, utf8
from her2cds.cli.recording import Url, local_user, open_log
from her2cds.rendering.plain import one_line

if TYPE_CHECKING:
    from her2cds.audit.chain import Head
    from her2cds.audit.entry import Entry
    from her2cds.audit.log import Choice
    from her2cds.audit.replay import AnswerAgain

audit_app = typer.Typer(
    help="Verify, replay, list, export and prune the audit log.", no_args_is_help=True, rich_markup_mode=None
)

Who = Annotated[str | None, typer.Option("--who", help="only requests of this requester")]
Request = Annotated[str | None, typer.Option("--request", help="only requests of this kind, such as evaluate")]
Since = Annotated[str | None, typer.Option("--since", metavar="TIME", help="from this day or time (UTC) on")]
Before = Annotated[str | None, typer.Option("--before", metavar="TIME", help="before this day or time (UTC)")]


@audit_app.command()
def verify(
    audit: Url,
    anchors: Annotated[
        list[str] | None, typer.Option("--anchor", metavar="NUMBER:HASH", help="an end of the chain printed earlier")
    ] = None,
) -> None:
    """Find every altered, removed or reordered entry; print the end of the chain, to keep elsewhere."""
    with open_log(audit, create=False) as log:
        found = log.verify([_anchor(one) for one in anchors or ()])
    for fault in found.faults:
        fail(Exit.failed_check, str(fault))
    pruned = f", pruned up to {found.head.pruned_through}" if found.head.pruned_through else ""
    stdout(f"audit log: {found.entries} entries{pruned}, {len(found.faults)} faults")
    stdout(f"anchor: {found.head}")
    raise typer.Exit(int(Exit.ok if found.intact else Exit.failed_check))


@audit_app.command()
def replay(
    number: Annotated[int, typer.Argument(help="number of the entry", metavar="ID", min=1)],
    audit: Url,
    output_format: Output = Format.text,
    registry: Registry = None,
    base_url: Annotated[
        str, typer.Option("--base-url", help="how the service was reached: it stands in its CDS Hooks cards")
    ] = "http://127.0.0.1:8080",
    overlay: Overlay = None,
    rules: Rules = None,
) -> None:
    """Answer an entry's input again and show what differs, with the versions of then and now."""
    with open_log(audit, create=False) as log:
        from her2cds.audit import replay as again

        entry = log.entry(number)
        knowledge = open_knowledge(rules, registry, overlay)
        answers = again.ANSWERS if entry.request in again.ANSWERS else _answers_of_the_service(entry.request, base_url)
        found = guarded(f"entry {number}", lambda: again.replay(entry, knowledge, answers))
    if isinstance(found, Exit):
        raise typer.Exit(int(found))
    print_answers([found], output_format, again.outline_replay, many=False)
    raise typer.Exit(int(Exit.ok if found.same else Exit.failed_check))


@audit_app.command(name="list")
def list_entries(
    audit: Url,
    who: Who = None,
    request: Request = None,
    since: Since = None,
    before: Before = None,
    last: Annotated[int, typer.Option("--last", min=1, help="how many, the newest")] = 50,
) -> None:
    """List entries, one a line: number, time, outcome, request, requester, versions, input hash."""
    with open_log(audit, create=False) as log:
        for entry in log.entries(_choice(who, request, since, before, last)):
            stdout(one_line(_line(entry)))


@audit_app.command()
def export(
    audit: Url,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="file to write (default: standard output)")
    ] = None,
    who: Who = None,
    request: Request = None,
    since: Since = None,
    before: Before = None,
) -> None:
    """Write entries in full as JSON Lines, oldest first. They hold patient data."""
    with open_log(audit, create=False) as log:
        lines = (utf8(one.to_json(indent=None) + "\n") for one in log.entries(_choice(who, request, since, before)))
        if output is None:
            with standard_output() as out:
                out.writelines(lines)
            return
        try:
            with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.writelines(lines)
                stream.flush()
                os.fsync(stream.fileno())  # what was exported may be pruned next
        except OSError as error:
            raise typer.Exit(int(fail(Exit.failed_check, f"{output}: {error.strerror or error}"))) from None


@audit_app.command()
def prune(
    audit: Url,
    before: Before = None,
    keep_days: Annotated[int | None, typer.Option("--keep-days", min=1, help="keep what is not older")] = None,
) -> None:
    """Remove the oldest entries for good; what is left can still be verified. Export them first."""
    if (before is None) == (keep_days is None):
        raise typer.BadParameter("give either --before or --keep-days")
    cut_off = _days_ago(keep_days) if keep_days is not None else _time(str(before), "--before")
    with open_log(audit, create=False) as log:
        entry = log.prune(cut_off, who=local_user())
        overwritten = log.overwrite()  # even where nothing is pruned now: an earlier time may have left something
    stdout(f"pruned; entry {entry.number} tells of it: {entry.output}" if entry else "nothing is old enough")
    if not overwritten:
        remedy = "run `her2cds audit prune` again when nobody reads the log"
        fail(Exit.failed_check, f"what was pruned is not overwritten in the file yet, because it is in use; {remedy}")
        raise typer.Exit(int(Exit.failed_check))


def _answers_of_the_service(request: str, base_url: str) -> Mapping[str, AnswerAgain]:
    try:
        from her2cds.service.again import answers_again
    except ModuleNotFoundError as error:
        message = f"a request {request!r} is replayed with {error.name}: pip install 'her2cds[service]'"
        raise typer.Exit(int(fail(Exit.usage, message))) from None
    return answers_again(base_url)


def _anchor(text: str) -> Head:
    from her2cds.audit.chain import read_anchor
    from her2cds.errors import AuditError

    try:
        return read_anchor(text)
    except AuditError as error:
        raise typer.BadParameter(str(error), param_hint="--anchor") from None


def _choice(
    who: str | None, request: str | None, since: str | None, before: str | None, last: int | None = None
) -> Choice:
    from her2cds.audit.log import Choice

    return Choice(who, request, _optional_time(since, "--since"), _optional_time(before, "--before"), last)


def _optional_time(text: str | None, option: str) -> datetime | None:
    return None if text is None else _time(text, option)


def _time(text: str, option: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter of a time that in UTC is outside the calendar
        raise typer.BadParameter(f"'{text}': expected YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS", param_hint=option) from None


def _days_ago(days: int) -> datetime:
    try:
        return datetime.now(UTC) - timedelta(days=days)
    except OverflowError:  # before the calendar begins, and before every entry
        return datetime.min.replace(tzinfo=UTC)


def _line(entry: Entry) -> str:
    knowledge = f"{entry.knowledge_version or '-'} ({(entry.knowledge_hash or '-')[:12]})"
    parts = (
        f"{entry.number:>6}",
        entry.recorded_at,
        entry.outcome,
        entry.request,
        entry.who,
        f"knowledge {knowledge}",
        f"software {entry.software_version}",
        f"input {(entry.input_hash or '-')[:12]}",
    )
    return "  ".join(parts)
