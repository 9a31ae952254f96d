"""Checks on `ranking.yaml`: an order with a gap in it would leave a patient without an answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import cast, get_args

from her2cds.errors import KnowledgeFault
from her2cds.knowledge.checks import Check, Entries, conditions_of
from her2cds.knowledge.rules import Category, FactDefinition, Ranking, RankingStep
from her2cds.knowledge.validate import LocatedEntry
from her2cds.suggest import did_you_mean

# What is investigational is listed apart from care and never ranked among it.
RANKED_CATEGORIES = tuple(one for one in get_args(Category) if one != "investigational")


def ranking_is_complete(entries: Entries) -> Iterator[KnowledgeFault]:
    """Every category and every step stands once, `needed` facts have a closed list, and no name stands twice."""
    facts = {one.entry_id: cast(FactDefinition, one.entry) for one in entries.of("vocabulary")}
    for one in entries.of("ranking"):
        ranking = cast(Ranking, one.entry)
        steps = [criterion.id for criterion in ranking.criteria]
        yield from _each_once(one, "categories", ranking.categories, RANKED_CATEGORIES)
        yield from _each_once(one, "criteria", steps, get_args(RankingStep))
        yield from _repeats(one, "strategies", ranking.strategies)
        yield from _repeats(one, "situations", [situation.id for situation in ranking.situations])
        yield from _repeats(one, "needed", ranking.needed)
        for index, name in enumerate(() if entries.lacks("vocabulary") else ranking.needed):
            if name not in facts:
                yield one.fault(f"unknown fact '{name}'", did_you_mean(name, facts), "needed", index)
            elif not facts[name].values:
                hint = "name a fact of type enum"
                yield one.fault(f"'{name}' has not a closed list of values", hint, "needed", index)


def one_id_stands_for_one_condition(entries: Entries) -> Iterator[KnowledgeFault]:
    """A situation that bears the id of a criterion, rule or trial has its condition: conditions are kept by id."""
    conditions = {
        one.owner.entry_id: (one.owner, one.raw) for one in conditions_of(entries) if one.owner.kind != "ranking"
    }
    for one in entries.of("ranking"):
        for index, situation in enumerate(cast(Ranking, one.entry).situations):
            other, when = conditions.get(situation.id, (one, situation.when))
            if when != situation.when:
                where = f"{other.document.file}:{other.line('when')}"
                message = f"'{situation.id}' has another condition at {where}"
                yield one.fault(message, "give both the same, or one another id", "situations", index, "when")


def _each_once(
    one: LocatedEntry, field: str, given: Sequence[str], wanted: tuple[str, ...]
) -> Iterator[KnowledgeFault]:
    yield from _repeats(one, field, given)
    hint = f"name each of {', '.join(wanted)} once"
    for name in wanted:
        if name not in given:
            yield one.fault(f"'{name}' is missing from `{field}`", hint, field)
    for index, name in enumerate(given):
        if name not in wanted:
            yield one.fault(f"'{name}' has no place in `{field}`", hint, field, index)


def _repeats(one: LocatedEntry, field: str, names: Iterable[str]) -> Iterator[KnowledgeFault]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield one.fault(f"'{name}' stands more than once in `{field}`", "", field, index)
        seen.add(name)


RANKING_CHECKS: tuple[Check, ...] = (ranking_is_complete, one_id_stands_for_one_condition)
