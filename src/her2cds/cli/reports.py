"""Writing reports: to standard output, to a file, or one file per patient in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from her2cds.cli.options import Format, ReportFormat
from her2cds.cli.output import Exit, fail, print_answers, standard_output
from her2cds.errors import MissingExtraError
from her2cds.whole_files import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from her2cds.evaluation import Case, KnowledgeBase
    from her2cds.rendering.blocks import Block
    from her2cds.report.model import Report

_ONE_DOCUMENT = (ReportFormat.html, ReportFormat.fhir)
_SUFFIXES = {"text": "txt", "json": "json", "markdown": "md", "html": "html", "pdf": "pdf", "fhir": "fhir.json"}


def usage_fault(names: Sequence[str], output_format: ReportFormat, output: Path | None) -> str | None:
    """Why reports on these inputs cannot be written as asked for; None where they can."""
    many = len(names) > 1
    if output is None:
        needs_file = output_format is ReportFormat.pdf or (output_format in _ONE_DOCUMENT and many)
        fault = f"--format {output_format}: give --output, a file or a folder for several patients"
        return fault if needs_file else None
    written: dict[str, str] = {}
    for name in names if many else ():
        file = _file_name(name, output_format)
        before = written.setdefault(file, name)
        if Path(before).absolute() != Path(name).absolute():  # the same input twice gives the same report twice
            both = f"the reports on {before} and {name} would both be {output / file}"
            return f"--output: {both}; rename one of the inputs, or write them into different folders"
    return None


def write_reports(
    cases: Sequence[tuple[str, Case]],
    knowledge: KnowledgeBase,
    output_format: ReportFormat,
    output: Path | None,
    *,
    many: bool,
) -> Exit:
    """Write the reports of all cases (name of the input, and case); `many` says that several inputs were given."""
    from her2cds.evaluation import report_on

    if output is None and output_format not in _ONE_DOCUMENT:
        reports = [report_on(case, knowledge) for _, case in cases]
        print_answers(reports, Format(output_format.value), _blocks, many=many)
        return Exit.ok
    try:
        for name, case in cases:
            content = _content(case, knowledge, output_format)
            if output is None:
                with standard_output() as stream:
                    stream.write(content)
            else:
                path = output / _file_name(name, output_format) if many else output
                path.parent.mkdir(parents=True, exist_ok=True)
                write_file(path, content)
    except OSError as error:
        return fail(Exit.failed_check, f"{error.filename or output}: {error.strerror or error}")
    except MissingExtraError as error:
        return fail(Exit.usage, str(error))
    return Exit.ok


def _content(case: Case, knowledge: KnowledgeBase, output_format: ReportFormat) -> bytes:
    from her2cds.evaluation import report_on

    report = report_on(case, knowledge)
    if output_format is ReportFormat.json:
        return report.to_json().encode() + b"\n"
    if output_format is ReportFormat.fhir:
        from her2cds.interop.fhir.export import to_fhir_json

        return to_fhir_json(report).encode() + b"\n"
    if output_format in (ReportFormat.html, ReportFormat.pdf):
        from her2cds.exploration.effects import what_is_missing
        from her2cds.rendering.page import to_html

        page = to_html(report, what_is_missing(case, knowledge))
        return page.encode() if output_format is ReportFormat.html else _pdf(page)
    if output_format is ReportFormat.markdown:
        from her2cds.rendering.markdown import to_markdown

        return to_markdown(_blocks(report)).encode()
    from her2cds.rendering.text import styled_lines

    return ("\n".join(line.text for line in styled_lines(_blocks(report))) + "\n").encode()


def _pdf(page: str) -> bytes:
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as error:  # OSError: the library is there, Pango is not
        message = f"--format pdf needs WeasyPrint and Pango: pip install 'her2cds[pdf]' ({error})"
        raise MissingExtraError(message) from None
    pdf: bytes = HTML(string=page).write_pdf()
    return pdf


def _blocks(report: Report) -> Iterator[Block]:
    from her2cds.rendering.outline import outline

    return outline(report)


def _file_name(name: str, output_format: ReportFormat) -> str:
    """The report on an input, in a folder of reports."""
    return f"{'patient' if name == '-' else Path(name).stem}.{_SUFFIXES[output_format]}"
