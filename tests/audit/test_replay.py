"""Replay: what an entry's input gives now, beside what it gave then."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from datetime import date as Date
from pathlib import Path
from typing import Any

import pytest

from her2cds import KnowledgeBase, ProfileError, evaluate
from her2cds.audit.differences import Difference, differences
from her2cds.audit.entry import Entry
from her2cds.audit.log import AuditLog
from her2cds.audit.replay import outline_replay, replay
from her2cds.errors import AuditError
from her2cds.interop.fhir.importing import import_fhir
from tests.audit.helpers import KNOWLEDGE
from tests.conftest import PROJECT
from tests.fhir_builders import POSITIVE, breast_cancer, bundle, coded, patient


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog.open(str(tmp_path / "audit.sqlite"))


def evaluated(log: AuditLog, knowledge: KnowledgeBase, profile: str) -> Entry:
    report = evaluate(profile, knowledge)
    return log.record(
        who="a", request="evaluate", knowledge=knowledge.identity, input=profile, output=report.to_json(indent=None)
    )


def test_every_example_replays_to_the_same_answer(log: AuditLog, knowledge: KnowledgeBase, examples: Path) -> None:
    for path in sorted(examples.glob("*.json")):
        found = replay(evaluated(log, knowledge, path.read_text()), knowledge)
        assert found.differences == (), path.name
        assert found.then == found.now


def test_an_answer_that_would_be_another_now_is_shown_place_by_place_with_both_versions(
    log: AuditLog, knowledge: KnowledgeBase, examples: Path
) -> None:
    profile = (examples / "second-line-her2-positive.json").read_text()
    report = json.loads(evaluate(profile, knowledge).to_json())
    first, second, *others = report["therapies"]
    report["therapies"] = [{**second, "rank": 1}, {**first, "rank": 2}, *others]
    older = replace(knowledge.identity, version="0.0.1", content_hash="0" * 64)
    entry = log.record(who="a", request="evaluate", knowledge=older, input=profile, output=json.dumps(report))
    found = replay(entry, knowledge)
    assert (found.then.knowledge_version, found.now.knowledge_version) == ("0.0.1", knowledge.version)
    assert found.then.knowledge_hash == "0" * 64
    assert [one.path for one in found.differences] == [
        f"$.therapies[{second['regimen']}].rank",
        f"$.therapies[{first['regimen']}].rank",
        "$.therapies, the order",
    ]
    words = str(list(outline_replay(found)))
    assert "0.0.1" in words
    assert knowledge.version in words
    assert json.loads(found.to_json())["same"] is False


def test_a_profile_that_would_be_refused_now_is_a_difference(log: AuditLog, knowledge: KnowledgeBase) -> None:
    profile = '{"former_field": 1}'
    entry = log.record(who="a", request="evaluate", knowledge=knowledge.identity, input=profile, output="{}")
    (difference,) = replay(entry, knowledge).differences
    assert difference.now.startswith("refused: $.former_field: found an unknown field")


def test_a_replay_is_of_the_day_on_which_the_answer_was_given_where_it_was_given(
    tmp_path: Path, knowledge: KnowledgeBase
) -> None:
    """In the east a day begins before it does in UTC, by which entries are timed."""
    late = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
    log = AuditLog.open(str(tmp_path / "east.sqlite"), clock=lambda: late)
    profile, day = '{"date": "2026-03-02"}', Date(2026, 3, 2)
    output = evaluate(profile, knowledge, today=day).to_json(indent=None)
    entry = log.record(who="a", request="evaluate", knowledge=knowledge.identity, input=profile, output=output, day=day)
    assert (entry.recorded_at[:10], entry.day) == ("2026-03-01", "2026-03-02")
    assert replay(entry, knowledge).same
    undated = replace(entry, day=None).sealed()
    assert replay(undated, knowledge).differences[0].now.startswith("refused: $.date")


def test_a_chart_and_a_body_larger_than_the_command_line_reads_are_replayed_as_profiles_are(
    log: AuditLog, knowledge: KnowledgeBase, examples: Path
) -> None:
    chart = bundle(patient(), breast_cancer(), coded("85319-2", POSITIVE))
    tree = import_fhir(chart, knowledge.knowledge).profile
    output = evaluate(tree, knowledge).to_json(indent=None)
    about: dict[str, Any] = {"who": "a", "request": "evaluate", "knowledge": knowledge.identity}
    assert replay(log.record(**about, input=json.dumps(chart), output=output), knowledge).same
    profile = (examples / "her2-zero.json").read_text()
    output = evaluate(profile, knowledge).to_json(indent=None)
    assert replay(log.record(**about, input=profile + " " * 2_000_000, output=output), knowledge).same


def test_other_kinds_of_request_are_replayed_by_whoever_knows_them(log: AuditLog, knowledge: KnowledgeBase) -> None:
    entry = log.record(who="a", request="explain", knowledge=knowledge.identity, input='{"a": 1}', output='{"a": 1}')
    with pytest.raises(AuditError, match="a request 'explain' cannot be replayed; those that can: evaluate"):
        replay(entry, knowledge)
    assert replay(entry, knowledge, {"explain": lambda content, *_: content}).same


def test_what_cannot_be_replayed_says_why(log: AuditLog, knowledge: KnowledgeBase) -> None:
    refused = log.record(who="a", request="evaluate", knowledge=KNOWLEDGE, input="{}", refusal="no")
    with pytest.raises(AuditError, match="of a refused request no body is kept"):
        replay(refused, knowledge)
    bodiless = log.record(who="a", request="evaluate", knowledge=KNOWLEDGE, output="{}")
    with pytest.raises(AuditError, match="it holds no input"):
        replay(bodiless, knowledge)
    page = log.record(who="a", request="evaluate", knowledge=KNOWLEDGE, input="{}", output="<p>")
    with pytest.raises(AuditError, match="its output is not JSON"):
        replay(page, knowledge)
    with pytest.raises(AuditError, match="entry 1 was altered"):
        replay(replace(refused, who="b"), knowledge)


@pytest.mark.parametrize(
    ("then", "now", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("$.a", "1", "2")]),
        ({"a": 1}, {"b": 1}, [("$.a", "1", "nothing"), ("$.b", "nothing", "1")]),
        ({"a": None}, {}, [("$.a", "null", "nothing")]),
        ({"a": 1}, {"a": True}, [("$.a", "1", "true")]),
        ({"a": 1}, {"a": 1.0}, [("$.a", "1", "1.0")]),
        ([1, 2], [1], [("$[1]", "2", "nothing")]),
        ([], [{"id": "x"}], [("$[x]", "nothing", '{"id": "x"}')]),
        ([{"id": "x"}], [{"id": "new"}, {"id": "x"}], [("$[new]", "nothing", '{"id": "new"}')]),
        ([{"id": "x"}, {"id": "y"}], [{"id": "y"}, {"id": "x"}], [("$, the order", "x, y", "y, x")]),
        ([{"id": "x"}, {"id": "x"}], [{"id": "x"}], [("$[1]", '{"id": "x"}', "nothing")]),
        ({"a": [1]}, {"a": {"0": 1}}, [("$.a", "[1]", '{"0": 1}')]),
    ],
)
def test_differences_name_the_place_and_both_values(
    then: object, now: object, found: list[tuple[str, str, str]]
) -> None:
    assert list(differences(then, now)) == [Difference(*one) for one in found]


def test_the_library_example_in_the_docs_records(tmp_path: Path, examples: Path) -> None:
    page = (PROJECT / "docs" / "audit.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    path = str(tmp_path / "audit.sqlite")
    names: dict[str, Any] = {}
    exec(code.replace("postgresql://her2cds@db/audit", path), names)
    output = names["answer"]((examples / "her2-zero.json").read_bytes(), "subject-1")
    with pytest.raises(ProfileError):
        names["answer"](b'{"note": "SECRET", "x": 1}', "subject-2")
    answered, refused = AuditLog.open(path).entries()
    assert (answered.who, answered.output) == ("subject-1", output)
    assert (refused.who, refused.input) == ("subject-2", None)
    assert "SECRET" not in refused.to_json()
