"""Trials in words, with what stands against their drugs for this patient; the same words for every rendering."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from her2cds.rendering.blocks import cite
from her2cds.rendering.words import trial_words
from her2cds.report.model import Question
from her2cds.report.trial_model import TrialDrugNote, TrialShown, TrialsRuledOut

RULED_OUT_HEADING = "Fits but for a drug that is ruled out for this patient"
_MOST_DRUGS = 6


def trial_in_full(one: TrialShown, questions: Iterable[Question]) -> str:
    """A trial, what stands against its drugs, and the sources of each."""
    return " ".join(filter(None, _parts(one, questions)))


def ruled_out_trials_line(one: TrialsRuledOut) -> tuple[str, str]:
    """Why drugs are ruled out; which, by what, of which trials, and the sources."""
    return one.because.rstrip("."), f"{ruled_out_words(one)} {cite(one.citations)}".strip()


def drug_note_words(note: TrialDrugNote) -> str:
    """`A specialist decides: t-dxd, interstitial lung disease in the past (caution.…).`"""
    return f"{note.effect.capitalize()}: {note.drug}, {note.because.rstrip('.')} ({note.rule or note.origin})."


def ruled_out_words(one: TrialsRuledOut) -> str:
    """The drugs that a reason rules out, by which rule, and the trials."""
    more = len(one.drugs) - _MOST_DRUGS
    drugs = ", ".join(one.drugs[:_MOST_DRUGS]) + (f" and {more} more" if more > 0 else "")
    return f"{drugs} ({one.rule or one.origin}), in {', '.join(one.trials)}."


def _parts(one: TrialShown, questions: Iterable[Question]) -> Iterator[str]:
    yield trial_words(one, questions)
    for note in one.drug_notes:
        yield f"{drug_note_words(note)} {cite(note.citations)}".strip()
    yield cite(one.citations)
