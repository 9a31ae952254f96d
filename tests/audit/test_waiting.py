"""Nobody waits for ever: a writer that is stopped, a queue that cannot be used, a database that does not answer."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from her2cds.audit import database, queue
from her2cds.audit.database import Database
from her2cds.audit.log import AuditLog
from her2cds.errors import AuditError
from tests.audit.helpers import record
from tests.audit.postgresql import PostgreSQL


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log in SQLite with one entry, and so with its queue."""
    file = tmp_path / "audit.sqlite"
    with AuditLog.open(str(file)) as log:
        record(log)
    return file


def queue_of(path: Path) -> Path:
    return Path(f"{path}-queue")


@contextmanager
def somebody_writes(path: Path) -> Iterator[None]:
    """Another program holds SQLite's lock for writers."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.close()


def test_whoever_stands_stopped_at_the_head_of_the_queue_is_passed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_PATIENCE", 0.5)
    with queue_of(path).open() as stopped, AuditLog.open(str(path)) as log:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        began = time.monotonic()
        assert record(log).number == 2
        assert 0.5 <= time.monotonic() - began < 10
        began = time.monotonic()
        assert record(log).number == 3
        assert time.monotonic() - began < 0.5, "the queue was waited for again, though it does not move"


def test_a_process_that_was_forked_from_a_waiting_one_does_not_keep_its_place(path: Path) -> None:
    with AuditLog.open(str(path)) as log:
        with somebody_writes(path):
            waiting = threading.Thread(target=record, args=(log,))
            waiting.start()
            time.sleep(0.3)
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
        try:
            waiting.join(20)
            with queue_of(path).open() as next_one:
                fcntl.flock(next_one, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds it
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)
        assert log.verify().entries == 2


def test_a_queue_that_cannot_be_used_does_not_stop_a_write(path: Path) -> None:
    queue_of(path).unlink()
    queue_of(path).symlink_to("/nowhere/at/all")
    with AuditLog.open(str(path)) as log:
        assert record(log).number == 2


def test_a_queue_has_the_owner_and_the_mode_of_the_database(path: Path) -> None:
    queue_of(path).unlink()
    path.chmod(0o660)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    with AuditLog.open(str(path)) as log:
        record(log)
    like, made = path.stat(), queue_of(path).stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o777) == (like.st_uid, like.st_gid, 0o660)


def test_all_names_of_one_log_have_one_queue_wherever_the_process_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, link = path.parent / "elsewhere", path.parent / "link.sqlite"
    elsewhere.mkdir()
    link.symlink_to(path)
    monkeypatch.chdir(path.parent)
    with AuditLog.open(path.name) as log, AuditLog.open(str(link)) as same:
        monkeypatch.chdir(elsewhere)
        assert [record(log).number, record(same).number] == [2, 3]
    assert list(elsewhere.iterdir()) == []
    assert not queue_of(link).exists()


def test_several_that_wait_together_wait_no_longer_than_one(path: Path) -> None:
    with AuditLog.open(str(path), wait_seconds=1) as log:
        began = time.monotonic()
        with somebody_writes(path), ThreadPoolExecutor(4) as pool:
            failed = [pool.submit(record, log) for _ in range(4)]
            errors = [one.exception() for one in failed]
        assert time.monotonic() - began < 3
        assert [type(one) for one in errors] == [AuditError] * 4
        assert record(log).number == 2


def test_a_row_that_another_session_holds_is_not_waited_for_without_end(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database("held")
    with AuditLog.open(url, wait_seconds=2) as log:
        record(log)
        with Database(url).writing() as idle:
            idle.execute(text("UPDATE her2cds_audit_head SET id = id"))
            began = time.monotonic()
            with pytest.raises(AuditError, match="lock timeout"):
                record(log)
            assert time.monotonic() - began < 10
        assert record(log).number == 2


def test_reading_needs_no_turn_among_the_writers_and_no_right_to_write(path: Path) -> None:
    queue_of(path).unlink()
    with somebody_writes(path):
        began = time.monotonic()
        with AuditLog.open(str(path), create=False) as log:
            assert log.verify().intact
        assert time.monotonic() - began < 5
    assert not queue_of(path).exists()


def test_a_log_on_a_read_only_disk_can_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.name for one in path.parent.iterdir() if one.name != queue_of(path).name] == [path.name]
    monkeypatch.setattr(database.os, "access", lambda _, mode: mode != os.W_OK)  # root may write everywhere
    with AuditLog.open(str(path), create=False) as log:
        assert log.verify().entries == 1
        assert not Path(f"{path}-wal").exists()
        with pytest.raises(AuditError, match="readonly"):
            record(log)


def test_where_the_file_system_knows_no_links_the_file_is_made_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(database.os, "link", no_links)
    with AuditLog.open(str(tmp_path / "audit.sqlite")) as log:
        record(log)
    assert (tmp_path / "audit.sqlite").stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []
