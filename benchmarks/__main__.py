"""`python -m benchmarks`: measure, print tables, and on request write `benchmarks/results.md`."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from benchmarks.cold_start import cold_start
from benchmarks.comparison import comparison
from benchmarks.growth import growth_with_patients, growth_with_rules
from benchmarks.latency import latency
from benchmarks.patients import RULES
from benchmarks.tables import Section, show, to_markdown
from benchmarks.throughput import memory, throughput
from her2cds import KnowledgeBase, load_knowledge

_RESULTS = Path(__file__).with_name("results.md")


def main() -> None:
    """Run the sections that were asked for, one after the other."""
    arguments = _arguments()
    knowledge = load_knowledge(RULES)
    console = Console(width=120)
    machine = _machine(knowledge)
    console.print(machine)
    sections = []
    for name, measure in _sections(knowledge, quick=arguments.quick).items():
        if arguments.only and name not in arguments.only:
            continue
        for section in measure():
            show(section, console)
            sections.append(section)
    if arguments.write:
        _RESULTS.write_text(to_markdown(machine, sections), encoding="utf-8")
        console.print(f"written: {_RESULTS}")


def _sections(knowledge: KnowledgeBase, *, quick: bool) -> dict[str, Callable[[], Iterator[Section]]]:
    few = 10 if quick else 1
    return {
        "cold": lambda: iter(cold_start(times=5 if quick else 15)),
        "latency": lambda: iter([latency(knowledge, 2000 // few)]),
        "throughput": lambda: iter([throughput(3000 // few)]),
        "memory": lambda: iter([memory(100_000 // few)]),
        "rules": lambda: iter([growth_with_rules(400 // few)]),
        "patients": lambda: iter([growth_with_patients(knowledge, (100 // few, 1000 // few, 10_000 // few))]),
        "peers": lambda: iter([comparison(knowledge, 100 // few)]),
    }


def _machine(knowledge: KnowledgeBase) -> str:
    data = knowledge.knowledge.data
    return (
        f"Machine: {os.cpu_count()} cores, shared with other work, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}; load average at the start {os.getloadavg()[0]:.1f}. "
        f"Knowledge base {data.manifest.version}: {len(data.rules)} rules, {len(data.trials)} trials. "
        "Ratios are taken within the run; absolute times are those of this machine and hour."
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = ["cold", "latency", "throughput", "memory", "rules", "patients", "peers"]
    parser.add_argument("--only", nargs="+", choices=names, help="sections to run (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer patients: a look, not a result")
    parser.add_argument("--write", action="store_true", help=f"write {_RESULTS.name}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
