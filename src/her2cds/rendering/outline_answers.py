"""Explanations, comparisons and trial lists as blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from her2cds.exploration.change import Comparison
from her2cds.exploration.effects import Effect, WhatIsMissing
from her2cds.rendering.blocks import Block, Bullets, Heading, Paragraph, Tree, TreeLine, cite
from her2cds.rendering.candidates import evidence_lines
from her2cds.rendering.outline import question_blocks, trial_bullets
from her2cds.rendering.trials import RULED_OUT_HEADING
from her2cds.rendering.words import trial_name
from her2cds.report.model import KnowledgeIdentity, TrialListing
from her2cds.report.ranked_because import RankedBecause, Side
from her2cds.report.trial_model import FactShown
from her2cds.report.why import RuleExplained, Step, Why

DEPTH = 3
_MARKS = {"true": "yes", "false": "no", "unknown": "?"}


def outline_why(why: Why, depth: int = DEPTH) -> Iterator[Block]:
    """An explanation: how the subject stands, then each rule with its tree to a depth, the nearest first."""
    of = f" for {why.patient_id}" if why.patient_id else ""
    yield Heading(1, f"{why.name}{of}")
    yield Paragraph(f"{why.kind} {why.subject}: {why.standing}", strong=True)
    yield from (Paragraph(note) for note in why.notes)
    for rule in why.rules:
        yield from _rule(rule, depth)
    if why.restrictions:
        yield Heading(2, "Cautions and findings that concern it")
        for rule in why.restrictions:
            yield from _rule(rule, depth)
    yield from _footer(why.intended_use, why.knowledge)


def outline_ranked_because(answer: RankedBecause) -> Iterator[Block]:
    """Two candidates side by side, and the criterion that decides."""
    yield Heading(1, f"{answer.upper.name} and {answer.lower.name}")
    yield Paragraph(f"{'A tie: ' if answer.tied else ''}{answer.because}", strong=True)
    yield Heading(2, "Criteria, in order")
    yield Bullets(
        tuple(
            (
                one.criterion + (" (decides)" if one.decides else ""),
                f"{answer.upper.name}: {one.upper}; {answer.lower.name}: {one.lower}",
            )
            for one in answer.criteria
        )
    )
    for side in (answer.upper, answer.lower):
        yield from _side(side)
    yield from _footer(answer.intended_use, answer.knowledge)


def outline_trials(listing: TrialListing, everything: bool) -> Iterator[Block]:
    """The trials by strategy; with `everything` also those that are not for this patient, and why."""
    of = f" for {listing.patient_id}" if listing.patient_id else ""
    yield Heading(1, f"Trials{of}")
    if listing.statement:
        yield Paragraph(listing.statement, strong=True)
    to_consider = sum(len(group.trials) for group in listing.groups)
    yield Paragraph(
        f"{to_consider} trials to consider, {len(listing.ruled_out)} with a drug that is ruled out for this patient, "
        f"{len(listing.closed)} that would fit and are closed, "
        f"{len(listing.not_eligible)} not for this patient, {len(listing.never_suggested)} never suggested. "
        "Eligibility is what the reviews say and no more: see the registry record."
    )
    for group in listing.groups:
        yield Heading(2, group.strategy)
        yield trial_bullets(group.trials, listing.questions)
    if listing.ruled_out:
        yield Heading(2, RULED_OUT_HEADING)
        yield trial_bullets(listing.ruled_out, listing.questions)
    if everything:
        yield Heading(2, "Would fit, closed to new patients")
        yield trial_bullets(listing.closed, listing.questions)
        yield Heading(2, "Not eligible")
        yield Bullets(
            tuple((trial_name(one), f"{one.title}. Fails: {_failed(one.missed)}") for one in listing.not_eligible)
        )
        yield Heading(2, "Never suggested")
        yield Bullets(
            tuple((one.id, f"{one.title}: {one.because} {cite(one.citations)}") for one in listing.never_suggested)
        )
    yield from question_blocks(listing.questions)
    yield from _footer(listing.intended_use, listing.knowledge)


def outline_questions(missing: WhatIsMissing) -> Iterator[Block]:
    """The open questions, those that change most first, with what each possible answer would change."""
    yield Heading(1, f"What is missing{f' for {missing.patient_id}' if missing.patient_id else ''}")
    yield Paragraph(f"First now: {', '.join(missing.top) or 'nothing'}", strong=True)
    for one in missing.questions:
        yield Heading(3, f"{one.question} [{one.fact}]")
        lines = [("Holds everything back", "nothing is listed until this is known")] if one.needed else []
        lines += [(effect.answer, effect_words(effect)) for effect in one.effects if not effect.changes_nothing]
        idle = [effect.answer for effect in one.effects if effect.changes_nothing]
        lines += [(", ".join(idle), "changes nothing that is ranked, ruled out or open")] if idle else []
        lines += [("How", one.obtain)] if one.obtain else []
        lines += [("Test suggested", f"{test.test} ({test.rule}) {cite(test.citations)}") for test in one.tests]
        yield Bullets(tuple(lines))
    yield from _footer(missing.intended_use, missing.knowledge)


def effect_words(effect: Effect) -> str:
    """What one answer would change, in a sentence."""
    parts = []
    if effect.overturns:
        parts.append(f"contradicts what the chart says now of {', '.join(effect.overturns)}")
    if effect.top_changes:
        parts.append(f"first would be {', '.join(effect.top) or 'nothing'}")
    for label, regimens in (
        ("enters", effect.enters),
        ("leaves", effect.leaves),
        ("ruled out", effect.ruled_out),
        ("no longer conditional", effect.settles),
    ):
        if regimens:
            parts.append(f"{label}: {', '.join(regimens)}")
    if effect.trials_opened:
        count = effect.trials_opened
        parts.append(f"{'1 more trial fits' if count == 1 else f'{count} more trials fit'} on what is known")
    if effect.trials_closed:
        count = effect.trials_closed
        parts.append("1 trial no longer fits" if count == 1 else f"{count} trials no longer fit")
    return "; ".join(parts)


def outline_comparison(comparison: Comparison) -> Iterator[Block]:
    """Before and after: the changes, then the regimens that changed with the reasons, then what stayed."""
    yield Heading(1, _headline(comparison))
    if comparison.changes:
        yield Bullets(tuple(("Changed", one) for one in comparison.changes))
    if comparison.statement_before != comparison.statement_after:
        for label, text in (("Before", comparison.statement_before), ("After", comparison.statement_after)):
            yield Paragraph(f"{label}: {text or 'candidates are listed'}", strong=True)
    changed = [one for one in comparison.regimens if one.kind != "same"]
    yield Heading(2, "Regimens")
    if not changed:
        yield Paragraph("No regimen stands otherwise than before.")
    for one in changed:
        yield Heading(3, f"{one.name}: {one.kind}")
        yield Bullets((("Before", one.before), ("After", one.after), *(("Because", text) for text in one.because)))
    same = [f"{one.name} ({one.after})" for one in comparison.regimens if one.kind == "same"]
    if same:
        yield Paragraph(f"As before: {'; '.join(same)}")
    yield Heading(2, "Trials")
    opened, closed = comparison.trials.opened, comparison.trials.closed
    yield Bullets((("Now to consider", ", ".join(opened) or "none"), ("No longer fit", ", ".join(closed) or "none")))
    yield Heading(2, "Facts that differ")
    yield Bullets(tuple((one.fact, f"{one.before} → {one.after}") for one in comparison.facts))
    yield from _footer(comparison.intended_use, comparison.knowledge)


def _headline(comparison: Comparison) -> str:
    """Whom the comparison is about: one profile as it would be, one patient at two times, or two patients."""
    before, after = comparison.before_id, comparison.after_id
    if comparison.changes:
        return f"What if, for {before}" if before else "What if"
    if before == after:
        return f"{before}, before and after" if before else "Before and after"
    return f"{before or 'before'} and {after or 'after'}"


def _rule(rule: RuleExplained, depth: int) -> Iterator[Block]:
    effect = f" ({rule.effect})" if rule.effect else ""
    yield Heading(3, f"{rule.id}{effect}: {rule.verdict}")
    yield Paragraph(f"{rule.title} {cite(rule.citations)}".strip())
    if rule.failed:
        yield Paragraph(f"Fails: {_failed(rule.failed)}")
    if rule.missing:
        yield Paragraph(f"Not known: {', '.join(rule.missing)}")
    yield Tree(tuple(_tree_lines(rule.tree, 0, depth)))


def _tree_lines(step: Step, depth: int, deepest: int) -> Iterator[TreeLine]:
    value = f": the patient's is {step.value}" if step.value else ""
    origin = f" ({step.origin})" if step.origin else ""
    below = " …" if step.parts and depth == deepest else ""
    yield TreeLine(depth, _MARKS[step.truth], f"{step.says}{value}{origin}{below}")
    if depth < deepest:
        for part in step.parts:
            yield from _tree_lines(part, depth + 1, deepest)


def _failed(tests: Iterable[FactShown]) -> str:
    return "; ".join(f"{one.test}, but it is {one.value}{f' ({one.origin})' if one.origin else ''}" for one in tests)


def _side(side: Side) -> Iterator[Block]:
    yield Heading(2, f"{side.rank}. {side.name}")
    lines = [line for one in side.evidence for line in evidence_lines(one)]
    yield Bullets(tuple(lines) or (("Evidence", "no study of its own"),))


def _footer(intended_use: str, knowledge: KnowledgeIdentity) -> Iterator[Block]:
    yield Paragraph(intended_use)
    yield Paragraph(f"Knowledge base {knowledge.id} {knowledge.version}. {knowledge.evidence_cut_off}")
