"""What facts of one patient always have to do with each other, as conditions in the language of the rules.

The facts are made from one chart (her2cds.facts), so not every combination of them can be: who had trastuzumab had an
anti-HER2 drug. Questions about gaps and contradictions leave out what cannot be; questions about safety do not, and
so hold for more than the patients who can exist. A property test compares these conditions with the facts of
random charts.
"""

from __future__ import annotations

from collections.abc import Iterator

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import AnyOf, Condition, Leaf, Not, criteria_named, leaves

# Members of the first set are members of the second.
_WITHIN = (
    ("prior.agents_early", "prior.agents"),
    ("prior.agents_advanced", "prior.agents"),
    ("prior.classes_early", "prior.classes"),
    ("prior.classes_advanced", "prior.classes"),
    ("prior.progressed_on", "prior.agents"),
    ("prior.cns_progressed_on", "prior.agents"),
    ("prior.not_tolerated", "prior.agents"),
    ("current.agents", "prior.agents"),
)
# The second set holds the classes of the agents in the first.
_CLASSES = (
    ("prior.agents", "prior.classes"),
    ("prior.agents_early", "prior.classes_early"),
    ("prior.agents_advanced", "prior.classes_advanced"),
)
_ANTI_HER2 = Leaf("prior.classes", "contains", "anti-her2")
_CHEMOTHERAPY = Leaf("prior.classes", "contains", "chemotherapy")
_EARLY = Leaf("disease.setting", "is", "early")
_CONTROLLED = Leaf("current.controlled", "is", True)
# If the first holds, so does the second.
_IMPLIED: tuple[tuple[Leaf, Leaf], ...] = (
    (Leaf("lines.anti_her2", "at_least", 1.0), _ANTI_HER2),
    (Leaf("lines.anti_her2_any_setting", "at_least", 1.0), _ANTI_HER2),
    (Leaf("lines.chemotherapy", "at_least", 1.0), _CHEMOTHERAPY),
    (Leaf("relapse.months_since_adjuvant_anti_her2", "at_least", 0.0), _ANTI_HER2),
    (Leaf("early.neoadjuvant_anti_her2_given", "is", True), _ANTI_HER2),
    (_CONTROLLED, Leaf("disease.progressing", "in", ("no", "cns_only"))),
    (_EARLY, Leaf("brain.status", "is", "none")),
    (_EARLY, Leaf("brain.leptomeningeal", "is", False)),
)


def coherent(knowledge: Knowledge, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """The conditions that hold for every patient, as far as they relate facts that `conditions` read."""
    tests = dict.fromkeys(test for condition in conditions for test in _given(condition, knowledge, set()))
    facts = {test.fact for test in tests}
    named = dict.fromkeys((test.fact, member) for test in tests for member in _members(test))
    found = [
        *_of_sets(knowledge, tuple(named)),
        *((one, other) for one, other in _IMPLIED if {one.fact, other.fact} <= facts),
    ]
    return tuple(AnyOf((Not(one), other)) for one, other in found)


Member = tuple[str, str]


def _of_sets(knowledge: Knowledge, named: tuple[Member, ...]) -> Iterator[tuple[Leaf, Leaf]]:
    """What follows from one member of a set for the members of other sets."""
    for one in named:
        for other in named:
            if one != other and _follows(knowledge, one, other):
                yield Leaf(one[0], "contains", one[1]), Leaf(other[0], "contains", other[1])


def _follows(knowledge: Knowledge, one: Member, other: Member) -> bool:
    """Whether a patient of whom the first holds always shows the second."""
    (fact, member), (above, wanted) = one, other
    if fact == above:
        return False
    if member == wanted:
        return above in _wider(fact)
    drug = knowledge.drugs.get(member)
    if drug is None or wanted not in drug.classes:
        return False
    return any(
        above == classes or above in _wider(classes) for agents, classes in _CLASSES if agents in (fact, *_wider(fact))
    )


def _wider(fact: str) -> tuple[str, ...]:
    return tuple(whole for part, whole in _WITHIN if part == fact)


def _members(test: Leaf) -> tuple[str, ...]:
    if test.operator not in ("contains", "contains_any"):
        return ()
    return test.operand if isinstance(test.operand, tuple) else (str(test.operand),)


def _given(condition: Condition, knowledge: Knowledge, seen: set[str]) -> Iterator[Leaf]:
    """Every test of a given fact behind a condition, through criteria and derived facts."""
    for test in leaves(condition):
        if not knowledge.facts[test.fact].derived:
            yield test
        elif test.fact not in seen:
            seen.add(test.fact)
            for rule in knowledge.rules_of("classification"):
                if rule.derive is not None and rule.derive.fact == test.fact:
                    yield from _given(knowledge.conditions[rule.id], knowledge, seen)
    for name in criteria_named(condition):
        yield from _given(knowledge.conditions[name], knowledge, seen)
