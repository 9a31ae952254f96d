"""The peers on the same rules and patients: first that they give the same verdicts, then how long they take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice

from benchmarks.patients import charts
from benchmarks.peers import in_node
from benchmarks.peers.in_python import ENGINES, installed
from benchmarks.problem import Matcher, Problem, Questions, Rules, ask, differences, problem
from benchmarks.tables import Section, microseconds, ratio
from her2cds import KnowledgeBase
from her2cds.facts.derive import derive_facts

_ROUNDS = 5
# Slow engines are timed over fewer patients: a round shall take about this long.
_SECONDS_PER_ROUND = 2.0
_NODE_PATIENTS = 40


class VerdictsDifferError(AssertionError):
    """An engine does not give the verdicts that her2cds gives: its time would mean nothing."""


def comparison(knowledge: KnowledgeBase, patients: int) -> Section:
    """Every engine on the rules and patients, slower or faster than durable-rules in her2cds."""
    given = charts(patients, knowledge)
    asked = problem(knowledge, given)
    times: dict[str, float | None] = {}
    for name, module, compile_rules in ENGINES:
        times[name] = _in_python(name, asked, compile_rules) if installed(module) else None
    times["json-rules-engine (Node.js)"] = _in_node(asked) if in_node.available() else None
    facts = [derive_facts(chart, knowledge.knowledge) for chart in given]
    whole = best_cpu(lambda: [knowledge.rules.evaluate(one) for one in facts]) / len(facts)
    own = times[ENGINES[0][0]]
    assert own is not None
    rows = [
        (
            "her2cds: tests of facts and all verdicts, answers kept",
            microseconds(whole),
            f"{1 / whole:,.0f}",
            ratio(whole, own),
        )
    ]
    for name, seconds in sorted(times.items(), key=lambda item: item[1] or float("inf")):
        if seconds is None:
            rows.append((name, "not installed", "", ""))
        else:
            rows.append((name, microseconds(seconds), f"{1 / seconds:,.0f}", ratio(seconds, own)))
    count = sum(len(level.rules) for level in asked.levels)
    note = (
        f"CPU time per patient for {count} alternatives in {len(asked.levels)} levels, two passes each, over {len(given)} "
        "patients (best of five rounds; slow engines over fewer patients). Which literals hold is given to every engine; "
        "the first row does that work too. Every engine was checked first to give the same verdicts for all rules."
    )
    return Section(
        "Beside other rules engines", note, ("engine", "per patient", "patients/s", "to durable-rules"), tuple(rows)
    )


def _in_python(name: str, asked: Problem, compile_rules: Callable[[Rules], Matcher]) -> float:
    """CPU seconds per patient."""
    matchers = [compile_rules(level.rules) for level in asked.levels]
    start = time.process_time()
    checked = 0
    for questions in asked.patients:
        _check(name, asked, questions, ask(matchers, questions))
        checked += 1
        if time.process_time() - start > 4 * _SECONDS_PER_ROUND and checked >= _NODE_PATIENTS:
            break
    first = asked.patients[:_NODE_PATIENTS]
    once = best_cpu(lambda: [ask(matchers, questions) for questions in first], rounds=1) / len(first)
    count = max(len(first), min(len(asked.patients), int(_SECONDS_PER_ROUND / once)))
    timed = asked.patients[:count]
    return best_cpu(lambda: [ask(matchers, questions) for questions in timed]) / len(timed)


def _in_node(asked: Problem) -> float:
    count = min(_NODE_PATIENTS, len(asked.patients))
    done = in_node.run(asked, count, _ROUNDS)
    for questions, answers in zip(asked.patients, done.answers, strict=False):
        _check("json-rules-engine", asked, questions, answers)
    return done.seconds / count


def _check(name: str, asked: Problem, questions: Questions, answers: Sequence[tuple[set[str], set[str]]]) -> None:
    wrong = differences(asked, questions, answers)
    if wrong:
        raise VerdictsDifferError(f"{name}: other verdicts than her2cds for {', '.join(islice(cycle(wrong), 3))}")


def best_cpu(work: Callable[[], object], rounds: int = _ROUNDS) -> float:
    """CPU seconds of the quickest of several rounds: on a shared machine the slower ones show the neighbours."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)
