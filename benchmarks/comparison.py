"""The peers on the same rules and patients: first that they give the same verdicts, then how long they take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from benchmarks.patients import charts
from benchmarks.peers import in_node
from benchmarks.peers.in_python import ENGINES, installed
from benchmarks.problem import Matcher, Problem, Questions, Rules, ask, differences, problem
from benchmarks.tables import Section, microseconds, ratio
from her2cds import KnowledgeBase
from her2cds.facts.derive import derive_facts
from her2cds.facts.values import FactBase
from her2cds.profile.normalise import Chart

_ROUNDS = 5
# Patients that the engine has seen when new ones come.
_OTHERS = 1000


class VerdictsDifferError(AssertionError):
    """An engine does not give the verdicts that her2cds gives: its time would mean nothing."""


def comparison(knowledge: KnowledgeBase, patients: int) -> Section:
    """Every engine on the same rules and patients, and her2cds as it is used, beside durable-rules."""
    others = charts(patients + _OTHERS, knowledge)
    given = others[:patients]
    asked = problem(knowledge, given)
    times: dict[str, float | None] = {}
    for name, module, compile_rules in ENGINES:
        times[name] = _in_python(name, asked, compile_rules) if installed(module) else None
    times["json-rules-engine (Node.js)"] = _in_node(asked) if in_node.install() else None
    facts = [derive_facts(chart, knowledge.knowledge) for chart in given]
    whole = _first_sight(knowledge, others, patients), _again(knowledge, facts)
    own = times[ENGINES[0][0]]
    assert own is not None
    rows = [
        (f"her2cds: all of it, {when}", microseconds(seconds), f"{1 / seconds:,.0f}", ratio(seconds, own))
        for when, seconds in zip((f"new patients after {_OTHERS:,} others", "patients seen before"), whole, strict=True)
    ]
    for name, seconds in sorted(times.items(), key=lambda item: item[1] or float("inf")):
        if seconds is None:
            rows.append((name, "not installed", "", ""))
        else:
            rows.append((name, microseconds(seconds), f"{1 / seconds:,.0f}", ratio(seconds, own)))
    count = sum(len(level.rules) for level in asked.levels)
    note = (
        f"CPU time per patient for {count} alternatives in {len(asked.levels)} levels, two passes each, over the same "
        f'{len(given)} patients; best of {_ROUNDS} rounds. Which literals hold is given to every engine; "all of it" '
        "does that work too, and uses what its rulesets answered to earlier patients. Every engine was checked first "
        "to give the same verdict for every rule and patient."
    )
    return Section(
        "Beside other rules engines", note, ("engine", "per patient", "patients/s", "to durable-rules"), tuple(rows)
    )


def _first_sight(knowledge: KnowledgeBase, cases: Sequence[Chart], patients: int) -> float:
    """CPU seconds for each of the first patients, by an engine that has seen the others only."""
    fresh = KnowledgeBase(knowledge.knowledge)
    facts = [derive_facts(chart, knowledge.knowledge) for chart in cases]
    for one in facts[patients:]:
        fresh.rules.evaluate(one)
    return best_cpu(lambda: [fresh.rules.evaluate(one) for one in facts[:patients]], rounds=1) / patients


def _again(knowledge: KnowledgeBase, facts: Sequence[FactBase]) -> float:
    return best_cpu(lambda: [knowledge.rules.evaluate(one) for one in facts]) / len(facts)


def _in_python(name: str, asked: Problem, compile_rules: Callable[[Rules], Matcher]) -> float:
    """CPU seconds per patient."""
    matchers = [compile_rules(level.rules) for level in asked.levels]
    for questions in asked.patients:
        check(name, asked, questions, ask(matchers, questions))
    return best_cpu(lambda: [ask(matchers, questions) for questions in asked.patients]) / len(asked.patients)


def _in_node(asked: Problem) -> float:
    done = in_node.run(asked, _ROUNDS)
    for questions, answers in zip(asked.patients, done.answers, strict=True):
        check("json-rules-engine", asked, questions, answers)
    return done.seconds / len(asked.patients)


def check(name: str, asked: Problem, questions: Questions, answers: Sequence[tuple[set[str], set[str]]]) -> None:
    """Raises VerdictsDifferError where an engine's answers about a patient come to another verdict for any rule."""
    wrong = differences(asked, questions, answers)
    if wrong:
        raise VerdictsDifferError(f"{name}: other verdicts than her2cds for {', '.join(wrong[:3])}")


def best_cpu(work: Callable[[], object], rounds: int = _ROUNDS) -> float:
    """CPU seconds of the quickest of several rounds: on a shared machine the slower ones show the neighbours."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)
