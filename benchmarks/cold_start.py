"""The cold start of `her2cds evaluate`: beside its floor, and where its time goes.

There are two floors, processes that import and do nothing else: every module of other projects and of the standard
library that the command loads, which is what no work on her2cds itself can save; and all modules that it loads, those
of her2cds included.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from benchmarks.patients import EXAMPLE, RULES
from benchmarks.tables import Section, ratio

_EVALUATE = [sys.executable, "-m", "her2cds", "evaluate", str(EXAMPLE), "--rules", str(RULES)]
_LOADED = """
import sys
from her2cds.cli.app import app
try:
    app()
except SystemExit:
    print("modules:", *(name for name in sys.modules if not name.startswith("__")))
"""
_IMPORTABLE = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    try:
        import_module(name)
    except ImportError:
        continue
    print(name)
"""
_IMPORT_ALL = """
import gc, os
from importlib import import_module
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
gc.disable()
for name in {names!r}:
    import_module(name)
"""
_PHASES = """
import gc, json, os, time
gc.disable()
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
marks = [("interpreter", time.process_time())]
def mark(name):
    marks.append((name, time.process_time()))
exec({imports!r})
mark("imports of other projects and the standard library")
import her2cds.cli.app, her2cds.cli.reports, her2cds.evaluation, her2cds.rendering.outline, her2cds.rendering.text
mark("imports of her2cds (classes of models and records)")
from pathlib import Path
from her2cds.knowledge.load import load_knowledge_base
knowledge = load_knowledge_base(Path({rules!r}))
mark("knowledge base from the cache (entries, conditions)")
base = her2cds.evaluation.KnowledgeBase(knowledge)
mark("rules compiled for durable-rules")
case = her2cds.evaluation.examine(Path({example!r}).read_bytes(), base)
mark("profile, facts, verdicts, decision")
report = her2cds.evaluation.report_on(case, base)
mark("report")
list(her2cds.rendering.text.styled_lines(her2cds.rendering.outline.outline(report)))
mark("report as text")
print(json.dumps(marks))
"""


class Cost(NamedTuple):
    """Wall time and CPU time of a process, in seconds."""

    wall: float
    cpu: float


def cold_start(times: int) -> tuple[Section, Section]:
    """The cold start beside its floor, and its phases; medians over `times` processes each, taken in turn."""
    with tempfile.TemporaryDirectory() as cache:
        environment = _as_installed(Path(cache))
        _cost(_EVALUATE, environment)  # fills the caches, as the first run on a machine does
        names = _modules(environment)
        foreign = [name for name in names if name.partition(".")[0] != "her2cds"]
        imports = _IMPORT_ALL.format(names=foreign)
        commands = {
            "interpreter alone": [sys.executable, "-c", "pass"],
            f"floor: imports of the {len(foreign)} modules that are not her2cds's": [sys.executable, "-c", imports],
            f"floor: imports of all {len(names)} modules": [sys.executable, "-c", _IMPORT_ALL.format(names=names)],
            "`her2cds evaluate`, text": _EVALUATE,
            "`her2cds evaluate`, JSON": [*_EVALUATE, "--format", "json"],
        }
        samples: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(times):
            for name, command in commands.items():
                samples[name].append(_cost(command, environment))
        phases = _phases(imports, times, environment)
    medians = {name: _median(costs) for name, costs in samples.items()}
    floors = [cost.cpu for name, cost in medians.items() if name.startswith("floor")]
    rows = tuple(
        (name, f"{cost.wall * 1e3:.0f} ms", f"{cost.cpu * 1e3:.0f} ms", *(ratio(cost.cpu, floor) for floor in floors))
        for name, cost in medians.items()
    )
    note = (
        f"Median of {times} processes each, taken in turn; the knowledge base comes from the cache. Goal: 1.6× the "
        "imports that cannot be avoided. The first floor takes her2cds's own modules for avoidable, the second not."
    )
    columns = ("process", "wall", "CPU", "CPU to the first floor", "CPU to the second")
    return Section("Cold start", note, columns, rows), phases


def _as_installed(cache: Path) -> dict[str, str]:
    """The environment with caches of its own for the knowledge base and for bytecode.

    An installed package has its bytecode on disk. A machine that writes none (PYTHONDONTWRITEBYTECODE) would have every
    module of a source tree compiled anew at each start, and only those of her2cds: no property of the command.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "HER2CDS_CACHE": str(cache / "knowledge"), "PYTHONPYCACHEPREFIX": str(cache / "bytecode")}


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.median(one.wall for one in costs), statistics.median(one.cpu for one in costs))


def _cost(command: Sequence[str], environment: dict[str, str]) -> Cost:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _modules(environment: dict[str, str]) -> list[str]:
    """The modules that a run of the command has loaded, without those only there while it runs."""
    loaded = _output([sys.executable, "-c", _LOADED, *_EVALUATE[3:]], environment)
    names = loaded.rpartition("modules:")[2].split()
    return _output([sys.executable, "-c", _IMPORTABLE, *names], environment).split()


def _output(command: Sequence[str], environment: dict[str, str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, env=environment, text=True).stdout


def _phases(imports: str, times: int, environment: dict[str, str]) -> Section:
    code = _PHASES.format(imports=imports, rules=str(RULES), example=str(EXAMPLE))
    seconds: dict[str, list[float]] = {}
    for _ in range(times):
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)
        marks = [("", 0.0), *json.loads(done.stdout)]
        for (_, before), (name, after) in pairwise(marks):
            seconds.setdefault(name, []).append(after - before)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    total = sum(medians.values())
    rows = [(name, f"{value * 1e3:.1f} ms", f"{value / total:.0%}") for name, value in medians.items()]
    rows.append(("together", f"{total * 1e3:.1f} ms", ""))
    note = "CPU time by phase, the same steps taken one after the other in one process; medians."
    return Section("Where a cold start goes", note, ("phase", "CPU", "share"), tuple(rows))
