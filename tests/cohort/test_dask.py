"""The same run on a Dask cluster: a real scheduler and worker processes, one of them killed, slow or poisoned."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="needs the extra [cohort]")
pytest.importorskip("distributed", reason="needs the extra [dask]")

from her2cds.cohort.dask_workers import run_on_dask
from her2cds.cohort.source import Part, plan
from her2cds.errors import CohortError
from tests.cohort.helpers import TODAY, command, quarantined, results, run, until, write_cohort, write_lines
from tests.conftest import PROJECT

pytestmark = pytest.mark.slow

COUNT = 240
OPTIONS = ("--part-size", 16)


@dataclass
class Cluster:
    """A scheduler and its workers on this machine, each a process of its own."""

    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return str(json.loads((self.folder / "scheduler.json").read_text())["address"])

    def start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(PROJECT), "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"}
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard", *arguments],
            env=environment,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def add_worker(self, *, nanny: bool = False, threads: int = 1) -> subprocess.Popen[bytes]:
        file = str(self.folder / "scheduler.json")
        options = ["--scheduler-file", file, "--nthreads", str(threads), "--nanny" if nanny else "--no-nanny"]
        return self.start("worker", *options, "--local-directory", str(self.folder))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler without workers."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder)
    cluster.start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(folder / "scheduler.json"))
    until((folder / "scheduler.json").exists)
    until(lambda: "address" in (folder / "scheduler.json").read_text())
    yield cluster
    for process in cluster.processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a worker with its nanny is a session of its own
        process.wait(30)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort with an invalid line among its lines."""
    path = tmp_path_factory.mktemp("cohort") / "patients.ndjson"
    profiles = write_cohort(path, COUNT)
    profiles[50] = {"nonsense": True}
    write_lines(path, profiles)
    return path


@pytest.fixture(scope="module")
def local(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of the local run."""
    output = tmp_path_factory.mktemp("local") / "out"
    assert run(cohort, output, *OPTIONS).returncode == 3
    return results(output)


def test_the_results_are_those_of_the_local_run_byte_for_byte(
    cluster: Cluster, cohort: Path, local: dict[str, bytes], tmp_path: Path
) -> None:
    for _ in range(3):
        cluster.add_worker()
    done = run(cohort, tmp_path / "out", *OPTIONS, "--scheduler", cluster.address)
    assert done.returncode == 3, done.stderr
    assert "240 lines: 239 answered, 1 invalid" in done.stdout
    assert results(tmp_path / "out") == local
    assert [one["line"] for one in quarantined(tmp_path / "out")] == [51]  # the poisoned row stops nobody else


def test_a_worker_killed_in_the_middle_costs_nothing(
    cluster: Cluster, cohort: Path, local: dict[str, bytes], tmp_path: Path
) -> None:
    workers = [cluster.add_worker() for _ in range(2)]
    output = tmp_path / "out"
    process = subprocess.Popen(
        command("cohort", cohort, "-o", output, "--today", TODAY, *OPTIONS, "--scheduler", cluster.address),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until(lambda: len(list(output.glob("parts/*.json"))) >= 2)
    workers[0].send_signal(signal.SIGKILL)
    assert process.wait(120) == 3, process.stderr and process.stderr.read()
    assert len(list(output.glob("parts/*.json"))) == 15
    assert results(output) == local


def test_a_scheduler_that_goes_away_leaves_a_run_that_goes_on_elsewhere(
    cluster: Cluster, cohort: Path, local: dict[str, bytes], tmp_path: Path
) -> None:
    cluster.add_worker()
    output = tmp_path / "out"
    process = subprocess.Popen(
        command("cohort", cohort, "-o", output, "--today", TODAY, *OPTIONS, "--scheduler", cluster.address),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: len(list(output.glob("parts/*.json"))) >= 2)
    cluster.processes[0].send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "went away" in errors
    assert "the same command goes on from there" in errors
    assert run(cohort, output, *OPTIONS).returncode == 3
    assert results(output) == local


def test_no_scheduler_is_a_clear_error(cohort: Path, tmp_path: Path) -> None:
    done = run(cohort, tmp_path / "out", "--scheduler", "tcp://127.0.0.1:9")
    assert done.returncode == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
    done = run(cohort, tmp_path / "out", "--scheduler", "cluster:8786")
    assert done.returncode == 1
    assert "expected tcp://HOST:PORT" in done.stderr


# --- Slow and poisoned ---------------------------------------------------------------------------------------------


def by_whom(slow_marker: str, _: Part) -> int:
    """The process that did it; the first process to come is slow."""
    try:
        with Path(slow_marker).open("x") as stream:
            stream.write(str(os.getpid()))
    except FileExistsError:
        pass
    time.sleep(1.0 if Path(slow_marker).read_text() == str(os.getpid()) else 0.02)
    return os.getpid()


def test_a_slow_worker_does_not_hold_the_others_up(cluster: Cluster, tmp_path: Path) -> None:
    for _ in range(2):
        cluster.add_worker()
    write_cohort(tmp_path / "a.ndjson", 40)
    parts = plan(tmp_path / "a.ndjson", 1)
    started = time.monotonic()
    finished = list(run_on_dask(partial(by_whom, str(tmp_path / "slow")), parts, cluster.address))
    done_by = [one.result for one in finished]
    slow = int((tmp_path / "slow").read_text())
    assert len(done_by) == 40
    assert done_by.count(slow) < 12  # an even division would give it 20, and take 20 s
    assert time.monotonic() - started < 18


def dies_on_the_third(part: Part) -> int:
    if part.number == 3:
        os._exit(1)
    return part.number


def test_a_part_that_kills_its_workers_is_given_up_and_the_others_are_done(cluster: Cluster, tmp_path: Path) -> None:
    for _ in range(2):
        cluster.add_worker(nanny=True)
    write_cohort(tmp_path / "a.ndjson", 6)
    finished = list(run_on_dask(dies_on_the_third, plan(tmp_path / "a.ndjson", 1), cluster.address))
    assert sorted(one.result for one in finished if one.result) == [1, 2, 4, 5, 6]
    (lost,) = [one for one in finished if one.error]
    assert lost.part.number == 3
    assert "KilledWorker" in str(lost.error)


def dies_beside_the_second(part: Part) -> int:
    if part.number == 1:
        os._exit(1)
    time.sleep(2)
    return part.number


def test_a_part_that_only_stood_beside_the_one_that_kills_is_done(cluster: Cluster, tmp_path: Path) -> None:
    cluster.add_worker(nanny=True, threads=2)
    write_cohort(tmp_path / "a.ndjson", 2)
    finished = list(run_on_dask(dies_beside_the_second, plan(tmp_path / "a.ndjson", 1), cluster.address))
    assert {one.part.number: one.result for one in finished} == {1: None, 2: 2}
    assert ["KilledWorker" in str(one.error) for one in finished if one.error] == [True]


def refuses(part: Part) -> int:
    raise CohortError(f"{part.name} is refused")


def test_an_error_of_a_part_comes_back_as_it_is(cluster: Cluster, tmp_path: Path) -> None:
    cluster.add_worker()
    write_cohort(tmp_path / "a.ndjson", 1)
    (finished,) = run_on_dask(refuses, plan(tmp_path / "a.ndjson", 1), cluster.address)
    assert str(finished.error) == "part-000001 is refused"


def answers(name: str, part: Part) -> str:
    return f"{name} {part.number}"


def test_two_runs_on_one_scheduler_get_each_their_own_results(cluster: Cluster, tmp_path: Path) -> None:
    cluster.add_worker()
    write_cohort(tmp_path / "a.ndjson", 4)
    parts = plan(tmp_path / "a.ndjson", 1)
    one, other = (run_on_dask(partial(answers, name), parts, cluster.address) for name in ("one", "other"))
    found = [next(one).result, next(other).result]  # both are under way, with parts of the same names
    found += [finished.result for run in (one, other) for finished in run]
    assert sorted(map(str, found)) == [f"{name} {number}" for name in ("one", "other") for number in (1, 2, 3, 4)]
