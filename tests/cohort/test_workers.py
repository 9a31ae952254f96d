"""Worker processes that die, or that have another version: only their part is concerned."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="needs the extra [cohort]")

from her2cds import KnowledgeBase
from her2cds.cohort.part import run_part
from her2cds.cohort.source import Part, plan
from her2cds.cohort.workers import run_locally
from her2cds.errors import CohortError
from tests.cohort.helpers import job, write_cohort


def dies_on_the_third(part: Part) -> int:
    if part.number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return part.number


def dies_once(marker: str, part: Part) -> int:
    if part.number == 3 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return part.number


def test_a_part_that_kills_its_worker_is_given_up_alone(tmp_path: Path) -> None:
    write_cohort(tmp_path / "a.ndjson", 8)
    finished = list(run_locally(dies_on_the_third, plan(tmp_path / "a.ndjson", 1), 2))
    assert sorted(one.result for one in finished if one.result) == [1, 2, 4, 5, 6, 7, 8]
    (lost,) = [one for one in finished if one.error]
    assert lost.part.number == 3
    assert "its worker process died twice" in str(lost.error)


def test_a_worker_that_dies_once_costs_nothing(tmp_path: Path) -> None:
    write_cohort(tmp_path / "a.ndjson", 8)
    task = partial(dies_once, str(tmp_path / "died"))
    finished = list(run_locally(task, plan(tmp_path / "a.ndjson", 1), 2))
    assert sorted(one.result for one in finished if one.result) == list(range(1, 9))
    assert (tmp_path / "died").exists()


def fails_on_the_third(part: Part) -> int:
    if part.number == 3:
        raise KeyError("a value of a patient")
    return part.number


def test_a_fault_of_the_software_costs_its_part_alone_and_tells_no_patient_data(tmp_path: Path) -> None:
    write_cohort(tmp_path / "a.ndjson", 4)
    finished = list(run_locally(fails_on_the_third, plan(tmp_path / "a.ndjson", 1), 2))
    assert sorted(one.result for one in finished if one.result) == [1, 2, 4]
    (lost,) = [one for one in finished if one.error]
    assert str(lost.error) == "part-000003: unexpected KeyError in the software"


def test_a_worker_with_other_knowledge_or_software_refuses(tmp_path: Path, knowledge: KnowledgeBase) -> None:
    write_cohort(tmp_path / "a.ndjson", 1)
    (part,) = plan(tmp_path / "a.ndjson", 10)
    with pytest.raises(CohortError, match="a worker has the knowledge base"):
        run_part(job(tmp_path, knowledge, knowledge_hash="0" * 64), part)
    with pytest.raises(CohortError, match="the run needs 99"):
        run_part(job(tmp_path, knowledge, software_version="99"), part)
