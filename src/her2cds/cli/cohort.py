"""`her2cds cohort`: evaluate a file of any size, and summarise the results."""

from __future__ import annotations

from datetime import date as Date
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from her2cds.cli.options import Overlay, Registry, Rules
from her2cds.cli.output import Exit, fail, open_knowledge, stdout, utf8
from her2cds.rendering.plain import one_line
from her2cds.whole_files import write_file

if TYPE_CHECKING:
    from her2cds.cohort.run import Progress
    from her2cds.cohort.summary import Summary

_INTERRUPTED = 130


class SummaryFormat(StrEnum):
    """How a summary is written."""

    text = "text"
    json = "json"
    html = "html"


class _RunByDefault(TyperGroup):
    """`her2cds cohort INPUT` is `her2cds cohort run INPUT`: what is no subcommand is an input."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command in front of what is neither a subcommand nor a request for help."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["run", *args]
        return super().parse_args(ctx, args)


cohort_app = typer.Typer(
    cls=_RunByDefault,
    help="Evaluate many patients (her2cds cohort INPUT -o OUT) and summarise the results.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@cohort_app.command()
def run(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="NDJSON or Parquet of profiles, or a folder of such files")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="folder for the results; to go on, the same again")],
    reports: Annotated[bool, typer.Option("--reports", help="also write every full report (NDJSON)")] = False,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="worker processes (default: one per core)")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="tcp://HOST:PORT", help="run on this Dask cluster instead")
    ] = None,
    part_size: Annotated[int, typer.Option("--part-size", min=1, help="patients per part")] = 2000,
    today: Annotated[
        str | None, typer.Option("--today", metavar="YYYY-MM-DD", help="latest date a profile may hold")
    ] = None,
    registry: Registry = None,
    overlay: Overlay = None,
    rules: Rules = None,
) -> None:
    """Evaluate every patient of a cohort into Parquet tables; run it again after an interruption and it goes on."""
    day = _day(today)
    needs_pyarrow()
    from her2cds.cli.cohort_progress import progress_shown
    from her2cds.cohort.run import Options, run_cohort
    from her2cds.errors import CohortError

    options = Options(source, output, rules, registry, overlay, day, reports, part_size, processes, scheduler)
    knowledge = open_knowledge(rules, registry, overlay)
    try:
        with progress_shown() as shown:
            progress = run_cohort(options, knowledge, shown.tell)
    except CohortError as error:
        fail(Exit.failed_check, f"{error}\nWhat was finished is kept; the same command goes on from there.")
        raise typer.Exit(int(Exit.failed_check)) from None
    except KeyboardInterrupt:
        fail(Exit.ok, "interrupted; what was finished is kept, and the same command goes on from there")
        raise typer.Exit(_INTERRUPTED) from None
    raise typer.Exit(int(_told(progress, output)))


@cohort_app.command()
def summary(
    results: Annotated[Path, typer.Argument(metavar="OUT", help="folder of a cohort run")],
    output_format: Annotated[SummaryFormat, typer.Option("--format", "-f")] = SummaryFormat.text,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="file (default: standard output)")] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="entries of each long list (text and HTML)")] = 15,
    overlay: Overlay = None,
    rules: Rules = None,
) -> None:
    """Summarise the results: class by line, regimens, eligible patients per trial, what is missing most."""
    needs_pyarrow()
    from her2cds.cohort.summary import summarise
    from her2cds.errors import CohortError

    knowledge = open_knowledge(rules, overlay=overlay).knowledge
    try:
        text = _summary_text(summarise(results, knowledge), output_format, top)
        if output is None:
            stdout(text)
        else:
            write_file(output, utf8(text + "\n"))
    except CohortError as error:
        raise typer.Exit(int(fail(Exit.failed_check, str(error)))) from None
    except OSError as error:
        raise typer.Exit(int(fail(Exit.failed_check, f"{output}: {error.strerror}"))) from None


def _summary_text(summary: Summary, output_format: SummaryFormat, top: int) -> str:
    if output_format is SummaryFormat.json:
        return summary.to_json()
    if output_format is SummaryFormat.html:
        from her2cds.cohort.summary_page import to_page

        return to_page(summary, top)
    from her2cds.cohort.summary_text import summary_lines

    return "\n".join(map(one_line, summary_lines(summary, top)))


def _told(progress: Progress, output: Path) -> Exit:
    """Say what came out, and the exit code that says it to a program."""
    stdout(
        f"{progress.lines:,} lines: {progress.answered:,} answered, {progress.invalid:,} invalid, "
        f"{progress.failed:,} failed, {progress.blank:,} empty; {progress.parts_done:,} of {progress.parts:,} parts"
    )
    for error in progress.failures:
        fail(Exit.failed_check, str(error))
    if progress.invalid or progress.failed:
        stdout(f"patients without an answer, with all faults: {output / 'quarantine'}")
    if not progress.complete:
        return fail(Exit.failed_check, "not complete; the same command tries the missing parts again")
    if progress.failed:
        return Exit.engine
    return Exit.invalid_patient if progress.invalid else Exit.ok


def _day(text: str | None) -> Date | None:
    try:
        return Date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.Exit(int(fail(Exit.usage, f"--today: '{text}' is not a date in the form YYYY-MM-DD"))) from None


def needs_pyarrow() -> None:
    """End the process with what to install where pyarrow is missing."""
    try:
        import_module("pyarrow")
    except ImportError:
        message = "cohorts need pyarrow: pip install 'her2cds[cohort]'"
        raise typer.Exit(int(fail(Exit.usage, message))) from None
