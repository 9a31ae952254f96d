"""The command line: `her2cds evaluate`, `validate`, `schema`, `kb …`, `version`.

Exit codes: 0 a report (or a sound input), 2 wrong usage, 3 an invalid patient profile, 4 an invalid knowledge
base, 5 a rule that could not be evaluated. With several files the highest code counts; one bad file does not
stop the others. Heavy parts are imported inside the commands, so that each command pays only for its own.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from her2cds.cli.kb import kb_app
from her2cds.cli.output import Exit, fail, open_knowledge, stdout
from her2cds.cli.terminal import print_report

if TYPE_CHECKING:
    from her2cds.evaluation import KnowledgeBase
    from her2cds.report.model import Report

app = typer.Typer(
    name="her2cds",
    help="Clinical decision support for HER2 breast cancer: ranked, cited candidate therapies. Decision support only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(kb_app, name="kb")


class Format(StrEnum):
    """How a report is written."""

    text = "text"
    json = "json"
    markdown = "markdown"


class SchemaKind(StrEnum):
    """What a JSON Schema describes."""

    patient = "patient"
    report = "report"


Files = Annotated[list[str], typer.Argument(help="patient profiles (JSON); - for standard input", metavar="FILE...")]
Rules = Annotated[Path | None, typer.Option("--rules", help="folder of a knowledge base (default: the bundled one)")]


@app.command()
def evaluate(
    files: Files,
    output_format: Annotated[Format, typer.Option("--format", "-f", help="text, json or markdown")] = Format.text,
    rules: Rules = None,
) -> None:
    """Evaluate patient profiles and print a report for each."""
    knowledge = open_knowledge(rules)
    worst = Exit.ok
    reports = []
    for name in files:
        result = _report(name, knowledge)
        if isinstance(result, Exit):
            worst = max(worst, result)
        else:
            reports.append(result)
    if output_format is Format.json:
        _print_json(reports, many=len(files) > 1)
    else:
        for report in reports:
            _print(report, output_format)
    raise typer.Exit(int(worst))


@app.command()
def validate(files: Files, rules: Rules = None) -> None:
    """Check patient profiles without evaluating them; list every fault."""
    from her2cds.errors import ProfileError
    from her2cds.profile.read import make_chart, read_profile

    knowledge = open_knowledge(rules)
    worst = Exit.ok
    for name in files:
        try:
            chart = make_chart(read_profile(_content(name), name), knowledge.knowledge, label=name)
        except ProfileError as error:
            worst = max(worst, fail(Exit.invalid_patient, str(error)))
            continue
        stdout(f"{name}: valid")
        for notice in chart.notices:
            stdout(f"  note: {notice}")
    raise typer.Exit(int(worst))


@app.command()
def schema(kind: Annotated[SchemaKind, typer.Argument(help="patient or report")]) -> None:
    """Print the JSON Schema of the patient profile or of the report."""
    import json

    from her2cds.profile.model import Profile
    from her2cds.report.model import Report

    model = Profile if kind is SchemaKind.patient else Report
    mode: Literal["validation", "serialization"] = "validation" if kind is SchemaKind.patient else "serialization"
    content = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(mode=mode)}
    stdout(json.dumps(content, indent=2, ensure_ascii=False))


@app.command()
def version(rules: Rules = None) -> None:
    """Print the versions of the software and of the knowledge base."""
    from her2cds.version import __version__

    data = open_knowledge(rules).knowledge.data
    stdout(f"her2cds {__version__}")
    stdout(f"knowledge base {data.manifest.id} {data.manifest.version} ({data.content_hash[:12]})")
    stdout(data.manifest.evidence_cut_off)


def _report(name: str, knowledge: KnowledgeBase) -> Report | Exit:
    from her2cds.errors import EngineError, ProfileError
    from her2cds.evaluation import evaluate as evaluate_patient
    from her2cds.profile.read import read_profile

    try:
        return evaluate_patient(read_profile(_content(name), name), knowledge, label=name)
    except ProfileError as error:
        return fail(Exit.invalid_patient, str(error))
    except EngineError as error:
        return fail(Exit.engine, f"{name}: no report, because a rule could not be evaluated: {error}")


def _content(name: str) -> bytes:
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


def _print_json(reports: list[Report], many: bool) -> None:
    if many:
        stdout("[" + ",\n".join(report.to_json() for report in reports) + "]")
    else:
        for report in reports:
            stdout(report.to_json())


def _print(report: Report, output_format: Format) -> None:
    if output_format is Format.markdown:
        from her2cds.report.markdown import to_markdown

        stdout(to_markdown(report))
        return
    print_report(report)


def main() -> None:
    """Entry point of the `her2cds` command.

    A short-lived process gains from collecting no garbage while it imports and loads, and our models need none
    of the plug-ins that pydantic would look for on the disk.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # reports hold § and –, whatever the locale
    app()
