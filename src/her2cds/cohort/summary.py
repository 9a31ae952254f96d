"""The summary of a cohort's results: what a tumour board or a trial office asks of them, as counts.

The tables are read part by part, a few columns at a time: memory does not grow with the cohort.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import ArrowException
from pydantic import BaseModel, ConfigDict

from her2cds.cohort.store import Manifest, PartDone, Store
from her2cds.errors import CohortError
from her2cds.knowledge.base import Knowledge

SCHEMA_VERSION: Literal["1"] = "1"
CLASSES = ("positive", "low", "zero", "equivocal", "indeterminate", "open")
_MANY_LINES = 4
_POSITION = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class ClassesOfLine:
    """Patients in one line of treatment, by HER2 class in the order of `CLASSES`."""

    line: str
    patients: int
    classes: tuple[int, ...]


@dataclass(frozen=True)
class RegimenCount:
    """A regimen: patients for whom it is of rank 1 (and alone there), ranked at all, or ruled out."""

    regimen: str
    name: str
    first: int
    alone_first: int
    ranked: int
    ruled_out: int


@dataclass(frozen=True)
class TrialCount:
    """A trial that takes patients: how many are eligible on what is known, and how many possibly."""

    trial: str
    acronym: str | None
    strategy: str
    eligible: int
    possible: int


@dataclass(frozen=True)
class MissingCount:
    """A missing fact: patients, decisions that depend on it, and those that it alone would settle.

    `needed` are patients for whom nothing is listed before it is known.
    """

    fact: str
    question: str
    patients: int
    needed: int
    regimens: int
    checks: int
    trials: int
    settles: int


@dataclass(frozen=True)
class FaultCount:
    """Where invalid profiles have their faults: path without list positions, and how many profiles."""

    path: str
    profiles: int


class Summary(BaseModel):
    """The counts of one cohort, each list with the most frequent first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal["1"] = SCHEMA_VERSION
    knowledge_id: str
    knowledge_version: str
    knowledge_hash: str
    software_version: str
    intended_use: str
    inputs: tuple[str, ...]
    lines: int
    answered: int
    invalid: int
    failed: int
    blank: int
    parts: int
    parts_done: int
    outcomes: dict[str, int]
    classes_by_line: tuple[ClassesOfLine, ...]
    regimens: tuple[RegimenCount, ...]
    trials: tuple[TrialCount, ...]
    missing: tuple[MissingCount, ...]
    faults: tuple[FaultCount, ...]

    def to_json(self, indent: int | None = 2) -> str:
        """The summary as JSON; the same results give the same bytes."""
        return self.model_dump_json(indent=indent)


def summarise(folder: Path, knowledge: Knowledge) -> Summary:
    """The summary of the results in a folder; names of regimens, trials and facts come from `knowledge`.

    An unfinished run is summarised as far as it is. Raises CohortError where there are no results, or damaged ones.
    """
    store = Store(folder)
    manifest = store.manifest()
    if manifest is None:
        raise CohortError(f"{folder}: no results of a cohort run here (manifest.json is missing)")
    done = store.all_done()
    counting = _Counting()
    for part in done:
        damaged = store.damaged(part, but="reports")  # which no count is made from
        if damaged:
            what = "cannot be read: not what was written (damaged or lost)"
            raise CohortError(f"{folder / damaged}: {what}; run the cohort again")
        try:
            counting.add(folder, part)
        except (ArrowException, OSError, ValueError, LookupError, TypeError) as error:
            what = f"the results of part {part.number} cannot be read ({type(error).__name__})"
            raise CohortError(f"{folder}: {what}; run the cohort again") from None
    return counting.summary(manifest, done, knowledge)


class _Counting:
    """Counters over the parts."""

    def __init__(self) -> None:
        self._outcomes: Counter[str] = Counter()
        self._classes: Counter[tuple[str, str]] = Counter()
        self._regimens: dict[str, Counter[str]] = {}
        self._trials: dict[tuple[str, str], Counter[str]] = {}
        self._missing: dict[str, Counter[str]] = {}
        self._faults: Counter[str] = Counter()

    def add(self, folder: Path, part: PartDone) -> None:
        """Count one part."""
        name = f"part-{part.number:06d}"
        for outcome, setting, lines, her2, count in _groups(
            folder / "patients" / f"{name}.parquet", ["outcome", "setting", "lines_ended", "her2_class"]
        ):
            self._outcomes[str(outcome)] += count
            self._classes[_line_words(setting, lines), _class_words(her2)] += count
        self._add_candidates(folder / "candidates" / f"{name}.parquet")
        for trial, strategy, eligibility, closed, count in _groups(
            folder / "trials" / f"{name}.parquet", ["trial", "strategy", "eligibility", "closed"]
        ):
            if not closed:
                self._trials.setdefault((str(trial), str(strategy)), Counter())[str(eligibility)] += count
        self._add_questions(folder / "questions" / f"{name}.parquet")
        if part.invalid:
            self._faults.update(_fault_paths(folder / "quarantine" / f"{name}.ndjson"))

    def _add_candidates(self, path: Path) -> None:
        for regimen, group, rank, tied, count in _groups(path, ["regimen", "group", "rank", "tied"]):
            counts = self._regimens.setdefault(str(regimen), Counter())
            counts[str(group)] += count
            if rank == 1:
                counts["first"] += count
                counts["alone_first"] += 0 if tied else count

    def _add_questions(self, path: Path) -> None:
        numbers = ("needed", "regimens", "checks", "trials", "settles")
        table = pq.read_table(path, columns=["fact", *numbers])
        table = table.set_column(1, "needed", pc.cast(table["needed"], "int64"))
        sums = table.group_by("fact").aggregate([("fact", "count"), *((one, "sum") for one in numbers)])
        for row in sums.to_pylist():
            counts = self._missing.setdefault(row["fact"], Counter())
            counts["patients"] += row["fact_count"]
            counts.update({one: row[f"{one}_sum"] for one in numbers})

    # --- Result -----------------------------------------------------------------------------------------------

    def summary(self, manifest: Manifest, done: list[PartDone], knowledge: Knowledge) -> Summary:
        """The counts, ordered."""
        return Summary(
            knowledge_id=manifest.knowledge_id,
            knowledge_version=manifest.knowledge_version,
            knowledge_hash=manifest.knowledge_hash,
            software_version=manifest.software_version,
            intended_use=knowledge.data.manifest.intended_use,
            inputs=tuple(one.name for one in manifest.inputs),
            lines=manifest.lines,
            answered=sum(one.answered for one in done),
            invalid=sum(one.invalid for one in done),
            failed=sum(one.failed for one in done),
            blank=sum(one.blank for one in done),
            parts=manifest.parts,
            parts_done=len(done),
            outcomes={name: self._outcomes[name] for name in ("ranked", "deferred", "none")},
            classes_by_line=tuple(self._classes_by_line()),
            regimens=tuple(self._regimen_counts(knowledge)),
            trials=tuple(self._trial_counts(knowledge)),
            missing=tuple(self._missing_counts(knowledge)),
            faults=tuple(FaultCount(path, count) for path, count in _most_first(self._faults)),
        )

    def _classes_by_line(self) -> Iterator[ClassesOfLine]:
        for line in sorted({line for line, _ in self._classes}, key=_line_order):
            counts = tuple(self._classes[line, one] for one in CLASSES)
            yield ClassesOfLine(line, sum(counts), counts)

    def _regimen_counts(self, knowledge: Knowledge) -> Iterator[RegimenCount]:
        order = sorted(self._regimens.items(), key=lambda one: (-one[1]["first"], -one[1]["ranked"], one[0]))
        for regimen, counts in order:
            entry = knowledge.regimens.get(regimen)
            numbers = (counts[one] for one in ("first", "alone_first", "ranked", "ruled_out"))
            yield RegimenCount(regimen, entry.name if entry else regimen, *numbers)

    def _trial_counts(self, knowledge: Knowledge) -> Iterator[TrialCount]:
        order = sorted(self._trials.items(), key=lambda one: (-one[1]["eligible"], -one[1]["possible"], one[0]))
        for (trial, strategy), counts in order:
            entry = knowledge.trials.get(trial)
            yield TrialCount(trial, entry.acronym if entry else None, strategy, counts["eligible"], counts["possible"])

    def _missing_counts(self, knowledge: Knowledge) -> Iterator[MissingCount]:
        numbers = ("patients", "needed", "regimens", "checks", "trials", "settles")
        order = sorted(
            self._missing.items(), key=lambda one: (-one[1]["needed"], -one[1]["settles"], -one[1]["patients"], one[0])
        )
        for fact, counts in order:
            entry = knowledge.facts.get(fact)
            question = (entry.ask or f"{entry.meaning}?") if entry else fact
            yield MissingCount(fact, question, *(counts[one] for one in numbers))


def _groups(path: Path, columns: list[str]) -> Iterator[tuple[object, object, object, object, int]]:
    """Each combination of values of four columns, with its number of rows."""
    table = pq.read_table(path, columns=columns)
    for row in table.group_by(columns).aggregate([([], "count_all")]).to_pylist():
        one, two, three, four = (row[name] for name in columns)
        yield one, two, three, four, row["count_all"]


def _fault_paths(path: Path) -> Iterator[str]:
    """The places of the faults of each invalid profile, each once per profile."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            places = (str(fault["path"]) for fault in json.loads(line)["faults"])
            yield from dict.fromkeys(_without_positions(one) for one in places)


def _without_positions(path: str) -> str:
    if not path.startswith("$"):
        return "not JSON"
    return _POSITION.sub("[]", path)


def _most_first(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def _class_words(value: object) -> str:
    return str(value) if value in CLASSES else "open"


def _line_words(setting: object, lines: object) -> str:
    if setting == "early":
        return "early disease"
    if setting is None:
        return "setting not known"
    if not isinstance(lines, int):
        return "advanced, lines not known"
    if lines >= _MANY_LINES:
        return f"advanced, after {_MANY_LINES} lines or more"
    return f"advanced, after {lines} {'line' if lines == 1 else 'lines'}"


def _line_order(words: str) -> tuple[int, str]:
    first = ("early", "advanced, after", "advanced", "setting")
    return next(place for place, one in enumerate(first) if words.startswith(one)), words
