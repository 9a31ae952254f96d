"""Every test of the audit log runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.audit.postgresql import NoPostgreSQLError, PostgreSQL

pytest.importorskip("sqlalchemy", reason="the audit log needs the extra [audit]")
pytest.importorskip("alembic", reason="the audit log needs the extra [audit]")

_numbers = count(1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    pytest.importorskip("psycopg", reason="PostgreSQL needs psycopg, of the extra [audit]")
    try:
        server = PostgreSQL()
    except NoPostgreSQLError as error:
        pytest.skip(str(error))
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without anything in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/audit.sqlite"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.new_database(f"audit_{next(_numbers)}")
