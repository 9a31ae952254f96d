"""How the time grows with the number of rules and of patients.

More rules are generated from those of the knowledge base: copies under new ids, each with another operand of the same
domain in every leaf, so that the copies ask new questions. Rules that derive facts are not copied (two values of one
fact would contradict each other); nor are criteria, which the copies share.
"""

from __future__ import annotations

import random
import time
from multiprocessing import get_context
from typing import TypeVar

from benchmarks.patients import RULES, charts
from benchmarks.tables import Section, microseconds, ratio
from benchmarks.throughput import peak_mib
from her2cds import KnowledgeBase, load_knowledge
from her2cds.facts.derive import derive_facts
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import leaves
from her2cds.knowledge.rules import FactDefinition, Rule, Trial

_SEED = 7
Tree = object
Entry = TypeVar("Entry", Rule, Trial)


def growth_with_rules(patients: int, factors: tuple[int, ...] = (1, 3, 10)) -> Section:
    """Compiling and evaluating with ever more rules."""
    rows = []
    first = 0.0
    for factor in factors:
        with get_context("spawn").Pool(1) as pool:
            rules, compiled, new, again, peak = pool.apply(_with_rules, (factor, patients))
        first = first or new
        rows.append(
            (
                f"×{factor} ({rules:,} rules and trials)",
                f"{compiled * 1e3:,.0f} ms",
                microseconds(new),
                ratio(new, first),
                microseconds(again),
                f"{peak:,.0f} MiB",
            )
        )
    note = (
        f"CPU time of facts to verdicts for {patients} patients, seen for the first time and then once more. "
        "Rules are generated; what a ruleset answered to a pattern of flags is kept."
    )
    columns = ("rules", "compile", "new patient", "to ×1", "seen before", "peak memory")
    return Section("Growth with rules", note, columns, tuple(rows))


def growth_with_patients(knowledge: KnowledgeBase, counts: tuple[int, ...]) -> Section:
    """The time per patient over ever more distinct patients, starting from nothing remembered."""
    facts = [derive_facts(chart, knowledge.knowledge) for chart in charts(max(counts), knowledge)]
    rows = []
    for count in counts:
        fresh = KnowledgeBase(knowledge.knowledge)
        start = time.process_time()
        for one in facts[:count]:
            fresh.rules.evaluate(one)
        seconds = (time.process_time() - start) / min(count, len(facts))
        rows.append((f"{count:,}", microseconds(seconds), f"{1 / seconds:,.0f}"))
    note = "CPU time of facts to verdicts, each patient seen once, by an engine that starts afresh."
    return Section("Growth with patients", note, ("patients", "per patient", "patients/s"), tuple(rows))


def _with_rules(factor: int, patients: int) -> tuple[int, float, float, float, float]:
    knowledge = grown(load_knowledge(RULES).knowledge, factor)
    start = time.process_time()
    base = KnowledgeBase(knowledge)
    compiled = time.process_time() - start
    facts = [derive_facts(chart, knowledge) for chart in charts(patients, base)]
    rounds = []
    for _ in range(2):
        start = time.process_time()
        for one in facts:
            base.rules.evaluate(one)
        rounds.append((time.process_time() - start) / len(facts))
    return len(knowledge.rules) + len(knowledge.trials), compiled, rounds[0], rounds[1], peak_mib()


def grown(knowledge: Knowledge, factor: int) -> Knowledge:
    """The knowledge base with `factor` times as many rules and trials; the same ones each time."""
    values = _values(knowledge)
    generator = random.Random(_SEED)

    def copy(entry: Entry, number: int) -> Entry:
        when = _other(entry.when, knowledge.facts, values, generator) if isinstance(entry.when, dict) else entry.when
        return entry.model_copy(update={"id": f"{entry.id}.copy-{number}", "when": when})

    data = knowledge.data
    rules = [rule for rule in data.rules if rule.derive is None]
    more_rules = [copy(rule, number) for number in range(1, factor) for rule in rules]
    more_trials = [copy(trial, number) for number in range(1, factor) for trial in data.trials]
    update = {"rules": (*data.rules, *more_rules), "trials": (*data.trials, *more_trials)}
    return Knowledge(data.model_copy(update=update))


def _values(knowledge: Knowledge) -> dict[str, list[str]]:
    """For each fact, the values that may stand in a condition: its domain, or what the rules name."""
    found: dict[str, set[str]] = {fact.id: set(fact.values) for fact in knowledge.facts.values()}
    for condition in knowledge.conditions.values():
        for leaf in leaves(condition):
            operands = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
            found[leaf.fact].update(one for one in operands if isinstance(one, str))
    return {fact: sorted(values) for fact, values in found.items()}


def _other(
    tree: Tree, facts: dict[str, FactDefinition], values: dict[str, list[str]], generator: random.Random
) -> Tree:
    """The same condition with other operands."""
    if isinstance(tree, list):
        return [_other(part, facts, values, generator) for part in tree]
    if not isinstance(tree, dict):
        return tree
    ((key, value),) = tree.items()
    if key in ("all", "any", "not"):
        return {key: _other(value, facts, values, generator)}
    if key == "criterion":
        return tree
    if isinstance(value, dict):
        ((operator, operand),) = value.items()
        return {key: {operator: _operand(facts[key], operator, operand, values[key], generator)}}
    return {key: _operand(facts[key], "is", value, values[key], generator)}


def _operand(fact: FactDefinition, operator: str, operand: Tree, values: list[str], generator: random.Random) -> Tree:
    if operator == "known":
        return operand
    if fact.type == "bool":
        return generator.choice(["true", "false"])
    if fact.type == "number":
        low = fact.minimum if fact.minimum is not None else 0.0
        high = fact.maximum if fact.maximum is not None else 100.0
        return f"{generator.uniform(low, high):.0f}" if high - low > 2 else str(operand)
    if isinstance(operand, list):
        return generator.sample(values, min(len(operand), len(values)))
    return generator.choice(values)
