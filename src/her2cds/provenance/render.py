"""The provenance report as text."""

from __future__ import annotations

from collections.abc import Iterator

from her2cds.provenance.report import CheckedClaim, Status, VerificationReport

_EXPLAINED = {
    Status.BY_FIGURE: "every figure and name stands in a cited place; the sense is left to read",
    Status.BY_NAME: "every name stands in a cited place, no figure is given; the statement is left to read",
    Status.CITATION_ONLY: "the cited place exists, and the claim names nothing to compare: read it in full",
    Status.NOT_CHECKABLE: "no text of that source is at hand: check it there",
    Status.FAILED: "listed below",
}


def render_text(report: VerificationReport, verbose: bool = False) -> str:
    """The report as text: counts by status, then every failure with its claim and place.

    With `verbose`, also every other claim by status, with what was compared, what was left to an outside
    source, and what is to be read.
    """
    return "\n".join(_lines(report, verbose))


def _lines(report: VerificationReport, verbose: bool) -> Iterator[str]:
    yield f"provenance: {len(report.claims)} claims against {', '.join(report.sources)}"
    for status, count in report.counts.items():
        yield f"  {count:5}  {status}: {_EXPLAINED[status]}"
    pointed = sum(bool(checked.to_read) for checked in report.claims)
    if pointed:
        yield f"  {pointed:5}  of them cite a place or test a gene that the comparison did not reach: read those"
    if verbose:
        for status in (Status.CITATION_ONLY, Status.NOT_CHECKABLE, Status.BY_NAME, Status.BY_FIGURE):
            yield from _section(report, status)
    failures = report.failures
    if failures:
        yield ""
        yield f"{len(failures)} failure{'s' if len(failures) != 1 else ''}"
        yield from (f"  {failure}" for failure in failures)
    elif not report.claims:
        yield "nothing was checked: the knowledge base makes no claim"
    else:
        yield "no failure"


def _section(report: VerificationReport, status: Status) -> Iterator[str]:
    checked = list(report.with_status(status))
    if checked:
        yield ""
        yield str(status)
        for one in checked:
            yield from _claim(one)


def _claim(checked: CheckedClaim) -> Iterator[str]:
    claim = checked.claim
    cited = "; ".join(f"{citation.source}, {citation.at}" for citation in claim.cites)
    yield f"  {claim.place}: {claim.name} ({cited})"
    if checked.figures or checked.names:
        yield f"    found: {'; '.join((*checked.figures, *checked.names))}"
    for message in checked.not_compared:
        yield f"    left to the outside source: {message}"
    yield from (f"    to read: {message}" for message in checked.to_read)
