"""All mutants of a knowledge base: each differs from it in one small, wrong change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.catalogue import Component, Regimen
from her2cds.knowledge.conditions import AnyOf, Condition
from her2cds.knowledge.rules import Rule
from her2cds.mutation import observers
from her2cds.mutation.conclusions import changed_rules, next_of
from her2cds.mutation.conditions import variants

NEVER = AnyOf(())


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the entry, the kind of change, what changed in words, and the changed knowledge base when asked.

    `condition` is the new condition where only that changed. `touches` are the rules, criteria, situations and
    trials through which the change can be seen; empty where every patient has to be looked at. `rederives` says
    that facts can change, and with them other verdicts. `observed_by` are the expectations that can notice it.
    """

    entry: str
    operator: str
    words: str
    make: Callable[[], Knowledge]
    observed_by: frozenset[str]
    condition: Condition | None = None
    touches: tuple[str, ...] = ()
    rederives: bool = False

    def __str__(self) -> str:
        """The mutant in one line."""
        return f"{self.entry}: {self.operator}: {self.words}"


def mutants(knowledge: Knowledge) -> Iterator[Mutant]:
    """Every mutant, in the order of the entries."""
    for node in knowledge.conditions:
        yield from _of_condition(node, knowledge)
    for rule in knowledge.data.rules:
        yield from _of_conclusion(rule, knowledge)
    for regimen in knowledge.data.regimens:
        yield from _of_regimen(regimen, knowledge)
    yield from _of_ranking(knowledge)


def _of_condition(node: str, knowledge: Knowledge) -> Iterator[Mutant]:
    condition = knowledge.conditions[node]
    rule = knowledge.rules.get(node)
    rederives = node in knowledge.criteria or (rule is not None and rule.kind == "classification")
    observed_by = observers.of_condition(node, knowledge)
    changes = [*variants(condition, knowledge.domains), ("never fires", "the condition never holds", NEVER)]
    for operator, words, changed in dict.fromkeys(changes):
        make = partial(knowledge.with_condition, node, changed)
        yield Mutant(node, operator, words, make, observed_by, changed, (node,), rederives)


def _of_conclusion(rule: Rule, knowledge: Knowledge) -> Iterator[Mutant]:
    for operator, words, changed in changed_rules(rule, knowledge):
        make = partial(_with_rule, knowledge, changed)
        observed_by = observers.of_conclusion(rule, operator)
        yield Mutant(rule.id, operator, words, make, observed_by, None, (rule.id,), rule.kind == "classification")


def _of_regimen(regimen: Regimen, knowledge: Knowledge) -> Iterator[Mutant]:
    """Each drug of a regimen swapped, and each choice among drugs narrowed."""
    offers = tuple(rule.id for rule in knowledge.rules_of("therapy") if rule.offer and rule.offer.regimen == regimen.id)
    for index, part in enumerate(regimen.components):
        for drug in part.options:
            if part.any_of:
                left = tuple(one for one in part.any_of if one != drug)
                words, changed = f"{drug} left out", Component(any_of=left)
            else:
                other = next_of(drug, tuple(knowledge.drugs))
                words, changed = f"{drug} became {other}", Component(drug=other)
            components = (*regimen.components[:index], changed, *regimen.components[index + 1 :])
            edited = regimen.model_copy(update={"components": components})
            make = partial(_with_regimen, knowledge, edited)
            yield Mutant(f"regimen {regimen.id}", "drug swapped", words, make, observers.EVERYTHING, touches=offers)


def _of_ranking(knowledge: Knowledge) -> Iterator[Mutant]:
    """Neighbours in the order of the criteria and of the categories swapped."""
    ranking = knowledge.data.ranking
    for field in ("criteria", "categories"):
        order: tuple[Any, ...] = getattr(ranking, field)
        for index in range(len(order) - 1):
            swapped = (*order[:index], order[index + 1], order[index], *order[index + 2 :])
            names = [getattr(one, "id", one) for one in order[index : index + 2]]
            edited = ranking.model_copy(update={field: swapped})
            make = partial(_with_data, knowledge, ranking=edited)
            yield Mutant("ranking", f"{field} swapped", f"{names[1]} before {names[0]}", make, observers.ORDER)


def _with_rule(knowledge: Knowledge, changed: Rule) -> Knowledge:
    return _with_data(
        knowledge, rules=tuple(changed if rule.id == changed.id else rule for rule in knowledge.data.rules)
    )


def _with_regimen(knowledge: Knowledge, changed: Regimen) -> Knowledge:
    regimens = tuple(changed if one.id == changed.id else one for one in knowledge.data.regimens)
    return _with_data(knowledge, regimens=regimens)


def _with_data(knowledge: Knowledge, **fields: Any) -> Knowledge:
    return Knowledge(knowledge.data.model_copy(update=fields))
