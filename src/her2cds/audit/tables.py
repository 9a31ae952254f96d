"""The tables of the audit log, as they stand after the last migration."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text

# Named for the program: the log may live in a database that others use too, with an Alembic table of their own.
PREFIX = "her2cds_audit"
VERSION_TABLE = f"{PREFIX}_version"

# SQLite takes an INTEGER key alone as its row number, which cannot hold anything else.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

ENTRIES = Table(
    f"{PREFIX}_entry",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("recorded_at", String(32), nullable=False, index=True),
    Column("who", String(255), nullable=False),
    Column("request", String(64), nullable=False),
    Column("knowledge_id", Text),
    Column("knowledge_version", Text),
    Column("knowledge_hash", Text),
    Column("software_version", Text, nullable=False),
    Column("input_hash", String(64), index=True),
    Column("input", Text),
    Column("output", Text),
    Column("refusal", Text),
    Column("previous_hash", String(64), nullable=False),
    Column("entry_hash", String(64), nullable=False),
    Column("day", String(10)),
)

# One row: the end of the chain. Writers take it first, so that it is also the lock that lets one write at a time.
HEAD = Table(
    f"{PREFIX}_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last_number", _NUMBER, nullable=False),
    Column("last_hash", String(64), nullable=False),
    Column("pruned_through", _NUMBER, nullable=False),
)
