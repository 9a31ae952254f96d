"""How long one patient takes with the full rule base, and each step of it."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.patients import PROJECT, profiles
from benchmarks.tables import Section, microseconds
from her2cds import KnowledgeBase, ProfileError, evaluate
from her2cds.evaluation import Case, decide, evaluate_rules, examine, report_on
from her2cds.exploration.effects import what_is_missing
from her2cds.profile.read import make_chart, read_profile


def latency(knowledge: KnowledgeBase, patients: int) -> Section:
    """p50 and p99 over distinct patients, each seen once by an engine that starts afresh."""
    texts = [text for text in profiles(patients) if _is_sound(text, knowledge)]
    first, second = KnowledgeBase(knowledge.knowledge), KnowledgeBase(knowledge.knowledge)
    gc.collect()
    gc.freeze()  # as the command line, cohort workers and service do once the knowledge base is loaded
    rows = [
        _row("evaluate: profile to report", lambda text: evaluate(text, first), texts, "1.5 ms"),
        _row(
            "evaluate, and the report as JSON",
            lambda text: evaluate(text, second).to_json(indent=None),
            texts,
            "2.5 ms",
        ),
    ]
    read = [read_profile(text) for text in texts]
    charts = [make_chart(profile, knowledge.knowledge) for profile in read]
    outcomes = [evaluate_rules(chart, knowledge) for chart in charts]
    decisions = [decide(knowledge.knowledge, outcome, {}) for outcome in outcomes]
    cases = [Case(chart, decision) for chart, decision in zip(charts, decisions, strict=True)]
    steps: tuple[tuple[str, Callable[[Any], object], Sequence[Any]], ...] = (
        ("… reading the profile", read_profile, texts),
        ("… names and contradictions", lambda profile: make_chart(profile, knowledge.knowledge), read),
        ("… facts and verdicts", lambda chart: evaluate_rules(chart, knowledge), charts),
        ("… decision", lambda outcome: decide(knowledge.knowledge, outcome, {}), outcomes),
        ("… report", lambda case: report_on(case, knowledge), cases),
    )
    rows += [_row(name, action, inputs, "") for name, action, inputs in steps]
    sparse = (PROJECT / "patient_examples" / "sparse-profile.json").read_bytes()
    rows.append(
        _row(
            "what is missing, sparse profile",
            lambda text: what_is_missing(examine(text, knowledge), knowledge),
            [sparse] * 20,
            "",
        )
    )
    note = (
        f"Over {len(texts)} distinct patients, one after the other in one process; wall time holds what the neighbours "
        "on the machine take. Goals are for the median. The steps are timed with an engine that has seen the patients. "
        "What is loaded is out of the garbage collector's sight (`gc.freeze`), as in the commands and the service."
    )
    columns = ("what", "p50 wall", "p99 wall", "p50 CPU", "p99 CPU", "goal")
    return Section("One patient", note, columns, tuple(rows))


def _is_sound(text: bytes, knowledge: KnowledgeBase) -> bool:
    try:
        make_chart(read_profile(text), knowledge.knowledge)
    except ProfileError:
        return False
    return True


def _row(name: str, action: Callable[[Any], object], inputs: Sequence[Any], goal: str) -> tuple[str, ...]:
    wall, cpu = [], []
    for one in inputs:
        started, used = time.perf_counter(), time.process_time()
        action(one)
        cpu.append(time.process_time() - used)
        wall.append(time.perf_counter() - started)
    return name, *(microseconds(value) for value in (*_p50_p99(wall), *_p50_p99(cpu))), goal


def _p50_p99(samples: list[float]) -> tuple[float, float]:
    return statistics.median(samples), sorted(samples)[int(len(samples) * 0.99)]
