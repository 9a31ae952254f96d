"""A candidate, an investigational regimen or a ruled-out one as labelled lines: all that is said for and against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from her2cds.rendering.blocks import cite
from her2cds.rendering.words import (
    EFFECT_WORDS,
    approval_words,
    category_words,
    evidence_words,
    facts_in_words,
    modifier_words,
    open_check_words,
    outcome_words,
    ruled_out_words,
    warning_words,
)
from her2cds.report.model import (
    EvidenceShown,
    Investigational,
    NotRecommended,
    Question,
    Reason,
    RuledOutReason,
    Therapy,
    Warning,
)

Line = tuple[str, str]


def therapy_lines(therapy: Therapy, questions: Iterable[Question]) -> Iterator[Line]:
    """A ranked candidate; `questions` word the facts that are missing."""
    yield "Category", category_words(therapy)
    if therapy.conditional_on:
        yield "Conditional on", facts_in_words(therapy.conditional_on, questions)
    if therapy.drugs:
        yield "Drugs", " + ".join(" or ".join(part.names) for part in therapy.drugs)
    yield from _reasons(therapy.because)
    yield from (("Given again", text) for text in therapy.rechallenge)
    yield from _studies(therapy.evidence)
    yield from (("Finding", f"{modifier_words(one)} {cite(one.citations)}") for one in therapy.modifiers)
    yield from _warnings(therapy.warnings)
    yield from _checks(therapy, questions)
    for one in therapy.regulatory:
        yield "Approval as reported", f"{approval_words(one)} {cite(one.approval.cites)}"
    yield from (("Caveat", text) for text in therapy.caveats)
    if therapy.discrepancies:
        yield "Sources disagree or err", ", ".join(therapy.discrepancies)
    if therapy.above_the_next_because:
        yield "Above the next because", therapy.above_the_next_because


def investigational_lines(one: Investigational, questions: Iterable[Question]) -> Iterator[Line]:
    """What the sources call investigational, with the same cautions as any other regimen."""
    yield "Status", f"investigational; {one.status}"
    if one.conditional_on:
        yield "Conditional on", facts_in_words(one.conditional_on, questions)
    yield from _reasons(one.because)
    if one.see_trials:
        yield "Trials", ", ".join(one.see_trials)
    yield from _studies(one.evidence)
    yield from _warnings(one.warnings)
    yield from _checks(one, questions)
    yield from (("Caveat", text) for text in one.caveats)


def safety_lines(therapy: Therapy, questions: Iterable[Question]) -> Iterator[Line]:
    """What is to be weighed or checked before a candidate is given, in full; what is to be watched, by its title."""
    yield from _warnings(one for one in therapy.warnings if one.effect != "monitor")
    yield from _checks(therapy, questions)
    for one in therapy.warnings:
        if one.effect == "monitor":
            yield EFFECT_WORDS[one.effect], f"{one.title} {cite(one.citations)}".strip()


def ruled_out_line(one: NotRecommended) -> Line:
    """A regimen that is ruled out, with every reason and its source."""
    return one.name, " ".join(_ruled_out(reason) for reason in one.reasons)


def evidence_lines(shown: EvidenceShown) -> Iterator[Line]:
    """A study and its figures, one labelled line each."""
    study = shown.study
    discrepancy = f" See {', '.join(shown.discrepancies)}." if shown.discrepancies else ""
    yield "Evidence", f"{evidence_words(shown)} {cite(study.reported_by)}{discrepancy}"
    for outcome in study.outcomes:
        yield "Figure", f"{study.name}: {outcome_words(outcome)} {cite(outcome.cites)}"
    for caveat in study.caveats:
        yield "Caveat of the study", f"{study.name}: {caveat}"


def _reasons(reasons: Iterable[Reason]) -> Iterator[Line]:
    for one in reasons:
        facts = "; ".join(dict.fromkeys(f"{fact.fact}: {fact.value}" for fact in one.facts))
        yield "Why", f"{one.because} {cite(one.citations)} Rule {one.rule}, because {facts}."


def _studies(evidence: Iterable[EvidenceShown]) -> Iterator[Line]:
    for one in evidence:
        yield from evidence_lines(one)


def _checks(one: Therapy | Investigational, questions: Iterable[Question]) -> Iterator[Line]:
    for check in one.open_checks:
        yield "To check first", f"{open_check_words(check, questions)} {cite(check.citations)}".strip()
    yield from (("Option ruled out", _ruled_out(option)) for option in one.options_ruled_out)


def _ruled_out(one: RuledOutReason) -> str:
    return f"{ruled_out_words(one)} {cite(one.citations)}".strip()


def _warnings(warnings: Iterable[Warning]) -> Iterator[Line]:
    for one in warnings:
        yield EFFECT_WORDS[one.effect], f"{warning_words(one)} {cite(one.citations)}".strip()
