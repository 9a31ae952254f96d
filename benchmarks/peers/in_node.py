"""json-rules-engine, which runs in Node.js: the whole problem goes to a script of its own, which keeps the time."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.patients import PROJECT
from benchmarks.problem import Problem

_PACKAGE = "json-rules-engine@7"
_FOLDER = PROJECT / "build" / "node"
_SCRIPT = Path(__file__).with_name("json_rules_engine.mjs")


@dataclass(frozen=True)
class NodeRun:
    """The fired rules of every question, and the CPU seconds of the best round over all patients."""

    answers: list[list[tuple[set[str], set[str]]]]
    seconds: float


def installed() -> bool:
    """Whether Node.js is here and the package lies below `build/`."""
    return shutil.which("node") is not None and (_FOLDER / "node_modules" / "json-rules-engine").is_dir()


def install() -> bool:
    """Install the package below `build/` unless it is there; False where that cannot be done."""
    if installed():
        return True
    if shutil.which("npm") is None:
        return False
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(_FOLDER), _PACKAGE]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0 and installed()


def run(problem: Problem, rounds: int) -> NodeRun:
    """Answer the questions about all patients, then once more in every round for the clock."""
    document = {
        "levels": [level.rules for level in problem.levels],
        "patients": [questions.asked for questions in problem.patients],
        "rounds": rounds,
    }
    done = subprocess.run(
        ["node", str(_SCRIPT), str(_FOLDER / "node_modules")],
        input=json.dumps(document).encode(),
        check=True,
        capture_output=True,
    )
    result = json.loads(done.stdout)
    answers = [[(set(sure), set(open_)) for sure, open_ in levels] for levels in result["answers"]]
    return NodeRun(answers, result["seconds"])
