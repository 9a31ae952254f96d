"""The package as a library in an EHR prototype: typed, quiet, re-entrant."""

from __future__ import annotations

import json
import logging
import pickle
import re
import runpy
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from her2cds import KnowledgeBase, ProfileError, evaluate, load_knowledge
from her2cds.engine import memory
from her2cds.evaluation import examine, report_on
from tests.conftest import PROJECT
from tests.property.random_profiles import RandomProfiles

EXAMPLES = sorted((PROJECT / "patient_examples").glob("*.json"))


def test_threads_give_the_answers_of_one_thread(knowledge: KnowledgeBase) -> None:
    texts = [path.read_bytes() for path in EXAMPLES] * 12
    serial = [evaluate(text, knowledge).to_json() for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: evaluate(text, knowledge).to_json(), texts)) == serial


def test_a_failed_profile_leaves_no_trace(knowledge: KnowledgeBase) -> None:
    good = EXAMPLES[0].read_bytes()
    before = evaluate(good, knowledge).to_json()
    with pytest.raises(ProfileError):
        evaluate('{"treatments": [{"agents": ["T-DX1"]}]}', knowledge)
    assert evaluate(good, knowledge).to_json() == before


@pytest.mark.parametrize("given", [None, 5, [{}]])
def test_what_is_no_profile_is_told_as_a_fault_of_the_profile(given: Any, knowledge: KnowledgeBase) -> None:
    with pytest.raises(ProfileError, match="expected a profile: a mapping, JSON text or a Profile"):
        evaluate(given, knowledge)


def test_a_case_and_a_report_can_go_to_another_process(knowledge: KnowledgeBase) -> None:
    for path in sorted((PROJECT / "patient_examples").glob("*.json")):
        case = examine(path.read_bytes(), knowledge)
        report = report_on(case, knowledge)
        assert report_on(pickle.loads(pickle.dumps(case)), knowledge) == report
        assert pickle.loads(pickle.dumps(report)) == report


def test_text_tree_and_profile_give_the_same_report(knowledge: KnowledgeBase) -> None:
    from her2cds import Profile

    text = EXAMPLES[0].read_text()
    tree = json.loads(text)
    profile = Profile.model_validate(tree)
    assert evaluate(text, knowledge) == evaluate(tree, knowledge) == evaluate(profile, knowledge)


def test_nothing_is_printed_or_logged(
    knowledge: KnowledgeBase, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        evaluate(EXAMPLES[0].read_bytes(), knowledge)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_an_error_does_not_hold_the_patient(knowledge: KnowledgeBase) -> None:
    tree = json.loads(EXAMPLES[0].read_text())
    tree["note"] = "SECRET-NOTE"
    tree["patient"]["ecog"] = 99
    with pytest.raises(ProfileError) as caught:
        evaluate(tree, knowledge)
    assert "SECRET-NOTE" not in str(caught.value)


def test_two_knowledge_bases_live_side_by_side(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    """In one of them a bound is moved, and a condition turned round; neither answers for the other."""
    shutil.copytree(PROJECT / "rules", tmp_path / "rules")
    file = tmp_path / "rules" / "cautions" / "safety.yaml"
    text = file.read_text(encoding="utf-8")
    for old, new in (
        ("when: {health.lvef: {less_than: 40}}", "when: {health.lvef: {less_than: 70}}"),
        ("when: {health.renal_impairment: severe}", "when: {not: {health.renal_impairment: severe}}"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    stricter = load_knowledge(tmp_path / "rules", use_cache=False)
    patient = (PROJECT / "patient_examples" / "second-line-her2-positive.json").read_bytes()
    reports = [evaluate(patient, base) for base in (knowledge, stricter) * 3]
    ours, theirs = reports[0::2], reports[1::2]
    assert ours[0] == ours[1] == ours[2]
    assert theirs[0] == theirs[1] == theirs[2]
    tucatinib = "tucatinib-trastuzumab-capecitabine"
    assert {"t-dxd", tucatinib} <= {one.regimen for one in ours[0].therapies}
    ruled_out = {one.regimen: {reason.rule for reason in one.reasons} for one in theirs[0].not_recommended}
    assert "caution.lvef-below-40.her2-antibodies" in ruled_out["t-dxd"]
    assert "caution.renal-severe.capecitabine" in ruled_out[tucatinib]
    assert ours[0].knowledge.content_hash != theirs[0].knowledge.content_hash


def test_what_is_kept_of_earlier_patients_is_bounded_and_changes_no_answer(
    knowledge: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 4  # in place of the far larger bound, so that few patients exceed it
    monkeypatch.setattr("her2cds.engine.memory.MOST", most)
    small = KnowledgeBase(knowledge.knowledge)
    groups = [group for level in small.rules._levels for group in level.groups]
    parts = [one for level in small.rules._levels for one in (*level.draft.facts, *level.draft.completes)]
    memories = (
        [group.answers for group in groups],
        [group._fired for group in groups],
        [part._remembered for part in parts],
    )
    largest = [0, 0, 0]
    for seed in range(60):
        tree = RandomProfiles(seed).tree()
        try:
            expected = evaluate(tree, knowledge)
        except ProfileError:
            continue
        assert evaluate(tree, small) == expected
        largest = [max(so_far, *map(len, kept)) for so_far, kept in zip(largest, memories, strict=True)]
    assert largest == [most, most, most]


def test_what_is_kept_of_earlier_patients_is_at_most_a_thousand_answers() -> None:
    assert memory.MOST <= 1024


def test_the_ehr_example_in_the_docs_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (PROJECT / "docs" / "embedding.md").read_text(encoding="utf-8")
    code, more = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert len(code.strip().splitlines()) <= 20
    example = PROJECT / "docs" / "ehr_example.py"
    assert example.read_text(encoding="utf-8") == code
    runpy.run_path(str(example), run_name="__main__")
    assert "Trastuzumab deruxtecan" in capsys.readouterr().out
    patients = [PROJECT / "patient_examples" / f"{name}.json" for name in ("second-line-her2-positive", "her2-zero")]
    patient, other_patient = (one.read_text(encoding="utf-8") for one in patients)
    exec(more, {"patient": patient, "other_patient": other_patient, "knowledge": load_knowledge()})


def test_only_one_module_imports_the_engine_library() -> None:
    users = [
        path.name
        for path in (PROJECT / "src").rglob("*.py")
        if re.search(r"^\s*(import|from) durable", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    ]
    assert users == ["durable.py"]


def test_imports_run_one_way() -> None:
    """profile and knowledge know nothing of facts, facts nothing of the engine, and so on up to the command line."""
    decision = ["knowledge", "profile", "facts", "engine", "recommendation", "registry", "report"]
    order = [*decision, "exploration", "rendering", "interop", "audit", "cohort", "scenarios", "cli"]
    for number, package in enumerate(order):
        later = "|".join(order[number + 1 :])
        for path in (PROJECT / "src" / "her2cds" / package).rglob("*.py"):
            found = re.findall(rf"her2cds\.({later})\b", path.read_text(encoding="utf-8")) if later else []
            assert not found, f"{path} imports {found}"


@pytest.mark.slow
def test_memory_is_flat_over_evaluations() -> None:
    code = """
import resource, sys
from pathlib import Path
from her2cds import evaluate, load_knowledge
knowledge = load_knowledge()
text = Path(sys.argv[1]).read_bytes()
for _ in range(300): evaluate(text, knowledge)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(1500): evaluate(text, knowledge)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(EXAMPLES[0])], capture_output=True, text=True, timeout=300, check=True
    )
    assert int(done.stdout) < 4096  # kilobytes
