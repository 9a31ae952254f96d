"""The database under the audit log: SQLite or PostgreSQL, durable on commit, its tables brought up to date."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from threading import Lock
from typing import Any
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, event, inspect, make_url
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from her2cds.audit.queue import Queue
from her2cds.audit.tables import VERSION_TABLE
from her2cds.errors import AuditError

_MIGRATIONS = Path(__file__).parent / "migrations"
WAIT_SECONDS = 30  # for a writer's turn; a caller waits for an answer meanwhile
_MIGRATION_LOCK = 0x4845523243  # any number that no other program is likely to lock on
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP)


class Database:
    """An engine, with transactions whose failures are AuditErrors that never show a password.

    A writer waits for its turn for `wait_seconds` at most, whatever it waits for.
    """

    def __init__(self, url: str, wait_seconds: float = WAIT_SECONDS) -> None:
        given = _read_url(url)
        # Options can hold a password as well as the place for one.
        self.name = given.set(query={}).render_as_string(hide_password=True)
        self._seconds = wait_seconds
        self._sqlite = given.get_backend_name() == "sqlite"
        # A file keeps its place, wherever the process goes and by whatever link the file was named.
        with self._told():
            self._file = Path(os.path.realpath(given.database or "") if self._sqlite else "")
        self._queue = Queue(self._file)
        # SQLite's writers poll for their turn, and some wait for seconds; threads of one process can queue instead.
        self._turn = Lock()
        self.engine = self._sqlite_engine() if self._sqlite else self._postgresql_engine(given)

    def migrate(self, *, create: bool) -> None:
        """Bring the tables up to date, and make them where there are none and `create` says so.

        Several processes may do so at once. Tables that are up to date are only read. Raises AuditError.
        """
        if self._sqlite:
            self._prepare_file(create)
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self.reading() as connection:
            version = _version(connection)
        if version is None and not create:
            raise AuditError(f"audit log {self.name}: there is no audit log in this database; check the URL")
        if version == ScriptDirectory.from_config(config).get_current_head():
            return
        with self.writing() as connection:
            if not self._sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                what = f"its tables are not those of this version of her2cds ({error})"
                raise AuditError(
                    f"audit log {self.name}: {what}; use the version that wrote them, or a later one"
                ) from None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is on disk when the block has ended without an error. Raises AuditError."""
        deadline = time.monotonic() + self._seconds
        with (
            self._told(),
            self._turn_before(deadline),
            self.engine.connect() as connection,
            connection.execution_options(deadline=deadline).begin(),
        ):
            if not self._sqlite:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_milliseconds_to(deadline)}")
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the log, whatever is written meanwhile. Raises AuditError."""
        with self._told(), self.engine.connect() as connection:
            if not self._sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    def overwrite(self, seconds: float) -> bool:
        """Overwrite in an SQLite file, and cut off its write-ahead log, what holds content that was removed.

        False where somebody who reads or writes stood in the way for so long. Of another database: nothing, and True.
        Raises AuditError.
        """
        if not self._sqlite:
            return True
        deadline = time.monotonic() + seconds
        with (
            self._told(),
            self._turn_before(deadline),
            self._queue.at_its_head(deadline),
            self.engine.connect() as connection,
        ):
            alone = connection.execution_options(deadline=deadline, no_transaction=True)
            return alone.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar() == 0

    @contextmanager
    def _turn_before(self, deadline: float) -> Iterator[None]:
        """The one turn that threads have with an SQLite file. Raises AuditError where it does not come in time."""
        if not self._sqlite:
            yield
            return
        if not self._turn.acquire(timeout=max(deadline - time.monotonic(), 0)):
            raise AuditError(f"audit log {self.name}: no turn to write within {self._seconds:g} seconds; try again")
        try:
            yield
        finally:
            self._turn.release()

    def _sqlite_engine(self) -> Engine:
        url = URL.create("sqlite", database=str(self._file))
        if self._file.exists() and not os.access(self._file.parent, os.W_OK) and not _wal_of(self._file).exists():
            # On a read-only disk SQLite cannot put a write-ahead log beside the file, and need not: nobody writes.
            url = url.set(database=f"file:{quote(str(self._file))}", query={"uri": "true", "immutable": "1"})
        engine = create_engine(url, connect_args={"timeout": self._seconds})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", self._begin_sqlite)
        return engine

    def _postgresql_engine(self, url: URL) -> Engine:
        seconds = max(int(self._seconds), 2)  # the driver takes no less
        options = {} if "connect_timeout" in url.query else {"connect_timeout": seconds}
        engine = create_engine(url, pool_pre_ping=True, pool_timeout=self._seconds, connect_args=options)
        event.listen(engine, "connect", _set_up_postgresql)
        return engine

    def _begin_sqlite(self, connection: Connection) -> None:
        """A writer takes the lock at once: one that read first and then wrote could be refused in the middle."""
        options = connection.get_execution_options()
        deadline = options.get("deadline")
        if deadline is None:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(self._seconds * 1000)}")
            connection.exec_driver_sql("BEGIN")
        elif options.get("no_transaction"):
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {_milliseconds_to(deadline)}")
        else:
            with self._queue.at_its_head(deadline):
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {_milliseconds_to(deadline)}")
                connection.exec_driver_sql("BEGIN IMMEDIATE")

    def _prepare_file(self, create: bool) -> None:
        """Make the file, for its owner's eyes only, before SQLite makes it for everyone's."""
        with self._told():
            if create and not self._file.exists():
                _make_private(self._file)
            self._file.stat()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the database in our words. The driver's message alone: the statement would hold patient data."""
        try:
            yield
        except SQLAlchemyError as error:
            original = getattr(error, "orig", None)
            what = f"{type(original or error).__name__}: {_first_line(original or error)}"
            raise AuditError(f"audit log {self.name}: {what}") from None
        except OSError as error:
            raise AuditError(f"audit log {self.name}: {error.strerror or error}") from None


def _make_private(path: Path) -> None:
    """An empty file that is closed before it has its name.

    A log that is open is never opened by hand: closing it would drop the locks that SQLite holds in this process
    (https://www.sqlite.org/howtocorrupt.html, 2.2), and another process could take the log's newest part away.
    """
    handle, unnamed = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        os.link(unnamed, path)
    except FileExistsError:
        return  # another process or thread was faster
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _make_in_place(path)
    finally:
        Path(unnamed).unlink()


def _make_in_place(path: Path) -> None:
    """An empty file where the file system knows no links: nobody can have opened a file that is not there yet."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return


def _read_url(text: str) -> URL:
    """A URL of SQLite or PostgreSQL, or the name of an SQLite file."""
    expected = "a file name, sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
    try:
        url = make_url(text) if "://" in text else URL.create("sqlite", database=text)
    except (ArgumentError, ValueError):
        raise AuditError(f"audit log: the URL cannot be read; expected {expected}") from None
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise AuditError(f"audit log: found a URL of {backend!r}; expected {expected}")
    if not url.database or url.database == ":memory:" or url.query:
        raise AuditError(f"audit log: found an SQLite URL without a file, or with options; expected {expected}")
    return url.set(drivername="sqlite")


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so, not where the driver thinks fit
    # A row that was altered into what is not UTF-8 has to be read too, to be found.
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    connection.execute("PRAGMA journal_mode = WAL")  # readers and the writer work side by side
    connection.execute("PRAGMA synchronous = FULL")  # a commit is on disk before it is acknowledged
    connection.execute("PRAGMA secure_delete = ON")  # what was pruned is overwritten, not only let go


def _set_up_postgresql(connection: Any, _record: object) -> None:
    """A server may be set to acknowledge before a commit is on disk: not for this log."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        if cursor.fetchone()[0] == "off":
            cursor.execute("SET synchronous_commit TO on")
    connection.commit()


def _version(connection: Connection) -> str | None:
    """The migration that the tables are at; None where there are none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def _wal_of(file: Path) -> Path:
    return Path(f"{file}-wal")


def _milliseconds_to(deadline: float) -> int:
    """What is left, at least one: to a database none means without limit."""
    return max(int((deadline - time.monotonic()) * 1000), 1)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]
