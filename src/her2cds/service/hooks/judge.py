"""How an ordered drug stands for a patient: contraindicated, not fitting the line, or in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from her2cds.evaluation import Case
from her2cds.facts.truth import TRUE
from her2cds.facts.values import SetFact
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.citations import Citation
from her2cds.recommendation.candidates import Candidate
from her2cds.report.context import ReportContext
from her2cds.report.why import WhyNot

Verdict = Literal["contraindicated", "specialist", "does not fit", "cannot judge", "in order"]
_HER2_DIRECTED = "anti-her2"


@dataclass(frozen=True, slots=True)
class Objection:
    """One reason against a drug, with its sources."""

    because: str
    rule: str
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """One ordered drug: how it stands, why, and the ranked regimens that hold it (by place in the order)."""

    drug: str
    verdict: Verdict
    objections: tuple[Objection, ...]
    fits: tuple[str, ...]


def judge(drug: str, case: Case, knowledge: Knowledge) -> Judgement | None:
    """How a drug stands; None where the knowledge base has nothing to say of it.

    A contraindication counts for every drug. Whether the line fits is judged for HER2-directed drugs alone: of
    other drugs the knowledge base knows only the partners that its sources name.
    """
    fits = tuple(one.candidate.regimen.name for one in case.decision.ranked if drug in one.candidate.drugs)
    against = tuple(_objections(drug, case, knowledge, "exclude"))
    if against:
        return Judgement(drug, "contraindicated", against, ())
    to_decide = tuple(_objections(drug, case, knowledge, "conditional"))
    if to_decide:
        return Judgement(drug, "specialist", to_decide, fits)
    if _HER2_DIRECTED not in knowledge.drugs[drug].classes:
        return Judgement(drug, "in order", (), fits) if fits else None
    if fits:
        return Judgement(drug, "in order", (), fits)
    if case.decision.deferred:
        open_facts = (knowledge.facts[fact] for fact in case.decision.deferred)
        return Judgement(drug, "cannot judge", tuple(Objection(one.ask or one.meaning, "") for one in open_facts), ())
    return Judgement(drug, "does not fit", tuple(_why_not(drug, case, knowledge)), ())


def _objections(drug: str, case: Case, knowledge: Knowledge, effect: str) -> Iterator[Objection]:
    outcome = case.decision.outcome
    for rule in knowledge.rules_of("caution"):
        if rule.caution is None or rule.caution.effect != effect or outcome.verdicts[rule.id] is not TRUE:
            continue
        if drug in knowledge.target_drugs[rule.id]:
            yield Objection(rule.caution.because, rule.id, rule.cites)
    allergies = outcome.facts.get("health.hypersensitivity")
    if effect == "exclude" and isinstance(allergies, SetFact) and drug in allergies.present:
        yield Objection(knowledge.data.ranking.hypersensitivity, allergies.origin)


def _why_not(drug: str, case: Case, knowledge: Knowledge) -> Iterator[Objection]:
    """Why no regimen with the drug is ranked: those ruled out first, else the nearest rule of each regimen."""
    gathered = case.decision.gathered
    for candidate in gathered.excluded:
        yield from _ruled_out(drug, candidate)
    held = [one.regimen.name for one in gathered.investigational if drug in one.drugs]
    if held:
        yield Objection(f"Investigational here: {', '.join(held)}", "")
    decided = {one.regimen.id for one in (*gathered.excluded, *gathered.investigational)}
    context = ReportContext(knowledge, case.decision, case.chart, None)
    why_not = WhyNot(context, case.decision)
    for regimen in knowledge.data.regimens:
        if regimen.id in decided or all(drug not in part.options for part in regimen.components):
            continue
        why = why_not.why(regimen.id)
        for rule in why.rules[:1]:
            failed = "; ".join(f"{one.test}, but it is {one.value}" for one in rule.failed)
            yield Objection(f"{regimen.name}: {failed or why.standing}", rule.id, rule.citations)


def _ruled_out(drug: str, candidate: Candidate) -> Iterator[Objection]:
    if any(drug in part.options for part in candidate.regimen.components):
        for one in candidate.exclusions:
            cites = one.rule.cites if one.rule else ()
            yield Objection(f"{candidate.regimen.name}: {one.because}", one.rule.id if one.rule else one.origin, cites)
