"""Names in scenarios that the knowledge base does not hold: `exclude: [t-dx]` could otherwise never fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from her2cds.knowledge.base import Knowledge
from her2cds.scenarios.model import Expectation, LocatedScenario, ScenarioFault
from her2cds.suggest import did_you_mean

_REGIMENS = (
    "top_regimen",
    "include",
    "exclude",
    "determined",
    "conditional",
    "order",
    "not_recommended",
    "warns",
    "checks_first",
    "investigational",
    "not_investigational",
)
_FACTS = ("classification", "asks", "does_not_ask")
_RULES = ("findings", "no_findings", "tests", "no_tests", "concludes")
_TRIALS = ("trials", "possible_trials", "no_trials")
_RULES_OR_TRIALS = ("fires", "just_misses")


@dataclass(frozen=True, slots=True)
class _Catalogue:
    what: str
    fields: tuple[str, ...]
    names: frozenset[str]


def unknown_names(scenarios: Iterable[LocatedScenario], knowledge: Knowledge) -> tuple[ScenarioFault, ...]:
    """A fault for every name in an expectation that stands for nothing, with the nearest that does."""
    catalogues = tuple(_catalogues(knowledge))
    return tuple(fault for one in scenarios for fault in _faults(one, catalogues, knowledge))


def names_in(expect: Expectation, fields: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Field and name of everything that an expectation names in these fields."""
    for field in fields:
        yield from ((field, name) for name in getattr(expect, field))


def rules_named(expect: Expectation) -> frozenset[str]:
    """The rules and trials that an expectation names."""
    named = (name for _, name in names_in(expect, (*_RULES, *_TRIALS, *_RULES_OR_TRIALS)))
    return frozenset((*named, *(name for names in expect.fires_exactly.values() for name in names)))


def _catalogues(knowledge: Knowledge) -> Iterator[_Catalogue]:
    rules, trials = frozenset(knowledge.rules), frozenset(knowledge.trials)
    yield _Catalogue("regimen", _REGIMENS, frozenset(knowledge.regimens))
    yield _Catalogue("fact", _FACTS, frozenset(knowledge.facts))
    yield _Catalogue("rule", _RULES, rules)
    yield _Catalogue("trial", _TRIALS, trials)
    yield _Catalogue("rule or trial", _RULES_OR_TRIALS, rules | trials)
    yield _Catalogue("discrepancy", ("discrepancies",), frozenset(one.id for one in knowledge.data.discrepancies))


def _faults(
    located: LocatedScenario, catalogues: tuple[_Catalogue, ...], knowledge: Knowledge
) -> Iterator[ScenarioFault]:
    expect = located.scenario.expect
    for one in catalogues:
        for field, name in names_in(expect, one.fields):
            if name not in one.names:
                yield located.fault(f"unknown {one.what} '{name}'", did_you_mean(name, one.names), "expect", field)
    nodes = frozenset(knowledge.conditions)
    for kind, names in expect.fires_exactly.items():
        for name in names:
            if name not in nodes:
                hint = did_you_mean(name, nodes)
                yield located.fault(f"unknown {kind} '{name}'", hint, "expect", "fires_exactly", kind)
    for pair in expect.tied:
        for name in pair:
            if name not in knowledge.regimens:
                hint = did_you_mean(name, knowledge.regimens)
                yield located.fault(f"unknown regimen '{name}'", hint, "expect", "tied")
