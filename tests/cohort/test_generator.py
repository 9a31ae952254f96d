"""Invented patients: valid, consistent, over the whole domain, and as often this or that as declared."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from her2cds import KnowledgeBase
from her2cds.cohort.invented_patient import invented_patients
from her2cds.cohort.rates import ASSUMED, MIXES, RATES
from her2cds.evaluation import Case, examine
from her2cds.facts.truth import Truth
from her2cds.scenarios.run import TODAY

COUNT = 4000


@pytest.fixture(scope="module")
def profiles() -> list[dict[str, Any]]:
    return list(invented_patients(COUNT, seed=11))


@pytest.fixture(scope="module")
def cases(profiles: list[dict[str, Any]], knowledge: KnowledgeBase) -> list[Case]:
    """The first thousand and a thousand of HER2-positive disease, read and decided."""
    rich = invented_patients(1000, seed=11, her2_positive=1.0)
    return [examine(one, knowledge, today=TODAY) for one in (*profiles[:1000], *rich)]


def test_the_same_seed_gives_the_same_patients_and_another_seed_others() -> None:
    assert list(invented_patients(20, 3)) == list(invented_patients(20, 3))
    assert list(invented_patients(20, 3)) != list(invented_patients(20, 4))


def test_a_part_made_alone_is_the_part_of_the_whole() -> None:
    assert list(invented_patients(5, 3, first=16)) == list(invented_patients(20, 3))[15:]


@pytest.mark.slow
def test_every_patient_is_valid_and_nothing_in_a_chart_has_to_be_checked(cases: list[Case]) -> None:
    assert {notice for case in cases for notice in case.chart.notices} == set()


def test_the_whole_domain_occurs(cases: list[Case]) -> None:
    facts = [case.decision.outcome.facts for case in cases]
    for fact, values in {
        "her2.class": {"positive", "low", "zero", "equivocal"},
        "disease.primary": {"breast", "other"},
        "disease.setting": {"early", "locally_advanced_unresectable", "metastatic"},
        "brain.status": {"none", "stable", "untreated", "progressing"},
        "her2.lost": {True},
        "her2.mutated": {True},
        "pathway.first_line": {True},
        "pathway.second_line": {True},
        "pathway.later_line": {True},
        "health.ild": {"active", "past", "never"},
    }.items():
        assert values <= {getattr(one.get(fact), "value", None) for one in facts}, fact


def test_most_therapy_rules_and_most_rules_fire(cases: list[Case], knowledge: KnowledgeBase) -> None:
    satisfied = {
        node for case in cases for node, truth in case.decision.outcome.verdicts.items() if truth is Truth.TRUE
    }
    therapies = {rule.id for rule in knowledge.knowledge.rules_of("therapy")}
    rules = {rule.id for rule in knowledge.knowledge.data.rules}
    assert len(satisfied & therapies) >= 0.75 * len(therapies)
    assert len(satisfied & rules) >= 0.5 * len(rules)


def test_what_is_missing_differs_from_chart_to_chart(profiles: list[dict[str, Any]]) -> None:
    counts = Counter(len(one.get("health", {})) for one in profiles)
    assert counts[12] > COUNT * 0.2  # complete charts
    assert sum(number for fields, number in counts.items() if fields <= 8) > COUNT * 0.1


# --- Declared and observed ----------------------------------------------------------------------------------------


def share(part: int, whole: int) -> float:
    return part / whole


def her2_of(profile: dict[str, Any]) -> str:
    first = profile["specimens"][0]
    if first["her2_ihc"] == "3+" or first.get("her2_ish") == "positive":
        return "positive"
    if first["her2_ihc"] == "2+" and "her2_ish" not in first:
        return "equivocal"
    return "zero" if first["her2_ihc"] == "0" else "low"


def test_observed_shares_are_the_declared_rates(profiles: list[dict[str, Any]]) -> None:
    tested = [one for one in profiles if "specimens" in one]
    assert share(COUNT - len(tested), COUNT) == pytest.approx(RATES["no_receptors"].value, abs=0.01)
    classes = Counter(map(her2_of, tested))
    near = {"abs": 0.03}
    assert share(classes["positive"], len(tested)) == pytest.approx(RATES["her2.positive"].value, **near)
    negative = classes["low"] + classes["zero"]
    assert share(classes["low"], negative) == pytest.approx(RATES["her2.low"].value, **near)
    receptors = Counter(one["specimens"][0]["er"] for one in tested)
    assert share(receptors["positive"], len(tested)) == pytest.approx(RATES["hr.positive"].value, **near)
    settings = Counter(one["disease"]["setting"] for one in profiles)
    for setting, declared in MIXES["setting"].shares.items():
        assert share(settings[setting], COUNT) == pytest.approx(declared, **near)


def test_interstitial_lung_disease_is_more_frequent_after_t_dxd(profiles: list[dict[str, Any]]) -> None:
    names = {"T-DXd", "Enhertu", "trastuzumab deruxtecan"}
    after = [
        one["health"]["interstitial_lung_disease"]["status"] != "never"
        for one in profiles
        if "interstitial_lung_disease" in one.get("health", {})
        and any(agent in names for course in one["treatments"] for agent in course["agents"])
    ]
    assert len(after) > 100
    assert share(sum(after), len(after)) == pytest.approx(RATES["ild.t_dxd"].value, abs=0.06)


@pytest.mark.parametrize("name", MIXES)
def test_the_shares_of_a_mix_add_up_to_one(name: str) -> None:
    assert sum(MIXES[name].shares.values()) == pytest.approx(1.0)


def test_a_rate_that_is_not_assumed_names_a_passage_that_the_sources_have(knowledge: KnowledgeBase) -> None:
    cited = [rate.origin for rate in (*RATES.values(), *MIXES.values()) if rate.origin != ASSUMED]
    assert len(cited) >= 8
    for origin in (one for text in cited for one in text.split(", ")):
        source, _, number = origin.partition(" §")
        sections = knowledge.knowledge.sources[source].sections
        assert any(re.match(rf"{re.escape(number)}\.? ", section) for section in sections), origin


# --- Command ---------------------------------------------------------------------------------------------------------


def test_the_command_writes_one_profile_per_line_and_prints_the_rates() -> None:
    command = [sys.executable, "-m", "her2cds", "generate"]
    done = subprocess.run([*command, "-n", "3", "--seed", "5"], capture_output=True, check=True)
    assert [json.loads(line) for line in done.stdout.splitlines()] == list(invented_patients(3, 5))
    rates = subprocess.run([*command, "--rates"], capture_output=True, check=True, text=True).stdout
    assert "her2.positive: 17.5% of breast cancers; 15 to 20 % (guidi2023 §1, wang2022 §1)" in rates
    assert rates.count("\n") == len(RATES) + len(MIXES)
