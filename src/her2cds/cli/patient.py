"""`her2cds evaluate`, `validate` and `explain`: reports on patient profiles, and the reasons behind them."""

from __future__ import annotations

import json
from datetime import date as Date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from her2cds.cli.options import File, Files, Format, Output, Overlay, Registry, ReportFormat, Rules
from her2cds.cli.output import Exit, content_of, fail, guarded, open_knowledge, print_answers, stdout
from her2cds.cli.recording import Answered, OptionalUrl, optional_log, recorded, recorded_case
from her2cds.rendering.plain import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from her2cds.audit.log import AuditLog
    from her2cds.evaluation import Case, KnowledgeBase
    from her2cds.rendering.blocks import Block
    from her2cds.report.ranked_because import RankedBecause
    from her2cds.report.why import Why


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
    with optional_log(audit) as log:
        for name in files:
            found = guarded(name, partial(_case, name, knowledge, log))
            if isinstance(found, Exit):
                worst = max(worst, found)
            else:
                cases.append((name, found))
    worst = max(worst, write_reports(cases, knowledge, output_format, output, many=len(files) > 1))
    raise typer.Exit(int(worst))


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


def explain(
    file: File,
    name: Annotated[str, typer.Argument(help="a regimen, rule, trial, criterion or derived fact")],
    over: Annotated[
        str | None, typer.Option("--over", metavar="REGIMEN", help="compare with this ranked regimen instead")
    ] = None,
    depth: Annotated[int, typer.Option("--depth", min=0, max=99, help="how deep the trees are printed")] = 3,
    output_format: Output = Format.text,
    audit: OptionalUrl = None,
    overlay: Overlay = None,
    rules: Rules = None,
) -> None:
    """Explain why, or why not: the conditions with the patient's values, where they come from, and the sources."""
    knowledge = open_knowledge(rules, overlay=overlay)
    with optional_log(audit) as log:
        found = guarded(file, lambda: _explanation(file, name, over, knowledge, log))
    if isinstance(found, Exit):
        raise typer.Exit(int(found))
    print_answers([found], output_format, lambda one: _explanation_blocks(one, depth), many=False)


def _case(name: str, knowledge: KnowledgeBase, log: AuditLog | None) -> Case:
    from her2cds.evaluation import examine

    if log is not None:
        return recorded_case(content_of(name), name, knowledge, log)
    return examine(content_of(name), knowledge, label=name)


def _explanation(
    file: str, name: str, over: str | None, knowledge: KnowledgeBase, log: AuditLog | None
) -> Why | RankedBecause:
    from her2cds import evaluation
    from her2cds.profile.json_text import parse_json
    from her2cds.profile.read import profile_from_tree

    content = content_of(file)

    def answer(today: Date) -> Answered[Why | RankedBecause]:
        tree = parse_json(content, file)
        profile, body = profile_from_tree(tree, file), {"patient": tree, "name": name}
        found: Why | RankedBecause
        if over is None:
            found = evaluation.explain(profile, name, knowledge, today=today, label=file)
        else:
            body["over"] = over
            found = evaluation.explain_order(profile, name, over, knowledge, today=today, label=file)
        return Answered(found, json.dumps(body), found.to_json(indent=None))

    return recorded("explain", content, knowledge, log, answer)


def _explanation_blocks(answer: Why | RankedBecause, depth: int) -> Iterator[Block]:
    from her2cds.rendering.outline_answers import outline_ranked_because, outline_why
    from her2cds.report.why import Why

    return outline_why(answer, depth) if isinstance(answer, Why) else outline_ranked_because(answer)
