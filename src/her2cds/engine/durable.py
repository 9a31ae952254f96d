"""The only module that talks to durable-rules.

It uses the small subset of the library that is reliable: one flat fact of integer flags, one `$and` of
equalities per rule, at most 60 rules per ruleset, the C functions driven directly. No Host (its timer threads
take actions), no Python actions, no joins, no typed comparisons, no text values. Why each limit is there is
told in docs/methods/engine.md; `tests/integration/test_durable_limits.py` reproduces the reasons.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from her2cds.errors import EngineError

try:
    import durable_rules_engine as _engine
except ImportError as error:
    raise EngineError(
        f"durable-rules cannot be loaded ({error}). On Python 3.13 it has to be built with "
        "CPPFLAGS=-DPyEval_CallObject=PyObject_CallObject: set that, then run "
        "`pip install --force-reinstall --no-cache-dir --no-deps durable-rules==2.0.28`."
    ) from error

# More than 64 branches true at once for one fact lose the whole result (error 303); 60 rules are a safe bound.
MAX_RULES = 60
# A fact with more than 254 properties is refused by the library.
MAX_FLAGS = 240

_FACT_ID = "p"
_MATCHED, _NO_MATCH = 0, 1
_PRIME = '{"id":"prime","prime":1}'
_RETRACT = json.dumps({"id": _FACT_ID, "sid": "0"})


def flags_collide(flags: Iterable[str]) -> tuple[str, str] | None:
    """Two flag names with the same 32-bit FNV-1 hash, if any: the library would take them for one."""
    seen: dict[tuple[int, int], str] = {}
    for flag in (*flags, "id", "sid", "kind", "prime"):
        for variant, key in enumerate(_fnv_hashes(flag)):
            other = seen.setdefault((variant, key), flag)
            if other != flag:
                return other, flag
    return None


@cache  # most flags stand in several rulesets
def _fnv_hashes(text: str) -> tuple[int, int]:
    """FNV-1 and FNV-1a: whichever the library's build uses, neither may collide."""
    one = one_a = 2166136261
    for byte in text.encode():
        one = ((one * 16777619) & 0xFFFFFFFF) ^ byte
        one_a = ((one_a ^ byte) * 16777619) & 0xFFFFFFFF
    return one, one_a


class Ruleset:
    """One compiled ruleset. A rule fires when all flags of it are in the fact."""

    def __init__(self, name: str, rules: Mapping[str, Sequence[str]]) -> None:
        """Compile rules given as name and flags.

        Raises EngineError where a limit of the library is passed.
        """
        self.name = name
        flags = frozenset(flag for needed in rules.values() for flag in needed)
        if len(rules) > MAX_RULES or len(flags) > MAX_FLAGS:
            raise EngineError(f"ruleset {name}: {len(rules)} rules and {len(flags)} flags pass the engine's limits")
        if any(not needed for needed in rules.values()):
            raise EngineError(f"ruleset {name}: a rule without a condition cannot be compiled")
        if clash := flags_collide(flags):
            raise EngineError(f"ruleset {name}: the engine cannot tell '{clash[0]}' from '{clash[1]}'; rename one")
        self.flags = flags
        self._written = {flag: f",{json.dumps(flag, ensure_ascii=False)}:1" for flag in flags}
        self._lock = threading.Lock()
        self._handle = self._create(rules)

    def _create(self, rules: Mapping[str, Sequence[str]]) -> int:
        # Every pattern starts with a property that only patient facts have, so that it cannot match the
        # library's own state fact.
        definition: dict[str, Any] = {
            name: {"all": [{"m": {"$and": [{"kind": 1}, *({flag: 1} for flag in needed)]}}]}
            for name, needed in rules.items()
        }
        definition["prime"] = {"all": [{"m": {"prime": 1}}]}
        try:
            handle: int = _engine.create_ruleset(self.name, json.dumps(definition, ensure_ascii=False))
            # Deleting a state for which no action ever started crashes the process; so one action is run first.
            offset = _engine.assert_fact(handle, _PRIME)[1]
            _engine.start_action_for_state(handle, offset)
            while _engine.complete_and_start_action(handle, offset):
                pass
            _engine.delete_state(handle, "0")
        except Exception as error:
            raise EngineError(f"ruleset {self.name}: durable-rules refused it: {error}") from error
        return handle

    def fire(self, flags: Iterable[str]) -> set[str]:
        """Names of the rules whose flags are all among `flags`. Thread-safe; leaves no state behind.

        A flag that no rule of this ruleset asks for says nothing here, and without any no rule can fire: every rule
        has at least one. Raises EngineError where the library fails: a result is never returned incomplete.
        """
        written = [self._written[flag] for flag in dict.fromkeys(flags) if flag in self._written]
        if not written:
            return set()
        fact = f'{{"id":"{_FACT_ID}","kind":1{"".join(written)}}}'
        with self._lock:
            try:
                fired = self._run(fact)
            except EngineError:
                self._reset()
                raise
            except Exception as error:
                self._reset()
                raise EngineError(f"ruleset {self.name}: durable-rules failed ({type(error).__name__})") from None
        return fired

    def _run(self, fact: str) -> set[str]:
        code, offset = _engine.assert_fact(self._handle, fact)
        if code not in (_MATCHED, _NO_MATCH):
            raise EngineError(f"ruleset {self.name}: the previous patient's fact was still there")
        fired: set[str] = set()
        if code == _MATCHED:
            started = _engine.start_action_for_state(self._handle, offset)
            text = started[1] if started else None
            while text:
                fired.add(text[2 : text.index('"', 2)])
                text = _engine.complete_and_start_action(self._handle, offset)
        _engine.retract_fact(self._handle, _RETRACT)
        return fired

    def _reset(self) -> None:
        try:
            _engine.delete_state(self._handle, "0")
        except Exception as error:
            raise EngineError(f"ruleset {self.name}: durable-rules could not be reset") from error

    def close(self) -> None:
        """Free the ruleset; the library never does so by itself."""
        with self._lock:
            if self._handle:
                _engine.delete_ruleset(self._handle)
                self._handle = 0

    def __del__(self) -> None:
        if getattr(self, "_handle", 0):
            self.close()
