"""From the verdicts to the decision: what is offered, in which order, and which trials are open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from her2cds.engine.compiled import Outcome
from her2cds.facts.values import ScalarFact
from her2cds.knowledge.base import Knowledge
from her2cds.recommendation.candidates import Gathered, Restrictions, gather
from her2cds.recommendation.order import Ranked, rank
from her2cds.recommendation.trials import Match, match_trials

# A fact open between two values (HER2-low or HER2-zero) still allows conditional answers.
_MOST_CANDIDATES = 2


class Decision(NamedTuple):
    """All that was decided for one patient. While `deferred` facts are open, nothing is listed."""

    outcome: Outcome
    deferred: tuple[str, ...]
    gathered: Gathered
    ranked: tuple[Ranked, ...]
    matches: tuple[Match, ...]


def decide(knowledge: Knowledge, outcome: Outcome, closed: Mapping[str, bool] | None = None) -> Decision:
    """The decision that follows from the verdicts. `closed` is what the registry says of trials, where at hand."""
    deferred = _deferred(knowledge, outcome)
    if deferred:
        return Decision(outcome, deferred, Gathered((), (), ()), (), ())
    restrictions = Restrictions.of(knowledge, outcome)
    gathered = gather(knowledge, outcome, restrictions)
    ranked = rank(gathered.ranked, knowledge, outcome)
    return Decision(outcome, (), gathered, ranked, match_trials(knowledge, outcome, restrictions, closed))


def _deferred(knowledge: Knowledge, outcome: Outcome) -> tuple[str, ...]:
    """The needed facts that are open between more than two values."""
    open_facts = []
    for name in knowledge.data.ranking.needed:
        fact = outcome.facts.get(name)
        candidates = fact.candidates if isinstance(fact, ScalarFact) else None
        if candidates is None or len(candidates) > _MOST_CANDIDATES:
            open_facts.append(name)
    return tuple(open_facts)
