"""What an assay comes to where the chart gives numbers, as ASCO/CAP reads them."""

from __future__ import annotations

from typing import Literal

from her2cds.profile.model import Specimen

IshResult = Literal["positive", "negative", "equivocal"]
_RATIO, _COPIES = 2.0, 4.0
ER_PR_POSITIVE_PERCENT = 1.0  # ASCO/CAP 2020: 1 % or more stained nuclei is positive, 1 to 10 % low positive
ER_PR_CLEARLY_POSITIVE_PERCENT = 10.0


def ish_of(specimen: Specimen) -> IshResult | None:
    """The ISH result as reported, else by ratio and copies together; None where neither is given.

    Source: ASCO/CAP 2018, HER2 testing by in situ hybridization; the classification rules read it in the same way.
    """
    ratio, copies = specimen.her2_ish_ratio, specimen.her2_copies_per_cell
    if specimen.her2_ish is not None or ratio is None or copies is None:
        return specimen.her2_ish
    if (ratio >= _RATIO) != (copies >= _COPIES):
        return "equivocal"
    return "positive" if ratio >= _RATIO else "negative"
