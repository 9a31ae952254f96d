"""`her2cds schema` and `her2cds version`: what is read and written, and by which versions."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from her2cds.cli.options import Overlay, Rules
from her2cds.cli.output import open_knowledge, stdout


class SchemaKind(StrEnum):
    """What a JSON Schema describes."""

    patient = "patient"
    report = "report"
    rules = "rules"


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
        from her2cds.cli.author import print_rule_schemas

        print_rule_schemas(open_knowledge(rules).knowledge, output)
        return

    from her2cds.profile.model import Profile
    from her2cds.report.model import Report

    model = Profile if kind is SchemaKind.patient else Report
    mode: Literal["validation", "serialization"] = "validation" if kind is SchemaKind.patient else "serialization"
    content = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(mode=mode)}
    stdout(json.dumps(content, indent=2, ensure_ascii=False))


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
