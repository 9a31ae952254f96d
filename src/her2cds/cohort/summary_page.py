"""The summary of a cohort as one self-contained page: printable, accessible, without script and without network."""

from __future__ import annotations

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from her2cds.cohort.summary import CLASSES, Summary

_COLOURS = ("#0b7285", "#74b816", "#868e96", "#e67700", "#9c36b5", "#ced4da")


def to_page(summary: Summary, top: int) -> str:
    """The page; of each long list the `top` most frequent entries."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("her2cds.cohort"), PackageLoader("her2cds.rendering")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("summary.html.j2").render(
        summary=summary,
        top=top,
        classes=CLASSES,
        colours=_COLOURS,
        percent=_percent,
        number=lambda count: f"{count:,}",
        most_first=max((one.first for one in summary.regimens), default=0),
        most_trial=max((one.eligible + one.possible for one in summary.trials), default=0),
        most_settled=max((one.settles for one in summary.missing), default=0),
    )


def _percent(part: int, whole: int) -> float:
    """The share in percent, 0 of nothing."""
    return round(100 * part / whole, 2) if whole else 0.0
