"""Trials for a patient: eligible on what is known, possibly eligible, or not, ordered by fit within each strategy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from her2cds.engine.compiled import Outcome
from her2cds.facts.truth import FALSE, Truth
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.rules import Trial
from her2cds.recommendation.candidates import Restrictions
from her2cds.recommendation.trial_drugs import DrugNote, drug_notes


class Match(NamedTuple):
    """One trial and how it stands to the patient.

    `answers` are the findings or situations it speaks to; `closed` trials take no new patients, according to the
    registry, or to the most final of the reviews' statuses where the registry's is not at hand. `notes` tell of its
    drugs what stands against them for this patient; of a trial that does not fit they would tell nothing new. A trial
    that is `ruled_out` would fit, but for a drug of it that is ruled out for the patient.
    """

    trial: Trial
    verdict: Truth
    answers: tuple[str, ...]
    closed: bool
    notes: tuple[DrugNote, ...] = ()
    ruled_out: bool = False

    @property
    def fits(self) -> bool:
        """Whether the patient is eligible, on what is known or possibly, and no drug of the trial is ruled out."""
        return self.verdict is not FALSE and not self.ruled_out


def match_trials(
    knowledge: Knowledge, outcome: Outcome, restrictions: Restrictions, closed: Mapping[str, bool] | None = None
) -> tuple[Match, ...]:
    """All trials that may be suggested, with their verdicts: best fit first, then phase, then identifier.

    Trials for other tumours, those known from reference lists only, and blocked ones are never among them.
    `closed` says for trials whose registry record is at hand whether they take no new patients.
    """
    closed = closed or {}
    answers = _answers(restrictions)
    brain = ("brain metastases",) if _present("brain.present", outcome) else ()
    meninges = ("leptomeningeal disease",) if _present("brain.leptomeningeal", outcome) else ()
    about_brain = knowledge.trials_about_brain if brain else frozenset()
    about_meninges = knowledge.trials_about_meninges if meninges else frozenset()
    verdicts = outcome.verdicts
    notes = drug_notes(knowledge, outcome, restrictions)
    of_interest = {*closed, *answers, *about_brain, *about_meninges}
    matches, last = list[Match](), list[Match]()
    for name, unfit in _unfit(knowledge):
        trial, verdict = unfit.trial, verdicts[name]
        if verdict is FALSE and name not in of_interest:
            last.append(unfit)  # as most are; the order puts them last
            continue
        spoken_to = answers.get(name, ())
        spoken_to += (brain if name in about_brain else ()) + (meninges if name in about_meninges else ())
        told = notes.about(trial) if verdict is not FALSE else ()
        ruled_out = bool(told) and any(note.effect == "exclude" for note in told)
        match = Match(trial, verdict, spoken_to, closed.get(name, unfit.closed), told, ruled_out)
        (last if verdict is FALSE and not spoken_to else matches).append(match)
    # The trials come by phase and identifier, and a stable sort leaves them so.
    matches.sort(key=lambda match: _fit(match, knowledge))
    return (*matches, *last)


@lru_cache(maxsize=2)  # a base, and the one that takes its place while the first is still in use
def _unfit(knowledge: Knowledge) -> tuple[tuple[str, Match], ...]:
    """Every trial that may be suggested, as it stands to a patient to whom it has nothing to say."""
    closed = knowledge.trials_reported_closed
    return tuple((one.id, Match(one, FALSE, (), one.id in closed)) for one in knowledge.suggested_trials)


def _fit(match: Match, knowledge: Knowledge) -> tuple[int, bool, int, bool]:
    """By verdict; then with a drug against HER2 that has not failed; then answering a finding; then with none failed.

    Unconjugated antibodies do not count: the reviews report them given on after progression, beside a new drug.
    """
    if not match.notes:
        return (-match.verdict, False, -len(match.answers), False)
    failed = {note.drug for note in match.notes if note.effect == "progressed"}
    directed = knowledge.anti_her2_drugs_by_trial.get(match.trial.id, ())
    counted = [drug for drug in directed if "anti-her2-antibody" not in knowledge.drugs[drug].classes]
    nothing_new = bool(counted) and failed.issuperset(counted)
    return (-match.verdict, nothing_new, -len(match.answers), not failed.isdisjoint(counted))


def _answers(restrictions: Restrictions) -> dict[str, tuple[str, ...]]:
    """For each trial, the markers of the patient's findings whose rules point to it."""
    found: dict[str, list[str]] = {}
    for rule in restrictions.findings:
        if rule.modifies:
            for trial in rule.see_trials:
                found.setdefault(trial, []).append(rule.modifies.marker)
    return {trial: tuple(dict.fromkeys(markers)) for trial, markers in found.items()}


def _present(fact: str, outcome: Outcome) -> bool:
    return getattr(outcome.facts.get(fact), "value", None) is True
