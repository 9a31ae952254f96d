"""What a new knowledge base changes: its entries, and the patients whose answer is another."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from her2cds import KnowledgeBase, evaluate, load_knowledge
from her2cds.cohort.kb_changes import knowledge_changes
from tests.cohort.helpers import her2cds, write_cohort, write_lines
from tests.conftest import PROJECT

RULES = PROJECT / "rules"
SECOND_LINE = "therapies/second-line.yaml"
OFFER = "    regimen: t-dxd\n    category: preferred\n"


@pytest.fixture(scope="module")
def stricter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """T-DXd in the second line only up to ECOG 1, one caution less, one drug more, one study's name changed."""
    rules = tmp_path_factory.mktemp("rules") / "new"
    shutil.copytree(RULES, rules)
    edit(rules / SECOND_LINE, f"  offer:\n{OFFER}", f"      - patient.ecog: {{at_most: 1}}\n  offer:\n{OFFER}")
    edit(
        rules / "drugs.yaml",
        "- id: trastuzumab\n",
        "- {id: zetuzumab, name: Zetuzumab, status: listed}\n- id: trastuzumab\n",
    )
    return rules


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


@pytest.fixture(scope="module")
def other(stricter: Path) -> KnowledgeBase:
    return load_knowledge(stricter, use_cache=False)


def test_a_knowledge_base_does_not_differ_from_itself(knowledge: KnowledgeBase) -> None:
    data = knowledge.knowledge.data
    assert knowledge_changes(data, data) == ()
    done = her2cds("kb", "diff", RULES, RULES)
    assert done.returncode == 0, done.stderr
    assert "0 entries differ" in done.stdout


def test_entries_that_were_added_removed_or_changed_are_named_with_their_fields(
    knowledge: KnowledgeBase, other: KnowledgeBase
) -> None:
    found = knowledge_changes(knowledge.knowledge.data, other.knowledge.data)
    assert [(one.kind, one.id, one.change) for one in found] == [
        ("therapy rule", "therapy.second-line.t-dxd", "changed"),
        ("drug", "zetuzumab", "added"),
    ]
    (field,) = found[0].fields
    assert field.path == "when.all"
    assert field.before == "nothing"
    assert "patient.ecog" in field.after
    back = knowledge_changes(other.knowledge.data, knowledge.knowledge.data)
    assert [(one.id, one.change) for one in back] == [
        ("therapy.second-line.t-dxd", "changed"),
        ("zetuzumab", "removed"),
    ]


@pytest.fixture(scope="module")
def compared(stricter: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[Any]]:
    """A cohort of 600, the comparison as JSON, and all changed patients."""
    pytest.importorskip("pyarrow", reason="needs the extra [cohort]")
    folder = tmp_path_factory.mktemp("impact")
    profiles: list[Any] = write_cohort(folder / "a.ndjson", 600)
    profiles[7] = {"nonsense": 1}
    write_lines(folder / "a.ndjson", profiles)
    done = her2cds(
        "kb", "diff", RULES, stricter, "--cohort", folder / "a.ndjson", "-f", "json", "-o", folder / "all.ndjson"
    )
    assert done.returncode == 0, done.stderr
    changed = [json.loads(line) for line in (folder / "all.ndjson").read_text().splitlines()]
    return folder / "a.ndjson", json.loads(done.stdout), changed


def test_the_changed_patients_are_exactly_those_whose_report_is_another(
    compared: tuple[Path, dict[str, Any], list[Any]], knowledge: KnowledgeBase, other: KnowledgeBase
) -> None:
    path, tree, changed = compared
    expected, tops = [], 0
    for line, text in enumerate(path.read_text().splitlines(), start=1):
        if "nonsense" in text:
            continue
        before, after = (evaluate(text, one) for one in (knowledge, other))
        listed = [
            [(one.regimen, one.rank, one.tied, one.status) for one in report.therapies] for report in (before, after)
        ]
        if listed[0] != listed[1]:
            expected.append(line)
            first = [[regimen for regimen, rank, *_ in one if rank == 1] for one in listed]
            tops += first[0] != first[1]
    assert [one["line"] for one in changed] == expected
    assert len(expected) > 2
    cohort = tree["cohort"]
    assert (cohort["patients"], cohort["invalid"], cohort["changed"]) == (600, 1, len(expected))
    assert cohort["top_changed"] == tops


def test_each_changed_patient_says_from_what_to_what_and_which_changed_rule_is_at_work(
    compared: tuple[Path, dict[str, Any], list[Any]],
) -> None:
    _, tree, changed = compared
    for one in changed:
        assert one["rules"] == ["therapy.second-line.t-dxd"]
        (t_dxd,) = [change for change in one["changes"] if (change["about"], change["id"]) == ("regimen", "t-dxd")]
        assert t_dxd["before"].startswith("rank")
        assert t_dxd["before"] != t_dxd["after"]
    most = tree["cohort"]["differences"][0]
    same = [one for one in changed if {key: most[key] for key in ("about", "id", "before", "after")} in one["changes"]]
    assert most["patients"] == len(same)


def test_a_profile_that_only_one_knowledge_base_can_read_is_told(stricter: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra [cohort]")
    rules = tmp_path / "new"
    shutil.copytree(stricter, rules)
    edit(rules / "drugs.yaml", "Zetuzumab", "Pertuzumob")
    course = {"setting": "metastatic", "agents": ["Pertuzumob"], "stop_reason": "progression"}
    write_lines(tmp_path / "a.ndjson", [{"id": "x", "treatments": [course]}])
    done = her2cds("kb", "diff", RULES, rules, "--cohort", tmp_path / "a.ndjson")
    assert "profile profile: invalid at $.treatments[0].agents[0] → valid" in done.stdout


def test_the_text_names_versions_entries_and_patients(
    compared: tuple[Path, dict[str, Any], list[Any]], stricter: Path
) -> None:
    path, _, changed = compared
    done = her2cds("kb", "diff", RULES, stricter, "--cohort", path, "--top", 2)
    assert "changed therapy rule therapy.second-line.t-dxd" in done.stdout
    assert f"600 patients: {len(changed)} with another answer" in done.stdout
    assert f"a.ndjson:{changed[0]['line']} " in done.stdout
    assert f"and {len(changed) - 2} more; --output FILE writes all" in done.stdout


def test_a_faulty_knowledge_base_or_cohort_gets_a_clear_error(tmp_path: Path) -> None:
    done = her2cds("kb", "diff", RULES, tmp_path)
    assert done.returncode == 4
    pytest.importorskip("pyarrow", reason="needs the extra [cohort]")
    done = her2cds("kb", "diff", RULES, RULES, "--cohort", tmp_path / "none.ndjson")
    assert done.returncode == 1
    assert "no such file" in done.stderr
