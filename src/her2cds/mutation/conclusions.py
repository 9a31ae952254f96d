"""Small wrong changes of what a rule concludes: a category or effect flipped, a drug swapped, evidence taken away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar, get_args

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.checks import domain_values
from her2cds.knowledge.citations import Entry
from her2cds.knowledge.rules import BiomarkerEffect, Caution, Derive, Modifies, Offer, Request, Rule, Target

E = TypeVar("E", bound=Entry)
_EFFECTS: tuple[BiomarkerEffect, ...] = get_args(BiomarkerEffect)
_OTHER_EFFECT = {"exclude": "warn", "conditional": "warn", "demote": "warn", "warn": "exclude", "monitor": "exclude"}
_OTHER_LEVEL = {"A": "D", "B": "D", "C": "D", "D": "B", "E": "B"}


class ChangedRule(NamedTuple):
    """A rule with another conclusion: the kind of change, what changed in words, and the result."""

    operator: str
    words: str
    rule: Rule


class _Change(NamedTuple):
    operator: str
    words: str
    fields: dict[str, Any]


def changed_rules(rule: Rule, knowledge: Knowledge) -> Iterator[ChangedRule]:
    """Every rule that differs from this one in one place of its conclusion, its evidence or its links."""
    for study in rule.evidence:
        left = tuple(one for one in rule.evidence if one != study)
        yield ChangedRule("evidence removed", study, _with(rule, evidence=left))
    for trial in rule.see_trials:
        left = tuple(one for one in rule.see_trials if one != trial)
        yield ChangedRule("trial link removed", trial, _with(rule, see_trials=left))
    if rule.notice is not None:
        yield ChangedRule("notice removed", rule.id, _with(rule, notice=None))
    for name, part, changes in _parts(rule, knowledge):
        for operator, text, fields in changes:
            yield ChangedRule(operator, text, _with(rule, **{name: _with(part, **fields)}))


def _parts(rule: Rule, knowledge: Knowledge) -> Iterator[tuple[str, Entry, Iterator[_Change]]]:
    if rule.offer:
        yield "offer", rule.offer, _offer(rule.offer, knowledge)
    if rule.caution:
        yield "caution", rule.caution, _caution(rule.caution, knowledge)
    if rule.modifies:
        yield "modifies", rule.modifies, _modifies(rule.modifies, knowledge)
    if rule.derive:
        yield "derive", rule.derive, _derive(rule.derive, knowledge)
    if rule.request:
        yield "request", rule.request, _request(rule.request)


def _offer(offer: Offer, knowledge: Knowledge) -> Iterator[_Change]:
    order = knowledge.data.ranking.categories
    category = next_of(offer.category, order) if offer.category in order else order[0]
    yield _Change("category flipped", f"{offer.category} became {category}", {"category": category})
    regimen = next_of(offer.regimen, tuple(knowledge.regimens))
    yield _Change("regimen swapped", f"{offer.regimen} became {regimen}", {"regimen": regimen})
    if offer.fits:
        yield _Change("situation dropped", ", ".join(offer.fits), {"fits": ()})
    for drug in offer.despite_progression_on:
        left = tuple(one for one in offer.despite_progression_on if one != drug)
        because = offer.despite_progression_because if left else None
        fields = {"despite_progression_on": left, "despite_progression_because": because}
        yield _Change("rechallenge dropped", drug, fields)


def _caution(caution: Caution, knowledge: Knowledge) -> Iterator[_Change]:
    effect = _OTHER_EFFECT[caution.effect]
    yield _Change("effect flipped", f"{caution.effect} became {effect}", {"effect": effect})
    yield from _target(caution.on, knowledge)


def _modifies(modifies: Modifies, knowledge: Knowledge) -> Iterator[_Change]:
    effect = next_of(modifies.effect, _EFFECTS)
    yield _Change("effect flipped", f"{modifies.effect} became {effect}", {"effect": effect})
    level = _OTHER_LEVEL[modifies.level]
    yield _Change("level flipped", f"{modifies.level} became {level}", {"level": level})
    yield from _target(modifies.on, knowledge)


def _derive(derive: Derive, knowledge: Knowledge) -> Iterator[_Change]:
    if derive.value is not None:
        value = next_of(derive.value, domain_values(knowledge.facts[derive.fact]))
        yield _Change("derived value flipped", f"{derive.value} became {value}", {"value": value})
    for value in derive.one_of:
        left = tuple(one for one in derive.one_of if one != value)
        yield _Change("derived value dropped", value, {"one_of": left})


def _request(request: Request) -> Iterator[_Change]:
    flipped = not request.for_trials_only
    yield _Change("purpose flipped", f"for trials only: {flipped}", {"for_trials_only": flipped})


def _target(target: Target, knowledge: Knowledge) -> Iterator[_Change]:
    """Each drug, class or regimen swapped for another one that the target does not name."""
    classes = tuple(one.id for one in knowledge.data.drug_classes)
    for name, choices in (
        ("drugs", tuple(knowledge.drugs)),
        ("classes", classes),
        ("regimens", tuple(knowledge.regimens)),
    ):
        named: tuple[str, ...] = getattr(target, name)
        for one in named:
            other = next_of(one, tuple(choice for choice in choices if choice == one or choice not in named))
            swapped = tuple(other if this == one else this for this in named)
            yield _Change(f"{name} swapped", f"{one} became {other}", {"on": _with(target, **{name: swapped})})


def next_of(value: str, choices: tuple[str, ...]) -> str:
    """The next choice, round in a circle."""
    return choices[(choices.index(value) + 1) % len(choices)]


def _with(entry: E, **fields: Any) -> E:
    return entry.model_copy(update=fields)
