"""Replay: an entry's input evaluated again, and what differs from the answer that was given."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date as Date
from typing import Any

from her2cds.audit.differences import Difference, differences
from her2cds.audit.entry import Entry
from her2cds.errors import AuditError, ProfileError, UnknownNameError
from her2cds.evaluation import KnowledgeBase, evaluate
from her2cds.interop.fhir.importing import import_fhir
from her2cds.profile.json_text import parse_json
from her2cds.profile.read import profile_from_tree
from her2cds.rendering.blocks import Block, Bullets, Heading, Paragraph
from her2cds.version import __version__

EVALUATE = "evaluate"

AnswerAgain = Callable[[str, KnowledgeBase, Date], str]
"""Answers the recorded input of one kind of request with a knowledge base, as on the day of the recording: JSON text.

Raises ProfileError, and UnknownNameError for a name that the knowledge base does not hold.
"""

# What a report says of its makers is no difference of the answer: a replay names both beside it.
_MAKERS = ("knowledge", "software_version")
_SHOWN = 160
_LABEL = "recorded request"


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made an answer: the knowledge base and the software."""

    knowledge_id: str
    knowledge_version: str
    knowledge_hash: str
    software_version: str

    def __str__(self) -> str:
        """The versions in one line."""
        knowledge = f"knowledge base {self.knowledge_id} {self.knowledge_version} ({self.knowledge_hash[:12]})"
        return f"{knowledge}, her2cds {self.software_version}"


@dataclass(frozen=True, slots=True)
class Replay:
    """An entry's answer then and now."""

    number: int
    recorded_at: str
    request: str
    then: Maker
    now: Maker
    differences: tuple[Difference, ...]

    @property
    def same(self) -> bool:
        """Whether the answer is the same."""
        return not self.differences

    def to_json(self, indent: int | None = 2) -> str:
        """The replay as JSON."""
        return json.dumps({**asdict(self), "same": self.same}, ensure_ascii=False, indent=indent)


def _evaluate_again(patient: str, knowledge: KnowledgeBase, day: Date) -> str:
    """The report for a profile, or for a FHIR Bundle, which the service takes too; of any size that was recorded."""
    content = patient.encode()
    tree = parse_json(content, _LABEL, max_bytes=len(content))
    if isinstance(tree, dict) and "resourceType" in tree:
        tree = import_fhir(tree, knowledge.knowledge, today=day).profile
    return evaluate(profile_from_tree(tree, _LABEL), knowledge, today=day).to_json(indent=None)


ANSWERS: Mapping[str, AnswerAgain] = {EVALUATE: _evaluate_again}


def replay(entry: Entry, knowledge: KnowledgeBase, answers: Mapping[str, AnswerAgain] = ANSWERS) -> Replay:
    """Answer an entry's input again. `answers` says how, for each kind of request that can be replayed.

    Raises AuditError for an entry that was altered, one without input, and a kind of request that is not among
    `answers`; EngineError.
    """
    if entry.content_hash() != entry.entry_hash:
        raise AuditError(f"audit log: entry {entry.number} was altered; see `her2cds audit verify`")
    if entry.input is None or entry.output is None:
        kept = "of a refused request no body is kept" if entry.refusal is not None else "it holds no input"
        raise AuditError(f"audit log: entry {entry.number} ({entry.request}) cannot be replayed: {kept}")
    answer = answers.get(entry.request)
    if answer is None:
        known = f"those that can: {', '.join(sorted(answers))}"
        raise AuditError(f"audit log: entry {entry.number}: a request {entry.request!r} cannot be replayed; {known}")
    try:
        then = json.loads(entry.output)
    except ValueError:
        raise AuditError(f"audit log: entry {entry.number} cannot be replayed: its output is not JSON") from None
    try:
        now = json.loads(answer(entry.input, knowledge, _day_of(entry)))
        found = tuple(differences(_without_makers(then), _without_makers(now)))
    except ProfileError as error:
        refused = "refused: " + "; ".join(str(fault) for fault in error.faults)
        found = (Difference("$", "an answer", refused),)
    except UnknownNameError as error:
        found = (Difference("$", "an answer", f"refused: {error}"),)
    return Replay(entry.number, entry.recorded_at, entry.request, _maker_then(entry), _maker_now(knowledge), found)


def _day_of(entry: Entry) -> Date:
    """The day on which the answer was given. An entry that does not say was recorded on it, or within hours of it."""
    return Date.fromisoformat(entry.day or entry.recorded_at[:10])


def outline_replay(replayed: Replay) -> Iterator[Block]:
    """A replay as blocks: both versions, then every difference."""
    yield Heading(1, f"Entry {replayed.number}, {replayed.request} of {replayed.recorded_at}")
    yield Bullets((("Then", str(replayed.then)), ("Now", str(replayed.now))))
    if replayed.same:
        yield Paragraph("The answer is the same.", strong=True)
        return
    count = len(replayed.differences)
    yield Paragraph(f"The answer differs in {count} place{'s' if count != 1 else ''}.", strong=True)
    for one in replayed.differences:
        yield Heading(3, one.path)
        yield Bullets((("Then", _short(one.then)), ("Now", _short(one.now))))


def _maker_then(entry: Entry) -> Maker:
    return Maker(
        entry.knowledge_id or "not recorded",
        entry.knowledge_version or "not recorded",
        entry.knowledge_hash or "not recorded",
        entry.software_version,
    )


def _maker_now(knowledge: KnowledgeBase) -> Maker:
    identity = knowledge.identity
    return Maker(identity.id, identity.version, identity.content_hash, __version__)


def _without_makers(tree: Any) -> Any:
    return {key: value for key, value in tree.items() if key not in _MAKERS} if isinstance(tree, dict) else tree


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
