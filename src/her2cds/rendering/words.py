"""The parts of a report in words, the same words for every rendering. Citations come after them, as each shows them."""

from __future__ import annotations

from collections.abc import Iterable

from her2cds.knowledge.catalogue import Discrepancy
from her2cds.knowledge.evidence import Outcome, Value
from her2cds.report.model import (
    EvidenceShown,
    LocalChange,
    Modifier,
    OpenCheck,
    Question,
    Regulatory,
    RuledOutReason,
    SourceShown,
    Therapy,
    TreatmentShown,
    Warning,
)
from her2cds.report.trial_model import TrialShown

EFFECT_WORDS = {
    "conditional": "Specialist's decision",
    "demote": "Lowered",
    "warn": "Warning",
    "monitor": "Monitor",
    "favours": "speaks for",
    "disfavours": "speaks against",
    "no_effect": "has no effect on",
    "uncertain": "is of uncertain meaning for",
}
_REGISTRY = "https://clinicaltrials.gov/study/"


def course_words(one: TreatmentShown) -> str:
    """A course of treatment after its agents: dates as given, and how it ended or stands."""
    if one.start and one.end:
        dates = f", {one.start} to {one.end}"
    elif one.start:
        dates = f", from {one.start}"
    else:
        dates = f", until {one.end}" if one.end else ""
    return f"{dates}: {one.ended}"


def category_words(therapy: Therapy) -> str:
    """The category, whether it was lowered, and whether anything is still open."""
    words = therapy.category.replace("_", " ")
    lowered = ", lowered one step for safety" if therapy.lowered_for_safety else ""
    return f"{words}{lowered}; {therapy.status}"


def facts_in_words(facts: Iterable[str], questions: Iterable[Question]) -> str:
    """Missing facts as the questions to ask."""
    asked = {one.fact: one.question.rstrip("?") for one in questions}
    return "; ".join(asked.get(fact, fact) for fact in facts)


def evidence_words(shown: EvidenceShown) -> str:
    """What a study is and what it found."""
    study = shown.study
    return f"{study.name}, phase {study.phase}, level {study.level}: {study.summary}"


def outcome_words(outcome: Outcome) -> str:
    """One outcome in words, digits as printed."""
    parts = [outcome.label or outcome.endpoint]
    if outcome.at_time:
        parts[0] += f" at {outcome.at_time}"
    if outcome.population:
        parts[0] += f" ({outcome.population})"
    if outcome.values:
        parts.append(" vs ".join(_value(value, outcome.unit or "") for value in outcome.values))
    if outcome.hazard_ratio:
        parts.append(f"HR {outcome.hazard_ratio}")
    if outcome.ci:
        parts.append(f"CI {outcome.ci[0]}–{outcome.ci[1]}")
    if outcome.p:
        parts.append(f"p {outcome.p if outcome.p[0] in '<>=' else '= ' + outcome.p}")
    if outcome.as_printed:
        parts.append(outcome.as_printed)
    if outcome.significant is False:
        parts.append("not statistically significant")
    if outcome.caveat:
        parts.append(f"caveat: {outcome.caveat}")
    return ", ".join(parts)


def _value(value: Value, unit: str) -> str:
    interval = f" (CI {value.ci[0]}–{value.ci[1]})" if value.ci else ""
    return f"{value.value} {unit}{interval} [{value.arm}]"


def modifier_words(one: Modifier) -> str:
    """A finding: what it says of which drugs, how surely and why, and where it is read otherwise."""
    rank = "" if one.changes_rank else " (does not change the rank)"
    trials = f" Trials: {', '.join(one.see_trials)}." if one.see_trials else ""
    conflicts = f" Read differently by {', '.join(one.conflicts_with)}." if one.conflicts_with else ""
    effect = f"{one.marker} {EFFECT_WORDS[one.effect]} {', '.join(one.drugs)}, level {one.level}{rank}"
    return f"{effect}: {one.because}{trials}{conflicts}"


def warning_words(one: Warning) -> str:
    """A caution: why, what to do, and the place in the profile that it comes from where no source says it."""
    action = f" {one.action}" if one.action else ""
    origin = f" ({one.origin})" if one.origin else ""
    return f"{one.title}: {one.because}{action}{origin}"


def open_check_words(one: OpenCheck, questions: Iterable[Question]) -> str:
    """A contraindication that cannot be judged yet: what it would do, and what to ask."""
    effect = "would rule out" if one.effect == "exclude" else "would need a specialist's decision on"
    return f"{one.title}, which {effect} {', '.join(one.drugs)}: {facts_in_words(one.missing, questions)}"


def approval_words(one: Regulatory) -> str:
    """An approval as the reviews report it."""
    approval = one.approval
    year = f" {approval.year}" if approval.year else ""
    note = f" ({approval.note})" if approval.note else ""
    return f"{one.drug}: {approval.regulator}{year}, {approval.indication}{note}"


def ruled_out_words(one: RuledOutReason) -> str:
    """Why a regimen is ruled out: the drug, the reason, and the rule or the place in the profile behind it."""
    return f"{one.drug}: {one.because} ({one.rule or one.origin})"


def trial_name(one: TrialShown) -> str:
    """Identifier and acronym."""
    return f"{one.id} {one.acronym}" if one.acronym else one.id


def registry_url(identifier: str) -> str | None:
    """Where the registry shows a trial; None for an identifier of another registry."""
    return f"{_REGISTRY}{identifier}" if identifier.startswith("NCT") else None


def trial_words(one: TrialShown, questions: Iterable[Question]) -> str:
    """A trial in a few sentences."""
    phase = f" Phase {one.phase}." if one.phase else ""
    answers = f" Answers: {', '.join(one.answers)}." if one.answers else ""
    unknown = f" Not known: {facts_in_words(one.unknown, questions)}." if one.unknown else ""
    inferred = "".join(f" Inferred: {text}" for text in one.inferred)
    caveats = f" {' '.join(one.caveats)}" if one.caveats else ""
    discrepancies = f" See {', '.join(one.discrepancies)}." if one.discrepancies else ""
    return (
        f"{one.title}. Population: {one.population}.{phase} {one.eligibility.capitalize()}.{answers}{unknown} "
        f"Status: {one.status_words}.{inferred}{caveats}{discrepancies}"
    )


_MOST_TRIALS_NAMED = 12


def question_words(one: Question) -> str:
    """What a missing fact decides, whose safety it concerns, and how to get the answer."""
    decides = f" Decides on: {', '.join(one.decides)}." if one.decides else ""
    safety = f" Safety of: {', '.join(one.safety_of)}." if one.safety_of else ""
    many = len(one.trials) > _MOST_TRIALS_NAMED
    named = f"{len(one.trials)} of them" if many else ", ".join(one.trials)
    trials = f" Trials: {named}." if one.trials else ""
    obtain = f" How: {one.obtain}." if one.obtain else ""
    return f"{decides}{safety}{trials}{obtain}".strip()


def discrepancy_words(one: Discrepancy) -> str:
    """What is followed where sources err or disagree, and what is known from elsewhere."""
    outside = f" From outside the reviews: {one.outside}" if one.outside else ""
    return f"Followed here: {one.followed}{outside}"


def local_change_words(one: LocalChange) -> str:
    """A change of the site in a few sentences: what, by whom, when, why, and what it touches here."""
    touches = f"Touches here: {', '.join(one.touches)}." if one.touches else "Touches nothing here."
    return f"{one.by}, {one.date}: {one.does}. {one.because} {touches}"


def source_words(one: SourceShown) -> str:
    """A source in full, and how far it is relied on."""
    doi = f" doi:{one.doi}" if one.doi else ""
    return f"{one.citation}{doi} {one.reliability}"
