"""How far a patient is from satisfying a rule."""

from __future__ import annotations

import sys

from her2cds.engine.compiled import Outcome
from her2cds.engine.explain import Explainer
from her2cds.facts.truth import TRUE
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.normal_form import alternatives


def literals_missed(node: str, outcome: Outcome, knowledge: Knowledge) -> int:
    """The fewest conditions that are not true over the alternatives of the rule: 0 if it fires, 1 for a near miss."""
    explainer = Explainer(outcome.facts, knowledge)
    missed = []
    for alternative in alternatives(knowledge.conditions[node]):
        count = 0
        for literal in alternative:
            value = explainer.explain(literal.atom).truth
            count += (value if literal.affirmed else value.negated()) is not TRUE
        missed.append(count)
    return min(missed, default=sys.maxsize)  # no alternative: a condition that can never hold is out of reach
