"""Reading the parts of a resource: concepts through the code map, dates to the day, quantities with their unit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date as Date
from typing import Any

from her2cds.interop.draft import Draft
from her2cds.interop.fhir.codes import CodeMap, Meaning, display_disagrees
from her2cds.interop.fhir.resources import Json, Resource, Resources, listed
from her2cds.knowledge.base import Knowledge

_DAY = re.compile(r"^(\d{4}-\d{2}-\d{2})(?:T.*)?$")
_PERCENT = {"%", "percent", "{percent}", "percentage"}
_NUMBER = re.compile(r"^(<=|>=|≤|≥|<|>)?\s*(\d{1,3}(?:\.\d+)?)\s*(%|percent)?$", re.IGNORECASE)
_SIGNS = {"≤": "<=", "≥": ">="}
_NO_UNIT = {"", "1", "{score}", "{ratio}", "ratio", "{copies}", "score", "{mutations}/{megabase}"}


@dataclass(slots=True)
class Reading:
    """What every reader needs: the codes, the knowledge base, the resources, and the draft it fills."""

    codes: CodeMap
    knowledge: Knowledge
    resources: Resources
    draft: Draft
    today: Date
    # The first and the last day that each record with a vague date may be of, by its label.
    spans: dict[str, tuple[Date, Date]] = field(default_factory=dict)

    def meanings(self, concept: object, resource: Resource) -> list[Meaning]:
        """What the codings of a CodeableConcept (or Coding) mean; oddities are noted, unknown codes left out."""
        found: list[Meaning] = []
        for coding in codings(concept):
            meaning = self._meaning(coding, resource)
            if meaning is not None and meaning not in found:
                found.append(meaning)
        return found

    def _meaning(self, coding: Json, resource: Resource) -> Meaning | None:
        system, code, display = coding.get("system"), coding.get("code"), coding.get("display")
        if not isinstance(code, str):
            return None
        system = system if isinstance(system, str) else None
        meaning = self.codes.find(system, code)
        if meaning is None:
            meaning = self.codes.find_misfiled(system, code)
            if meaning is None:
                return None
            self.draft.doubt(
                resource.label, f"{code} under {system or 'no system'}", f"read as a code of {meaning.system}"
            )
        if display_disagrees(display if isinstance(display, str) else None, meaning):
            self.draft.doubt(
                resource.label,
                f"{meaning.code} shown as '{display}'",
                f"the code means '{meaning.display}': the code was taken, check which was meant",
            )
        return meaning

    def day(self, text: object, resource: Resource, what: str) -> Date | None:
        """A date to the day; one that is less exact, or no date, is noted and not used."""
        if text is None:
            return None
        match = _DAY.match(text) if isinstance(text, str) else None
        try:
            day = Date.fromisoformat(match.group(1)) if match else None
        except ValueError:
            day = None
        if day is None:
            self.draft.unread(resource.label, f"{what} {text}", "a date exact to the day is needed")
        elif day > self.today:
            self.draft.aside(resource.label, f"{what} {text}", f"after {self.today}, the day of the profile")
            return None
        return day


def codings(concept: object) -> Iterator[Json]:
    """The codings of a CodeableConcept; a bare Coding is one."""
    for one in listed(concept):
        if "coding" in one:
            yield from listed(one["coding"])
        elif "code" in one:
            yield one


def words_for(concept: object) -> str:
    """A concept in words for the report: its text, or a code with its display."""
    for one in listed(concept):
        if isinstance(one.get("text"), str):
            return str(one["text"])
    shown = [f"{one.get('code', '')} {one.get('display', '')}".strip() for one in codings(concept)]
    return "; ".join(shown) or "nothing coded"


def texts_of(concept: object) -> list[str]:
    """All that a concept says in words: its text, and the displays of its codes."""
    shown = [*listed(concept), *codings(concept)]
    return [one[key] for one in shown for key in ("text", "display") if isinstance(one.get(key), str)]


@dataclass(frozen=True, slots=True)
class Answer:
    """All that an Observation (or a component) answers: codes, words, and numbers with unit."""

    meanings: tuple[Meaning, ...]
    number: float | None
    unit: str
    comparator: str
    said: str
    kinds: tuple[str, ...]
    texts: tuple[str, ...] = ()

    @property
    def tokens(self) -> set[str]:
        """The meanings by name."""
        return {one.token for one in self.meanings}

    def percent(self, *, unit_needed: bool) -> float | None:
        """The number as a percentage; None with another unit, a comparator, or (where needed) no unit."""
        return None if self.comparator else self._as_percent(unit_needed)

    def bound(self, *, unit_needed: bool) -> tuple[str, float] | None:
        """The comparator and the percentage of an answer such as "<1 %"; None where it is no bound."""
        percent = self._as_percent(unit_needed) if self.comparator else None
        return None if percent is None else (self.comparator, percent)

    def _as_percent(self, unit_needed: bool) -> float | None:
        if self.number is None or self.unit.casefold() in _PERCENT:
            return self.number
        # The unit 1 is that of a ratio; without any unit, 0.9 may be a share of one as well as a percentage.
        unclear = unit_needed or self.unit != "" or 0 < self.number <= 1
        return None if unclear else self.number

    def plain(self) -> float | None:
        """The number where it has no unit and no comparator."""
        return self.number if self.number is not None and not self.comparator and self.unit in _NO_UNIT else None


@dataclass(frozen=True, slots=True)
class _Quantity:
    """A number as an answer gives it."""

    number: float
    unit: str = ""
    comparator: str = ""


def answer_of(holder: Mapping[str, Any], resource: Resource, reading: Reading) -> Answer:
    """Everything that stands in `value[x]`, even where (against the standard) there are several."""
    meanings: list[Meaning] = []
    quantities: list[_Quantity] = []
    said: list[str] = []
    texts: list[str] = []
    kinds = tuple(sorted(key for key in holder if key.startswith("value") and key != "value"))
    for key in kinds:
        value = holder[key]
        if key == "valueCodeableConcept":
            coded = reading.meanings(value, resource)
            meanings += coded
            said.append(words_for(value))
            texts += _uncoded(value) if not coded else []
            texts += _beside_local_codes(value, resource, reading) if not coded else []
        elif key == "valueQuantity" and isinstance(value, dict):
            quantities += _quantity(value)
            said.append(f"{value.get('comparator') or ''}{value.get('value')} {_unit(value)}".strip())
        elif key in ("valueInteger", "valueDecimal"):
            quantities += [_Quantity(number) for number in [_number(value)] if number is not None]
            said.append(str(value))
        elif key == "valueString" and isinstance(value, str):
            said.append(value)
            texts.append(value)
        else:
            said.append(f"{key} {value}")
    for text in texts:
        meanings += _word(text, reading)
        quantities += _written(text)
    if len(kinds) > 1:
        reading.draft.doubt(resource.label, ", ".join(kinds), "an Observation may hold one value; all were read")
    one = _agreed(quantities)
    return Answer(
        tuple(meanings),
        one.number if one else None,
        one.unit if one else "",
        one.comparator if one else "",
        "; ".join(said) or "no value",
        kinds,
        tuple(texts),
    )


def _uncoded(concept: object) -> list[str]:
    """The text of a concept without any code: where there is a code, it counts and the text does not."""
    return [] if list(codings(concept)) else [str(one["text"]) for one in listed(concept) if "text" in one]


def _beside_local_codes(concept: object, resource: Resource, reading: Reading) -> list[str]:
    """The text of a concept whose codes are all of systems that are not known, where no display says otherwise.

    An unknown code of a known system is another matter: it says something exact, which the text may only come close to.
    """
    found = list(codings(concept))
    texts = [one["text"] for one in listed(concept) if isinstance(one.get("text"), str)]
    words = reading.codes.words
    meant = {words.get(text.strip().casefold()) for text in texts}
    shown = {words.get(one["display"].strip().casefold()) for one in found if isinstance(one.get("display"), str)}
    if not found or not texts or any(reading.codes.knows(one.get("system")) for one in found):
        return []
    if shown - {None} - meant:
        return []
    codes = ", ".join(str(one.get("code")) for one in found)
    reading.draft.doubt(
        resource.label, f"'{'; '.join(texts)}' with the code {codes}", "a local code: its text was read"
    )
    return texts


def _quantity(value: Json) -> list[_Quantity]:
    number = _number(value.get("value"))
    return [] if number is None else [_Quantity(number, _unit(value), str(value.get("comparator") or ""))]


def _unit(value: Json) -> str:
    return str(value.get("code") or value.get("unit") or "").strip()


def _written(text: str) -> list[_Quantity]:
    """A text that is a number and nothing else, with or without a comparator and a percent sign."""
    match = _NUMBER.match(text.strip())
    if match is None:
        return []
    sign, number, unit = match.groups()
    return [_Quantity(float(number), "%" if unit else "", _SIGNS.get(sign or "", sign or ""))]


def _agreed(quantities: list[_Quantity]) -> _Quantity | None:
    """The number that all values of an answer give, with its unit where one of them has it; None where they differ."""
    if len({(one.number, one.comparator) for one in quantities}) != 1:
        return None
    return max(quantities, key=lambda one: one.unit)


def _word(text: str, reading: Reading) -> list[Meaning]:
    token = reading.codes.words.get(text.strip().casefold())
    return [Meaning(token, "text", text, text, "text")] if token else []


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def extension(resource: Json, ending: str) -> list[Json]:
    """The values of the extensions whose URL ends so, whichever version of a guide they are of."""
    return [one for one in listed(resource.get("extension")) if str(one.get("url", "")).endswith(ending)]
