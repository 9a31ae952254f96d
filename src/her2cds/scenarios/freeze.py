"""Writes down what the rules say now as `fires_exactly` and `concludes`: patients stay, the reader reads the diff."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import get_args

import yaml

from her2cds.evaluation import KnowledgeBase, as_profile, evaluate_rules
from her2cds.facts.truth import TRUE
from her2cds.profile.read import make_chart
from her2cds.scenarios.conclusion import conclusion_words
from her2cds.scenarios.model import VerdictKind
from her2cds.scenarios.run import TODAY, Seen, fired_of
from her2cds.scenarios.suite import Case

_KINDS: tuple[VerdictKind, ...] = get_args(VerdictKind)
_WIDTH = 116


def frozen(cases: Sequence[Case], knowledge: KnowledgeBase) -> str:
    """The cases as a scenario file whose `fires_exactly` and `concludes` are what the rules say now.

    Scenarios without `fires_exactly` keep what they expect.
    Each rule's conclusion stands at the first patient who satisfies it; rules that always hold, at the first patient.
    Raises ProfileError for a patient who cannot be evaluated.
    """
    told: set[str] = set()
    return "".join(_text(case, knowledge, told) for case in cases)


def _text(case: Case, knowledge: KnowledgeBase, told: set[str]) -> str:
    scenario = case.scenario
    expect = scenario.expect.model_dump(mode="json", exclude_unset=True)
    concludes: dict[str, str] = {}
    if "fires_exactly" in expect:
        chart = make_chart(as_profile(case.patient), knowledge.knowledge, TODAY)
        seen = Seen(chart, knowledge.knowledge, evaluate_rules(chart, knowledge))
        expect["fires_exactly"] = {kind: list(fired_of(kind, seen)) for kind in _KINDS}
        expect.pop("concludes", None)
        concludes = _new_conclusions(seen, told)
    patient = scenario.patient.model_dump(mode="json", exclude_unset=True)
    tags = {"tags": list(scenario.tags)} if scenario.tags else {}
    text = _yaml([{"title": scenario.title, **tags, "patient": patient, "expect": expect}], flow=None)
    # One line for each conclusion, so that a changed one is one changed line. `expect` comes last.
    return text + (textwrap.indent(_yaml({"concludes": concludes}, flow=False), "    ") if concludes else "")


def _new_conclusions(seen: Seen, told: set[str]) -> dict[str, str]:
    """The conclusions of satisfied rules that were not told before."""
    rules = (rule for rule in seen.knowledge.data.rules if rule.id not in told)
    new = {rule.id: conclusion_words(rule) for rule in rules if seen.outcome.verdicts[rule.id] is TRUE}
    told.update(new)
    return new


def _yaml(content: object, *, flow: bool | None) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=flow)
