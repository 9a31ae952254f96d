"""Canonical form of the files: indentation, line width, order of fields, the line that names the schema.

Comments stay (ruamel.yaml's round trip), and nothing but the form changes: what the loader reads before and after is
compared, and a file that would read differently is refused.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from her2cds.errors import MissingExtraError
from her2cds.knowledge.files import RULE_FOLDERS, YAML_SUFFIXES, RuleFile
from her2cds.knowledge.rules import Rule
from her2cds.knowledge.validate import MODELS
from her2cds.knowledge.yaml_reader import read_yaml

WIDTH = 120
_SCHEMA_LINE = "# yaml-language-server: $schema="


@dataclass(frozen=True, slots=True)
class Formatted:
    """One file: its text before and after, or why it cannot be formatted."""

    path: Path
    before: str
    after: str
    problem: str = ""

    @property
    def changed(self) -> bool:
        """Whether the canonical form differs from the file."""
        return not self.problem and self.before != self.after


def format_files(root: Path, schemas: Path | None = None) -> Iterator[Formatted]:
    """The canonical form of every file below `root`; nothing is written.

    `schemas` is the folder of the JSON Schemas that each file's first line names; None leaves those lines alone.
    Raises MissingExtraError without the extra `author`.
    """
    for path in sorted(one for one in root.rglob("*") if one.suffix in YAML_SUFFIXES and one.is_file()):
        kind = RuleFile(path.relative_to(root).as_posix(), b"").kind
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            yield Formatted(path, "", "", f"{path.name}: not UTF-8 at byte {error.start}")
            continue
        faults = read_yaml(path.name, text).faults
        if faults:
            yield Formatted(path, text, text, str(faults[0]))
            continue
        after = format_text(text, kind)
        if schemas is not None:
            after = _with_schema(after, Path(os.path.relpath(schemas / f"{kind}.json", path.parent)).as_posix())
        same = read_yaml(path.name, after).tree == read_yaml(path.name, text).tree
        yield Formatted(
            path, text, after, "" if same else f"{path.name}: the form cannot be changed without the content"
        )


def format_text(text: str, kind: str) -> str:
    """The canonical form of one file's text. Raises MissingExtraError without the extra `author`."""
    tree = _round_trip().load(text)
    if isinstance(tree, list) and (kind in RULE_FOLDERS or kind in MODELS):
        for entry in tree:
            _order_fields(entry, tuple(model_of(kind).model_fields))
    _open_long_mappings(tree, 0)
    return dump(tree)


def dump(tree: Any) -> str:
    """A tree as YAML in the form of the knowledge base's files. Raises MissingExtraError without the extra `author`."""
    stream = io.StringIO()
    _round_trip().dump(tree, stream)
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    if isinstance(tree, list):
        # The library indents a list at top level too; in these files its entries stand at the margin.
        lines = [line.removeprefix("  ") for line in lines]
    return "\n".join(lines) + "\n"


def _round_trip() -> Any:
    try:
        from ruamel.yaml import YAML  # imported late: only authors have it
    except ImportError:
        message = "writing and formatting rules needs ruamel.yaml: pip install 'her2cds[author]'"
        raise MissingExtraError(message) from None
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = WIDTH
    yaml.allow_unicode = True
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _order_fields(entry: Any, order: tuple[str, ...]) -> None:
    """Put fields in the order of the model.

    A comment belongs to what stands above it, for the library: an entry with comments between its fields is left as it
    is, and the last field, which the heading of what comes next may follow, stays last.
    """
    keys = list(entry)
    known = [key for key in order if key in entry]
    if len(known) < len(keys) or known == keys or known[-1] != keys[-1]:
        return
    if entry.ca.items or any(_has_comment(entry[key]) for key in keys[:-1]):
        return
    for key in known:
        entry.move_to_end(key)


def _has_comment(node: Any) -> bool:
    comments = getattr(node, "ca", None)
    if comments is not None and (comments.comment or comments.items):
        return True
    return any(_has_comment(child) for child in _children(node))


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list):
        yield from node


def _open_long_mappings(node: Any, indent: int) -> None:
    """A mapping in braces that does not fit on a line is written field by field; a list in brackets is wrapped."""
    style: Any = getattr(node, "fa", None)
    if isinstance(node, dict) and style.flow_style() and indent + len(_in_braces(node)) > WIDTH:
        style.set_block_style()
    for child in _children(node):
        _open_long_mappings(child, indent + 2)


def _in_braces(node: Any) -> str:
    """About how a node in braces or brackets looks on one line."""
    if isinstance(node, dict):
        return "{" + ", ".join(f"{key}: {_in_braces(value)}" for key, value in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(_in_braces(value) for value in node) + "]"
    quotes = 2 if type(node) is not str and isinstance(node, str) else 0
    return str(node) + " " * quotes


def _with_schema(text: str, schema: str) -> str:
    first, _, rest = text.partition("\n")
    return f"{_SCHEMA_LINE}{schema}\n{rest if first.startswith(_SCHEMA_LINE) else text}"


def model_of(kind: str) -> type[BaseModel]:
    """The model of the entries of a kind of file."""
    return Rule if kind in RULE_FOLDERS else MODELS[kind]
