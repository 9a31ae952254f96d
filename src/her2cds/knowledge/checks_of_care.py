"""Checks on what may be offered as care, and on how trials are grouped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import cast

from her2cds.errors import KnowledgeFault
from her2cds.knowledge.catalogue import Drug, Regimen, Source
from her2cds.knowledge.checks import Check, Entries
from her2cds.knowledge.rules import Ranking, Trial
from her2cds.suggest import did_you_mean


def halted_and_investigational_drugs_are_not_care(entries: Entries) -> Iterator[KnowledgeFault]:
    """A regimen that holds a halted or investigational drug is never offered as care."""
    drugs = {one.entry_id: cast(Drug, one.entry) for one in entries.of("drugs")}
    regimens = {one.entry_id: cast(Regimen, one.entry) for one in entries.of("regimens")}
    for one, rule in entries.rules:
        if rule.offer is None or rule.offer.regimen not in regimens:
            continue
        statuses = Counter(
            drugs[drug].status
            for part in regimens[rule.offer.regimen].components
            for drug in part.options
            if drug in drugs
        )
        if statuses["halted"]:
            yield one.fault("offers a drug whose development was halted", "", "offer")
        if statuses["investigational"] and rule.offer.category != "investigational":
            yield one.fault(
                "offers an investigational drug as care", "use category investigational", "offer", "category"
            )


def offers_rest_on_evidence(entries: Entries) -> Iterator[KnowledgeFault]:
    """An offer of drugs as care names the evidence that ranks it."""
    regimens = {one.entry_id: cast(Regimen, one.entry) for one in entries.of("regimens")}
    for one, rule in entries.rules:
        regimen = regimens.get(rule.offer.regimen) if rule.offer else None
        as_care = rule.offer is not None and rule.offer.category != "investigational"
        if regimen and regimen.kind == "drugs" and as_care and not rule.evidence:
            yield one.fault("an offer of drugs names at least one `evidence` entry", "", "evidence")


def trials_have_a_known_strategy(entries: Entries) -> Iterator[KnowledgeFault]:
    """Trials are grouped by the strategies that ranking.yaml lists: a second spelling would make a second group."""
    rankings = [cast(Ranking, one.entry) for one in entries.of("ranking")]
    strategies = rankings[0].strategies if rankings else ()
    for one in entries.of("trials"):
        strategy = cast(Trial, one.entry).strategy
        if strategies and strategy not in strategies:
            hint = did_you_mean(strategy, strategies) or f"one of: {', '.join(strategies)}"
            yield one.fault(f"unknown strategy '{strategy}'", hint, "strategy")


def trial_statuses_are_as_old_as_their_source(entries: Entries) -> Iterator[KnowledgeFault]:
    """A source cannot report a status of a time after its own evidence ends."""
    sources = {one.entry_id: cast(Source, one.entry) for one in entries.of("sources")}
    for one in entries.of("trials"):
        for index, status in enumerate(cast(Trial, one.entry).status):
            ends = [sources[cite.source].evidence_cut_off for cite in status.cites if cite.source in sources]
            latest = max((end for end in ends if end is not None), default=status.as_of)
            if status.as_of[: len(latest)] > latest:
                message = f"a status of {status.as_of}, and the evidence of its source ends {latest}"
                yield one.fault(message, "", "status", index, "as_of")


CARE_CHECKS: tuple[Check, ...] = (
    halted_and_investigational_drugs_are_not_care,
    offers_rest_on_evidence,
    trials_have_a_known_strategy,
    trial_statuses_are_as_old_as_their_source,
)
