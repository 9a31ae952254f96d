"""One part of a cohort: read its patients, evaluate each, write its tables. Runs in any process on any machine.

A patient whose profile is invalid, or for whom evaluation fails, goes to the quarantine and stops nobody else.
"""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date as Date
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ArrowException

from her2cds.cohort.answer import AnswerRows
from her2cds.cohort.answer import Row as TableRow
from her2cds.cohort.case import case_of, failure_words
from her2cds.cohort.columns import TABLES, Column
from her2cds.cohort.source import Part, rows
from her2cds.cohort.store import PartDone, Store
from her2cds.errors import CohortError, CohortWriteError, Her2CdsError, ProfileError
from her2cds.evaluation import KnowledgeBase, load_knowledge, report_on
from her2cds.version import __version__

# Rows of so many patients are held before they are written: memory stays flat whatever the size of a part.
_PATIENTS_AT_ONCE = 1000
_PASSING = (MemoryError, OSError, ImportError)  # they say something of the machine, and nothing of a patient
_TYPES = {"text": pa.string(), "whole": pa.int64(), "yes_no": pa.bool_(), "texts": pa.list_(pa.string())}


@dataclass(frozen=True, slots=True)
class Job:
    """What every part of a run shares: small, and the same for all workers.

    `rules`, `registry` and `overlay` are paths that every worker can read (None: the bundled rules, no overlay). A
    worker whose software, knowledge base or registry is another refuses.
    """

    output: str
    rules: str | None
    registry: str | None
    overlay: str | None
    knowledge_hash: str
    registry_hash: str | None
    software_version: str
    today: str
    reports: bool


def run_part(job: Job, part: Part) -> PartDone:
    """Evaluate one part and write its results; its record is written last.

    Raises CohortError for what concerns the part as a whole; CohortWriteError where the results cannot be written.
    """
    knowledge = knowledge_of(job)
    store = Store(Path(job.output))
    try:
        with store.writing(part) as place, ExitStack() as stack:
            writers = _Writers(place, stack, job.reports)
            counts = _evaluate(job, part, knowledge, writers)
            stack.close()
            files = {name: store.take_over(path, name) for name, path in writers.written(part.name)}
    except ArrowException as error:
        raise CohortWriteError(f"{part.name} cannot be written: {error}") from None
    if sum(counts.values()) != part.count:
        raise CohortError(f"{part.name}: {part.count} lines planned, {sum(counts.values())} found")
    done = PartDone(number=part.number, lines=part.count, files=files, **counts)
    store.remove_others(part, files)
    store.write(f"parts/{part.name}.json", done.model_dump_json(indent=2).encode() + b"\n")
    return done


def knowledge_of(job: Job) -> KnowledgeBase:
    """The knowledge base of a job, loaded once per process. Raises CohortError where it is not the job's."""
    if job.software_version != __version__:
        raise CohortError(f"this worker has her2cds {__version__}; the run needs {job.software_version}")
    try:
        return _load(job.rules, job.registry, job.overlay, job.knowledge_hash, job.registry_hash)
    except CohortError:
        raise
    except Her2CdsError as error:
        raise CohortError(f"a worker cannot load the knowledge base: {error}") from None


@lru_cache(maxsize=4)
def _load(
    rules: str | None, registry: str | None, overlay: str | None, knowledge_hash: str, registry_hash: str | None
) -> KnowledgeBase:
    """The hashes are part of what is remembered: new content under an old path is loaded anew."""
    knowledge = load_knowledge(rules, registry=registry, overlay=overlay)
    _refuse_another("knowledge base", knowledge.knowledge.data.content_hash, knowledge_hash)
    _refuse_another("trial registry", knowledge.registry_hash, registry_hash)
    gc.freeze()  # what is loaded stays: no collection need look at it again
    return knowledge


def _refuse_another(what: str, found: str | None, needed: str | None) -> None:
    if found != needed:
        raise CohortError(f"a worker has the {what} {_short(found)}; the run needs {_short(needed)}")


def _short(digest: str | None) -> str:
    return digest[:12] if digest else "none"


# --- Evaluation ----------------------------------------------------------------------------------------------


def _evaluate(job: Job, part: Part, knowledge: KnowledgeBase, writers: _Writers) -> dict[str, int]:
    counts = Counter(dict.fromkeys(("blank", "answered", "invalid", "failed"), 0))
    today = Date.fromisoformat(job.today)
    for row in rows(part):
        if row.blank:
            counts["blank"] += 1
            continue
        try:
            case = case_of(row, knowledge, today)
            tables = AnswerRows((part.file.name, row.line, case.chart.profile.id), case, knowledge).tables()
            report = report_on(case, knowledge).to_json(indent=None) if job.reports else None
        except ProfileError as error:
            faults = [fault._asdict() for fault in error.faults]
            writers.quarantine({"file": part.file.name, "line": row.line, "kind": "invalid", "faults": faults})
            counts["invalid"] += 1
            continue
        except _PASSING as error:  # recorded, it would never be tried again
            raise CohortError(f"{part.name}: {type(error).__name__} at line {row.line}; run it again") from None
        except Exception as error:  # whatever one patient brings about must not cost the others their answer
            failure = {"kind": "failed", "error": failure_words(error), "faults": []}
            writers.quarantine({"file": part.file.name, "line": row.line, **failure})
            counts["failed"] += 1
            continue
        writers.answer(tables, part.file.name, row.line, report)
        counts["answered"] += 1
    return dict(counts)


# --- Writing -------------------------------------------------------------------------------------------------


class _Writers:
    """The files of one part in the making, below `place`."""

    def __init__(self, place: Path, stack: ExitStack, reports: bool) -> None:
        self._place, self._stack = place, stack
        self._tables = {name: stack.enter_context(_TableWriter(place / name, name)) for name in TABLES}
        self._reports = self._lines("reports") if reports else None
        self._quarantine: IO[bytes] | None = None

    def answer(self, tables: dict[str, list[TableRow]], file: str, line: int, report: str | None) -> None:
        """Take the rows, and the report where there is one, of one patient."""
        for name, found in tables.items():
            self._tables[name].add(found)
        if self._reports and report is not None:
            head = json.dumps({"file": file, "line": line})[:-1]
            self._reports.write(f'{head}, "report": {report}}}\n'.encode())

    def quarantine(self, record: dict[str, Any]) -> None:
        """Take the record of a patient without an answer; never the profile itself."""
        if self._quarantine is None:
            self._quarantine = self._lines("quarantine")
        self._quarantine.write(json.dumps(record).encode() + b"\n")

    def written(self, name: str) -> Iterator[tuple[str, Path]]:
        """The name among the results, and the present path, of each file, once all are closed."""
        for path in sorted(self._place.iterdir()):
            suffix = "parquet" if path.name in TABLES else "ndjson"
            yield f"{path.name}/{name}.{suffix}", path

    def _lines(self, kind: str) -> IO[bytes]:
        return self._stack.enter_context((self._place / kind).open("wb"))


class _TableWriter:
    """Rows of one table into a Parquet file, some patients at a time."""

    def __init__(self, path: Path, table: str) -> None:
        self._schema = schema_of(TABLES[table])
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[TableRow] = []
        self._patients = 0

    def __enter__(self) -> _TableWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._flush()
        self._writer.close()

    def add(self, found: list[TableRow]) -> None:
        """Take the rows of one patient."""
        self._rows += found
        self._patients += 1
        if self._patients % _PATIENTS_AT_ONCE == 0:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            values = zip(*self._rows, strict=True)
            columns = [pa.array(list(one), field.type) for one, field in zip(values, self._schema, strict=True)]
            self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
            self._rows.clear()


def schema_of(columns: tuple[Column, ...]) -> pa.Schema:
    """The Arrow schema of a table, with the meaning of each column in its metadata."""
    return pa.schema(
        [pa.field(one.name, _TYPES[one.type], nullable=True, metadata={"meaning": one.meaning}) for one in columns]
    )
