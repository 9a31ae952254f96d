"""Benchmarks: cold start against its floor, latency in process, memory. Numbers to read, never a test.

Run with `make bench`.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from her2cds import evaluate, load_knowledge
from her2cds.evaluation import examine
from her2cds.exploration.effects import what_is_missing

PROJECT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((PROJECT / "patient_examples").glob("*.json"))
FLOOR = "import pydantic, typer, yaml, rich"
# pydantic and rich load most of themselves on first use; this is what any program that uses them pays.
USED = "from pydantic import BaseModel; import typer; from rich.console import Console"


def median_seconds(command: list[str], times: int = 15) -> float:
    """Median wall time of a process."""
    samples = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        samples.append(time.perf_counter() - start)
    return statistics.median(samples)


def latencies(action: Callable[[bytes], object], repeat: int) -> list[float]:
    """Milliseconds of one call each, over all examples."""
    texts = [path.read_bytes() for path in EXAMPLES]
    for text in texts:
        action(text)
    samples = []
    for _ in range(repeat):
        for text in texts:
            start = time.perf_counter()
            action(text)
            samples.append((time.perf_counter() - start) * 1000)
    return sorted(samples)


def main() -> None:
    """Measure and print."""
    table = Table(title="her2cds benchmarks", title_justify="left")
    for column in ("what", "value", "goal"):
        table.add_column(column)
    example = str(PROJECT / "patient_examples" / "second-line-her2-positive.json")
    knowledge = load_knowledge(PROJECT / "rules")  # also fills the cache that the cold start reads
    floor = median_seconds([sys.executable, "-c", FLOOR])
    used = median_seconds([sys.executable, "-c", USED])
    cold = median_seconds([sys.executable, "-m", "her2cds", "evaluate", example])
    table.add_row("floor: " + FLOOR, f"{floor * 1000:.0f} ms", "")
    table.add_row("the same, with what they load on first use", f"{used * 1000:.0f} ms", "")
    table.add_row("cold `her2cds evaluate`", f"{cold * 1000:.0f} ms", "")
    table.add_row("cold evaluate / floor", f"{cold / floor:.2f}", "at most 3")
    table.add_row("cold evaluate / with first use", f"{cold / used:.2f}", "")
    for name, action in (
        ("evaluate", lambda text: evaluate(text, knowledge)),
        ("evaluate and report JSON", lambda text: evaluate(text, knowledge).to_json(indent=None)),
    ):
        samples = latencies(action, repeat=60)
        table.add_row(f"{name}, median", f"{statistics.median(samples):.2f} ms", "at most 3 ms")
        table.add_row(f"{name}, 99th percentile", f"{samples[int(len(samples) * 0.99)]:.2f} ms", "at most 10 ms")
    sparse = (PROJECT / "patient_examples" / "sparse-profile.json").read_bytes()
    asked = []
    for _ in range(30):
        start = time.perf_counter()
        what_is_missing(examine(sparse, knowledge), knowledge)
        asked.append((time.perf_counter() - start) * 1000)
    table.add_row("what is missing, sparse profile, median", f"{statistics.median(asked):.0f} ms", "at most 250 ms")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    texts = [path.read_bytes() for path in EXAMPLES]
    for number in range(100_000):
        evaluate(texts[number % len(texts)], knowledge)
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    table.add_row("memory grown over 100,000 evaluations", f"{growth / 1024:.1f} MiB", "flat")
    table.add_row("rules", str(len(knowledge.knowledge.rules)), "")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
