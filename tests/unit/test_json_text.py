"""JSON and trees that are made to exhaust whoever reads them: refused in time, in few words, and exactly otherwise."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from her2cds import ProfileError
from her2cds.profile.changes import progress_on, set_at
from her2cds.profile.json_text import parse_json
from her2cds.profile.read import profile_from_tree


def faults_of(tree: Any) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        profile_from_tree(tree)
    return [f"{one.path} {one.found}" for one in caught.value.faults]


# --- Keys --------------------------------------------------------------------------------------------


def test_a_key_twice_among_very_many_is_found_as_fast_as_they_are_read() -> None:
    keys = ["a", "a", *map(str, range(100_000))]
    text = "{" + ",".join(f'"{key}":0' for key in keys) + "}"
    began = time.monotonic()
    with pytest.raises(ProfileError, match="the key 'a' twice in one object"):
        parse_json(text.encode())
    assert time.monotonic() - began < 2


def test_the_first_of_several_keys_that_stand_twice_is_named_whatever_their_order() -> None:
    for text in (b'{"b": 1, "b": 2, "a": 1, "a": 2}', b'{"a": 1, "b": 1, "b": 2, "a": 2}'):
        with pytest.raises(ProfileError, match="the key 'a' twice"):
            parse_json(text)


def test_a_key_in_an_inner_object_counts_there_alone() -> None:
    assert parse_json(b'{"a": {"a": [{"a": 1}, {"a": 2}]}}') == {"a": {"a": [{"a": 1}, {"a": 2}]}}
    with pytest.raises(ProfileError, match="twice"):
        parse_json(b'{"a": [{"b": 1, "b": 1}]}')


def test_a_long_key_is_not_repeated_in_full() -> None:
    key = "k" * 100_000
    with pytest.raises(ProfileError) as caught:
        parse_json(f'{{"{key}": 1, "{key}": 2}}'.encode())
    assert len(str(caught.value)) < 200


# --- Trees -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "first"),
    [
        ({"specimens": [1] * 300_000}, "$.specimens[0] 1"),
        ({"genomic_tests": [{"genes_covered": [1] * 30_000}] * 10}, "$.genomic_tests[0].genes_covered[0] 1"),
        ({"specimens": [{}] * 300_000}, "$.specimens a list of 300000"),
        ({"patient": {"ecog": [[1]] * 100_000}}, "$.patient.ecog a list of 100000"),
        ({str(number): 0 for number in range(300_000)}, "$ an object with 300000 fields"),
    ],
)
def test_millions_of_faults_are_refused_by_the_first_of_each_list(tree: Any, first: str) -> None:
    faults = faults_of(tree)
    assert faults[0] == first
    assert len(faults) <= 2


def test_of_a_very_large_profile_each_list_and_field_with_a_fault_is_still_named() -> None:
    genes = [f"G{number}" for number in range(29_000)]
    tree = {
        "patient": {"ecog": 9},
        "genomic_tests": [{"genes_covered": [*genes, 1, 2]}, {"genes_covered": [*genes, 3]}],
        "treatments": [{"agents": ["T-DXd", 4]}],
    }
    paths = [one.split(" ")[0] for one in faults_of(tree)]
    expected = ["$.patient.ecog", "$.genomic_tests[0].genes_covered[29000]", "$.treatments[0].agents[1]", "$"]
    assert sorted(paths) == sorted(expected)


def test_all_faults_of_a_normal_profile_are_listed_at_once() -> None:
    tree = {"specimens": [{"her2_ihc": "9"}] * 3, "treatments": [{"agents": ["x", 1, 2]}], "diseas": 1}
    assert len(faults_of(tree)) == 6
    many = faults_of({"specimens": [{"her2_ihc": "9"}] * 200})
    assert len(many) == 101
    assert many[-1] == "$ 200 faults"


def test_a_large_profile_without_faults_is_read() -> None:
    genes = [f"G{number}" for number in range(30_000)]
    tests = profile_from_tree({"genomic_tests": [{"genes_covered": genes}] * 3}).genomic_tests
    assert tests is not None
    assert [one.genes_covered for one in tests] == [tuple(genes)] * 3


# --- Changes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["²", "٣", "1" * 5_000, "-1", "x", " 1"])
def test_an_element_is_named_by_a_plain_number(step: str) -> None:
    with pytest.raises(ProfileError, match="the number of an element"):
        set_at({"specimens": [{}]}, f"specimens.{step}.er", "positive")


@pytest.mark.parametrize("agents", [5, None, "T-DXd", {"a": 1}])
def test_a_course_without_a_list_of_agents_is_a_fault_of_the_profile(agents: Any) -> None:
    tree = json.loads(json.dumps({"treatments": [{"agents": ["a"]}, {"agents": agents}]}))
    with pytest.raises(ProfileError, match=r"\$\.treatments\[1\]\.agents"):
        progress_on(tree, "t-dxd", lambda _: False)
