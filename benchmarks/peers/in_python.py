"""The engines that are called from Python. Each is used in the quickest way found for this kind of rule.

Flags and rules are given to an engine by short names (`f12`, `r7`), because most of them allow only identifiers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from itertools import islice
from typing import Any

from benchmarks.problem import Flags, Matcher, Rules
from her2cds.engine.durable import MAX_FLAGS, MAX_RULES, Ruleset


class Closures:
    """The upper bound for this problem in plain Python: one closure over the rules as frozen sets."""

    def __init__(self, rules: Rules) -> None:
        needs = [(rule, frozenset(needed)) for rule, needed in rules.items()]

        def fire(flags: Flags) -> set[str]:
            given = frozenset(flags)
            return {rule for rule, needed in needs if needed <= given}

        self.fire = fire


class DurableRules:
    """her2cds's own use of durable-rules, without its memory of answers: rulesets of at most 60 rules."""

    def __init__(self, rules: Rules) -> None:
        self._rulesets = []
        left = iter(rules.items())
        while part := dict(islice(left, MAX_RULES)):
            ruleset = Ruleset("benchmark", part)
            assert len(ruleset.flags) <= MAX_FLAGS
            self._rulesets.append(ruleset)

    def fire(self, flags: Flags) -> set[str]:
        fired: set[str] = set()
        for ruleset in self._rulesets:
            fired |= ruleset.fire([flag for flag in flags if flag in ruleset.flags])
        return fired


class _Renamed:
    """Short names for rules and flags."""

    def __init__(self, rules: Rules) -> None:
        self.flags = {flag: f"f{number}" for number, flag in enumerate(dict.fromkeys(_flags(rules)))}
        self.rules = {f"r{number}": rule for number, rule in enumerate(rules)}
        self.needs = {short: [self.flags[flag] for flag in rules[rule]] for short, rule in self.rules.items()}


def _flags(rules: Rules) -> list[str]:
    return [flag for needed in rules.values() for flag in needed]


class Clips:
    """CLIPS through clipspy: one template whose slots are the flags; what is on the agenda has matched."""

    def __init__(self, rules: Rules) -> None:
        import clips

        self._names = _Renamed(rules)
        self._environment = clips.Environment()
        slots = " ".join(f"(slot {flag} (default 0))" for flag in self._names.flags.values())
        self._environment.build(f"(deftemplate patient {slots})")
        for rule, needed in self._names.needs.items():
            self._environment.build(f"(defrule {rule} (patient {' '.join(f'({flag} 1)' for flag in needed)}) =>)")
        self._template = self._environment.find_template("patient")

    def fire(self, flags: Flags) -> set[str]:
        names = self._names
        fact = self._template.assert_fact(**{names.flags[flag]: 1 for flag in flags})
        fired = {names.rules[activation.name] for activation in self._environment.activations()}
        fact.retract()
        return fired


class Zen:
    """GoRules' zen-engine: a decision table that collects all rows that match, one expression for each row."""

    def __init__(self, rules: Rules) -> None:
        import zen

        self._names = _Renamed(rules)
        self._all = dict.fromkeys(self._names.flags.values(), False)
        rows = [
            {"_id": rule, "when": " and ".join(needed), "then": json.dumps(rule)}
            for rule, needed in self._names.needs.items()
        ]
        self._decision = zen.ZenEngine().create_decision(json.dumps(_decision_graph(rows)))

    def fire(self, flags: Flags) -> set[str]:
        names = self._names
        given = {**self._all, **{names.flags[flag]: True for flag in flags}}
        return {names.rules[row["rule"]] for row in self._decision.evaluate(given)["result"]}


def _decision_graph(rows: list[dict[str, str]]) -> dict[str, Any]:
    table = {
        "hitPolicy": "collect",
        "inputs": [{"id": "when", "name": "when"}],
        "outputs": [{"id": "then", "name": "then", "field": "rule"}],
        "rules": rows,
    }
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in"},
        {"id": "table", "type": "decisionTableNode", "name": "table", "content": table},
        {"id": "out", "type": "outputNode", "name": "out"},
    ]
    edges = [
        {"id": "e1", "sourceId": "in", "targetId": "table", "type": "edge"},
        {"id": "e2", "sourceId": "table", "targetId": "out", "type": "edge"},
    ]
    return {"nodes": [{**node, "position": {"x": 0, "y": 0}} for node in nodes], "edges": edges}


class RuleEngine:
    """rule-engine: one compiled expression for each rule."""

    def __init__(self, rules: Rules) -> None:
        import rule_engine

        self._names = _Renamed(rules)
        context = rule_engine.Context(default_value=False)
        self._rules = [
            (self._names.rules[rule], rule_engine.Rule(" and ".join(needed), context=context))
            for rule, needed in self._names.needs.items()
        ]

    def fire(self, flags: Flags) -> set[str]:
        given = {self._names.flags[flag]: True for flag in flags}
        return {rule for rule, compiled in self._rules if compiled.matches(given)}


# Name shown, the module it needs, and how to compile rules with it.
ENGINES: tuple[tuple[str, str, Callable[[Rules], Matcher]], ...] = (
    ("durable-rules, 60 rules a ruleset, no answers kept", "durable_rules_engine", DurableRules),
    ("plain Python closures (upper bound)", "json", Closures),
    ("clipspy (CLIPS)", "clips", Clips),
    ("zen-engine (GoRules)", "zen", Zen),
    ("rule-engine", "rule_engine", RuleEngine),
)


def installed(module: str) -> bool:
    """Whether the library of an engine is there."""
    return find_spec(module) is not None
