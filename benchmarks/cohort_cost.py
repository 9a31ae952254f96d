"""What a cohort costs per patient: CPU time, bytes in and out, and the peak memory of a process as the cohort grows.

Run with `python benchmarks/cohort_cost.py [PATIENTS]`; the second cohort is four times as large. CPU time is that of
all processes together, so that other work on the machine does not show. Numbers to read, never a test.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

HER2CDS = [sys.executable, "-m", "her2cds"]
PATIENTS = 10_000


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall and CPU seconds of a command with all its processes, and the largest one's peak memory in MiB."""

    wall: float
    cpu: float
    memory: float


def cost(*arguments: str) -> Cost:
    """Run a command of her2cds under a process of its own that reports what its children used."""
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True); "
        "u = resource.getrusage(resource.RUSAGE_CHILDREN); print(u.ru_utime + u.ru_stime, u.ru_maxrss)"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script, *HER2CDS, *arguments], check=True, capture_output=True, text=True
    )
    cpu, memory = done.stdout.split()
    return Cost(time.perf_counter() - start, float(cpu), float(memory) / 1024)


def measured(patients: int, folder: Path) -> Iterator[tuple[str, str]]:
    """What was measured for a cohort of this size."""
    source, output = folder / f"{patients}.ndjson", folder / f"{patients}"
    made = cost("generate", "-n", str(patients), "--seed", "1", "-o", str(source))
    run = cost("cohort", str(source), "-o", str(output))
    again = cost("cohort", str(source), "-o", str(output))
    summed = cost("cohort", "summary", str(output))
    size = sum(path.stat().st_size for path in output.rglob("*.parquet"))
    yield "input, bytes per patient", f"{source.stat().st_size / patients:,.0f}"
    yield "results, bytes per patient", f"{size / patients:,.0f}"
    yield "generate, CPU ms per patient", f"{made.cpu / patients * 1000:.3f}"
    yield "run, CPU ms per patient", f"{run.cpu / patients * 1000:.2f}"
    yield "run, patients per second of wall time", f"{patients / run.wall:,.0f}"
    yield "finding that all is done, wall seconds", f"{again.wall:.1f}"
    yield "summary, wall seconds", f"{summed.wall:.1f}"
    yield "run, largest process in MiB", f"{run.memory:.0f}"


def main() -> None:
    """Measure a cohort and one four times as large, and print both beside each other."""
    patients = int(sys.argv[1]) if len(sys.argv) > 1 else PATIENTS
    table = Table(title="her2cds cohort", title_justify="left")
    table.add_column("what")
    sizes = (patients, 4 * patients)
    for size in sizes:
        table.add_column(f"{size:,} patients", justify="right")
    with tempfile.TemporaryDirectory() as folder:
        columns = [dict(measured(size, Path(folder))) for size in sizes]
    for name in columns[0]:
        table.add_row(name, *(column[name] for column in columns))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
