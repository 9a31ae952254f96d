"""Several writers at once, processes killed in the middle of writes, a database server that goes down."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from typing import IO

import pytest

from her2cds.audit.database import Database
from her2cds.audit.log import AuditLog
from her2cds.errors import AuditError
from tests.audit.helpers import record
from tests.audit.postgresql import PostgreSQL
from tests.conftest import PROJECT

pytestmark = pytest.mark.slow

LARGE = 300_000  # characters: more than a page, a WAL frame or a pipe holds at once
FOREVER = 1_000_000
Acknowledged = dict[int, str]


class Writer:
    """A process that records entries; what it acknowledged goes to a file, which outlives it."""

    def __init__(self, url: str, who: str, folder: Path, size: int, entries: int) -> None:
        self.who = who
        self._file = folder / f"{who}.acknowledged"
        with self._file.open("wb") as stream:
            command = [sys.executable, "-m", "tests.audit.writer", url, who, str(size), str(entries)]
            self._process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=stream)

    @property
    def acknowledged(self) -> Acknowledged:
        """Number and hash of what the process was told is recorded; a line cut off by its death does not count."""
        text = self._file.read_text()
        lines = text[: text.rfind("\n") + 1].splitlines()[1:]
        return {int(number): entry_hash for number, entry_hash in (line.split() for line in lines)}

    def go(self) -> None:
        wait_until(lambda: self._file.read_text().startswith("ready\n"))
        stdin: IO[bytes] | None = self._process.stdin
        assert stdin is not None
        stdin.write(b"\n")
        stdin.close()

    def kill(self) -> int:
        self._process.send_signal(signal.SIGKILL)
        return self._process.wait(30)

    def finish(self) -> int:
        return self._process.wait(120)


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def start(url: str, writers: int, folder: Path, size: int, entries: int) -> list[Writer]:
    folder.mkdir(exist_ok=True)
    started = [Writer(url, f"writer-{number}", folder, size, entries) for number in range(writers)]
    for one in started:
        one.go()
    return started


def assert_all_there(url: str, writers: list[Writer]) -> int:
    """Every acknowledged entry is in the log as it was acknowledged, and the chain is whole; the number of entries."""
    log = AuditLog.open(url)
    verification = log.verify()
    assert verification.faults == ()
    stored = {entry.number: entry for entry in log.entries()}
    for writer in writers:
        for number, entry_hash in writer.acknowledged.items():
            assert stored[number].entry_hash == entry_hash
            assert stored[number].who == writer.who
    return verification.entries


def test_processes_that_write_at_once_make_one_chain(url: str, tmp_path: Path) -> None:
    writers = start(url, 6, tmp_path / "out", 1000, 40)
    assert [one.finish() for one in writers] == [0] * 6
    assert assert_all_there(url, writers) == 240
    order = [entry.who for entry in AuditLog.open(url).entries()]
    assert order != sorted(order), "the writers came one after the other: nothing was tested"


def test_threads_that_write_at_once_make_one_chain(url: str) -> None:
    log = AuditLog.open(url)
    with ThreadPoolExecutor(12) as pool:
        entries = list(pool.map(lambda number: record(log, f"thread-{number}"), range(300)))
    assert sorted(entry.number for entry in entries) == list(range(1, 301))
    assert log.verify().intact
    assert {entry.number: entry for entry in log.entries()} == {entry.number: entry for entry in entries}


def test_the_log_can_be_verified_read_and_pruned_while_it_is_written(url: str, tmp_path: Path) -> None:
    from datetime import UTC, datetime, timedelta

    log = AuditLog.open(url)
    writers = start(url, 2, tmp_path / "out", 1000, FOREVER)
    try:
        wait_until(lambda: len(writers[0].acknowledged) > 5)
        rounds = pruned = 0
        end = time.monotonic() + 60
        while rounds < 15 or pruned < 2:  # on a fast machine 15 rounds are over before anything is old enough
            assert time.monotonic() < end
            assert log.verify().intact
            pruned += log.prune(datetime.now(UTC) - timedelta(seconds=0.2), who="keeper") is not None
            numbers = [entry.number for entry in log.entries()]
            assert numbers == list(range(numbers[0], numbers[-1] + 1))
            rounds += 1
    finally:
        for one in writers:
            one.kill()
    assert log.verify().intact


def have_acknowledged(more_than: int, writers: list[Writer]) -> bool:
    return sum(len(one.acknowledged) for one in writers) > more_than


@pytest.mark.parametrize("round_", range(2))
def test_killing_writers_in_the_middle_loses_nothing_acknowledged_and_breaks_no_chain(
    url: str, tmp_path: Path, round_: int
) -> None:
    random.seed(round_)
    everyone: list[Writer] = []
    for attempt in range(3):
        writers = start(url, 3, tmp_path / f"out-{attempt}", LARGE, FOREVER)
        everyone += writers
        wait_until(partial(have_acknowledged, 5, writers))
        time.sleep(random.uniform(0, 0.2))
        assert [one.kill() for one in writers] == [-signal.SIGKILL] * 3
        assert assert_all_there(url, everyone) >= sum(len(one.acknowledged) for one in everyone)
    log = AuditLog.open(url)
    assert record(log).number == log.verify().head.number
    assert log.verify().intact


def test_one_killed_writer_does_not_hold_up_the_others(url: str, tmp_path: Path) -> None:
    victim, *others = start(url, 3, tmp_path / "out", LARGE, FOREVER)
    try:
        wait_until(lambda: len(victim.acknowledged) > 2)
        victim.kill()
        before = [len(one.acknowledged) for one in others]
        wait_until(lambda: all(len(one.acknowledged) > count + 2 for one, count in zip(others, before, strict=True)))
    finally:
        for one in others:
            one.kill()
    assert_all_there(url, [victim, *others])


def test_on_a_slow_disk_a_writer_gets_its_turn_between_others_that_never_pause(tmp_path: Path) -> None:
    url = str(tmp_path / "audit.sqlite")
    AuditLog.open(url).close()
    turns: Counter[str] = Counter()
    over = Event()

    def hold_the_lock(who: str) -> None:
        database = Database(url)
        while not over.is_set():
            with database.writing():
                time.sleep(0.05)  # as a commit on a slow disk
            turns[who] += 1

    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(hold_the_lock, who) for who in ("one", "other")]
        try:
            wait_until(lambda: turns.total() > 2)
            with AuditLog.open(url) as log:
                for _ in range(5):
                    record(log)
        finally:
            over.set()
    assert [one.result() for one in busy] == [None, None]
    assert turns.total() < 30, "an entry had to wait for more than about two turns of each of the others"


ANOTHER_PROCESS = """
import sys
from her2cds.audit.log import AuditLog
with AuditLog.open(sys.argv[1]) as log:
    print([entry.number for entry in log.entries()])
"""


def test_a_log_opened_twice_by_one_process_loses_nothing_to_another(tmp_path: Path) -> None:
    """SQLite's locks go when a process closes the file by hand; another one then takes the write-ahead log away."""
    url = str(tmp_path / "audit.sqlite")

    def seen_elsewhere() -> list[int]:
        done = subprocess.run([sys.executable, "-c", ANOTHER_PROCESS, url], capture_output=True, check=True, timeout=60)
        numbers: list[int] = json.loads(done.stdout)
        return numbers

    with AuditLog.open(url) as log:
        record(log)
        with AuditLog.open(url):
            assert seen_elsewhere() == [1]
            record(log)
            assert seen_elsewhere() == [1, 2]
    assert seen_elsewhere() == [1, 2]


def test_a_crash_of_the_postgresql_server_loses_nothing_acknowledged(postgresql: PostgreSQL, tmp_path: Path) -> None:
    url = postgresql.new_database("crash")
    with AuditLog.open(url) as log:
        writers = start(url, 3, tmp_path / "out", LARGE, FOREVER)
        wait_until(lambda: all(len(one.acknowledged) > 3 for one in writers))
        postgresql.crash()
        try:
            with pytest.raises(AuditError):
                record(log)
            assert all(one.finish() == 1 for one in writers)  # each was told that its entry was not recorded
        finally:
            postgresql.start()
        assert_all_there(url, writers)
        record(log)  # the same log goes on over new connections
        assert log.verify().intact


def test_a_server_that_acknowledges_before_the_disk_is_told_not_to(postgresql: PostgreSQL) -> None:
    from sqlalchemy import text

    url = postgresql.new_database("hasty")
    with Database(url).writing() as connection:
        connection.execute(text("ALTER DATABASE hasty SET synchronous_commit TO off"))
    with Database(url).reading() as connection:
        assert connection.scalar(text("SHOW synchronous_commit")) == "on"


def test_sqlite_writes_to_the_disk_before_it_acknowledges(tmp_path: Path) -> None:
    from sqlalchemy import text

    AuditLog.open(str(tmp_path / "audit.sqlite"))
    with Database(str(tmp_path / "audit.sqlite")).reading() as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == 2
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"


def test_processes_that_open_a_new_log_at_once_make_its_tables_once(url: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    writers = [Writer(url, f"writer-{number}", tmp_path / "out", 10, 3) for number in range(8)]
    for one in writers:
        one.go()
    assert [one.finish() for one in writers] == [0] * 8
    assert assert_all_there(url, writers) == 24
