"""Verification of the chain: finds every altered, removed, inserted or reordered entry. Knows nothing of databases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from her2cds.audit.entry import GENESIS, Entry, Pruning, pruning_of
from her2cds.errors import AuditError

_ANCHOR = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log says that its chain ends, and up to which number it was pruned.

    As text (`1234:5f2c…`) it is an anchor: kept elsewhere, it proves later that nothing up to there was rewritten.
    """

    number: int
    hash: str
    pruned_through: int = 0

    def __str__(self) -> str:
        """The anchor."""
        return f"{self.number}:{self.hash}"


def read_anchor(text: str) -> Head:
    """An anchor from its text. Raises AuditError."""
    found = _ANCHOR.fullmatch(text.strip())
    if found is None:
        remedy = "give one that `her2cds audit verify` printed"
        raise AuditError(f"anchor: found {text[:90]!r}; expected NUMBER:HASH, with 64 hexadecimal digits; {remedy}")
    return Head(int(found[1]), found[2])


@dataclass(frozen=True, slots=True)
class ChainFault:
    """One break of the chain: the number of the entry where it shows, and what is wrong there."""

    number: int
    what: str

    def __str__(self) -> str:
        """The fault in one line."""
        return f"entry {self.number}: {self.what}"


@dataclass(frozen=True, slots=True)
class Verification:
    """The result: how many entries were read, the head that was found, and every fault."""

    entries: int
    first: int
    head: Head
    faults: tuple[ChainFault, ...]

    @property
    def intact(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


def verify_chain(entries: Iterable[Entry], head: Head, anchors: Iterable[Head] = ()) -> Verification:
    """Verify the entries, given in the order of their numbers, against each other, the head and the anchors."""
    walk = _Walk(head)
    for anchor in anchors:
        walk.anchors.setdefault(anchor.number, set()).add(anchor.hash)  # several may be given for one number
    for entry in entries:
        walk.step(entry)
    walk.finish()
    faults = sorted(walk.faults, key=lambda one: one.number)
    return Verification(walk.entries, walk.first.number if walk.first else 0, head, tuple(faults))


@dataclass(slots=True)
class _Walk:
    """One pass over the chain, holding no more than the entry before."""

    head: Head
    anchors: dict[int, set[str]] = field(default_factory=dict)
    entries: int = 0
    first: Entry | None = None
    before: Entry | None = None
    pruned: Pruning | None = None
    pruned_by: int = 0
    faults: list[ChainFault] = field(default_factory=list)

    def step(self, entry: Entry) -> None:
        self.entries += 1
        if entry.content_hash() != entry.entry_hash:
            self._fault(entry.number, "its content is not what was recorded (altered)")
        if self.before is None:
            self.first = entry
        else:
            self.faults += _link_faults(self.before, entry)
        if (pruning := pruning_of(entry)) is not None:
            self.pruned, self.pruned_by = pruning, entry.number
        if any(expected != entry.entry_hash for expected in self.anchors.pop(entry.number, ())):
            self._fault(entry.number, "it is not the entry of the anchor: the log was rewritten up to here or before")
        self.before = entry

    def finish(self) -> None:
        """What shows only at the end: the start, the end, and anchors that met no entry."""
        self.faults += self._start_faults()
        self.faults += self._end_faults()
        self.faults += dict.fromkeys(self._anchor_faults())

    def _anchor_faults(self) -> Iterator[ChainFault]:
        """The anchors that met no entry, but those of the empty log that every log was once."""
        for number, expected in ((number, one) for number, hashes in self.anchors.items() for one in hashes):
            if (number, expected) == (0, GENESIS):
                continue
            if self.pruned is None or not 0 < number <= self.pruned.through:
                yield ChainFault(number, "the anchor's entry is not there (removed)")
            elif (number, expected) != (self.pruned.through, self.pruned.last_hash):
                what = f"the anchor's entry was pruned (entry {self.pruned_by}); give a later anchor"
                yield ChainFault(number, what)

    def _start_faults(self) -> Iterator[ChainFault]:
        through, last_hash = (self.pruned.through, self.pruned.last_hash) if self.pruned else (0, GENESIS)
        if self.head.pruned_through != through:
            told = f"a `prune` entry tells of {through or 'none'}"
            yield ChainFault(self.head.pruned_through, f"the head says pruned up to here, but {told}")
        if self.first is None:
            return
        if self.first.number != through + 1:
            yield from _gap(through, self.first.number)
        elif self.first.previous_hash != last_hash:
            what = "the entry that was pruned before it" if self.pruned else "the beginning of a log"
            yield ChainFault(self.first.number, f"it does not follow {what} (altered, or entries before it removed)")

    def _end_faults(self) -> Iterator[ChainFault]:
        number, last_hash = (self.before.number, self.before.entry_hash) if self.before else (0, GENESIS)
        if number < self.head.number:
            yield from _gap(number, self.head.number + 1)
        elif number > self.head.number:
            yield ChainFault(number, f"the head says that entry {self.head.number} is the last (inserted)")
        elif last_hash != self.head.hash:
            yield ChainFault(number, "it is the last, but not the one that the head names (altered)")

    def _fault(self, number: int, what: str) -> None:
        self.faults.append(ChainFault(number, what))


def _link_faults(before: Entry, entry: Entry) -> Iterator[ChainFault]:
    if entry.number > before.number + 1:
        yield from _gap(before.number, entry.number)
    elif entry.number <= before.number:
        yield ChainFault(entry.number, f"it stands after entry {before.number} (inserted or reordered)")
    elif entry.previous_hash != before.entry_hash:
        what = f"it does not follow entry {before.number} as recorded (altered, replaced or reordered)"
        yield ChainFault(entry.number, what)


def _gap(before: int, after: int) -> Iterator[ChainFault]:
    """The entries that are missing between two numbers, as one fault."""
    if after - before < 2:
        yield ChainFault(after, f"it stands where entry {before + 1} is expected")
        return
    first, last = before + 1, after - 1
    yield ChainFault(first, "missing (removed)" if first == last else f"missing, up to entry {last} (removed)")
