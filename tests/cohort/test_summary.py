"""The summary of a cohort: its counts are those of the tables, in every form."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="needs the extra [cohort]")

from her2cds import KnowledgeBase
from her2cds.cohort.summary import CLASSES, Summary, summarise
from her2cds.cohort.summary_page import to_page
from tests.cohort.helpers import her2cds, run, table, write_cohort, write_lines


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results for 300 patients in parts of 64, three invalid profiles among them."""
    folder = tmp_path_factory.mktemp("summary")
    profiles: list[Any] = write_cohort(folder / "a.ndjson", 300)
    profiles[10] = {"specimens": [{"her2_ihc": "4+"}]}
    profiles[20] = {"specimens": [{}, {"her2_ihc": "5+"}], "nonsense": 1}
    profiles[30] = "text"
    del profiles[40]["specimens"]
    write_lines(folder / "a.ndjson", profiles)
    assert run(folder / "a.ndjson", folder / "out", "--part-size", 64).returncode == 3
    return folder / "out"


@pytest.fixture(scope="module")
def summary(output: Path, knowledge: KnowledgeBase) -> Summary:
    return summarise(output, knowledge.knowledge)


def test_counts_add_up(summary: Summary) -> None:
    assert (summary.lines, summary.answered, summary.invalid, summary.failed, summary.blank) == (300, 297, 3, 0, 0)
    assert sum(summary.outcomes.values()) == 297
    assert sum(one.patients for one in summary.classes_by_line) == 297
    assert all(sum(one.classes) == one.patients for one in summary.classes_by_line)


def test_class_by_line_is_counted_from_the_patients(summary: Summary, output: Path) -> None:
    early = [one for one in table(output, "patients") if one["setting"] == "early"]
    positive = sum(one["her2_class"] == "positive" for one in early)
    (line,) = [one for one in summary.classes_by_line if one.line == "early disease"]
    assert line.patients == len(early)
    assert line.classes[CLASSES.index("positive")] == positive
    assert summary.outcomes["deferred"] >= 1  # the patient without a specimen


def test_regimens_are_counted_and_the_most_frequent_comes_first(summary: Summary, output: Path) -> None:
    first = Counter(regimen for one in table(output, "patients") for regimen in one["top"])
    assert {one.regimen: one.first for one in summary.regimens if one.first} == first
    assert [one.first for one in summary.regimens] == sorted((one.first for one in summary.regimens), reverse=True)
    rows = table(output, "candidates")
    for one in summary.regimens:
        groups = Counter(row["group"] for row in rows if row["regimen"] == one.regimen)
        assert (one.ranked, one.ruled_out) == (groups["ranked"], groups["ruled_out"])


def test_trials_that_take_nobody_are_left_out_and_the_others_counted(summary: Summary, output: Path) -> None:
    rows = table(output, "trials")
    counted = Counter((one["trial"], one["eligibility"]) for one in rows if not one["closed"])
    for one in summary.trials:
        assert (one.eligible, one.possible) == (counted[one.trial, "eligible"], counted[one.trial, "possible"])
    assert {one.trial for one in summary.trials} == {trial for trial, _ in counted}


def test_missing_facts_say_how_many_decisions_they_would_settle(summary: Summary, output: Path) -> None:
    candidates, trials = table(output, "candidates"), table(output, "trials")
    asked = table(output, "questions")
    for one in summary.missing[:10]:
        rows = [row for row in asked if row["fact"] == one.fact]
        assert (one.regimens, one.checks, one.trials, one.settles) == tuple(
            sum(row[column] for row in rows) for column in ("regimens", "checks", "trials", "settles")
        )
        offers = [row["conditional_on"] for row in candidates]
        open_trials = [row["unknown"] for row in trials if not row["closed"]]
        # An equivocal HER2 result holds back regimens and trials, too, of which the other tables have no row.
        held_back = one.fact == "her2.ish_result"
        for found, shown in ((one.regimens, offers), (one.trials, open_trials)):
            listed = sum(one.fact in missing for missing in shown)
            assert found > listed if held_back else found == listed
        alone = sum(missing == [one.fact] for missing in (*offers, *open_trials))
        assert alone <= one.settles
        assert held_back or one.settles <= alone + one.checks
    assert any(one.settles for one in summary.missing)


def test_faults_are_counted_by_place_without_positions(summary: Summary) -> None:
    assert {one.path: one.profiles for one in summary.faults} == {
        "$.specimens[].her2_ihc": 2,
        "$.nonsense": 1,
        "$": 1,
    }


def test_the_page_is_self_contained_and_says_the_same_numbers(summary: Summary) -> None:
    page = to_page(summary, 5)
    assert not re.search(r"<script|<link|<img|src=|url\(|@import|https?:", page)
    assert page.lstrip().startswith("<!DOCTYPE html>")
    top = summary.regimens[0]
    row = page[page.index(f'<th scope="row">{top.name}</th>') :]
    assert f'<td class="number">{top.first}</td><td class="number">{top.alone_first}</td>' in row
    assert summary.intended_use in page
    assert f"the first 5 of {len(summary.regimens)}" in page


def test_the_command_writes_text_json_and_html(output: Path, summary: Summary, tmp_path: Path) -> None:
    text = her2cds("cohort", "summary", output, "--top", 3)
    assert text.returncode == 0, text.stderr
    assert "300 lines: 297 answered, 3 invalid" in text.stdout
    assert summary.regimens[0].regimen in text.stdout
    assert json.loads(her2cds("cohort", "summary", output, "-f", "json").stdout) == json.loads(summary.to_json())
    page = her2cds("cohort", "summary", output, "-f", "html", "-o", tmp_path / "page.html")
    assert page.returncode == 0
    assert (tmp_path / "page.html").read_text().rstrip() == to_page(summary, 15).rstrip()


def test_an_unfinished_run_is_summarised_as_far_as_it_is(
    output: Path, knowledge: KnowledgeBase, tmp_path: Path
) -> None:
    shutil.copytree(output, tmp_path / "out")
    (tmp_path / "out" / "parts" / "part-000005.json").unlink()
    found = summarise(tmp_path / "out", knowledge.knowledge)
    assert (found.parts_done, found.parts) == (4, 5)
    assert found.answered == 64 * 4 - 3
    assert "Not complete: 4 of 5 parts" in to_page(found, 5)


def test_no_results_and_damaged_results_get_a_clear_error(output: Path, tmp_path: Path) -> None:
    done = her2cds("cohort", "summary", tmp_path)
    assert done.returncode == 1
    assert "no results of a cohort run here" in done.stderr
    shutil.copytree(output, tmp_path / "out")
    (tmp_path / "out" / "trials" / "part-000002.parquet").write_bytes(b"PAR1")
    done = her2cds("cohort", "summary", tmp_path / "out")
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_result_that_was_damaged_without_changing_its_size_is_not_counted(output: Path, tmp_path: Path) -> None:
    for name in ("candidates/part-000001.parquet", "quarantine/part-000001.ndjson"):
        folder = tmp_path / name.partition("/")[0]
        shutil.copytree(output, folder)
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
        done = her2cds("cohort", "summary", folder)
        assert done.returncode == 1
        assert done.stdout == ""
        assert f"{name}: cannot be read: not what was written" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("patients/part-000001.parquet", b"PAR1 and nothing"),
        ("quarantine/part-000001.ndjson", b'{"no": "faults"}\n'),
        ("quarantine/part-000001.ndjson", b"{\xff\n"),
        ("quarantine/part-000001.ndjson", b"[]\n"),
    ],
)
def test_results_that_are_no_results_get_a_clear_error_even_where_their_hash_is_right(
    name: str, content: bytes, output: Path, tmp_path: Path
) -> None:
    shutil.copytree(output, tmp_path / "out")
    (tmp_path / "out" / name).write_bytes(content)
    record = tmp_path / "out" / "parts" / "part-000001.json"
    tree = json.loads(record.read_text())
    tree["files"][name] = [len(content), hashlib.sha256(content).hexdigest()]
    record.write_text(json.dumps(tree))
    done = her2cds("cohort", "summary", tmp_path / "out")
    assert done.returncode == 1
    assert "the results of part 1 cannot be read" in done.stderr
    assert "run the cohort again" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_record_whose_counts_do_not_add_up_is_not_believed(output: Path, tmp_path: Path) -> None:
    shutil.copytree(output, tmp_path / "out")
    record = tmp_path / "out" / "parts" / "part-000002.json"
    record.write_text(record.read_text().replace('"answered": 64', '"answered": 94'))
    done = her2cds("cohort", "summary", tmp_path / "out")
    assert done.returncode == 1
    assert "a record cannot be read; run the cohort again" in done.stderr
