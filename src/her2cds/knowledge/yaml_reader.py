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
    """Parse one YAML text. Faults are returned in the document, never raised; of a text that is no YAML no tree."""
    document = Document(file, "", {}, [])
    try:
        document.tree = _only_tree(document, yaml.parse(text, Loader=LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        document.faults.append(KnowledgeFault(file, line, "", f"not valid YAML: {error.problem}"))
    except yaml.YAMLError as error:
        document.faults.append(KnowledgeFault(file, 1, "", f"not valid YAML: {error}"))
    return document


def _only_tree(document: Document, events: Iterator[yaml.Event]) -> Raw:
    """The tree is made from the parser's events: YAML's own nodes would be a second tree, made only to be converted."""
    trees: list[Raw] = []
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if trees:
                _fault(document, event, "a second document starts here", "one file holds one document")
                return ""
            trees.append(_node(document, next(events), events, ()))
    if not trees:
        document.faults.append(KnowledgeFault(document.file, 1, "", "the file is empty"))
    return trees[0] if trees else ""


def _node(document: Document, event: yaml.Event, events: Iterator[yaml.Event], path: Path) -> Raw:
    """The node that starts with this event; all events that belong to it are taken."""
    document.lines[path] = _line(event)
    _refuse_hidden_syntax(document, event)
    if isinstance(event, yaml.ScalarEvent):
        return str(event.value)
    if isinstance(event, yaml.AliasEvent):
        return ""
    if len(path) > _MAX_DEPTH:
        _fault(document, event, "nested too deeply")
        _skip(event, events)
        return ""
    if isinstance(event, yaml.SequenceStartEvent):
        return _items(document, events, path)
    return dict(_pairs(document, events, path))


def _items(document: Document, events: Iterator[yaml.Event], path: Path) -> list[Raw]:
    items: list[Raw] = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        items.append(_node(document, event, events, (*path, len(items))))
    return items


def _pairs(document: Document, events: Iterator[yaml.Event], path: Path) -> Iterator[tuple[str, Raw]]:
    seen: set[str] = set()
    while not isinstance(key_event := next(events), yaml.MappingEndEvent):
        key = _key(document, key_event, events, seen)
        if key is None:
            _skip(next(events), events)
            continue
        seen.add(key)
        value = _node(document, next(events), events, (*path, key))
        document.lines[(*path, key)] = _line(key_event)
        yield key, value


def _key(document: Document, event: yaml.Event, events: Iterator[yaml.Event], seen: set[str]) -> str | None:
    """A key as text; None, and a fault, for one that is no text or was `seen` before."""
    if not isinstance(event, yaml.ScalarEvent):
        _fault(document, event, "a key is a list, a mapping or an alias", "write it as plain text")
        _skip(event, events)
        return None
    _refuse_hidden_syntax(document, event)
    key = str(event.value)
    if key in seen:
        _fault(document, event, f"key '{key}' stands twice")
        return None
    return key


def _skip(start: yaml.Event, events: Iterator[yaml.Event]) -> None:
    """Takes the events of the node that starts with this one, however deep it is."""
    depth = int(isinstance(start, yaml.CollectionStartEvent))
    while depth:
        event = next(events)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _refuse_hidden_syntax(document: Document, event: yaml.Event) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        what = f"anchor or alias '{getattr(event, 'anchor', '')}'"
    elif (tag := getattr(event, "tag", None)) is not None and tag != "!":
        what = f"tag '{tag}'"
    else:
        return
    _fault(document, event, f"{what} is not allowed here", "write the value out in full")


def _fault(document: Document, event: yaml.Event, message: str, hint: str = "") -> None:
    document.faults.append(KnowledgeFault(document.file, _line(event), "", message, hint))


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
