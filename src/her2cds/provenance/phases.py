"""Trial phases and recruitment statuses, as reviews print them in many ways."""

from __future__ import annotations

import re

_ARABIC = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
_NUMERAL = r"(?:IV|III|II|I|[1-4])[ab]?"
_PHASE = re.compile(
    rf"\bphases?[ -]?({_NUMERAL}(?:\s*(?:/|,|-|and|or)\s*(?:phase )?{_NUMERAL}\b)*)(?![\w+])", re.IGNORECASE
)
_CELL = re.compile(rf"{_NUMERAL}(?:/{_NUMERAL})*", re.IGNORECASE)
_EACH = re.compile(rf"(?<![\w]){_NUMERAL}(?![\w])", re.IGNORECASE)
_STATUS = re.compile(
    r"\b(not yet recruiting|active, not recruiting|recruiting|completed|terminated|suspended|withdrawn|"
    r"ongoing)\b",
    re.IGNORECASE,
)
PHASE_COLUMN = re.compile(r"\bph(?:ase|\.)", re.IGNORECASE)


def phases(text: str) -> frozenset[str]:
    """The phases that a plain text names: `phase Ib/II` as "1b/2", and its members "1b" and "2" as well."""
    return frozenset(one for match in _PHASE.finditer(text) for one in _members(match[1]))


def phase_cell(cell: str) -> frozenset[str]:
    """The phases in a table's cell or an entry's field that is nothing but a phase (`II`, `I/II`)."""
    return frozenset(_members(cell)) if _CELL.fullmatch(cell.strip()) else phases(cell)


def same_phase(claimed: str) -> str | None:
    """An entry's `phase` in the spelling used here, or None where it is no numeral ("retrospective")."""
    cell = claimed.strip().removeprefix("phase ").strip()
    return _level(cell) if _CELL.fullmatch(cell) else None


def confirms(printed: frozenset[str], claimed: str) -> bool:
    """Whether one of the printed phases is the claimed one; a claimed "1" is confirmed by a printed "1b"."""
    return claimed in printed or claimed in {re.sub(r"[ab]", "", one) for one in printed}


def statuses(text: str) -> frozenset[str]:
    """The recruitment statuses in a plain text; "active, not recruiting" is not also "recruiting"."""
    return frozenset(match.casefold() for match in _STATUS.findall(text))


def _members(run: str) -> list[str]:
    each = [_level(one) for one in _EACH.findall(run)]
    return [*each, "/".join(each)]


def _level(numerals: str) -> str:
    return "/".join(_one(part) for part in numerals.casefold().split("/"))


def _one(part: str) -> str:
    letter = part[-1] if part[-1] in "ab" else ""
    stem = part.removesuffix(letter) if letter else part
    return _ARABIC.get(stem, stem) + letter
