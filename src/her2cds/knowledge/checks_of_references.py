"""Checks that what an entry names by its id exists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from her2cds.errors import KnowledgeFault
from her2cds.knowledge.catalogue import Combination, Discrepancy, Drug, Regimen
from her2cds.knowledge.checks import Check, Entries
from her2cds.knowledge.evidence import Evidence
from her2cds.knowledge.files import RULE_FOLDERS
from her2cds.knowledge.rules import Ranking, Rule, Target, Trial
from her2cds.knowledge.validate import LocatedEntry
from her2cds.suggest import did_you_mean


def references_resolve(entries: Entries) -> Iterator[KnowledgeFault]:
    """Drugs, classes, regimens, evidence, trials, situations, facts and rules that an entry names exist."""
    yield from _in_catalogue(entries)
    for one, rule in entries.rules:
        yield from _in_rule(entries, one, rule)
    for one in entries.of("discrepancies"):
        touches = cast(Discrepancy, one.entry).touches
        for field, names in touches:
            kinds = RULE_FOLDERS if field == "rules" else (field,)
            yield from _unknown_ids(one, field.removesuffix("s"), names, entries.named(*kinds), "touches", field)


def _unknown_ids(
    one: LocatedEntry, what: str, names: Iterable[str], valid: frozenset[str] | None, *path: str | int
) -> Iterator[KnowledgeFault]:
    if valid is None:
        return
    for name in names:
        if name not in valid:
            yield one.fault(f"unknown {what} '{name}'", did_you_mean(name, valid), *path)


def _in_catalogue(entries: Entries) -> Iterator[KnowledgeFault]:
    drugs = entries.named("drugs")
    for one in entries.of("drugs"):
        classes = entries.named("drug_classes")
        yield from _unknown_ids(one, "drug class", cast(Drug, one.entry).classes, classes, "classes")
    for one in entries.of("regimens"):
        for index, part in enumerate(cast(Regimen, one.entry).components):
            yield from _unknown_ids(one, "drug", part.options, drugs, "components", index)
    for one in entries.of("combinations"):
        yield from _unknown_ids(one, "drug", cast(Combination, one.entry).drugs, drugs, "drugs")
    for one in entries.of("evidence"):
        for index, arm in enumerate(cast(Evidence, one.entry).arms):
            yield from _unknown_ids(one, "drug", arm.drugs, drugs, "arms", index, "drugs")
    for one in entries.of("trials"):
        yield from _unknown_ids(one, "drug", cast(Trial, one.entry).drugs, drugs, "drugs")


def _in_rule(entries: Entries, one: LocatedEntry, rule: Rule) -> Iterator[KnowledgeFault]:
    yield from _unknown_ids(one, "evidence", rule.evidence, entries.named("evidence"), "evidence")
    yield from _unknown_ids(one, "trial", rule.see_trials, entries.named("trials"), "see_trials")
    yield from _unknown_ids(one, "rule", rule.conflicts_with, entries.named(*RULE_FOLDERS), "conflicts_with")
    if offer := rule.offer:
        again = offer.despite_progression_on
        yield from _unknown_ids(one, "regimen", [offer.regimen], entries.named("regimens"), "offer", "regimen")
        yield from _unknown_ids(one, "situation", offer.fits, _situations(entries), "offer", "fits")
        yield from _unknown_ids(one, "drug", again, entries.named("drugs"), "offer", "despite_progression_on")
    if rule.caution:
        yield from _in_target(entries, one, rule.caution.on, "caution")
    if rule.modifies:
        yield from _in_target(entries, one, rule.modifies.on, "modifies")
    if rule.request:
        facts = entries.named("vocabulary")
        yield from _unknown_ids(one, "fact", rule.request.answers, facts, "request", "answers")


def _in_target(entries: Entries, one: LocatedEntry, target: Target, conclusion: str) -> Iterator[KnowledgeFault]:
    yield from _unknown_ids(one, "drug", target.drugs, entries.named("drugs"), conclusion, "on", "drugs")
    yield from _unknown_ids(
        one, "drug class", target.classes, entries.named("drug_classes"), conclusion, "on", "classes"
    )
    yield from _unknown_ids(one, "regimen", target.regimens, entries.named("regimens"), conclusion, "on", "regimens")


def _situations(entries: Entries) -> frozenset[str] | None:
    if entries.lacks("ranking"):
        return None
    rankings = (cast(Ranking, one.entry) for one in entries.of("ranking"))
    return frozenset(situation.id for ranking in rankings for situation in ranking.situations)


REFERENCE_CHECKS: tuple[Check, ...] = (references_resolve,)
