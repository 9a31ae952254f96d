"""The limits of durable-rules that the engine module keeps away from, shown in child processes.

Each case is a reason for a line in `engine/durable.py`. If a later release mends one, the case fails and the
line can go.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from her2cds.engine.durable import MAX_RULES, Ruleset, flags_collide
from her2cds.errors import EngineError

PRELUDE = "import json, durable_rules_engine as E\n"


def child(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + code], capture_output=True, text=True, timeout=60, check=False
    )


def test_more_than_64_branches_true_at_once_lose_the_result() -> None:
    code = """
rules = {f"r{i}": {"all": [{"m": {"$and": [{"kind": 1}, {f"a{i}": 1}]}}]} for i in range(70)}
h = E.create_ruleset("x", json.dumps(rules))
try:
    E.assert_fact(h, json.dumps({"id": "p", "kind": 1, **{f"a{i}": 1 for i in range(70)}}))
    print("accepted")
except Exception as error:
    print("refused", error)
"""
    assert child(code).stdout.startswith("refused")
    assert MAX_RULES < 64


def test_deleting_a_state_without_an_action_is_unsafe() -> None:
    """It frees pointers that were never set: with other memory in use before, the process ends."""
    code = """
junk = [b"A" * size for size in range(30000, 60000, 7)]; del junk
for number in range(200):
    h = E.create_ruleset(f"x{number}", json.dumps({"r": {"all": [{"m": {"a": 1}}]}}))
    E.assert_fact(h, json.dumps({"sid": "p", "b": 1})); E.delete_state(h, "p")
    junk = [b"B" * size for size in range(30000, 60000, 97)]; del junk
"""
    assert child(code).returncode != 0


def test_only_the_first_key_of_a_pattern_counts() -> None:
    code = """
h = E.create_ruleset("x", json.dumps({"r": {"all": [{"m": {"a": 1, "b": 2}}]}}))
print(E.assert_fact(h, json.dumps({"id": "p", "a": 1, "b": 99}))[0])
"""
    assert child(code).stdout.strip() == "0"  # 0: matched, although b is not 2


def test_property_names_that_share_a_hash_are_confused() -> None:
    code = """
h = E.create_ruleset("x", json.dumps({"r": {"all": [{"m": {"attr_70789": 1}}]}}))
print(E.assert_fact(h, json.dumps({"id": "p", "attr_2110122": 1}))[0])
"""
    assert child(code).stdout.strip() == "0"
    assert flags_collide(["attr_70789", "attr_2110122"]) == ("attr_70789", "attr_2110122")


def test_flags_of_the_vocabulary_do_not_collide_by_chance() -> None:
    assert flags_collide(f"fact.{number} is yes" for number in range(2000)) is None


# --- The wrapper keeps within them ---------------------------------------------------------------------------


def test_a_rule_fires_when_all_its_flags_are_there() -> None:
    ruleset = Ruleset("small", {"both": ["a is x", "not (b at least 2)"], "one": ["a is x"]})
    assert ruleset.fire(["a is x", "not (b at least 2)"]) == {"both", "one"}
    assert ruleset.fire(["a is x"]) == {"one"}
    assert ruleset.fire(["not (b at least 2)"]) == set()
    assert ruleset.fire([]) == set()


def test_sixty_rules_can_all_fire() -> None:
    ruleset = Ruleset("wide", {f"r{i}": [f"flag {i}"] for i in range(MAX_RULES)})
    assert len(ruleset.fire(f"flag {i}" for i in range(MAX_RULES))) == MAX_RULES


def test_limits_are_refused_before_the_library_sees_them() -> None:
    with pytest.raises(EngineError, match="limits"):
        Ruleset("too-wide", {f"r{i}": [f"flag {i}"] for i in range(MAX_RULES + 1)})
    with pytest.raises(EngineError, match="limits"):
        Ruleset("too-many-flags", {"r": [f"flag {i}" for i in range(300)]})
    with pytest.raises(EngineError, match="without a condition"):
        Ruleset("empty", {"r": []})


def test_names_with_quotes_backslashes_and_greek_letters() -> None:
    flags = ['a is "x"', "b is \\", "γ contains {1: 'q'}", "c is $and", "d is .", "e is /*"]
    ruleset = Ruleset("odd", {f"r{i}": [flag] for i, flag in enumerate(flags)})
    for index, flag in enumerate(flags):
        assert ruleset.fire([flag]) == {f"r{index}"}


def test_no_state_survives_a_patient() -> None:
    ruleset = Ruleset("stateless", {"r": ["a", "b"]})
    assert ruleset.fire(["a"]) == set()
    assert ruleset.fire(["b"]) == set()  # a leftover "a" would fire the rule


def test_a_failure_inside_the_library_leaves_the_ruleset_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    ruleset = Ruleset("robust", {"r": ["a"]})
    import her2cds.engine.durable as module

    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(module._engine, "start_action_for_state", broken)
    with pytest.raises(EngineError, match="robust"):
        ruleset.fire(["a"])
    monkeypatch.undo()
    assert ruleset.fire(["a"]) == {"r"}
    assert ruleset.fire([]) == set()


@pytest.mark.slow
def test_memory_is_flat() -> None:
    code = """
import resource, sys
sys.path.insert(0, "src")
from her2cds.engine.durable import Ruleset
ruleset = Ruleset("flat", {f"r{i}": [f"flag {i}", f"flag {i + 1}"] for i in range(50)})
flags = [f"flag {i}" for i in range(51)]
def run(times):
    for _ in range(times): ruleset.fire(flags); ruleset.fire(flags[::2])
run(2000); before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run(20000); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = child(code)
    assert done.returncode == 0, done.stderr
    assert int(json.loads(done.stdout)) < 2048  # kilobytes over 40,000 evaluations
