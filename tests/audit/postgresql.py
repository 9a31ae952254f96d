"""A PostgreSQL server of the tests' own: no port, a socket in its own folder, gone when the tests are."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

_DEBIAN = Path("/usr/lib/postgresql")


class NoPostgreSQLError(Exception):
    """This machine cannot run a PostgreSQL server; the message says why."""


class PostgreSQL:
    """A running server. It refuses to run as root: then it runs as user postgres or nobody."""

    def __init__(self) -> None:
        self._programs = _programs()
        self._account = _account()
        self._folder = Path(tempfile.mkdtemp(prefix="her2cds-pg-", dir="/tmp"))  # short: a socket's path has a limit
        if self._account:
            os.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
        self._run("initdb", "--pgdata", self._data, "--username", "tests", "--auth", "trust", "--encoding", "UTF8")
        self.start()

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def start(self) -> None:
        options = f"-c listen_addresses='' -k {self._folder} -c max_connections=200"
        log = str(self._folder / "log")
        self._run("pg_ctl", "start", "--wait", "--pgdata", self._data, "--log", log, "--options", options)

    def crash(self) -> None:
        """Stop at once, as if the power had gone: nothing is written out, and the next start has to recover."""
        self._run("pg_ctl", "stop", "--wait", "--pgdata", self._data, "--mode", "immediate")

    def new_database(self, name: str) -> str:
        """The URL of a new, empty database."""
        self._run("createdb", "--host", str(self._folder), "--username", "tests", name)
        return f"postgresql://tests@/{name}?host={quote(str(self._folder), safe='')}"

    def remove(self) -> None:
        self.crash()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the server keeps it open: a pipe would never end
            stderr=subprocess.DEVNULL,
            timeout=120,
            check=False,
            user=self._account.pw_uid if self._account else None,
            group=self._account.pw_gid if self._account else None,
            extra_groups=[] if self._account else None,
        )
        if done.returncode:
            log = self._folder / "log"
            raise NoPostgreSQLError(f"{program} failed: {log.read_text()[-500:] if log.exists() else done.returncode}")


def _programs() -> Path:
    """The folder of initdb and its like: Debian keeps it off the PATH, by version."""
    folders = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]), reverse=True)
    found = folders[0] if folders else shutil.which("initdb")
    if found is None:
        raise NoPostgreSQLError("PostgreSQL is not installed (apt-get install postgresql)")
    return Path(found).resolve().parent


def _account() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoPostgreSQLError("PostgreSQL does not run as root, and there is no user postgres or nobody")
