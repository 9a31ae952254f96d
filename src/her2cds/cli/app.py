"""The command line: `her2cds evaluate`, `explain`, `trials`, `validate`, `schema`, `kb …`, `audit …`, `version`.

Exit codes: 0 a report (or a sound input), 2 wrong usage, 3 an invalid patient profile, 4 an invalid knowledge
base, 5 a rule that could not be evaluated, 6 an audit log that cannot be used. With several files the highest
code counts; one bad file does not stop the others. Heavy parts are imported inside the commands, so that each
command pays only for its own.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from contextlib import nullcontext
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from her2cds.cli import author, explore, scenarios
from her2cds.cli.audit import OptionalUrl, audit_app, open_log, recorded_case
from her2cds.cli.cohort import cohort_app
from her2cds.cli.doctor import doctor
from her2cds.cli.generate import generate
from her2cds.cli.imports import import_app
from her2cds.cli.kb import kb_app
from her2cds.cli.kb_diff import diff
from her2cds.cli.options import File, Files, Format, Output, Overlay, Registry, ReportFormat, Rules
from her2cds.cli.output import Exit, content_of, fail, guarded, open_knowledge, print_answers, stdout
from her2cds.cli.serve import serve
from her2cds.cli.trials import trials_app
from her2cds.rendering.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from her2cds.audit.log import AuditLog
    from her2cds.evaluation import Case, KnowledgeBase
    from her2cds.rendering.blocks import Block
    from her2cds.report.ranked_because import RankedBecause
    from her2cds.report.why import Why

app = typer.Typer(
    name="her2cds",
    help="Clinical decision support for HER2 breast cancer: ranked, cited candidate therapies. Decision support only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(kb_app, name="kb")
app.add_typer(trials_app, name="trials")
app.add_typer(audit_app, name="audit")
app.add_typer(cohort_app, name="cohort")
app.add_typer(import_app, name="import")
app.command()(explore.questions)
app.command(name="what-if")(explore.what_if)
app.command()(explore.compare)
app.command()(generate)
kb_app.command()(diff)
app.command(name="test")(scenarios.run_tests)
app.command()(doctor)
app.command()(serve)


class SchemaKind(StrEnum):
    """What a JSON Schema describes."""

    patient = "patient"
    report = "report"
    rules = "rules"


@app.command()
def evaluate(
    files: Files,
    output_format: Annotated[
        ReportFormat, typer.Option("--format", "-f", help="text, json, markdown, html, pdf or fhir")
    ] = ReportFormat.text,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="file to write; for several patients a folder")
    ] = None,
    registry: Registry = None,
    audit: OptionalUrl = None,
    overlay: Overlay = None,
    rules: Rules = None,
) -> None:
    """Evaluate patient profiles and print a report for each."""
    from her2cds.cli.reports import usage_fault, write_reports

    fault = usage_fault(files, output_format, output)
    if fault is not None:  # before anything is evaluated, and recorded as answered
        raise typer.Exit(int(fail(Exit.usage, fault)))
    knowledge = open_knowledge(rules, registry, overlay)
    worst = Exit.ok
    cases: list[tuple[str, Case]] = []
    with open_log(audit, create=True) if audit else nullcontext() as log:
        for name in files:
            found = guarded(name, partial(_case, name, knowledge, log))
            if isinstance(found, Exit):
                worst = max(worst, found)
            else:
                cases.append((name, found))
    worst = max(worst, write_reports(cases, knowledge, output_format, output, many=len(files) > 1))
    raise typer.Exit(int(worst))


@app.command()
def validate(files: Files, overlay: Overlay = None, rules: Rules = None) -> None:
    """Check patient profiles without evaluating them; list every fault."""
    from her2cds.errors import ProfileError
    from her2cds.profile.read import make_chart, read_profile

    knowledge = open_knowledge(rules, overlay=overlay)
    worst = Exit.ok
    for name in files:
        try:
            chart = make_chart(read_profile(content_of(name), name), knowledge.knowledge, label=name)
        except ProfileError as error:
            worst = max(worst, fail(Exit.invalid_patient, str(error)))
            continue
        stdout(f"{name}: valid")
        for notice in chart.notices:
            stdout(f"  note: {one_line(notice)}")
    raise typer.Exit(int(worst))


@app.command()
def schema(
    kind: Annotated[SchemaKind, typer.Argument(help="patient, report or rules")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="for rules: folder to write one schema per kind of file")
    ] = None,
    rules: Rules = None,
) -> None:
    """Print the JSON Schema of the patient profile, of the report, or of the files of a knowledge base."""
    import json

    if kind is SchemaKind.rules:
        author.print_rule_schemas(open_knowledge(rules).knowledge, output)
        return

    from her2cds.profile.model import Profile
    from her2cds.report.model import Report

    model = Profile if kind is SchemaKind.patient else Report
    mode: Literal["validation", "serialization"] = "validation" if kind is SchemaKind.patient else "serialization"
    content = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(mode=mode)}
    stdout(json.dumps(content, indent=2, ensure_ascii=False))


@app.command()
def version(overlay: Overlay = None, rules: Rules = None) -> None:
    """Print the versions of the software and of the knowledge base."""
    from her2cds.version import __version__

    knowledge = open_knowledge(rules, overlay=overlay).knowledge
    data = knowledge.data
    stdout(f"her2cds {__version__}")
    stdout(f"knowledge base {data.manifest.id} {data.manifest.version} ({data.content_hash[:12]})")
    if knowledge.overlay:
        over = knowledge.overlay.overlay
        stdout(f"overlay {over.id} {over.version} ({knowledge.overlay.content_hash[:12]})")
    stdout(data.manifest.evidence_cut_off)


@app.command()
def explain(
    file: File,
    name: Annotated[str, typer.Argument(help="a regimen, rule, trial, criterion or derived fact")],
    over: Annotated[
        str | None, typer.Option("--over", metavar="REGIMEN", help="compare with this ranked regimen instead")
    ] = None,
    depth: Annotated[int, typer.Option("--depth", min=0, max=99, help="how deep the trees are printed")] = 3,
    output_format: Output = Format.text,
    overlay: Overlay = None,
    rules: Rules = None,
) -> None:
    """Explain why, or why not: the conditions with the patient's values, where they come from, and the sources."""
    knowledge = open_knowledge(rules, overlay=overlay)
    found = guarded(file, lambda: _explanation(file, name, over, knowledge))
    if isinstance(found, Exit):
        raise typer.Exit(int(found))
    print_answers([found], output_format, lambda one: _explanation_blocks(one, depth), many=False)


def _case(name: str, knowledge: KnowledgeBase, log: AuditLog | None) -> Case:
    from her2cds.evaluation import examine

    if log is not None:
        return recorded_case(content_of(name), name, knowledge, log)
    return examine(content_of(name), knowledge, label=name)


def _explanation(file: str, name: str, over: str | None, knowledge: KnowledgeBase) -> Why | RankedBecause:
    from her2cds import evaluation
    from her2cds.profile.read import read_profile

    profile = read_profile(content_of(file), file)
    if over is not None:
        return evaluation.explain_order(profile, name, over, knowledge, label=file)
    return evaluation.explain(profile, name, knowledge, label=file)


def _explanation_blocks(answer: Why | RankedBecause, depth: int) -> Iterator[Block]:
    from her2cds.rendering.outline_answers import outline_ranked_because, outline_why
    from her2cds.report.why import Why

    return outline_why(answer, depth) if isinstance(answer, Why) else outline_ranked_because(answer)


def main() -> None:
    """Entry point of the `her2cds` command.

    A short-lived process gains from collecting no garbage while it imports and loads, and our models need none
    of the plug-ins that pydantic would look for on the disk.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Reports hold § and –, whatever the locale; the name of a file may hold what UTF-8 cannot.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    app()
