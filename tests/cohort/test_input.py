"""What a cohort can be read from, and what is told of input that is damaged, mixed or something else."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="needs the extra [cohort]")

import pyarrow as pa
import pyarrow.parquet as pq

from her2cds import KnowledgeBase
from her2cds.cohort import part as part_module
from her2cds.cohort.case import case_of
from her2cds.cohort.columns import TABLES
from her2cds.cohort.part import run_part
from her2cds.cohort.source import Row, plan, rows
from her2cds.cohort.store import Store
from her2cds.errors import CohortError
from her2cds.profile.json_text import MAX_BYTES
from tests.cohort.helpers import job, quarantined, run, table, write_cohort, write_lines


@pytest.mark.slow
def test_parquet_of_json_text_and_parquet_of_fields_give_the_same_answers(tmp_path: Path) -> None:
    profiles = write_cohort(tmp_path / "a.ndjson", 30)
    texts = pa.table({"profile": [json.dumps(one) for one in profiles]})
    pq.write_table(texts, tmp_path / "texts.parquet", row_group_size=13)
    names = {name for one in profiles for name in one}
    fields = pa.table({name: [one.get(name) for one in profiles] for name in sorted(names)})
    pq.write_table(fields, tmp_path / "fields.parquet", row_group_size=13)
    for name in ("a.ndjson", "texts.parquet", "fields.parquet"):
        done = run(tmp_path / name, tmp_path / f"out-{name}", "--part-size", 7)
        assert done.returncode == 0, done.stderr
    expected = without_file(table(tmp_path / "out-a.ndjson", "patients"))
    for name in ("texts.parquet", "fields.parquet"):
        for kind in TABLES:
            found = without_file(table(tmp_path / f"out-{name}", kind))
            assert found == without_file(table(tmp_path / "out-a.ndjson", kind)), (name, kind)
    assert [one["line"] for one in expected] == list(range(1, 31))


def without_file(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "file"} for row in rows]


def test_a_folder_is_read_file_by_file_and_a_mixed_schema_is_told_row_by_row(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    profiles = write_cohort(source / "a.ndjson", 4)
    pq.write_table(pa.table({"profile": [json.dumps(one) for one in profiles[:2]]}), source / "b.parquet")
    pq.write_table(pa.table({"name": ["x", "y"], "age": [1, 2]}), source / "c.parquet")
    done = run(source, tmp_path / "out")
    assert done.returncode == 3
    assert "8 lines: 6 answered, 2 invalid" in done.stdout
    assert [(one["file"], one["line"]) for one in quarantined(tmp_path / "out")] == [("c.parquet", 1), ("c.parquet", 2)]
    assert {fault["path"] for fault in quarantined(tmp_path / "out")[0]["faults"]} == {"$.name", "$.age"}


def test_a_cut_off_ndjson_loses_only_the_line_that_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    write_cohort(path, 5)
    path.write_bytes(path.read_bytes()[:-100])
    done = run(path, tmp_path / "out")
    assert "5 lines: 4 answered, 1 invalid" in done.stdout
    assert "it may be cut off" in quarantined(tmp_path / "out")[0]["faults"][0]["remedy"]


def test_a_cut_off_parquet_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"profile": ["{}"] * 1000}), path)
    path.write_bytes(path.read_bytes()[:-20])
    done = run(path, tmp_path / "out")
    assert done.returncode == 1
    assert "not a sound Parquet file" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_damaged_part_of_a_parquet_file_costs_that_part_alone(tmp_path: Path) -> None:
    profiles = write_cohort(tmp_path / "a.ndjson", 40)
    path = tmp_path / "a.parquet"
    texts = pa.table({"profile": [json.dumps(one) for one in profiles]})
    pq.write_table(texts, path, row_group_size=10, use_dictionary=False, compression="zstd")
    column = pq.ParquetFile(path).metadata.row_group(2).column(0)
    middle = column.data_page_offset + column.total_compressed_size * 3 // 4
    content = bytearray(path.read_bytes())
    content[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(content)
    done = run(path, tmp_path / "out")
    assert done.returncode == 1
    assert "a.parquet, from 21 on: cannot be read" in done.stderr
    assert "3 of 4 parts" in done.stdout
    assert len(table(tmp_path / "out", "patients")) == 30


@pytest.mark.parametrize(
    ("name", "content", "mention"),
    [
        ("a.ndjson", "[{}, {}]", "a JSON list"),
        ("a.ndjson", '{\n  "id": "x"\n}\n', "JSON over several lines"),
        ("a.csv", "id\n", "unknown suffix '.csv'"),
        (None, "", "no such file or folder"),
    ],
)
def test_what_is_no_cohort_is_refused_with_what_to_do(
    name: str | None, content: str, mention: str, tmp_path: Path
) -> None:
    path = tmp_path / (name or "missing.ndjson")
    if name:
        path.write_text(content)
    done = run(path, tmp_path / "out")
    assert done.returncode == 1
    assert mention in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_file_is_a_cohort_of_nobody(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text("")
    done = run(tmp_path / "a.ndjson", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "0 lines: 0 answered" in done.stdout


def test_lines_are_divided_as_a_reader_would_divide_them(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    for ending in ("", "\n", "\r\n"):
        lines = [json.dumps({"id": f"p{number}", "note": "é" * (number % 90)}) for number in range(1, 3001)]
        path.write_text("\n".join(lines) + ending, newline="")
        for size in (1, 7, 1000, 5000):
            parts = plan(path, size)
            assert sum(part.count for part in parts) == 3000
            assert [part.first for part in parts] == list(range(1, 3001, size))
        read = [row for part in plan(path, 7) for row in rows(part)]
        assert [row.line for row in read] == list(range(1, 3001))
        assert [row.tree["id"] for row in read] == [f"p{number}" for number in range(1, 3001)]


@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_the_line_break_does_not_count_to_the_size_of_a_line(ending: str, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    for size, sound in ((MAX_BYTES, True), (MAX_BYTES + 1, False), (MAX_BYTES + 2, False), (MAX_BYTES + 3, False)):
        line = json.dumps({"id": "x"}).ljust(size)
        path.write_text(f"{line}\n{line}{ending}", newline="")
        first, second = (row for part in plan(path, 10) for row in rows(part))
        for row in (first, second):
            assert (row.error is None) == sound, size
            assert sound or f"a line of {size} bytes" in str(row.error)


def test_a_file_that_changes_during_a_run_is_noticed(tmp_path: Path, knowledge: KnowledgeBase) -> None:
    path = tmp_path / "a.ndjson"
    write_cohort(path, 3)
    (part,) = plan(path, 10)
    write_lines(path, [{}])
    with pytest.raises(CohortError, match="has changed since this run began"):
        run_part(job(tmp_path / "out", knowledge), part)


def test_a_change_that_leaves_the_size_as_it_was_is_noticed(tmp_path: Path, knowledge: KnowledgeBase) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"id": "a"}\n')
    (part,) = plan(path, 10)
    path.write_text('{"id": "b"}\n')
    os.utime(path, ns=(0, part.file.modified + 1))
    with pytest.raises(CohortError, match="has changed since this run began"):
        run_part(job(tmp_path / "out", knowledge), part)


@pytest.mark.parametrize("kind", ["ndjson", "parquet"])
@pytest.mark.parametrize("change", ["in place", "set back", "replaced", "replaced for a time"])
def test_a_change_while_a_part_is_read_leaves_the_part_undone(
    kind: str, change: str, tmp_path: Path, knowledge: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a.{kind}"
    lines = [json.dumps(one) for one in write_cohort(tmp_path / "a.ndjson", 3)]
    if kind == "parquet":
        pq.write_table(pa.table({"profile": lines}), path)
    (part,) = plan(path, 10)

    def changing(row: Row, *arguments: Any) -> Any:
        if row.line == 2:
            changed(path, change)
        return case_of(row, *arguments)

    monkeypatch.setattr(part_module, "case_of", changing)
    with pytest.raises(CohortError, match="has changed since this run began"):
        run_part(job(tmp_path / "out", knowledge), part)
    assert Store(tmp_path / "out").done(part) is None
    assert not list((tmp_path / "out").glob("parts/*"))


def changed(path: Path, how: str) -> None:
    """The same content and size throughout: that it was written is what tells of the change."""
    content, old = path.read_bytes(), path.stat()
    if how.startswith("replaced"):
        path.rename(path.with_suffix(".old"))
        path.write_bytes(content)
    else:
        with path.open("r+b") as stream:
            stream.write(content)
    later = 0 if how == "set back" else 1_000_000_000
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns + later))
    if how == "replaced for a time":
        path.with_suffix(".old").replace(path)


# --- What is no profile, and what is said twice ---------------------------------------------------------------------


def test_null_is_an_invalid_profile_and_no_empty_line(tmp_path: Path, knowledge: KnowledgeBase) -> None:
    (tmp_path / "a.ndjson").write_text("null\n\n")
    pq.write_table(pa.table({"profile": ["null", None, ""]}), tmp_path / "b.parquet")
    for name, counts in (("a.ndjson", (1, 1)), ("b.parquet", (2, 1))):
        (part,) = plan(tmp_path / name, 10)
        done = run_part(job(tmp_path / name[0], knowledge), part)
        assert (done.invalid, done.blank) == counts, name
    assert quarantined(tmp_path / "a")[0]["faults"][0]["found"] == "null"


@pytest.mark.parametrize(
    ("table_", "named"),
    [
        (pa.Table.from_arrays([pa.array(["{}"]), pa.array(["x"])], names=["profile", "profile"]), "profile"),
        (
            pa.Table.from_arrays(
                [pa.StructArray.from_arrays([pa.array(["early"]), pa.array(["metastatic"])], ["setting", "setting"])],
                names=["disease"],
            ),
            "disease.setting",
        ),
    ],
)
def test_a_column_that_stands_there_twice_is_refused_as_either_could_be_meant(
    table_: pa.Table, named: str, tmp_path: Path
) -> None:
    pq.write_table(table_, tmp_path / "a.parquet")
    with pytest.raises(CohortError, match=f"'{named}' stands there twice"):
        plan(tmp_path / "a.parquet", 10)


# --- Names that are not UTF-8 ---------------------------------------------------------------------------------------


def not_utf8(folder: Path, name: bytes) -> Path:
    return Path(os.fsdecode(os.fsencode(folder) + b"/" + name))


@pytest.mark.parametrize("name", [b"a\xff.ndjson", b"a\xff.parquet"])
def test_a_file_whose_name_is_not_utf8_is_refused_by_name(name: bytes, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    write_cohort(source / "z.ndjson", 1)
    not_utf8(source, name).write_bytes(b"{}\n")
    done = run(source, tmp_path / "out")
    assert done.returncode == 1
    assert "a\\udcff" in done.stderr
    assert "a name that is not UTF-8" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_results_are_not_begun_in_a_folder_whose_name_is_not_utf8(tmp_path: Path) -> None:
    write_cohort(tmp_path / "a.ndjson", 1)
    output = not_utf8(tmp_path, b"out\xff")
    done = run(tmp_path / "a.ndjson", output)
    assert done.returncode == 1
    assert "a name that is not UTF-8" in done.stderr
    assert not output.exists()


def test_lines_can_be_read_from_a_folder_whose_name_is_not_utf8(tmp_path: Path) -> None:
    folder = not_utf8(tmp_path, b"in\xff")
    folder.mkdir()
    write_cohort(folder / "a.ndjson", 3)
    done = run(folder / "a.ndjson", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert len(table(tmp_path / "out", "patients")) == 3


# --- Parquet rows that Python cannot hold ---------------------------------------------------------------------------


def texts_of(values: list[bytes]) -> pa.Array:
    """A text column of these bytes, as a program that checks nothing would write it."""
    ends = [sum(map(len, values[:count])) for count in range(len(values) + 1)]
    offsets = pa.py_buffer(struct.pack(f"<{len(ends)}i", *ends))
    return pa.StringArray.from_buffers(len(values), offsets, pa.py_buffer(b"".join(values)))


def test_a_row_with_text_that_is_not_utf8_is_quarantined_and_the_others_are_answered(tmp_path: Path) -> None:
    profiles = write_cohort(tmp_path / "a.ndjson", 40)
    lines = [json.dumps(one).encode() for one in profiles]
    lines[21] = b'{"note": "SECRET caf\xe9"}'
    pq.write_table(pa.table({"profile": texts_of(lines)}), tmp_path / "a.parquet", row_group_size=20)
    done = run(tmp_path / "a.parquet", tmp_path / "out", "--part-size", 10)
    assert done.returncode == 3, done.stderr
    assert "40 lines: 39 answered, 1 invalid, 0 failed, 0 empty; 4 of 4 parts" in done.stdout
    (found,) = quarantined(tmp_path / "out")
    assert (found["line"], found["kind"]) == (22, "invalid")
    assert found["faults"][0]["path"] == "$.profile"
    assert "UnicodeDecodeError" in found["faults"][0]["found"]
    assert "SECRET" not in json.dumps(found)
    rest = without_file(table(tmp_path / "out", "patients"))
    assert run(tmp_path / "a.ndjson", tmp_path / "whole").returncode == 0
    assert rest == [one for one in without_file(table(tmp_path / "whole", "patients")) if one["line"] != 22]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([0, 2_000_000_000], pa.int32()).cast(pa.date32()),
        pa.array([0, 1], pa.timestamp("ns")),
        pa.array([0, 2**60], pa.timestamp("us")),
    ],
    ids=["a day after the year 9999", "nanoseconds", "a time after the year 9999"],
)
def test_a_row_with_a_date_that_python_cannot_hold_is_quarantined_with_its_column(
    column: pa.Array, tmp_path: Path
) -> None:
    table = pa.table({"date": column, "id": ["a", "b"]})
    pq.write_table(table, tmp_path / "a.parquet")
    (part,) = plan(tmp_path / "a.parquet", 10)
    first, second = rows(part)
    assert first.error is None
    assert first.tree["id"] == "a"
    assert [fault.path for fault in second.error.faults] == ["$.date"]


def test_every_column_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    far = pa.array([2_000_000_000], pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({"date": far, "id": texts_of([b"\xff"])}), tmp_path / "a.parquet")
    (row,) = (row for part in plan(tmp_path / "a.parquet", 10) for row in rows(part))
    assert [fault.path for fault in row.error.faults] == ["$.date", "$.id"]


def test_a_column_whose_name_is_not_utf8_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"zzzz": [1]}), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"zzzz", b"z\xff\xfez"))
    done = run(path, tmp_path / "out")
    assert done.returncode == 1
    assert "not a sound Parquet file" in done.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_without_pyarrow_the_command_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ImportError('none')")
    write_cohort(tmp_path / "a.ndjson", 1)
    done = run(tmp_path / "a.ndjson", tmp_path / "out", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    assert "pip install 'her2cds[cohort]'" in done.stderr
