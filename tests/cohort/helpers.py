"""What the cohort tests share: small cohorts, the command, and results to compare."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from her2cds import KnowledgeBase
from her2cds.cohort.invented_patient import invented_patients
from her2cds.version import __version__
from tests.conftest import PROJECT

TODAY = "2026-01-01"


def write_cohort(path: Path, count: int, seed: int = 1) -> list[dict[str, Any]]:
    """A cohort half of which is HER2-positive, one profile per line."""
    profiles = list(invented_patients(count, seed, her2_positive=0.5))
    write_lines(path, profiles)
    return profiles


def write_lines(path: Path, profiles: Iterable[Any]) -> None:
    path.write_text("".join(json.dumps(one) + "\n" for one in profiles))


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "her2cds", *map(str, arguments)]


def her2cds(*arguments: object, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=300, check=False, cwd="/", **more
    )


def run(source: Path, output: Path, *options: object, **more: Any) -> subprocess.CompletedProcess[str]:
    return her2cds("cohort", "run", source, "-o", output, "--today", TODAY, *options, **more)


def results(folder: Path) -> dict[str, bytes]:
    """Every result file by its relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def table(folder: Path, name: str) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(folder / name).to_pylist()
    return rows


def quarantined(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob("quarantine/*")) for line in path.read_text().splitlines()]


def until(what: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def children(process: int) -> list[int]:
    """The child processes of a process, from /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[1]) == process:
            found.append(int(path.parent.name))
    return found


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def job(output: Path, knowledge: KnowledgeBase, **other: Any) -> Any:
    """What a worker is told of a run into `output`."""
    from her2cds.cohort.part import Job

    values: dict[str, Any] = {
        "output": str(output),
        "rules": str(PROJECT / "rules"),
        "registry": None,
        "overlay": None,
        "knowledge_hash": knowledge.knowledge.data.content_hash,
        "registry_hash": None,
        "software_version": __version__,
        "today": TODAY,
        "reports": False,
    }
    return Job(**(values | other))
