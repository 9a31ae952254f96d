"""What stands against the drugs of trials, in words. Citations come after them, as each rendering shows them."""

from __future__ import annotations

from her2cds.report.trial_model import TrialDrugNote, TrialsRuledOut

RULED_OUT_HEADING = "Fits but for a drug that is ruled out for this patient"
_MOST_DRUGS = 6


def drug_note_words(note: TrialDrugNote) -> str:
    """`A specialist decides: t-dxd, interstitial lung disease in the past (caution.…).`"""
    return f"{note.effect.capitalize()}: {note.drug}, {note.because.rstrip('.')} ({note.rule or note.origin})."


def ruled_out_words(one: TrialsRuledOut) -> str:
    """The drugs that a reason rules out, by which rule, and the trials."""
    more = len(one.drugs) - _MOST_DRUGS
    drugs = ", ".join(one.drugs[:_MOST_DRUGS]) + (f" and {more} more" if more > 0 else "")
    return f"{drugs} ({one.rule or one.origin}), in {', '.join(one.trials)}."
