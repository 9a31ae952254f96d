"""One entry of the audit log, and the hash that chains it to the entry before it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any

CHAIN_FORMAT = "her2cds-audit-1"
GENESIS = "0" * 64
PRUNE = "prune"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as it is stored.

    `number` counts from 1 without gaps. `recorded_at` is UTC in ISO 8601 with microseconds. An answered request has
    `input` and `output`; a refused one has `refusal` in words, and of its body the hash only. `input_hash` is the
    SHA-256 of the UTF-8 bytes of the input. `day` is the day on which the answer was given, where it was given:
    no date after it counted. The knowledge fields and the day are empty in a `prune` entry alone; the day as well in
    an entry of a version that did not keep it.
    """

    number: int
    recorded_at: str
    who: str
    request: str
    software_version: str
    previous_hash: str
    knowledge_id: str | None = None
    knowledge_version: str | None = None
    knowledge_hash: str | None = None
    input_hash: str | None = None
    input: str | None = None
    output: str | None = None
    refusal: str | None = None
    day: str | None = None
    entry_hash: str = ""

    @property
    def outcome(self) -> str:
        """`answered` or `refused`."""
        return "answered" if self.refusal is None else "refused"

    def sealed(self) -> Entry:
        """The same entry with the hash that belongs to its content."""
        return replace(self, entry_hash=self.content_hash())

    def content_hash(self) -> str:
        """SHA-256 over every other field, the hash of the entry before among them.

        JSON keeps the fields apart, so that no text can be moved from one field to the next unnoticed.
        """
        fields = self.as_dict()
        del fields["entry_hash"]
        if self.day is None:  # as it was hashed before there was a day
            del fields["day"]
        # An altered row may hold bytes, or what UTF-8 cannot: it has to give a hash, which will not fit.
        text = json.dumps(
            [CHAIN_FORMAT, fields], ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=repr
        )
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, in their order."""
        return asdict(self)

    def to_json(self, indent: int | None = 2) -> str:
        """The entry as JSON, with its outcome."""
        return json.dumps({**self.as_dict(), "outcome": self.outcome}, ensure_ascii=False, indent=indent)


@dataclass(frozen=True, slots=True)
class Pruning:
    """What a `prune` entry says: the entries up to `through` are gone, and `last_hash` was the hash of the last."""

    first: int
    through: int
    last_hash: str
    before: str

    def to_json(self) -> str:
        """The text that the entry holds as its output."""
        return json.dumps(asdict(self))


def pruning_of(entry: Entry) -> Pruning | None:
    """What a `prune` entry says; None for any other entry, and for one that says nothing readable."""
    if entry.request != PRUNE or entry.output is None:
        return None
    try:
        said = json.loads(entry.output)
        return Pruning(int(said["first"]), int(said["through"]), str(said["last_hash"]), str(said["before"]))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):  # an altered entry may say anything
        return None


def hash_of(content: str | bytes) -> str:
    """SHA-256 of an input."""
    return hashlib.sha256(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content).hexdigest()
