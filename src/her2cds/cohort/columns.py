"""The columns of a cohort's results: name, type and meaning, once for the files, the documentation and the tests.

`file` and `line` together name the patient in every table: profiles need no identifier, and one may occur twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "whole", "yes_no", "texts"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. A null says "unknown" where `unknown` is set, and does not occur elsewhere."""

    name: str
    type: ColumnType
    meaning: str
    unknown: bool = False


_WHO = (
    Column("file", "text", "name of the input file"),
    Column("line", "whole", "line of the patient in it (row, in a Parquet file), from 1"),
    Column("id", "text", "the profile's own identifier", unknown=True),
)

TABLES: dict[str, tuple[Column, ...]] = {
    # One row per patient who was evaluated.
    "patients": (
        *_WHO,
        Column("date", "text", "day for which the profile holds, YYYY-MM-DD", unknown=True),
        Column("setting", "text", "early, locally_advanced_unresectable or metastatic", unknown=True),
        Column("lines_ended", "whole", "lines for advanced disease that ended in progression", unknown=True),
        Column("her2_class", "text", "HER2 class; several joined by ' or ' where it is open", unknown=True),
        Column("hr_status", "text", "hormone receptors; as her2_class", unknown=True),
        Column("erbb2_mutated", "yes_no", "a known ERBB2 mutation", unknown=True),
        Column("brain", "text", "brain metastases; as her2_class", unknown=True),
        Column("outcome", "text", "ranked, deferred (facts that decide most are missing) or none (nothing to rank)"),
        Column("top", "texts", "regimens of rank 1, by id"),
        Column("ranked", "whole", "number of ranked regimens"),
        Column("ruled_out", "whole", "number of regimens that a rule offers and that are ruled out"),
        Column("trials_eligible", "whole", "open trials for which every known criterion is met and none is open"),
        Column("trials_possible", "whole", "open trials with criteria that are still unknown"),
        Column("notices", "whole", "things in the chart to check"),
    ),
    # One row per patient and regimen that a rule offers.
    "candidates": (
        *_WHO,
        Column("regimen", "text", "regimen, by id"),
        Column("group", "text", "ranked, ruled_out or investigational"),
        Column("rank", "whole", "rank; null where it has none", unknown=True),
        Column("tied", "yes_no", "it shares its rank"),
        Column("category", "text", "best category that a rule gives it"),
        Column("lowered", "yes_no", "one step lower for safety"),
        Column("determined", "yes_no", "all conditions of a rule that offers it are known to hold"),
        Column("rules", "texts", "rules that offer it"),
        Column("cautions", "texts", "cautions that hold; 'intolerance:DRUG' for a drug stopped for toxicity before"),
        Column(
            "ruled_out_by",
            "texts",
            "cautions that rule it out; else 'progression:', 'hypersensitivity:' or 'unsuitable:' with the drug",
        ),
        Column("conditional_on", "texts", "missing facts on which the offer depends"),
        Column("to_check", "texts", "missing facts on which a contraindication depends"),
    ),
    # One row per patient and trial that is not excluded.
    "trials": (
        *_WHO,
        Column("trial", "text", "registry identifier"),
        Column("eligibility", "text", "eligible (on what is known) or possible (criteria are unknown)"),
        Column("closed", "yes_no", "takes no new patients, as last reported"),
        Column("strategy", "text", "what the trial tests"),
        Column("answers", "whole", "number of the patient's findings and situations that it speaks to"),
        Column("unknown", "texts", "missing facts on which eligibility depends"),
    ),
    # One row per patient and missing fact.
    "questions": (
        *_WHO,
        Column("fact", "text", "the missing fact"),
        Column("needed", "yes_no", "nothing is listed before it is known"),
        Column("regimens", "whole", "regimens whose offer depends on it, or that an equivocal result holds back"),
        Column("checks", "whole", "contraindications of ranked regimens that depend on it"),
        Column("trials", "whole", "open trials whose eligibility depends on it"),
        Column("settles", "whole", "of all these decisions, those for which no other fact is missing"),
    ),
}
