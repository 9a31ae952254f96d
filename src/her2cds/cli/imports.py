"""`her2cds import`: profiles from FHIR, tables and mutation files, with a report on where each fact came from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date as Date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from her2cds.cli.options import Overlay, Rules
from her2cds.cli.output import Exit, fail, guarded, open_knowledge, stdout, utf8
from her2cds.rendering.plain import one_line
from her2cds.whole_files import write_file

if TYPE_CHECKING:
    from her2cds.interop.draft import Imported

import_app = typer.Typer(
    help="Make profiles from a FHIR document, a table or a mutation file.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Source = Annotated[str, typer.Argument(help="the file to read; - for standard input", metavar="FILE")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="the profile to write (default: standard output)")]
Folder = Annotated[Path, typer.Option("--output", "-o", help="folder for one profile per row or sample")]
ReportFile = Annotated[
    Path | None,
    typer.Option("--report", help="write the import report here as JSON (default: as text to the terminal)"),
]


@import_app.command()
def fhir(
    file: Source,
    output: Output = None,
    report: ReportFile = None,
    on: Annotated[
        str | None,
        typer.Option("--date", metavar="YYYY-MM-DD", help="day of the profile (default: last day on record)"),
    ] = None,
    patient: Annotated[
        str | None, typer.Option("--patient", help="id of the patient, where the file holds several")
    ] = None,
    complete: Annotated[
        bool, typer.Option("--treatments-complete", help="the file holds every treatment that was given")
    ] = False,
    overlay: Overlay = None,
    rules: Rules = None,
) -> None:
    """Read a FHIR R4 Bundle (mCODE or plain), an array of resources, NDJSON, or one resource."""
    from her2cds.interop.fhir.importing import import_fhir

    day = _day(on)
    knowledge = open_knowledge(rules, overlay=overlay).knowledge
    read = partial(
        import_fhir, knowledge=knowledge, label=file, as_of=day, patient=patient, treatments_complete=complete
    )
    imported = _read(file, lambda content: [read(content)])
    raise typer.Exit(int(_write_one(imported[0], output, report)))


@import_app.command()
def table(
    file: Source,
    mapping: Annotated[Path, typer.Option("--mapping", help="YAML file that says what each column means")],
    output: Folder,
    report: ReportFile = None,
    overlay: Overlay = None,
    rules: Rules = None,
) -> None:
    """Read a CSV or TSV by a mapping file: one profile per row."""
    from her2cds.interop.table import import_table, read_mapping

    knowledge = open_knowledge(rules, overlay=overlay).knowledge
    text = _content(str(mapping)).decode(errors="replace")
    read = guarded(str(mapping), lambda: read_mapping(text, str(mapping)))
    if isinstance(read, Exit):
        raise typer.Exit(int(read))
    imported = _read(file, lambda content: import_table(content, read, knowledge, label=file))
    raise typer.Exit(int(_write_many(imported, output, report)))


@import_app.command()
def maf(
    file: Source,
    output: Folder,
    genes: Annotated[Path | None, typer.Option("--genes", help="file with the genes that the assay covered")] = None,
    profile: Annotated[Path | None, typer.Option("--profile", help="add the test to this profile")] = None,
    sample: Annotated[str | None, typer.Option("--sample", help="only this tumour sample")] = None,
    report: ReportFile = None,
    overlay: Overlay = None,
    rules: Rules = None,
) -> None:
    """Read a mutation annotation file: one genomic test per tumour sample."""
    from her2cds.interop.maf import import_maf
    from her2cds.profile.json_text import parse_json

    knowledge = open_knowledge(rules, overlay=overlay).knowledge
    covered = _genes(genes) if genes else None
    tree = guarded(str(profile), lambda: parse_json(_content(str(profile)), str(profile))) if profile else None
    if isinstance(tree, Exit):
        raise typer.Exit(int(tree))
    imported = _read(
        file,
        lambda content: import_maf(content, knowledge, genes=covered, profile=tree, sample=sample, label=file),
    )
    raise typer.Exit(int(_write_many(imported, output, report)))


def _day(text: str | None) -> Date | None:
    try:
        return Date.fromisoformat(text) if text else None
    except ValueError:
        raise typer.Exit(int(fail(Exit.usage, f"--date: '{text}' is not a date in the form YYYY-MM-DD"))) from None


def _genes(path: Path) -> list[str]:
    """The names in a list of genes, or the end of the command."""
    try:
        return _content(str(path)).decode("utf-8-sig").split()
    except UnicodeDecodeError as error:
        message = f"{path}: byte {error.start} is not UTF-8; save the list of genes as UTF-8"
        raise typer.Exit(int(fail(Exit.invalid_patient, message))) from None


def _content(name: str) -> bytes:
    """The bytes of a file, or the end of the command."""
    from her2cds.interop.fhir.resources import MAX_BYTES

    try:
        if name == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(name).open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise typer.Exit(int(fail(Exit.invalid_patient, f"{name}: {error.strerror or 'not readable'}"))) from None


def _read(file: str, reader: Callable[[bytes], list[Imported]]) -> list[Imported]:
    content = _content(file)
    found = guarded(file, lambda: reader(content))
    if isinstance(found, Exit):
        raise typer.Exit(int(found))
    return found


def _write_one(imported: Imported, output: Path | None, report: Path | None) -> Exit:
    """The profile to its file or to standard output, the report to its file or to the other stream."""
    from her2cds.interop.report_text import report_lines

    try:
        if output is None:
            stdout(imported.profile_json())
        else:
            write_file(output, utf8(imported.profile_json() + "\n"))
        if report is not None:
            write_file(report, utf8(imported.report.to_json() + "\n"))
            return Exit.ok
    except OSError as error:
        return fail(Exit.failed_check, f"{error.filename}: {error.strerror}")
    text = "\n".join(map(one_line, report_lines(imported.report)))
    if output is None:
        sys.stderr.write(text + "\n")
    else:
        stdout(text)
    return Exit.ok


def _write_many(imported: list[Imported], folder: Path, report: Path | None) -> Exit:
    """One file per profile in the folder, and the reports together or in short."""
    names = _names(imported)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, one in zip(names, imported, strict=True):
            write_file(folder / f"{name}.json", utf8(one.profile_json() + "\n"))
        if report is not None:
            texts = [one.report.to_json() for one in imported]
            write_file(report, utf8("[" + ",\n".join(texts) + "]\n"))
    except OSError as error:
        return fail(Exit.failed_check, f"{error.filename}: {error.strerror}")
    for name, one in zip(names, imported, strict=True):
        found = one.report
        stdout(
            f"{name}.json: {len(found.facts)} facts, {len(found.conflicts)} conflicts, "
            f"{len(found.not_understood)} not understood, {len(found.set_aside)} set aside"
        )
    if report is None:
        stdout("Give --report FILE for where each fact came from and everything that was not understood.")
    return Exit.ok


def _names(imported: list[Imported]) -> list[str]:
    """File names: the profile's id where each has one of its own, else numbers."""
    ids = [str(one.profile.get("id") or "") for one in imported]
    if all(ids) and len(set(ids)) == len(ids):
        return ids
    return [f"{number:04d}" for number in range(1, len(imported) + 1)]
