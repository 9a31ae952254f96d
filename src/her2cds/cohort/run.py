"""A cohort run: plan the parts, leave out those that are done, have the rest evaluated, keep count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date as Date
from functools import partial
from pathlib import Path

from her2cds.cohort.part import Job, run_part
from her2cds.cohort.source import Part, plan, refuse_what_is_not_utf8
from her2cds.cohort.store import InputRecord, Manifest, PartDone, Store
from her2cds.cohort.workers import Finished, cores, run_locally
from her2cds.errors import CohortError, CohortWriteError
from her2cds.evaluation import KnowledgeBase
from her2cds.version import __version__

PART_SIZE = 2000


@dataclass(frozen=True, slots=True)
class Options:
    """What to run over, and how. `today` None is that of the run that is gone on with, or the system's date."""

    source: Path
    output: Path
    rules: Path | None = None
    registry: Path | None = None
    overlay: Path | None = None
    today: Date | None = None
    reports: bool = False
    part_size: int = PART_SIZE
    processes: int | None = None
    scheduler: str | None = None


@dataclass(slots=True)
class Progress:
    """How far a run is. `kept` patients were finished by an earlier run; `failures` are parts without a result."""

    parts: int
    lines: int
    parts_done: int = 0
    answered: int = 0
    invalid: int = 0
    failed: int = 0
    blank: int = 0
    kept: int = 0
    failures: list[CohortError] = field(default_factory=list)

    @property
    def lines_done(self) -> int:
        """Lines that are accounted for."""
        return self.answered + self.invalid + self.failed + self.blank

    @property
    def complete(self) -> bool:
        """Whether every part has its result."""
        return self.parts_done == self.parts

    def add(self, done: PartDone) -> None:
        """Count a finished part."""
        self.parts_done += 1
        self.answered += done.answered
        self.invalid += done.invalid
        self.failed += done.failed
        self.blank += done.blank


def run_cohort(options: Options, knowledge: KnowledgeBase, tell: Callable[[Progress], None]) -> Progress:
    """Run a cohort, or go on with it; `tell` is called after each part.

    A part without a result is a failure and does not stop the others, unless results cannot be written.
    Raises CohortError where the run cannot begin, or where there is no use in going on.
    """
    refuse_what_is_not_utf8(options.output.absolute())
    store = Store(options.output)
    with store.locked():
        before = store.manifest()
        parts = plan(options.source, options.part_size)
        manifest = _manifest(options, knowledge, parts, before)
        store.begin(manifest)
        progress = Progress(len(parts), manifest.lines)
        waiting = list(_waiting(parts, store, progress))
        progress.kept = progress.lines_done
        tell(progress)
        for finished in _run(_job(options, manifest), waiting, options):
            if finished.result is not None:
                progress.add(finished.result)
            elif finished.error is not None:
                progress.failures.append(finished.error)
                if isinstance(finished.error, CohortWriteError):
                    raise finished.error
            tell(progress)
        store.tidy()
    return progress


def _manifest(options: Options, knowledge: KnowledgeBase, parts: list[Part], before: Manifest | None) -> Manifest:
    today = options.today.isoformat() if options.today else before.today if before else Date.today().isoformat()
    data = knowledge.knowledge.data
    files = {part.file.name: part.file for part in parts}
    return Manifest(
        software_version=__version__,
        knowledge_id=data.manifest.id,
        knowledge_version=data.manifest.version,
        knowledge_hash=data.content_hash,
        registry_hash=knowledge.registry_hash,
        today=today,
        part_size=options.part_size,
        reports=options.reports,
        inputs=tuple(InputRecord(name=one.name, size=one.size, sha256=one.sha256) for one in files.values()),
        parts=len(parts),
        lines=sum(part.count for part in parts),
    )


def _job(options: Options, manifest: Manifest) -> Job:
    return Job(
        output=str(options.output.resolve()),
        rules=str(options.rules.resolve()) if options.rules else None,
        registry=str(options.registry.resolve()) if options.registry else None,
        overlay=str(options.overlay.resolve()) if options.overlay else None,
        knowledge_hash=manifest.knowledge_hash,
        registry_hash=manifest.registry_hash,
        software_version=__version__,
        today=manifest.today,
        reports=options.reports,
    )


def _waiting(parts: list[Part], store: Store, progress: Progress) -> Iterator[Part]:
    for part in parts:
        done = store.done(part)
        if done:
            progress.add(done)
        else:
            yield part


def _run(job: Job, parts: list[Part], options: Options) -> Iterator[Finished[PartDone]]:
    task = partial(run_part, job)
    if options.scheduler:
        from her2cds.cohort.dask_workers import run_on_dask

        return run_on_dask(task, parts, options.scheduler)
    return run_locally(task, parts, options.processes or cores())
