"""What of a report came from a site's overlay: each of its changes, and the parts of the answer that it touches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from her2cds.knowledge.data import RANKING_KEY, entry_key
from her2cds.knowledge.overlay_model import AppliedOverlay, Change
from her2cds.knowledge.rules import Target
from her2cds.report.context import ReportContext
from her2cds.report.model import (
    EvidenceShown,
    Investigational,
    LocalChange,
    NotRecommended,
    OverlayShown,
    Report,
    Therapy,
)

Part = tuple[str, frozenset[str]]


def overlay_shown(applied: AppliedOverlay, report: Report, context: ReportContext) -> OverlayShown:
    """The overlay in use with its changes, each with the parts of the report that it touches."""
    parts = [
        *(_of_therapy(one) for one in report.therapies),
        *(_of_ruled_out(one) for one in report.not_recommended),
        *(_of_investigational(one) for one in report.investigational),
        *_others(report),
    ]
    overlay, base = applied.overlay, context.knowledge.data.manifest
    note = None
    if overlay.base_version != base.version:
        note = f"Written for version {overlay.base_version} of the knowledge base; in use is {base.version}."
    return OverlayShown(
        id=overlay.id,
        version=overlay.version,
        title=overlay.title,
        content_hash=applied.content_hash,
        base_content_hash=applied.base_content_hash,
        note=note,
        changes=tuple(_change(one, applied, parts, context) for one in overlay.changes),
    )


def _others(report: Report) -> Iterator[Part]:
    for trial in (one for group in report.trials for one in group.trials):
        yield trial.id, frozenset((trial.id, *trial.linked_rules))
    yield from ((one.marker, frozenset((one.rule,))) for one in report.findings)
    yield from ((one.test, frozenset((one.rule,))) for one in report.tests_to_request)


def _change(change: Change, applied: AppliedOverlay, parts: Iterable[Part], context: ReportContext) -> LocalChange:
    keys = {key for key, ids in applied.changes_of.items() if change.id in ids}
    touched = tuple(dict.fromkeys(name for name, entries in parts if not keys.isdisjoint(entries)))
    return LocalChange(
        id=change.id,
        by=change.by,
        date=change.date.isoformat(),
        does=does_words(change),
        because=change.because,
        touches=("the order of the candidates", *touched) if RANKING_KEY in keys else touched,
        citations=context.cite(change.cites),
    )


def does_words(change: Change) -> str:
    """What a change does, in words."""
    if change.withdraws:
        return f"withdraws {_target_words(change.withdraws)}"
    if change.restricts:
        return f"restricts {_target_words(change.restricts.on)} ({change.restricts.effect})"
    if change.attaches:
        return "; ".join(f"adds {', '.join(added)} to {rule}" for rule, added in change.attaches.items())
    if change.categories:
        return "; ".join(f"makes {rule} {category}" for rule, category in change.categories.items())
    if change.criteria:
        return f"orders the ranking criteria: {', '.join(change.criteria)}"
    verb, named = ("adds", change.adds) if change.adds else ("replaces", change.replaces)
    return f"{verb} {', '.join(entry for ids in named.values() for entry in ids)}"


def _target_words(target: Target) -> str:
    return ", ".join((*target.regimens, *target.drugs, *target.classes))


def _of_therapy(one: Therapy) -> Part:
    rules = [
        *(reason.rule for reason in one.because),
        *(warning.rule for warning in one.warnings),
        *(check.rule for check in one.open_checks),
        *(modifier.rule for modifier in one.modifiers),
    ]
    drugs = (drug for part in one.drugs for drug in part.options)
    return one.name, frozenset((*rules, *_entries(one.regimen, drugs, one.evidence)))


def _of_ruled_out(one: NotRecommended) -> Part:
    rules = (*one.offered_by, *(reason.rule for reason in one.reasons))
    return one.name, frozenset((*rules, *_entries(one.regimen, (), ())))


def _of_investigational(one: Investigational) -> Part:
    rules = (*(reason.rule for reason in one.because), *(warning.rule for warning in one.warnings))
    return one.name, frozenset((*rules, *_entries(one.regimen, (), one.evidence)))


def _entries(regimen: str, drugs: Iterable[str], evidence: Iterable[EvidenceShown]) -> Iterator[str]:
    yield entry_key("regimens", regimen)
    yield from (entry_key("drugs", drug) for drug in drugs)
    yield from (entry_key("evidence", one.study.id) for one in evidence)
