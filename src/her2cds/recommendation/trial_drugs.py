"""What stands against the drugs of a trial for one patient: the same restrictions that candidates have.

A trial says which drugs it gives and not always in which arm: a drug that is ruled out speaks against the whole trial.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from her2cds.engine.compiled import Outcome
from her2cds.facts.values import SetFact
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.rules import Rule, Trial
from her2cds.recommendation.candidates import Restrictions

TrialEffect = Literal["exclude", "conditional", "progressed"]


class DrugNote(NamedTuple):
    """One drug with what stands against it: a caution rule, or what the profile says at `origin`."""

    drug: str
    effect: TrialEffect
    because: str
    rule: Rule | None = None
    origin: str = ""


class DrugNotes(NamedTuple):
    """The notes of a patient by drug, and the drugs on which the disease has progressed."""

    by_drug: dict[str, tuple[DrugNote, ...]]
    progressed: SetFact | None
    knowledge: Knowledge

    def about(self, trial: Trial) -> tuple[DrugNote, ...]:
        """The notes on the drugs of one trial."""
        notes = self.by_drug
        found = [note for drug in trial.drugs if drug in notes for note in notes[drug]] if notes else []
        return (*found, *self._progressed(self.progressed, trial)) if self.progressed is not None else tuple(found)

    def _progressed(self, progressed: SetFact, trial: Trial) -> Iterator[DrugNote]:
        """Earlier progression on each anti-HER2 drug of the trial; going on with one beside a new one is common."""
        because = "the registry has to say whether that is allowed"
        for drug in self.knowledge.anti_her2_drugs_by_trial.get(trial.id, ()):
            if drug in progressed.present:
                yield DrugNote(drug, "progressed", because, origin=progressed.origins.get(drug, ""))


def drug_notes(knowledge: Knowledge, outcome: Outcome, restrictions: Restrictions) -> DrugNotes:
    """What the patient's cautions, hypersensitivities and the team's judgement say of drugs.

    Cautions that hold for everyone say nothing of this patient: a trial of such a drug is there to find out.
    """
    found: dict[str, list[DrugNote]] = {}
    for note in (*_of_cautions(knowledge, restrictions), *_of_the_patient(knowledge, outcome)):
        found.setdefault(note.drug, []).append(note)
    progressed = outcome.facts.get("prior.progressed_on")
    return DrugNotes(
        {drug: tuple(notes) for drug, notes in found.items()},
        progressed if isinstance(progressed, SetFact) and progressed.present else None,
        knowledge,
    )


def _of_cautions(knowledge: Knowledge, restrictions: Restrictions) -> Iterator[DrugNote]:
    by_caution = _caution_notes(knowledge)
    for rule in (*restrictions.excluding, *restrictions.holding):
        yield from by_caution.get(rule.id, ())


@lru_cache(maxsize=2)  # a base, and the one that takes its place while the first is still in use
def _caution_notes(knowledge: Knowledge) -> dict[str, tuple[DrugNote, ...]]:
    """What each caution says of the drugs of trials where it holds: the same for every patient."""
    found: dict[str, tuple[DrugNote, ...]] = {}
    for name, drugs in knowledge.trial_drugs_by_caution.items():
        rule = knowledge.rules[name]
        effect = rule.caution.effect if rule.caution else None
        if rule.caution is not None and (effect == "exclude" or effect == "conditional"):
            found[name] = tuple([DrugNote(drug, effect, rule.caution.because, rule) for drug in drugs])
    return found


def _of_the_patient(knowledge: Knowledge, outcome: Outcome) -> Iterator[DrugNote]:
    """Hypersensitivity, and classes that the treating team judges unsuitable."""
    hypersensitive = outcome.facts.get("health.hypersensitivity")
    if isinstance(hypersensitive, SetFact):
        for drug in sorted(hypersensitive.present & knowledge.trial_drugs):
            because = knowledge.data.ranking.hypersensitivity
            yield DrugNote(drug, "exclude", because, origin=hypersensitive.origin)
    unsuitable = outcome.facts.get("patient.unsuitable_for")
    if isinstance(unsuitable, SetFact) and unsuitable.present:
        for drug in sorted(knowledge.trial_drugs):
            if not unsuitable.present.isdisjoint(knowledge.drugs[drug].classes):
                yield DrugNote(drug, "exclude", knowledge.data.ranking.unsuitable, origin=unsuitable.origin)
