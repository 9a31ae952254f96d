"""YAML read with the C parser into plain text scalars, with the line of every node.

Scalars stay text ("0.50" keeps its zero, "no" stays a word): the models and the vocabulary give them
their types. Anchors, tags and duplicate keys are faults, because a reviewer cannot see what they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from her2cds.errors import KnowledgeFault

# A PyYAML built without libyaml reads the same, more slowly.
LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Raw = str | list["Raw"] | dict[str, "Raw"]
Path = tuple[str | int, ...]
_MAX_DEPTH = 24


@dataclass(slots=True)
class Document:
    """One file: its tree, the line (from 1) of each node by path, and the faults met in reading."""

    file: str
    tree: Raw
    lines: dict[Path, int]
    faults: list[KnowledgeFault]

    def line(self, path: Path) -> int:
        """Line of the node at `path`, or of its nearest enclosing node."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_yaml(file: str, text: str) -> Document:
    """Parse one YAML text. Faults are returned in the document, never raised."""
    document = Document(file, "", {}, [])
    try:
        _refuse_hidden_syntax(document, text)
        node = yaml.compose(text, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        document.faults.append(KnowledgeFault(file, line, "", f"not valid YAML: {error.problem}"))
        return document
    except yaml.YAMLError as error:
        document.faults.append(KnowledgeFault(file, 1, "", f"not valid YAML: {error}"))
        return document
    if node is None:
        document.faults.append(KnowledgeFault(file, 1, "", "the file is empty"))
        return document
    document.tree = _convert(document, node, ())
    return document


def _refuse_hidden_syntax(document: Document, text: str) -> None:
    for event in yaml.parse(text, Loader=LOADER):
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor is not None or isinstance(event, yaml.AliasEvent):
            what = f"anchor or alias '{anchor}'"
        elif tag is not None and tag != "!":
            what = f"tag '{tag}'"
        else:
            continue
        line = event.start_mark.line + 1 if event.start_mark else 1
        document.faults.append(
            KnowledgeFault(document.file, line, "", f"{what} is not allowed here", "write the value out in full")
        )


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1 if node.start_mark else 1


def _convert(document: Document, node: yaml.Node, path: Path) -> Raw:
    document.lines[path] = _line(node)
    if len(path) > _MAX_DEPTH:
        document.faults.append(KnowledgeFault(document.file, document.lines[path], "", "nested too deeply"))
        return ""
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_convert(document, child, (*path, index)) for index, child in enumerate(node.value)]
    return dict(_pairs(document, node, path))


def _pairs(document: Document, node: yaml.Node, path: Path) -> Iterator[tuple[str, Raw]]:
    seen: set[str] = set()
    for key_node, value_node in node.value:
        key, line = str(key_node.value), _line(key_node)
        if key in seen:
            document.faults.append(KnowledgeFault(document.file, line, "", f"key '{key}' stands twice"))
            continue
        seen.add(key)
        value = _convert(document, value_node, (*path, key))
        document.lines[(*path, key)] = line
        yield key, value
