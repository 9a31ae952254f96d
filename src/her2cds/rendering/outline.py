"""The report as a sequence of blocks: what text and Markdown have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from her2cds.rendering.blocks import Block, Bullets, Heading, Paragraph, cite
from her2cds.rendering.candidates import investigational_lines, ruled_out_line, therapy_lines
from her2cds.rendering.trials import RULED_OUT_HEADING, ruled_out_trials_line, trial_in_full
from her2cds.rendering.words import (
    category_words,
    course_words,
    discrepancy_words,
    local_change_words,
    modifier_words,
    question_words,
    source_words,
    trial_name,
)
from her2cds.report.model import (
    Investigational,
    NotRecommended,
    Question,
    Report,
    Therapy,
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
    ("pathway.pause", "Pause without progression"),
    ("brain.present", "Brain metastases"),
    ("brain.active", "Active brain metastases"),
    ("brain.leptomeningeal_disease", "Leptomeningeal disease"),
)


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
    yield from _investigational(report.investigational, report.questions)
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
        lines.append((f"{one.setting}{line}", f"{' + '.join(one.agents)}{course_words(one)}"))
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
    yield Bullets(tuple(therapy_lines(therapy, report.questions)))


def _not_recommended(entries: tuple[NotRecommended, ...]) -> Iterator[Block]:
    if entries:
        yield Heading(2, "Not recommended for this patient")
        yield Bullets(tuple(ruled_out_line(one) for one in entries))


def _investigational(entries: tuple[Investigational, ...], questions: tuple[Question, ...]) -> Iterator[Block]:
    if entries:
        yield Heading(2, "Investigational, see trials (not ranked)")
    for one in entries:
        yield Heading(3, one.name)
        yield Bullets(tuple(investigational_lines(one, questions)))


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
        yield trial_bullets(group.trials, report.questions)
    if report.trials_ruled_out:
        yield Heading(3, RULED_OUT_HEADING)
        yield Bullets(tuple(ruled_out_trials_line(one) for one in report.trials_ruled_out))


def trial_bullets(trials: Iterable[TrialShown], questions: tuple[Question, ...]) -> Bullets:
    """Trials, one line each, with what stands against their drugs and with their sources."""
    return Bullets(tuple((trial_name(one), trial_in_full(one, questions)) for one in trials))


def question_blocks(questions: tuple[Question, ...]) -> Iterator[Block]:
    """What is missing: the questions in order, what each decides and how to get the answer."""
    if not questions:
        return
    yield Heading(2, "What is missing")
    yield Bullets(tuple((one.question, question_words(one)) for one in questions))


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
    yield Bullets(tuple((one.marker, f"{modifier_words(one)} {cite(one.citations)}") for one in rest))


def _notices(report: Report) -> Iterator[Block]:
    if report.notices:
        yield Heading(2, "Notices")
        yield Bullets(tuple(("", f"{one.text} {cite(one.citations)}".strip()) for one in report.notices))
    if report.discrepancies:
        yield Heading(2, "Where the sources err or disagree")
        yield Bullets(tuple((f"{one.id} {one.title}", discrepancy_words(one)) for one in report.discrepancies))


def _overlay(report: Report) -> Iterator[Block]:
    over = report.overlay
    if over is None:
        return
    yield Heading(2, "Changed at this site")
    note = f" {over.note}" if over.note else ""
    yield Paragraph(f"{over.title}: overlay {over.id} {over.version} ({over.content_hash[:12]}).{note}")
    yield Bullets(tuple((one.id, f"{local_change_words(one)} {cite(one.citations)}") for one in over.changes))


def _sources(report: Report) -> Iterator[Block]:
    yield Heading(2, "Sources")
    yield Bullets(tuple((one.id, source_words(one)) for one in report.sources))
    knowledge = report.knowledge
    yield Paragraph(
        f"Knowledge base {knowledge.id} {knowledge.version} ({knowledge.content_hash[:12]}), "
        f"{f'overlay {knowledge.overlay}, ' if knowledge.overlay else ''}"
        f"software {report.software_version}. "
        f"{knowledge.evidence_cut_off}"
    )
