"""The history where the chart says that its list of treatments has gaps: what is listed stands, the rest is open."""

from __future__ import annotations

from her2cds.facts.values import NOT_KNOWN, Fact, FactBase, ScalarFact, SetFact
from her2cds.knowledge.base import Knowledge


def with_gaps(facts: FactBase, knowledge: Knowledge, *, sure: frozenset[str]) -> FactBase:
    """The facts of a list that may lack courses: no agent is ruled out, and counts are lower bounds.

    Of the other facts those in `sure` are kept, and those whose value no further course could change.
    """
    return {name: fact if name in sure else _open(name, fact, knowledge) for name, fact in facts.items()}


def _open(name: str, fact: Fact, knowledge: Knowledge) -> Fact:
    if isinstance(fact, SetFact):
        return fact._replace(absent=frozenset())
    if name.startswith("lines."):
        return _at_least(fact, int(knowledge.facts[name].maximum or 0))
    return fact if (name, fact.value) in _FINAL else NOT_KNOWN


# Values that hold whatever else was given.
_FINAL = (
    ("early.neoadjuvant_anti_her2_given", True),
    ("relapse.months_since_adjuvant_anti_her2", 0.0),
)


def _at_least(count: ScalarFact, most: int) -> ScalarFact:
    if count.candidates is None:
        return count
    least = min(int(one) for one in count.candidates)
    return ScalarFact(tuple(float(number) for number in range(least, most + 1)), count.origin)
