"""The database under the audit log: SQLite or PostgreSQL, durable on commit, its tables brought up to date."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from tempfile import mkstemp
from threading import Lock
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, event, inspect, make_url
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from her2cds.audit.tables import VERSION_TABLE
from her2cds.errors import AuditError

_MIGRATIONS = Path(__file__).parent / "migrations"
_WAIT_SECONDS = 60  # for the writer before: SQLite lets one write at a time
_MIGRATION_LOCK = 0x4845523243  # any number that no other program is likely to lock on


class Database:
    """An engine, with transactions whose failures are AuditErrors that never show a password."""

    def __init__(self, url: str) -> None:
        self._url = _read_url(url)
        # Options can hold a password as well as the place for one.
        self.name = self._url.set(query={}).render_as_string(hide_password=True)
        self.engine = self._engine()
        # SQLite's writers poll for their turn, and some wait for seconds; threads of one process can queue instead.
        self._turn: AbstractContextManager[object] = Lock() if self._sqlite else nullcontext()

    def migrate(self, *, create: bool) -> None:
        """Bring the tables up to date, and make them where there are none and `create` says so.

        Several processes may do so at once. Raises AuditError.
        """
        if self._sqlite:
            self._prepare_file(create)
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self.writing() as connection:
            if not self._sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            if not create and not inspect(connection).has_table(VERSION_TABLE):
                raise AuditError(f"audit log {self.name}: there is no audit log in this database; check the URL")
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
        with (
            self._told(),
            self._turn,
            self.engine.connect() as connection,
            connection.execution_options(writes=True).begin(),
        ):
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the log, whatever is written meanwhile. Raises AuditError."""
        with self._told(), self.engine.connect() as connection:
            if not self._sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    @property
    def _sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    def _engine(self) -> Engine:
        if self._sqlite:
            engine = create_engine(self._url, connect_args={"timeout": _WAIT_SECONDS})
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        engine = create_engine(self._url, pool_pre_ping=True)
        event.listen(engine, "connect", _set_up_postgresql)
        return engine

    def _prepare_file(self, create: bool) -> None:
        """Make the file, for its owner's eyes only, before SQLite makes it for everyone's."""
        path = Path(self._url.database or "")
        with self._told():
            if create and not path.exists():
                _make_private(path)
            path.stat()

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
    finally:
        Path(unnamed).unlink()


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


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the lock at once: one that read first and then wrote could be refused in the middle."""
    if not connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql("BEGIN")
        return
    # SQLite lets in whoever asks first, and a waiting process asks ten times a second: between others that write
    # without a pause it could wait for minutes. So only one process at a time asks, and the others queue behind it.
    queue = os.open(f"{connection.engine.url.database}-queue", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(queue, fcntl.LOCK_EX)
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        os.close(queue)


def _set_up_postgresql(connection: Any, _record: object) -> None:
    """A server may be set to acknowledge before a commit is on disk: not for this log."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        if cursor.fetchone()[0] == "off":
            cursor.execute("SET synchronous_commit TO on")
    connection.commit()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]
