"""The report as a sequence of blocks: what text and Markdown have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from her2cds.knowledge.evidence import Outcome, Value
from her2cds.rendering.blocks import Block, Bullets, Heading, Paragraph, cite
from her2cds.rendering.trial_drugs import RULED_OUT_HEADING, drug_note_words, ruled_out_words
from her2cds.report.model import (
    EvidenceShown,
    Investigational,
    LocalChange,
    Modifier,
    NotRecommended,
    Question,
    Reason,
    Regulatory,
    Report,
    Therapy,
    Warning,
)
from her2cds.report.trial_model import TrialShown

AT_A_GLANCE = (
    ("her2.class", "HER2 class"),
    ("hr.status", "Hormone receptors"),
    ("her2.mutated", "ERBB2 mutation"),
    ("disease.advanced", "Advanced disease"),
    ("pathway.first_line", "First-line pathway"),
    ("pathway.second_line", "Second-line pathway"),
    ("pathway.later_line", "Later-line pathway"),
    ("brain.active", "Active brain metastases"),
)
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


def outline(report: Report) -> Iterator[Block]:
    """All blocks of a report, in reading order."""
    yield Heading(1, f"her2cds report{f' for {report.patient_id}' if report.patient_id else ''}")
    yield Paragraph(report.intended_use)
    if report.statement:
        yield Paragraph(report.statement, strong=True)
    yield from _glance(report)
    yield from _history(report)
    yield from _in_short(report)
    if report.therapies:
        yield Heading(2, "Candidate therapies, ranked")
        for therapy in report.therapies:
            yield from _therapy(therapy, report)
    yield from _not_recommended(report.not_recommended)
    yield from _investigational(report.investigational)
    yield from _trials(report)
    yield from question_blocks(report.questions)
    yield from _tests(report)
    yield from _findings(report)
    yield from _notices(report)
    yield from _overlay(report)
    yield from _sources(report)


def _glance(report: Report) -> Iterator[Block]:
    values = {one.fact: one for one in report.classification}
    lines = []
    for fact, label in AT_A_GLANCE:
        one = values.get(fact)
        if one is not None and (one.value != "no" or fact in ("her2.mutated", "brain.active")):
            because = f" ({one.because})" if one.rules else ""
            lines.append((label, f"{one.value}{because}"))
    yield Heading(2, "The patient at a glance")
    yield Bullets(tuple(lines))


def _history(report: Report) -> Iterator[Block]:
    if not report.history:
        return
    yield Heading(2, "Treatment so far")
    lines = []
    for one in report.history:
        line = f" line {one.line}" if one.line else ""
        dates = " to ".join(day for day in (one.start, one.end) if day)
        lines.append((f"{one.setting}{line}", f"{' + '.join(one.agents)}{f', {dates}' if dates else ''}: {one.ended}"))
    yield Bullets(tuple(lines))


def _in_short(report: Report) -> Iterator[Block]:
    """The answer on a few lines: candidates in order, what is ruled out, what to ask first."""
    lines = [(f"{one.rank}", f"{one.name} ({category_words(one)})") for one in report.therapies]
    lines += (
        [("Not recommended", ", ".join(one.name for one in report.not_recommended))] if report.not_recommended else []
    )
    lines += [("Ask first", one.question) for one in report.questions[:3] if one.decides or one.safety_of]
    if lines:
        yield Heading(2, "In short")
        yield Bullets(tuple(lines))


def _therapy(therapy: Therapy, report: Report) -> Iterator[Block]:
    tie = " (tie: no standard order)" if therapy.tied else ""
    yield Heading(3, f"{therapy.rank}. {therapy.name}{tie}")
    lines = [("Category", category_words(therapy))]
    if therapy.conditional_on:
        lines.append(("Conditional on", facts_in_words(therapy.conditional_on, report.questions)))
    drugs = [" or ".join(part.names) for part in therapy.drugs]
    if drugs:
        lines.append(("Drugs", " + ".join(drugs)))
    lines += [("Why", _reason(reason)) for reason in therapy.because]
    lines += [("Given again", text) for text in therapy.rechallenge]
    for evidence in therapy.evidence:
        lines += evidence_lines(evidence)
    lines += [("Finding", _modifier(one)) for one in therapy.modifiers]
    lines += [(EFFECT_WORDS[one.effect], _warning(one)) for one in therapy.warnings]
    if therapy.open_checks:
        lines.append(("To check first", _open_checks(therapy, report)))
    lines += [("Option ruled out", text) for text in therapy.options_ruled_out]
    lines += [("Approval as reported", _approval(one)) for one in therapy.regulatory]
    lines += [("Caveat", text) for text in therapy.caveats]
    if therapy.discrepancies:
        lines.append(("Sources disagree or err", ", ".join(therapy.discrepancies)))
    if therapy.above_the_next_because:
        lines.append(("Above the next because", therapy.above_the_next_because))
    yield Bullets(tuple(lines))


def _open_checks(therapy: Therapy, report: Report) -> str:
    """The missing facts on which a contraindication depends, each once."""
    missing = dict.fromkeys(fact for one in therapy.open_checks for fact in one.missing)
    return facts_in_words(missing, report.questions)


def category_words(therapy: Therapy) -> str:
    """The category, whether it was lowered, and whether anything is still open."""
    words = therapy.category.replace("_", " ")
    lowered = ", lowered one step for safety" if therapy.lowered_for_safety else ""
    return f"{words}{lowered}; {therapy.status}"


def facts_in_words(facts: Iterable[str], questions: Iterable[Question]) -> str:
    """Missing facts as the questions to ask."""
    asked = {one.fact: one.question.rstrip("?") for one in questions}
    return "; ".join(asked.get(fact, fact) for fact in facts)


def _reason(reason: Reason) -> str:
    facts = "; ".join(dict.fromkeys(f"{one.fact}: {one.value}" for one in reason.facts))
    return f"{reason.because} {cite(reason.citations)} Rule {reason.rule}, because {facts}."


def evidence_lines(shown: EvidenceShown) -> Iterator[tuple[str, str]]:
    """A study and its figures, one labelled line each."""
    study = shown.study
    discrepancy = f" See {', '.join(shown.discrepancies)}." if shown.discrepancies else ""
    text = f"{study.name}, phase {study.phase}, level {study.level}: {study.summary} {cite(study.reported_by)}"
    yield "Evidence", f"{text}{discrepancy}"
    for outcome in study.outcomes:
        yield "Figure", f"{study.name}: {outcome_words(outcome)} {cite(outcome.cites)}"
    for caveat in study.caveats:
        yield "Caveat of the study", f"{study.name}: {caveat}"


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


def _modifier(one: Modifier) -> str:
    rank = "" if one.changes_rank else " (does not change the rank)"
    trials = f" Trials: {', '.join(one.see_trials)}." if one.see_trials else ""
    conflicts = f" Read differently by {', '.join(one.conflicts_with)}." if one.conflicts_with else ""
    effect = f"{one.marker} {EFFECT_WORDS[one.effect]} {', '.join(one.drugs)}, level {one.level}{rank}"
    return f"{effect}: {one.because}{trials}{conflicts} {cite(one.citations)}"


def _warning(one: Warning) -> str:
    action = f" {one.action}" if one.action else ""
    origin = f" ({one.origin})" if one.origin else ""
    return f"{one.title}: {one.because}{action}{origin} {cite(one.citations)}".strip()


def _approval(one: Regulatory) -> str:
    approval = one.approval
    year = f" {approval.year}" if approval.year else ""
    note = f" ({approval.note})" if approval.note else ""
    return f"{one.drug}: {approval.regulator}{year}, {approval.indication}{note} {cite(approval.cites)}"


def _not_recommended(entries: tuple[NotRecommended, ...]) -> Iterator[Block]:
    if not entries:
        return
    yield Heading(2, "Not recommended for this patient")
    lines = []
    for one in entries:
        reasons = [
            f"{reason.drug}: {reason.because} ({reason.rule or reason.origin}) {cite(reason.citations)}".strip()
            for reason in one.reasons
        ]
        lines.append((one.name, " ".join(reasons)))
    yield Bullets(tuple(lines))


def _investigational(entries: tuple[Investigational, ...]) -> Iterator[Block]:
    if not entries:
        return
    yield Heading(2, "Investigational, see trials (not ranked)")
    lines = []
    for one in entries:
        trials = f" Trials: {', '.join(one.see_trials)}." if one.see_trials else ""
        because = " ".join(f"{reason.because} {cite(reason.citations)}" for reason in one.because)
        lines.append((one.name, f"{one.status}. {because}{trials} {' '.join(one.caveats)}".strip()))
    yield Bullets(tuple(lines))


def _trials(report: Report) -> Iterator[Block]:
    if not report.trials and not report.trials_ruled_out:
        return
    yield Heading(2, "Trials to consider, by strategy")
    yield Paragraph(
        "Statuses the reviews reported date from 2022 to 2024 and must be verified in the registry. What a review "
        "does not say about eligibility: see the registry record."
    )
    for group in report.trials:
        more = f" ({group.more} more)" if group.more else ""
        yield Heading(3, f"{group.strategy}{more}")
        yield Bullets(tuple((trial_name(one), trial_words(one, report.questions)) for one in group.trials))
    if report.trials_ruled_out:
        yield Heading(3, RULED_OUT_HEADING)
        yield Bullets(
            tuple(
                (one.because.rstrip("."), f"{ruled_out_words(one)} {cite(one.citations)}".strip())
                for one in report.trials_ruled_out
            )
        )


def trial_name(one: TrialShown) -> str:
    """Identifier and acronym."""
    return f"{one.id} {one.acronym}" if one.acronym else one.id


def trial_words(one: TrialShown, questions: Iterable[Question]) -> str:
    """A trial in a few sentences."""
    phase = f" Phase {one.phase}." if one.phase else ""
    answers = f" Answers: {', '.join(one.answers)}." if one.answers else ""
    unknown = f" Not known: {facts_in_words(one.unknown, questions)}." if one.unknown else ""
    against = "".join(f" {drug_note_words(note)} {cite(note.citations)}".rstrip() for note in one.drug_notes)
    caveats = f" {' '.join(one.caveats)}" if one.caveats else ""
    return (
        f"{one.title}.{phase} {one.eligibility.capitalize()}.{against}{answers}{unknown} Status: {one.status_words}."
        f"{caveats} {cite(one.citations)}"
    )


def question_blocks(questions: tuple[Question, ...]) -> Iterator[Block]:
    """What is missing: the questions in order, what each decides and how to get the answer."""
    if not questions:
        return
    yield Heading(2, "What is missing")
    lines = []
    for one in questions:
        decides = f" Decides on: {', '.join(one.decides)}." if one.decides else ""
        safety = f" Safety of: {', '.join(one.safety_of)}." if one.safety_of else ""
        trials = f" Trials: {', '.join(one.trials)}." if one.trials else ""
        obtain = f" How: {one.obtain}." if one.obtain else ""
        lines.append((one.question, f"{decides}{safety}{trials}{obtain}".strip()))
    yield Bullets(tuple(lines))


def _tests(report: Report) -> Iterator[Block]:
    if not report.tests_to_request:
        return
    yield Heading(2, "Tests to request")
    yield Bullets(
        tuple(
            (one.test + (" (for trials only)" if one.for_trials_only else ""), f"{one.because} {cite(one.citations)}")
            for one in report.tests_to_request
        )
    )


def _findings(report: Report) -> Iterator[Block]:
    shown = {one.rule for therapy in report.therapies for one in therapy.modifiers}
    rest = [one for one in report.findings if one.rule not in shown]
    if not rest:
        return
    yield Heading(2, "Other findings")
    yield Bullets(tuple((one.marker, _modifier(one)) for one in rest))


def _notices(report: Report) -> Iterator[Block]:
    if report.notices:
        yield Heading(2, "Notices")
        yield Bullets(tuple(("", f"{one.text} {cite(one.citations)}".strip()) for one in report.notices))
    if report.discrepancies:
        yield Heading(2, "Where the sources err or disagree")
        lines = []
        for one in report.discrepancies:
            outside = f" From outside the reviews: {one.outside}" if one.outside else ""
            lines.append((f"{one.id} {one.title}", f"Followed here: {one.followed}{outside}"))
        yield Bullets(tuple(lines))


def _overlay(report: Report) -> Iterator[Block]:
    over = report.overlay
    if over is None:
        return
    yield Heading(2, "Changed at this site")
    note = f" {over.note}" if over.note else ""
    yield Paragraph(f"{over.title}: overlay {over.id} {over.version} ({over.content_hash[:12]}).{note}")
    yield Bullets(tuple((one.id, local_change_words(one)) for one in over.changes))


def local_change_words(one: LocalChange) -> str:
    """A change of the site in a few sentences: what, by whom, when, why, and what it touches here."""
    touches = f"Touches here: {', '.join(one.touches)}." if one.touches else "Touches nothing here."
    return f"{one.by}, {one.date}: {one.does}. {one.because} {touches} {cite(one.citations)}"


def _sources(report: Report) -> Iterator[Block]:
    yield Heading(2, "Sources")
    lines = []
    for one in report.sources:
        doi = f" doi:{one.doi}" if one.doi else ""
        lines.append((one.id, f"{one.citation}{doi} {one.reliability}"))
    yield Bullets(tuple(lines))
    knowledge = report.knowledge
    yield Paragraph(
        f"Knowledge base {knowledge.id} {knowledge.version} ({knowledge.content_hash[:12]}), "
        f"{f'overlay {knowledge.overlay}, ' if knowledge.overlay else ''}"
        f"software {report.software_version}. "
        f"{knowledge.evidence_cut_off}"
    )
