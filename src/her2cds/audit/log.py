"""The audit log: record, read, verify and prune. One instance per process; threads may share it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import date as Date
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from her2cds.audit.chain import Head, Verification, verify_chain
from her2cds.audit.database import WAIT_SECONDS, Database
from her2cds.audit.entry import PRUNE, Entry, Pruning, hash_of
from her2cds.audit.tables import ENTRIES, HEAD
from her2cds.errors import AuditError
from her2cds.report.model import KnowledgeIdentity
from her2cds.version import __version__

MAX_WHO = 255
MAX_REFUSAL = 8_000
_REQUEST = re.compile(r"[a-z0-9][a-z0-9._/-]{0,63}")
_ROWS_AT_ONCE = 100
_MOMENT = 5  # seconds
_LARGEST = 2**63 - 1  # that the databases can count to


@dataclass(frozen=True, slots=True)
class Choice:
    """Which entries to read: of one requester, of one kind, from and before a time, the newest `last` of them."""

    who: str | None = None
    request: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    last: int | None = None


class AuditLog:
    """An append-only log in an SQLite file or a PostgreSQL database."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    def open(
        cls,
        url: str,
        *,
        create: bool = True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        wait_seconds: float = WAIT_SECONDS,
    ) -> AuditLog:
        """Open the log at a URL (`postgresql://…`, `sqlite:///FILE`) or in a file, and bring its tables up to date.

        Without `create` there has to be one. `clock` gives the time of an entry, with its zone; `wait_seconds` is
        how long an entry may wait for others that write.
        Raises AuditError.
        """
        database = Database(url, wait_seconds)
        try:
            database.migrate(create=create)
        except AuditError:
            database.engine.dispose()
            raise
        return cls(database, clock)

    def close(self) -> None:
        """Give the connections back. The log can be used again afterwards."""
        self._database.engine.dispose()

    def __enter__(self) -> AuditLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- Writing ------------------------------------------------------------------------------------

    def record(
        self,
        *,
        who: str,
        request: str,
        knowledge: KnowledgeIdentity,
        input: str | bytes | None = None,
        output: str | None = None,
        refusal: str | None = None,
        day: Date | None = None,
    ) -> Entry:
        """Add one entry; when this returns, it is on disk. Give either `output` (the answer) or `refusal`.

        `who` is the subject of a token or a local user; `request` the kind of request (`evaluate`,
        `cds-hooks/patient-view`); `day` the `today` that the answer was given with (default: the system's date).
        With a refusal the input is hashed and not kept, and the words of the refusal are to hold no more of the
        patient than a path and the offending value.
        Raises AuditError: then nothing was recorded, or it is not known whether it was, and no answer may go out.
        """
        content: dict[str, Any] = {
            "who": _who(who),
            "request": _request(request),
            "knowledge_id": knowledge.id,
            "knowledge_version": knowledge.version,
            "knowledge_hash": knowledge.content_hash,
            "input_hash": None if input is None else hash_of(input),
        }
        if output is not None and refusal is None:
            content |= {"input": None if input is None else _text("input", input), "output": _text("output", output)}
        elif refusal is not None and output is None:
            content |= {"refusal": _in_print(refusal)}
        else:
            raise AuditError("audit log: an entry has either an output or a refusal")
        with self._database.writing() as connection:
            return self._append(connection, _take_head(connection), content, day or Date.today())

    def prune(self, before: datetime, *, who: str) -> Entry | None:
        """Remove the oldest entries: all up to the first that was recorded at `before` or later.

        The entry that is added for it names the last hash that is gone, so that the rest can still be verified.
        Returns that entry, or None where nothing was old enough.
        Raises AuditError where the chain is broken: pruning must not remove the evidence of it.
        """
        verification = self.verify()
        if not verification.intact:
            what = f"not pruned, because its chain is broken ({verification.faults[0]})"
            raise AuditError(f"audit log {self._database.name}: {what}; see `her2cds audit verify`")
        cut_off = _time_text(before)
        with self._database.writing() as connection:
            head = _take_head(connection)  # first of all: no other writer, and no other pruning, from here on
            first_kept = connection.scalar(select(func.min(ENTRIES.c.number)).where(ENTRIES.c.recorded_at >= cut_off))
            through = head.number if first_kept is None else first_kept - 1
            if through <= head.pruned_through:
                return None
            last_hash = connection.scalar(select(ENTRIES.c.entry_hash).where(ENTRIES.c.number == through))
            pruning = Pruning(head.pruned_through + 1, through, str(last_hash), cut_off)
            entry = self._append(connection, head, {"who": _who(who), "request": PRUNE, "output": pruning.to_json()})
            connection.execute(update(HEAD).values(pruned_through=through))
            connection.execute(delete(ENTRIES).where(ENTRIES.c.number <= through))
        self.overwrite(_MOMENT)
        return entry

    def overwrite(self, seconds: float = WAIT_SECONDS) -> bool:
        """Have what was pruned overwritten in an SQLite file, and cut off its write-ahead log, which holds it still.

        Pruning does so by itself; but False where somebody who read or wrote was in the way for so long: then do so
        again. Of PostgreSQL it is the server's business: True. Raises AuditError.
        """
        return self._database.overwrite(seconds)

    def _append(self, connection: Connection, head: Head, content: dict[str, Any], day: Date | None = None) -> Entry:
        """The next entry of the chain; the caller has taken the head."""
        entry = Entry(
            number=head.number + 1,
            recorded_at=_time_text(self._clock()),
            software_version=__version__,
            previous_hash=head.hash,
            day=None if day is None else day.isoformat(),
            **content,
        ).sealed()
        connection.execute(insert(ENTRIES).values(entry.as_dict()))
        connection.execute(update(HEAD).values(last_number=entry.number, last_hash=entry.entry_hash))
        return entry

    # --- Reading ------------------------------------------------------------------------------------

    def verify(self, anchors: Iterable[Head] = ()) -> Verification:
        """Verify the whole chain, and that it still holds the entries that the anchors name. Raises AuditError."""
        with self._database.reading() as connection:
            head = _head(connection.execute(select(*_HEAD_COLUMNS)).all())
            return verify_chain(_rows(connection, select(ENTRIES).order_by(ENTRIES.c.number)), head, anchors)

    def entry(self, number: int) -> Entry:
        """One entry. Raises AuditError where there is none of that number."""
        with self._database.reading() as connection:
            query = select(ENTRIES).where(ENTRIES.c.number == min(max(number, 0), _LARGEST))
            found = next(_rows(connection, query), None)
        if found is None:
            remedy = "see `her2cds audit list`"
            raise AuditError(f"audit log {self._database.name}: there is no entry {number}, or it was pruned; {remedy}")
        return found

    def entries(self, choice: Choice = Choice()) -> Iterator[Entry]:
        """The chosen entries, oldest first, read as they are asked for. Raises AuditError."""
        with self._database.reading() as connection:
            yield from _rows(connection, _query(choice))


_HEAD_COLUMNS = (HEAD.c.last_number, HEAD.c.last_hash, HEAD.c.pruned_through)


def _take_head(connection: Connection) -> Head:
    """The head, locked until the transaction ends: who writes next waits here, and then sees what was written."""
    return _head(connection.execute(update(HEAD).values(id=HEAD.c.id).returning(*_HEAD_COLUMNS)).all())


def _head(rows: Sequence[Any]) -> Head:
    match [tuple(row) for row in rows]:
        case [(int(number), str(last_hash), int(pruned_through))]:
            return Head(number, last_hash, pruned_through)
    what = "the row that says where the chain ends is gone or unreadable"
    raise AuditError(f"audit log: {what}; restore the database from a copy")


def _query(choice: Choice) -> Select[Any]:
    """The chosen entries, oldest first."""
    query = select(ENTRIES)
    if choice.who is not None:
        query = query.where(ENTRIES.c.who == choice.who)
    if choice.request is not None:
        query = query.where(ENTRIES.c.request == choice.request)
    if choice.since is not None:
        query = query.where(ENTRIES.c.recorded_at >= _time_text(choice.since))
    if choice.before is not None:
        query = query.where(ENTRIES.c.recorded_at < _time_text(choice.before))
    if choice.last is not None:
        newest = query.order_by(ENTRIES.c.number.desc()).limit(min(choice.last, _LARGEST)).subquery()
        return select(newest).order_by(newest.c.number)
    return query.order_by(ENTRIES.c.number)


def _rows(connection: Connection, query: Select[Any]) -> Iterator[Entry]:
    """The entries of a query, a few at a time: a log may be larger than memory."""
    for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query):
        yield Entry(**row._mapping)


def _time_text(time: datetime) -> str:
    """A time in UTC, always of the same length, so that text sorts as time does."""
    if time.tzinfo is None:
        raise AuditError("audit log: a time needs its zone")
    try:
        return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    except OverflowError:
        raise AuditError(f"audit log: {time}: in UTC this is outside the years 1 to 9999") from None


def _who(who: str) -> str:
    if not 0 < len(who) <= MAX_WHO or not who.isprintable():
        raise AuditError(f"audit log: who: expected 1 to {MAX_WHO} printable characters")
    return who


def _request(request: str) -> str:
    if not _REQUEST.fullmatch(request) or request == PRUNE:
        raise AuditError(f"audit log: request: found {request[:80]!r}; expected a name such as evaluate")
    return request


def _text(name: str, content: str | bytes) -> str:
    """Text that every database can hold: UTF-8, no NUL. JSON text is always so."""
    try:
        text = content.decode() if isinstance(content, bytes) else content
        text.encode()
    except UnicodeError:
        raise AuditError(f"audit log: {name}: found what is not UTF-8; expected JSON text") from None
    if "\0" in text:
        raise AuditError(f"audit log: {name}: found a NUL character; expected JSON text")
    return text


def _in_print(refusal: str) -> str:
    """A refusal may quote what a stranger sent: what cannot be printed is escaped, and the length has a limit."""
    text = "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in refusal)
    return text if len(text) <= MAX_REFUSAL else text[: MAX_REFUSAL - 1] + "…"
