"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How an answer is written."""

    text = "text"
    json = "json"
    markdown = "markdown"


class ReportFormat(StrEnum):
    """How a report is written."""

    text = "text"
    json = "json"
    markdown = "markdown"
    html = "html"
    pdf = "pdf"
    fhir = "fhir"


File = Annotated[str, typer.Argument(help="patient profile (JSON); - for standard input", metavar="FILE")]
Files = Annotated[list[str], typer.Argument(help="patient profiles (JSON); - for standard input", metavar="FILE...")]
Output = Annotated[Format, typer.Option("--format", "-f", help="text, json or markdown")]
Rules = Annotated[Path | None, typer.Option("--rules", help="folder of a knowledge base (default: the bundled one)")]
Registry = Annotated[
    Path | None,
    typer.Option(
        "--registry", envvar="HER2CDS_REGISTRY", help="overlay of trial statuses, made by `her2cds trials refresh`"
    ),
]
Overlay = Annotated[
    Path | None,
    typer.Option("--overlay", envvar="HER2CDS_OVERLAY", help="folder of a site's changes on top of the knowledge base"),
]
