"""Worker processes that die, or that have another version: only their part is concerned."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import signal
import time
from datetime import date as Date
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="needs the extra [cohort]")

from her2cds import KnowledgeBase, load_knowledge
from her2cds.cohort import workers
from her2cds.cohort.part import knowledge_of, run_part
from her2cds.cohort.source import Part, plan
from her2cds.cohort.workers import run_locally
from her2cds.errors import CohortError
from her2cds.registry.overlay import write_overlay
from her2cds.registry.record import RegistryOverlay, RegistryRecord
from tests.cohort.helpers import job, until, write_cohort
from tests.conftest import PROJECT

pytestmark = pytest.mark.slow


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
    registry = written_registry(tmp_path / "registry.json", "RECRUITING")
    with pytest.raises(CohortError, match=r"a worker has the trial registry .* the run needs 000000000000"):
        run_part(job(tmp_path, knowledge, registry=str(registry), registry_hash="0" * 64), part)


def written_registry(path: Path, status: str) -> Path:
    record = {"id": "NCT04539938", "status": status, "updated": "2026-05-20", "title": "A trial", "phase": "II"}
    write_overlay(path, RegistryOverlay(made_on=Date(2026, 6, 1), records=(RegistryRecord.model_validate(record),)))
    return path


def test_a_worker_that_stays_up_reads_a_renewed_registry_again(tmp_path: Path, knowledge: KnowledgeBase) -> None:
    path = tmp_path / "registry.json"
    for status in ("RECRUITING", "COMPLETED"):
        written_registry(path, status)
        needed = hashlib.sha256(path.read_bytes()).hexdigest()
        found = knowledge_of(job(tmp_path, knowledge, registry=str(path), registry_hash=needed))
        assert found.registry is not None
        assert [one.status for one in found.registry.records] == [status]


def test_a_worker_that_stays_up_reads_renewed_rules_again(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(PROJECT / "rules", rules)
    for remark in ("# the first", "# the second"):
        with (rules / "ranking.yaml").open("a") as stream:
            stream.write(f"\n{remark}\n")
        renewed = load_knowledge(rules, use_cache=False)
        found = knowledge_of(job(tmp_path, renewed, rules=str(rules)))
        assert found.knowledge.data.content_hash == renewed.knowledge.data.content_hash


def test_rules_that_are_renewed_under_a_worker_that_refused_are_read_again(
    tmp_path: Path, knowledge: KnowledgeBase
) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(PROJECT / "rules", rules)
    right = (rules / "ranking.yaml").read_text()
    (rules / "ranking.yaml").write_text(right + "\n# not yet copied\n")
    with pytest.raises(CohortError, match="a worker has the knowledge base"):
        knowledge_of(job(tmp_path, knowledge, rules=str(rules)))
    (rules / "ranking.yaml").write_text(right)
    knowledge_of(job(tmp_path, knowledge, rules=str(rules)))


def is_stopped(part: Part) -> int:
    if part.number == 2:
        os.kill(os.getpid(), signal.SIGSTOP)
    return part.number


def test_a_run_that_is_given_up_does_not_wait_for_a_worker_that_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_SECONDS_TO_END", 0.2)
    write_cohort(tmp_path / "a.ndjson", 2)
    finished = run_locally(is_stopped, plan(tmp_path / "a.ndjson", 1), 1)
    assert next(finished).result == 1
    (worker,) = [one for one in multiprocessing.active_children() if one.is_alive()]
    until(lambda: state_of(worker.pid) == "T")
    begun = time.monotonic()
    finished.close()  # what an interrupt comes to
    assert time.monotonic() - begun < 20
    assert not worker.is_alive()


def state_of(process: int | None) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
