"""`her2cds doctor`: is everything here that the program needs, and what is optional and missing?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from her2cds.cli.options import Rules
from her2cds.cli.output import Exit, stdout

if TYPE_CHECKING:
    from pathlib import Path

_OLDEST_PYTHON = (3, 11)
_PATIENTS = 50
# The optional extras: what they are for, and the module that has to be there.
_EXTRAS = {
    "pdf": ("reports as PDF", "weasyprint"),
    "author": ("writing and formatting rules", "ruamel.yaml"),
    "service": ("the service and its page", "fastapi"),
    "audit": ("the audit log", "sqlalchemy"),
    "cohort": ("cohorts", "pyarrow"),
    "dask": ("cohorts on a cluster", "distributed"),
    "sign": ("signed releases", "minisign"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. What is not needed may be missing."""

    what: str
    state: str
    sound: bool = True
    needed: bool = True

    def __str__(self) -> str:
        """The finding in one line."""
        mark = "ok" if self.sound else "FAULT" if self.needed else "not there"
        return f"{mark:9}  {self.what}: {self.state}"


def doctor(rules: Rules = None) -> None:
    """Look at the environment, the engine, the knowledge base and the optional extras."""
    faults = 0
    for finding in _findings(rules):
        stdout(str(finding))
        faults += finding.needed and not finding.sound
    stdout("everything needed is there" if not faults else f"{faults} faults")
    raise typer.Exit(int(Exit.failed_check if faults else Exit.ok))


def _findings(rules: Path | None) -> Iterator[Finding]:
    yield _software()
    yield _python()
    yield _guarded("rules engine (durable-rules)", _engine)
    yield from _knowledge(rules)
    yield _cache()
    for extra, (purpose, module) in _EXTRAS.items():
        yield _extra(extra, purpose, module)


def _guarded(what: str, look: Callable[[], str]) -> Finding:
    """What looking found, or the error that came of it: a doctor reports faults and does not die of them."""
    from her2cds.errors import Her2CdsError

    try:
        return Finding(what, look())
    except Her2CdsError as error:
        return Finding(what, str(error), sound=False)


def _software() -> Finding:
    from her2cds.version import __version__

    return Finding("software", f"her2cds {__version__}")


def _python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < _OLDEST_PYTHON:
        return Finding("Python", f"{found}; 3.11 or later is needed", sound=False)
    return Finding("Python", found)


def _engine() -> str:
    from her2cds.engine.durable import Ruleset

    ruleset = Ruleset("doctor", {"fires": ["sound"]})
    try:
        fired = ruleset.fire(["sound"])
    finally:
        ruleset.close()
    if fired != {"fires"}:
        from her2cds.errors import EngineError

        raise EngineError("a rule whose condition holds did not fire")
    return f"{_version('durable-rules')}, fires"


def _knowledge(rules: Path | None) -> Iterator[Finding]:
    from her2cds.engine.selfcheck import disagreements
    from her2cds.errors import Her2CdsError
    from her2cds.evaluation import load_knowledge

    try:
        base = load_knowledge(rules, use_cache=False)
    except Her2CdsError as error:
        yield Finding("knowledge base", str(error), sound=False)
        return
    data = base.knowledge.data
    yield Finding("knowledge base", f"{data.manifest.id} {data.manifest.version}, sound, SHA-256 {data.content_hash}")
    yield Finding("evidence cut-off", data.manifest.evidence_cut_off.strip())

    def compare() -> str:
        found = disagreements(base.rules, _PATIENTS, seed=1)
        if found:
            from her2cds.errors import EngineError

            raise EngineError(str(found[0]))
        return f"agrees with the independent evaluator on {_PATIENTS} random patients"

    yield _guarded("engine with these rules", compare)


def _cache() -> Finding:
    from her2cds.knowledge.cache import cache_folder, usable_folder

    folder = cache_folder()
    try:
        usable_folder(folder)
        probe = folder / ".doctor"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        state = f"{folder}: {error.strerror}; the knowledge base is read from its files at each start"
        return Finding("cache", state, sound=False, needed=False)
    return Finding("cache", str(folder))


def _extra(extra: str, purpose: str, module: str) -> Finding:
    from importlib.util import find_spec

    head, _, _ = module.partition(".")
    there = find_spec(head) is not None and find_spec(module) is not None
    state = "installed" if there else f"pip install 'her2cds[{extra}]'"
    return Finding(f"extra {extra} ({purpose})", state, sound=there, needed=False)


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and only needed here

    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown version"
