"""The safety invariants of the design, over random profiles."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from her2cds import KnowledgeBase, ProfileError, Report, evaluate
from her2cds.scenarios.run import TODAY
from tests.conftest import PROJECT
from tests.property.random_profiles import RandomProfiles

EXAMPLES = sorted((PROJECT / "patient_examples").glob("*.json"))
seeds = st.integers(0, 2**32)


def report_of(tree: dict[str, Any], knowledge: KnowledgeBase) -> Report | None:
    """The report, or None for a profile that is refused because it contradicts itself."""
    try:
        return evaluate(tree, knowledge, today=TODAY)
    except ProfileError:
        return None


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_permuting_lists_changes_nothing_but_paths(knowledge: KnowledgeBase, seed: int) -> None:
    tree = RandomProfiles(seed).tree()
    shuffled = copy.deepcopy(tree)
    for name in ("specimens", "genomic_tests", "treatments"):
        random.Random(seed).shuffle(shuffled[name])
    for test in shuffled["genomic_tests"]:
        random.Random(seed).shuffle(test["alterations"])
    first, second = report_of(tree, knowledge), report_of(shuffled, knowledge)
    assert (first is None) == (second is None)
    if first and second:
        assert without_paths(first) == without_paths(second)


def without_paths(report: Report) -> Any:
    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: strip(item) for key, item in value.items() if key != "origin"}
        if isinstance(value, list):
            return [strip(item) for item in value]
        return "$" if isinstance(value, str) and value.startswith("Check the profile: $") else value

    return strip(json.loads(report.to_json()))


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_an_alteration_that_no_rule_mentions_adds_a_notice_and_nothing_else(
    knowledge: KnowledgeBase, seed: int
) -> None:
    tree = RandomProfiles(seed).tree()
    more = copy.deepcopy(tree)
    more["genomic_tests"].append({"alterations": [{"gene": "ZZZ9", "kind": "mutation"}]})
    first, second = report_of(tree, knowledge), report_of(more, knowledge)
    if first and second:
        assert first.model_copy(update={"notices": ()}) == second.model_copy(update={"notices": ()})
        assert len(second.notices) == len(first.notices) + 1


CONTRAINDICATIONS: list[tuple[dict[str, Any], str]] = [
    ({"interstitial_lung_disease": {"status": "active", "grade": 2}}, "t-dxd"),
    ({"lvef_percent": 30, "heart_failure": "active"}, "t-dm1"),
    ({"lvef_percent": 30, "heart_failure": "active"}, "trastuzumab-pertuzumab-taxane"),
    ({"hypersensitivity_to": ["trastuzumab"]}, "trastuzumab-pertuzumab-taxane"),
    ({"hepatic_impairment": "severe"}, "lapatinib-capecitabine"),
    ({"hepatic_impairment": "severe"}, "t-dm1"),
    ({"hepatic_impairment": "severe"}, "t-dxd"),
    ({"chronic_diarrhoea": True}, "neratinib-capecitabine"),
    ({"neuropathy_grade": 4}, "trastuzumab-pertuzumab-taxane"),
]


@settings(max_examples=300, deadline=None)
@given(seeds, st.sampled_from(CONTRAINDICATIONS))
def test_adding_a_contraindication_never_raises_the_drug(
    knowledge: KnowledgeBase, seed: int, change: tuple[dict[str, Any], str]
) -> None:
    health, regimen = change
    tree = RandomProfiles(seed).tree()
    for field in health:
        tree["health"].pop(field, None)
    worse = copy.deepcopy(tree)
    worse["health"].update(health)
    first, second = report_of(tree, knowledge), report_of(worse, knowledge)
    if first and second:
        before = {one.regimen: one for one in first.therapies}
        after = {one.regimen: one for one in second.therapies}
        assert set(after) <= set(before)
        # Regimens that the same contraindication hits may change places with each other, never with the others.
        untouched = {other for other, one in after.items() if one.warnings == before[other].warnings}
        if regimen in after and regimen not in untouched:
            better_before = {other for other in untouched if before[other].rank < before[regimen].rank}
            assert better_before <= {other for other, one in after.items() if one.rank < after[regimen].rank}


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_nothing_contraindicated_or_unsourced_is_ranked(knowledge: KnowledgeBase, seed: int) -> None:
    report = report_of(RandomProfiles(seed).tree(), knowledge)
    if report is None:
        return
    ranked = {one.regimen for one in report.therapies}
    assert not ranked & {one.regimen for one in report.not_recommended}
    for one in report.therapies:
        assert all(reason.citations for reason in one.because)
        assert one.because
        assert all(warning.effect != "exclude" for warning in one.warnings)
    assert report.therapies or report.statement


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_no_her2_directed_regimen_for_her2_zero_unaltered_disease(knowledge: KnowledgeBase, seed: int) -> None:
    tree = RandomProfiles(seed).tree()
    tree["specimens"] = [{"date": "2024-01-15", "site": "metastasis", "her2_ihc": "0"}]
    tree["genomic_tests"] = [{"genes_covered": ["ERBB2"], "alterations": []}]
    for treatment in tree["treatments"]:
        treatment.pop("ongoing", None)
        treatment.setdefault("stop_reason", "other")
    report = report_of(tree, knowledge)
    if report:
        assert report.therapies == ()
        assert report.investigational == ()
        assert report.statement


REMOVABLE = ["brain_metastases", "biomarkers", "patient.region", "patient.menopausal_status", "health.lvef_percent"]


@settings(max_examples=150, deadline=None)
@given(seeds, st.sampled_from(REMOVABLE))
def test_removing_information_never_settles_a_conditional_result(
    knowledge: KnowledgeBase, seed: int, path: str
) -> None:
    tree = RandomProfiles(seed).tree()
    less = copy.deepcopy(tree)
    parent, _, last = path.rpartition(".")
    (less[parent] if parent else less).pop(last, None)
    first, second = report_of(tree, knowledge), report_of(less, knowledge)
    if first and second:
        conditional = {one.regimen for one in first.therapies if one.status == "conditional"}
        settled = {one.regimen for one in second.therapies if one.status == "determined"}
        assert not conditional & settled


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_ranks_are_a_total_order_with_ties(knowledge: KnowledgeBase, seed: int) -> None:
    report = report_of(RandomProfiles(seed).tree(), knowledge)
    if report:
        ranks = [one.rank for one in report.therapies]
        assert ranks == sorted(ranks)
        for one in report.therapies:
            assert one.rank == 1 + sum(other < one.rank for other in ranks)
            assert one.tied == (ranks.count(one.rank) > 1)


# --- Any input gives a report or a clear error -------------------------------------------------------------------


def answered(patient: Any, knowledge: KnowledgeBase) -> bool:
    """Whether there was a report, or an error with at least one fault; anything else is raised."""
    try:
        return bool(evaluate(patient, knowledge, today=TODAY))
    except ProfileError as error:
        return bool(error.faults)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_any_json_gives_a_report_or_a_clear_error(knowledge: KnowledgeBase, value: Any) -> None:
    assert answered(json.dumps(value), knowledge)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(EXAMPLES), st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=3)), min_size=1, max_size=6)
)
def test_damaged_text_gives_a_report_or_a_clear_error(
    knowledge: KnowledgeBase, path: Any, edits: list[tuple[int, bytes]]
) -> None:
    content = path.read_bytes()
    for position, replacement in edits:
        at = position % len(content)
        content = content[:at] + replacement + content[at + 1 :]
    assert answered(content, knowledge)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(EXAMPLES), json_values, st.integers(0, 2**32))
def test_a_wrong_value_anywhere_gives_a_report_or_a_clear_error(
    knowledge: KnowledgeBase, path: Any, value: Any, seed: int
) -> None:
    tree = json.loads(path.read_text())
    chooser = random.Random(seed)
    here: Any = tree
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            break
        key = chooser.choice(keys)
        if not isinstance(here[key], (dict, list)) or chooser.random() < 0.2:
            here[key] = value
            break
        here = here[key]
    assert answered(tree, knowledge)


@pytest.mark.soak
def test_a_million_random_patients(knowledge: KnowledgeBase) -> None:
    profiles = RandomProfiles(1)
    reports = sum(report_of(profiles.tree(), knowledge) is not None for _ in range(1_000_000))
    assert reports > 100_000
