"""The input of a cohort: which files, which parts of them, and the profiles of one part, one after the other.

A part is a range of lines (NDJSON) or of rows (Parquet). A file is read through once to find its parts and its
hash; after that any process can read any part without the others.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import pyarrow.parquet as pq
from pyarrow import ArrowException, Field, RecordBatch

from her2cds.errors import CohortError, ProfileError, ProfileFault
from her2cds.profile.json_text import MAX_BYTES, parse_json

Kind = Literal["ndjson", "parquet"]

_KINDS: dict[str, Kind] = {".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson", ".parquet": "parquet"}
_CHUNK = 1 << 20
_JSON_COLUMN = "profile"
_CUT_OFF = "The file ends here without a line break: it may be cut off."


@dataclass(frozen=True, slots=True)
class InputFile:
    """One input file: its name in the results, where it lies, its size in bytes and its SHA-256.

    `modified` is the time of its last change in nanoseconds: it tells of a change that leaves the size as it was.
    """

    name: str
    path: str
    kind: Kind
    size: int
    sha256: str
    modified: int


@dataclass(frozen=True, slots=True)
class Range:
    """A range of a file: `count` lines or rows, `first` being the number of the first one in the file, from 1.

    `start` is the byte of the first line (NDJSON), or the row within `row_group` (Parquet).
    """

    start: int
    first: int
    count: int
    row_group: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A range of one file that is evaluated as one; `start`, `first`, `count` and `row_group` are as in `Range`."""

    number: int
    file: InputFile
    start: int
    first: int
    count: int
    row_group: int = 0

    @property
    def name(self) -> str:
        """The name of its result files, without suffix."""
        return f"part-{self.number:06d}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line or row of the input: its number in the file, and the profile's tree or why there is none.

    `blank` is an empty line. A tree that is None is JSON's null, which is no profile.
    """

    line: int
    tree: Any = None
    error: ProfileError | None = None
    blank: bool = False


def profile_tree(line: bytes, label: str) -> Any:
    """The record that one line of NDJSON holds, as a parsed tree: a profile or a FHIR resource. Raises ProfileError."""
    return parse_json(line, label)


# --- Planning ------------------------------------------------------------------------------------------------


def plan(source: Path, part_size: int) -> list[Part]:
    """The parts of a file, or of all files with a known suffix in a folder, in the order of their names.

    Raises CohortError for what cannot be read.
    """
    parts: list[Part] = []
    for path in _input_files(source):
        kind = _KINDS[path.suffix.lower()]
        # pyarrow opens what has a name in UTF-8 only; of any other file the name alone stands in the results.
        refuse_what_is_not_utf8(path.resolve() if kind == "parquet" else Path(path.name))
        before = _stat(path)
        digest = hashlib.sha256()
        chunks = _chunks(path, digest)
        if kind == "parquet":
            ranges = list(_parquet_ranges(path, part_size))
            for _ in chunks:  # read for their hash only
                pass
        else:
            ranges = list(_line_ranges(chunks, part_size, path))
        where = str(path.resolve())
        file = InputFile(path.name, where, kind, before.st_size, digest.hexdigest(), before.st_mtime_ns)
        parts += [
            Part(len(parts) + index, file, one.start, one.first, one.count, one.row_group)
            for index, one in enumerate(ranges, start=1)
        ]
    return parts


def refuse_what_is_not_utf8(path: Path) -> None:
    """Raise CohortError for a name that the results, or the libraries that read and write them, cannot hold."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise CohortError(f"{str(path)!a}: a name that is not UTF-8; rename the file or folder") from None


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise CohortError(f"{path}: {error.strerror}") from None


def _chunks(path: Path, digest: hashlib._Hash) -> Iterator[bytes]:
    """The file in pieces, each of which goes into the digest too: large files are read once."""
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                yield chunk
    except OSError as error:
        raise CohortError(f"{path}: {error.strerror}") from None


def _input_files(source: Path) -> list[Path]:
    if source.is_dir():
        files = sorted(path for path in source.iterdir() if path.suffix.lower() in _KINDS and path.is_file())
        if not files:
            raise CohortError(f"{source}: no file with one of the suffixes {', '.join(_KINDS)} in this folder")
        return files
    if not source.is_file():
        raise CohortError(f"{source}: no such file or folder")
    if source.suffix.lower() not in _KINDS:
        raise CohortError(f"{source}: unknown suffix '{source.suffix}'; expected one of {', '.join(_KINDS)}")
    return [source]


def _line_ranges(chunks: Iterator[bytes], part_size: int, path: Path) -> Iterator[Range]:
    """The ranges of lines in a file that is read in pieces."""
    start, first, lines, position, ended = 0, 1, 0, 0, True
    for chunk in chunks:
        if position == 0:
            _refuse_a_list(chunk, path)
        at = 0
        while lines + chunk.count(b"\n", at) >= part_size:
            for _ in range(part_size - lines):
                at = chunk.index(b"\n", at) + 1
            yield Range(start, first, part_size)
            start, first, lines = position + at, first + part_size, 0
        lines += chunk.count(b"\n", at)
        position += len(chunk)
        ended = chunk.endswith(b"\n")
    lines += not ended
    if lines:
        yield Range(start, first, lines)


def _refuse_a_list(beginning: bytes, path: Path) -> None:
    text = beginning.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"["):
        raise CohortError(f"{path}: a JSON list; expected one profile per line. jq -c '.[]' makes that of a list")
    if text and text.split(b"\n", 1)[0].strip() == b"{":
        raise CohortError(f"{path}: JSON over several lines; expected one profile per line. jq -c . makes that")


def _parquet_ranges(path: Path, part_size: int) -> Iterator[Range]:
    """The ranges of rows, none over the end of its row group."""
    try:
        with pq.ParquetFile(path) as file:
            sizes = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
            twice = next(_repeated(list(file.schema_arrow), ""), None)
    except (ArrowException, OSError, UnicodeDecodeError) as error:  # the last of a column's name
        raise CohortError(f"{path}: not a sound Parquet file ({_first_line(error)}); it may be cut off") from None
    if twice:
        raise CohortError(f"{path}: the column {twice!r} stands there twice; expected each once. Remove or rename one")
    before = 0
    for group, rows in enumerate(sizes):
        for start in range(0, rows, part_size):
            yield Range(start, before + start + 1, min(part_size, rows - start), group)
        before += rows


def _repeated(fields: list[Field], within: str) -> Iterator[str]:
    """The names that fields of one record share, with the path to them: as Python values the last would win."""
    counts = Counter(field.name for field in fields)
    yield from (f"{within}{name}" for name, count in counts.items() if count > 1)
    for field in fields:
        parts = [field.type.field(index) for index in range(field.type.num_fields)]
        yield from _repeated(parts, f"{within}{field.name}.")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")


# --- Reading -------------------------------------------------------------------------------------------------


def rows(part: Part) -> Iterator[Row]:
    """The rows of a part, one after the other; one that cannot be read carries its error.

    Raises CohortError where the file is not what it was when the parts were planned, or is damaged: before the first
    row, or after the last, since a file may change while it is read. The rows count only once all were taken.
    """
    path = Path(part.file.path)
    try:
        with path.open("rb") as stream:
            before = _state(path, stream)
            if any(one[:2] != (part.file.size, part.file.modified) for one in before):
                raise _changed(part)
            yield from _parquet_rows(part, stream) if part.file.kind == "parquet" else _line_rows(part, stream)
            if _state(path, stream) != before:
                raise _changed(part)
    except (ArrowException, OSError) as error:
        where = f"{part.file.name}, from {part.first} on"
        raise CohortError(f"{where}: cannot be read ({_first_line(error)})") from None


def _state(path: Path, stream: IO[bytes]) -> list[tuple[int, ...]]:
    """How the file that is read stands, and the one that bears its name.

    Beyond size and time, the inode tells of another file, and its own time of a change whose time was set back.
    """
    both = os.fstat(stream.fileno()), path.stat()
    return [(one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_ino) for one in both]


def _changed(part: Part) -> CohortError:
    return CohortError(f"{part.file.name}: the file has changed since this run began")


def _line_rows(part: Part, stream: IO[bytes]) -> Iterator[Row]:
    stream.seek(part.start)
    for line in range(part.first, part.first + part.count):
        content, size, ended = _next_line(stream)
        if size > MAX_BYTES:
            yield Row(line, error=_too_long(size, _label(part, line)))
        else:
            yield _read_line(content, line, _label(part, line), ended=ended)


def _next_line(stream: IO[bytes]) -> tuple[bytes, int, bool]:
    """The next line without its line break, its length, and whether it had one; an endless line is measured, not kept.

    The line break (which may be two characters) is not the profile's: it does not count.
    """
    content = more = stream.readline(MAX_BYTES + 2)
    size, ending = len(content), content[-2:]
    while more and not more.endswith(b"\n"):
        more = stream.readline(_CHUNK)
        size, ending = size + len(more), (ending + more[-2:])[-2:]
    ended = ending.endswith(b"\n")
    size -= 2 if ending == b"\r\n" else int(ended)
    return content[:size], size, ended


def _read_line(content: bytes, line: int, label: str, *, ended: bool = True) -> Row:
    if not content.strip():
        return Row(line, blank=True)
    try:
        return Row(line, profile_tree(content, label))
    except ProfileError as error:
        if ended:
            return Row(line, error=error)
        faults = [ProfileFault(one.path, one.found, one.expected, one.remedy or _CUT_OFF) for one in error.faults]
        return Row(line, error=ProfileError(faults, label))


def _too_long(size: int, label: str) -> ProfileError:
    return ProfileError([ProfileFault("$", f"a line of {size} bytes", f"at most {MAX_BYTES} bytes")], label)


def _label(part: Part, line: int) -> str:
    return f"{part.file.name}:{line}"


def _parquet_rows(part: Part, stream: IO[bytes]) -> Iterator[Row]:
    """Rows with a text column `profile` (JSON), or with the fields of a profile as columns."""
    with pq.ParquetFile(stream) as file:
        position, end = 0, part.start + part.count
        for batch in file.iter_batches(batch_size=1000, row_groups=[part.row_group]):
            low, high = max(part.start - position, 0), min(end - position, batch.num_rows)
            if low < high:
                first = part.first + position + low - part.start
                for line, record in enumerate(_records(batch.slice(low, high - low)), start=first):
                    yield _read_record(record, line, _label(part, line))
            position += batch.num_rows
            if position >= end:
                return


def _records(batch: RecordBatch) -> list[dict[str, Any] | list[ProfileFault]]:
    """The rows of a batch as Python values; in place of a row with values that cannot be converted, its faults.

    Parquet holds more than Python does: text that is no UTF-8, nanoseconds, dates after the year 9999.
    """
    try:
        rows: list[dict[str, Any] | list[ProfileFault]] = batch.to_pylist()
    except Exception:  # of many classes; none says which row it was
        return [_one_record(batch, index) for index in range(batch.num_rows)]
    return rows


def _one_record(batch: RecordBatch, index: int) -> dict[str, Any] | list[ProfileFault]:
    record: dict[str, Any] = {}
    faults = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            record[name] = column[index].as_py()
        except MemoryError:  # says nothing of the value
            raise
        except Exception as error:  # its message would hold the value
            found = f"a value that cannot be read ({type(error).__name__})"
            faults.append(ProfileFault(f"$.{name}", found, "UTF-8 text, or a date up to the year 9999"))
    return faults or record


def _read_record(record: dict[str, Any] | list[ProfileFault], line: int, label: str) -> Row:
    if isinstance(record, list):
        return Row(line, error=ProfileError(record, label))
    if _JSON_COLUMN not in record:
        return Row(line, _without_nulls(record))
    text = record[_JSON_COLUMN]
    if not isinstance(text, str | bytes):
        fault = ProfileFault(f"$.{_JSON_COLUMN}", "no text", "the JSON text of a profile")
        return Row(line, error=ProfileError([fault], label))
    return _read_line(text if isinstance(text, bytes) else text.encode(), line, label)


def _without_nulls(value: Any) -> Any:
    """Columns know no absent field, only null: both say "unknown", so null goes."""
    if isinstance(value, dict):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_nulls(one) for one in value]
    return value
