"""`her2cds kb diff`: what a new knowledge base changes, in its entries and for the patients of a cohort."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from datetime import date as Date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from her2cds.cli.output import Exit, fail, open_knowledge, stdout
from her2cds.rendering.plain import one_line
from her2cds.whole_files import replacing

if TYPE_CHECKING:
    from her2cds.cohort.impact import AnswerChange, PartImpact, PatientChange
    from her2cds.cohort.kb_changes import EntryChange
    from her2cds.evaluation import KnowledgeBase

_MOST_FIELDS = 6


class DiffFormat(StrEnum):
    """How the difference is written."""

    text = "text"
    json = "json"


@dataclass(slots=True)
class _Impact:
    """What changes for a cohort: counts, how many patients share each difference, and the first patients."""

    patients: int = 0
    invalid: int = 0
    failed: int = 0
    changed: int = 0
    top_changed: int = 0
    differences: Counter[AnswerChange] = field(default_factory=Counter)
    first: list[PatientChange] = field(default_factory=list)

    def add(self, part: PartImpact, top: int) -> None:
        """Count a part; of the changed patients only the `top` first are kept."""
        from her2cds.cohort.impact import frequent

        self.patients += part.patients
        self.invalid += part.invalid
        self.failed += part.failed
        self.changed += len(part.changed)
        self.top_changed += sum(one.top_changes for one in part.changed)
        self.differences.update(frequent(part.changed))
        self.first += part.changed[: max(top - len(self.first), 0)]


def diff(
    old: Annotated[Path, typer.Argument(help="folder of the knowledge base in use")],
    new: Annotated[Path, typer.Argument(help="folder of the knowledge base to come")],
    cohort: Annotated[
        Path | None, typer.Option("--cohort", help="NDJSON or Parquet of profiles: for whom the answer changes")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="write every changed patient there (NDJSON)")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=0, help="differences and patients to list")] = 20,
    output_format: Annotated[DiffFormat, typer.Option("--format", "-f")] = DiffFormat.text,
    processes: Annotated[int | None, typer.Option("--processes", min=1, help="worker processes")] = None,
) -> None:
    """Compare two knowledge bases: changed rules, evidence and trials, and the patients whose answer changes."""
    from her2cds.cohort.kb_changes import knowledge_changes
    from her2cds.errors import CohortError

    before, after = open_knowledge(old), open_knowledge(new)
    changes = knowledge_changes(before.knowledge.data, after.knowledge.data)
    try:
        versions = ((old, before), (new, after))
        impact = _impact(versions, cohort, output, top, processes) if cohort else None
    except CohortError as error:
        raise typer.Exit(int(fail(Exit.failed_check, str(error)))) from None
    except OSError as error:
        raise typer.Exit(int(fail(Exit.failed_check, f"{output}: {error.strerror}"))) from None
    if output_format is DiffFormat.json:
        stdout(json.dumps(_tree(before, after, changes, impact, top), indent=2, ensure_ascii=False))
    else:
        for line in _lines(before, after, changes, impact, top):
            stdout(one_line(line))
    raise typer.Exit(int(Exit.engine if impact and impact.failed else Exit.ok))


def _impact(
    versions: tuple[tuple[Path, KnowledgeBase], tuple[Path, KnowledgeBase]],
    cohort: Path,
    output: Path | None,
    top: int,
    processes: int | None,
) -> _Impact:
    """Evaluate the cohort under both; the patients in the order of the input. Raises CohortError, OSError."""
    from her2cds.cli.cohort import needs_pyarrow

    needs_pyarrow()
    from her2cds.cohort.impact import Versions, compare_cohort

    old, new = (str(folder.resolve()) for folder, _ in versions)
    old_hash, new_hash = (base.knowledge.data.content_hash for _, base in versions)
    compared = Versions(old, new, old_hash, new_hash, Date.today().isoformat())
    impact = _Impact()
    parts = compare_cohort(compared, cohort, processes)  # a cohort that cannot be read ends it before the file is begun
    with replacing(output) if output else nullcontext() as stream:
        for part in parts:
            impact.add(part, top)
            if stream:
                stream.writelines(json.dumps(asdict(one)).encode() + b"\n" for one in part.changed)
    return impact


# --- Output ---------------------------------------------------------------------------------------------------


def _tree(
    before: KnowledgeBase, after: KnowledgeBase, changes: tuple[EntryChange, ...], impact: _Impact | None, top: int
) -> dict[str, Any]:
    tree: dict[str, Any] = {
        "old": {"version": before.version, "content_hash": before.knowledge.data.content_hash},
        "new": {"version": after.version, "content_hash": after.knowledge.data.content_hash},
        "entries": [asdict(one) for one in changes],
    }
    if impact:
        tree["cohort"] = {
            "patients": impact.patients,
            "invalid": impact.invalid,
            "failed": impact.failed,
            "changed": impact.changed,
            "top_changed": impact.top_changed,
            "differences": [{**asdict(one), "patients": count} for one, count in _most_first(impact, top)],
            "first_patients": [asdict(one) for one in impact.first],
        }
    return tree


def _lines(
    before: KnowledgeBase, after: KnowledgeBase, changes: tuple[EntryChange, ...], impact: _Impact | None, top: int
) -> Iterator[str]:
    yield f"knowledge base {_name(before)} → {_name(after)}"
    yield f"{len(changes)} entries differ"
    for one in changes:
        yield f"  {one.change} {one.kind} {one.id}"
        for change in one.fields[:_MOST_FIELDS]:
            yield f"      {change.path}: {change.before} → {change.after}"
        if len(one.fields) > _MOST_FIELDS:
            yield f"      and {len(one.fields) - _MOST_FIELDS} more fields"
    if impact:
        yield from _impact_lines(impact, top)


def _impact_lines(impact: _Impact, top: int) -> Iterator[str]:
    yield ""
    yield (
        f"{impact.patients:,} patients: {impact.changed:,} with another answer, {impact.top_changed:,} of them with "
        f"another regimen of rank 1; {impact.invalid:,} invalid under both, {impact.failed:,} failed"
    )
    if impact.differences:
        yield ""
        yield "What changes, by number of patients"
        for change, count in _most_first(impact, top):
            yield f"  {count:>8,}  {_words(change)}"
        if len(impact.differences) > top:
            yield f"            and {len(impact.differences) - top:,} more kinds of change"
    if impact.first:
        yield ""
        yield "Patients"
        for one in impact.first:
            rules = f" (changed entries at work: {', '.join(one.rules)})" if one.rules else ""
            yield f"  {one.file}:{one.line} {one.patient or ''}{rules}"
            for change in one.changes[:_MOST_FIELDS]:
                yield f"      {_words(change)}"
            if len(one.changes) > _MOST_FIELDS:
                yield f"      and {len(one.changes) - _MOST_FIELDS} more"
        if impact.changed > len(impact.first):
            yield f"  and {impact.changed - len(impact.first):,} more; --output FILE writes all"


def _words(change: AnswerChange) -> str:
    return f"{change.about} {change.id}: {change.before} → {change.after}"


def _most_first(impact: _Impact, top: int) -> list[tuple[AnswerChange, int]]:
    order = sorted(impact.differences.items(), key=lambda one: (-one[1], one[0].about, one[0].id, one[0].after))
    return order[:top]


def _name(knowledge: KnowledgeBase) -> str:
    return f"{knowledge.version} ({knowledge.knowledge.data.content_hash[:12]})"
