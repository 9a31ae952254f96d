"""The command in a process of its own, which is forked from one that has imported it: a third of the time of a new one.

Arguments, environment, standard streams, working folder and exit code are a real process's. Only what an interpreter
reads as it starts (PYTHONHASHSEED, the locale) takes a new interpreter, and gets one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

_TIMEOUT = 120
_READ_AT_START = ("PYTHON", "LC_", "LANG")
_FORKED = get_context("forkserver")
_FORKED.set_forkserver_preload(
    [f"her2cds.{name}" for name in ("cli.app", "cli.audit", "cli.patient", "cli.reports", "audit.log", "evaluation")]
)


def her2cds(*arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Runs the command with these arguments, in the root folder, with these variables added to the environment."""
    everything = {**os.environ, **environment}
    if any(name.startswith(_READ_AT_START) for name in environment):
        return subprocess.run(
            [sys.executable, "-m", "her2cds", *arguments],
            input=stdin,
            capture_output=True,
            cwd="/",
            env=everything,
            timeout=_TIMEOUT,
            check=False,
        )
    with TemporaryDirectory() as folder:
        streams = tuple(Path(folder, name) for name in ("stdin", "stdout", "stderr"))
        streams[0].write_bytes(stdin)
        process = _FORKED.Process(target=_command, args=(arguments, everything, streams))
        process.start()
        process.join(_TIMEOUT)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(arguments, _TIMEOUT)
        out, err = (path.read_bytes() for path in streams[1:])
        return subprocess.CompletedProcess(arguments, process.exitcode, out, err)


def _command(arguments: tuple[str, ...], environment: dict[str, str], streams: tuple[Path, ...]) -> None:
    for number, (path, how) in enumerate(zip(streams, (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT] * 2), strict=True)):
        opened = os.open(path, how, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = os.fdopen(0, encoding="utf-8")  # a forked process has none
    os.environ.clear()
    os.environ.update(environment)
    os.chdir("/")
    sys.argv = ["her2cds", *arguments]
    from her2cds.cli.app import main

    main()
