"""`her2cds trials`: every trial for a patient, renewing statuses from the registry, and exporting eligibility."""

from __future__ import annotations

from datetime import date as Date
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from her2cds.cli.options import Files, Format, Output, Overlay, Registry, Rules
from her2cds.cli.output import Exit, content_of, fail, guarded, open_knowledge, print_answers, stdout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from her2cds.evaluation import KnowledgeBase
    from her2cds.rendering.blocks import Block
    from her2cds.report.model import TrialListing
    from her2cds.report.why import Why


class ExportFormat(StrEnum):
    """The language of an export."""

    ctml = "ctml"


class _PatientByDefault(TyperGroup):
    """`her2cds trials FILE` is `her2cds trials for FILE`: what is no subcommand is a patient file."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Put the default command in front of a name that is none of the subcommands."""
        if args and args[0] not in self.commands:
            args = ["for", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Options before the file (`her2cds trials --all FILE`) belong to the default command too."""
        if args and args[0].startswith("-") and args[0] not in ("--help",):
            args = ["for", *args]
        return super().parse_args(ctx, args)


trials_app = typer.Typer(
    cls=_PatientByDefault,
    help="List the trials for a patient (her2cds trials FILE), renew statuses, export eligibility.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@trials_app.command(name="for")
def for_patient(
    files: Files,
    everything: Annotated[bool, typer.Option("--all", help="also those the patient is not eligible for")] = False,
    why: Annotated[
        list[str] | None, typer.Option("--why", metavar="NCT", help="explain these trials, criterion by criterion")
    ] = None,
    output_format: Output = Format.text,
    registry: Registry = None,
    overlay: Overlay = None,
    rules: Rules = None,
) -> None:
    """List every trial that a patient may enter, by strategy, with what is met and what is not known."""
    knowledge = open_knowledge(rules, registry, overlay)
    worst = Exit.ok
    answers: list[TrialListing | Why] = []
    for name in files:
        found = guarded(name, partial(_answers, name, why or [], knowledge))
        if isinstance(found, Exit):
            worst = max(worst, found)
        else:
            answers += found
    print_answers(
        answers, output_format, lambda one: _blocks(one, everything), many=len(files) > 1 or bool(why and why[1:])
    )
    raise typer.Exit(int(worst))


@trials_app.command()
def refresh(
    files: Annotated[
        list[Path], typer.Option("--from", help="study files of the ClinicalTrials.gov API v2; may be repeated")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="the overlay to write or renew")],
    on: Annotated[str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="day of the download")] = None,
    rules: Rules = None,
) -> None:
    """Read downloaded registry records into a dated overlay, to show beside the reviews' statuses."""
    from her2cds.errors import RegistryError
    from her2cds.registry.overlay import read_overlay, write_overlay
    from her2cds.registry.overlay import refresh as refreshed

    try:
        day = Date.fromisoformat(on) if on else Date.today()
    except ValueError:
        raise typer.Exit(int(fail(Exit.usage, f"--date: '{on}' is not a date in the form YYYY-MM-DD"))) from None
    knowledge = open_knowledge(rules)
    try:
        before = read_overlay(output) if output.exists() else None
        result = refreshed(files, knowledge.knowledge, day, before)
        for fault in result.faults:
            fail(Exit.failed_check, str(fault))
        if result.renewed:
            write_overlay(output, result.overlay)
    except RegistryError as error:
        raise typer.Exit(int(fail(Exit.failed_check, str(error)))) from None
    for record in result.renewed:
        stdout(f"{record.id}: {record.status_words}, updated {record.updated}")
    stdout(f"{len(result.renewed)} renewed, {len(result.faults)} not usable, {len(result.overlay.records)} held")
    raise typer.Exit(int(Exit.failed_check if result.faults else Exit.ok))


@trials_app.command()
def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="folder for one file per trial")],
    output_format: Annotated[ExportFormat, typer.Option("--format", help="ctml")] = ExportFormat.ctml,
    rules: Rules = None,
) -> None:
    """Write the trials' eligibility in a matcher's own language, and list what it cannot express."""
    from her2cds.interop.ctml import export_all

    knowledge = open_knowledge(rules).knowledge
    try:
        written = export_all(knowledge, output)
    except OSError as error:
        raise typer.Exit(int(fail(Exit.failed_check, f"{output}: {error.strerror}"))) from None
    complete = sum(not one.left_out for one in written)
    for one in written:
        for text in one.left_out:
            stdout(f"{one.trial}: not expressed: {text}")
    stdout(f"{len(written)} trials written as {output_format.value}, {complete} of them in full")


def _answers(name: str, why: list[str], knowledge: KnowledgeBase) -> list[TrialListing | Why]:
    from her2cds.evaluation import explain, find_trials
    from her2cds.profile.read import read_profile

    profile = read_profile(content_of(name), name)
    if why:
        return [explain(profile, trial, knowledge, label=name) for trial in why]
    return [find_trials(profile, knowledge, label=name)]


def _blocks(answer: TrialListing | Why, everything: bool) -> Iterator[Block]:
    from her2cds.rendering.outline_answers import outline_trials, outline_why
    from her2cds.report.model import TrialListing

    return outline_trials(answer, everything) if isinstance(answer, TrialListing) else outline_why(answer)
