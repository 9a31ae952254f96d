"""Which expectations of a scenario can notice a change: the others need not be judged again for a mutant."""

from __future__ import annotations

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.rules import Rule

VERDICTS = frozenset({"fires", "fires_exactly", "just_misses", "concludes"})
_TEXTS = frozenset({"shows", "does_not_show"})
_ORDER = frozenset(
    {"top_regimen", "include", "exclude", "order", "tied", "nothing_ranked", "determined", "conditional"}
)
_ANSWER = _ORDER | _TEXTS | {"statement", "not_recommended", "investigational", "not_investigational"}
_QUESTIONS = frozenset({"asks", "does_not_ask"})
_SAFETY = frozenset({"warns", "checks_first"})
_FINDINGS = frozenset({"findings", "no_findings"})
_TESTS = frozenset({"tests", "no_tests"})
_TRIALS = frozenset({"trials", "possible_trials", "no_trials"})
EVERYTHING = (
    VERDICTS | _ANSWER | _QUESTIONS | _SAFETY | _FINDINGS | _TESTS | _TRIALS
    | {"classification", "notices", "discrepancies"}
)  # fmt: skip
ORDER = _ORDER | _TEXTS

_OF_KIND = {
    "therapy": _ANSWER | _QUESTIONS | _SAFETY | {"discrepancies"},
    "caution": _ANSWER | _QUESTIONS | _SAFETY | {"discrepancies"},
    "biomarker": _ORDER | _TEXTS | _FINDINGS | {"discrepancies"},
    "request": _TESTS | _TEXTS,
}
_OF_CONCLUSION = {
    "evidence removed": ORDER | {"discrepancies"},
    "trial link removed": _TEXTS,
    "notice removed": _TEXTS | {"notices"},
    "purpose flipped": _TEXTS,
    "level flipped": ORDER,
}


def of_conclusion(rule: Rule, operator: str) -> frozenset[str]:
    """The expectations that can notice a change of the rule's conclusion."""
    if rule.kind == "classification":
        return EVERYTHING
    return _OF_CONCLUSION.get(operator, _OF_KIND[rule.kind]) | {"concludes"}


def of_condition(node: str, knowledge: Knowledge) -> frozenset[str]:
    """The expectations that can notice a change of the condition's truth."""
    rule = knowledge.rules.get(node)
    if node in knowledge.trials:
        return VERDICTS | _TRIALS | _QUESTIONS | _TEXTS
    if node in knowledge.situations:
        return ORDER | VERDICTS
    if rule is None or rule.kind == "classification":
        return EVERYTHING
    return VERDICTS | _OF_KIND[rule.kind] | ({"notices"} if rule.notice else frozenset())
