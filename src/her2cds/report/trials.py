"""The trial part of a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from her2cds.engine.explain import explain
from her2cds.facts.truth import Truth
from her2cds.recommendation.trials import Match
from her2cds.report.context import ReportContext
from her2cds.report.model import TrialGroup, TrialShown
from her2cds.report.therapies import true_leaves

TRIALS_PER_STRATEGY = 3


class TrialParts:
    """Words matches for the reader."""

    def __init__(self, context: ReportContext) -> None:
        self._context = context

    def groups(self, matches: Iterable[Match]) -> Iterator[TrialGroup]:
        """The open trials by strategy, in the order of each group's best trial; a few of each are shown."""
        groups: dict[str, list[Match]] = {}
        for match in matches:
            if match.verdict is not Truth.FALSE:
                groups.setdefault(match.trial.strategy, []).append(match)
        for strategy, members in groups.items():
            shown = tuple(self.trial(match) for match in members[:TRIALS_PER_STRATEGY])
            yield TrialGroup(strategy=strategy, trials=shown, more=len(members) - len(shown))

    def trial(self, match: Match) -> TrialShown:
        """One trial with the criteria that hold and the facts that are missing."""
        trial = match.trial
        tree = explain(
            self._context.knowledge.conditions[trial.id], self._context.outcome.facts, self._context.knowledge
        )
        return TrialShown(
            id=trial.id,
            acronym=trial.acronym,
            title=trial.title,
            strategy=trial.strategy,
            phase=trial.phase,
            eligibility="eligible on what is known" if match.verdict is Truth.TRUE else "possibly eligible",
            answers=match.answers,
            met=tuple(dict.fromkeys(leaf.says for leaf in true_leaves(tree))),
            unknown=() if match.verdict is Truth.TRUE else self._context.missing.of(trial.id),
            inferred=trial.inferred,
            status=trial.status,
            caveats=trial.caveats,
            discrepancies=self._context.discrepancies(trial.id),
            citations=self._context.cite(trial.cites),
        )
