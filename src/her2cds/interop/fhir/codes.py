"""The code map: what a coding of another system means here. Data in `codes.yaml`, with display and origin of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from her2cds.knowledge.yaml_reader import read_yaml

_WORD = re.compile(r"[a-z0-9+]+")
_NO_WORDS = {"of", "in", "by", "the", "and", "with", "gene", "disorder", "finding", "qualifier", "value"}
_AJCC_PREFIX = re.compile(r"^[cpyar]+(?=[0-9TNM])")
_AJCC_SUFFIX = re.compile(r"(?<=^N[1-3])(?:mi|[a-c])$|(?<=^M1)[a-c]$")  # N1mi and N2a are N1 and N2, M1a is M1


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one code means: `token` is the name under which the import knows it."""

    token: str
    system: str
    code: str
    display: str
    origin: str


class CodeMap:
    """Looks codes up by system and code."""

    def __init__(
        self,
        systems: Mapping[str, Iterable[str]],
        meanings: Iterable[Meaning],
        words: Mapping[str, str],
        origins: Mapping[str, str],
    ) -> None:
        self._systems = {_plain(uri): name for name, uris in systems.items() for uri in uris}
        self.uris = {name: next(iter(uris)) for name, uris in systems.items()}
        self.meanings = tuple(meanings)
        self.words = dict(words)
        self.origins = dict(origins)
        self._known = {(one.system, one.code): one for one in self.meanings}

    def find(self, system: str | None, code: str) -> Meaning | None:
        """The meaning of a code in the system it is filed under, or None."""
        name = self._systems.get(_plain(system or ""))
        return self._in(name, code) if name else None

    def knows(self, system: object) -> bool:
        """Whether the map holds codes of a system."""
        return _plain(system if isinstance(system, str) else "") in self._systems

    def find_misfiled(self, system: str | None, code: str) -> Meaning | None:
        """The meaning of a code that stands under a wrong system, where its form leaves no doubt whose it is.

        A LOINC code has a hyphen before its last digit, a SNOMED CT code seven digits or more and no hyphen.
        """
        name = self._systems.get(_plain(system or ""))
        for other in ("loinc", "snomed"):
            sure = "-" in code if other == "loinc" else code.isdigit() and len(code) > 7
            if other != name and sure and (found := self._known.get((other, code))):
                return found
        return None

    def drug_codes(self, drug: str) -> tuple[Meaning, ...]:
        """The codes of one drug of the knowledge base."""
        return tuple(one for one in self.meanings if one.token == f"drug.{drug}")

    def _in(self, system: str, code: str) -> Meaning | None:
        if system == "icd10":
            return self._icd10(code.upper().replace(".", ""))
        if system == "hgnc":
            code = code.removeprefix("HGNC:")
        elif system == "ajcc":
            code = _AJCC_SUFFIX.sub("", _AJCC_PREFIX.sub("", code))
        return self._known.get((system, code))

    def _icd10(self, code: str) -> Meaning | None:
        """ICD-10-CM is written with and without its dot, and a code below an entry means what the entry means."""
        for length in range(len(code), 2, -1):
            part = code[:length]
            found = self._known.get(("icd10", part if length == 3 else f"{part[:3]}.{part[3:]}"))
            if found:
                return found
        return None


def display_disagrees(given: str | None, meaning: Meaning) -> bool:
    """Whether a display shares no word with the one that the code map holds: a sign of a wrong code."""
    if not given:
        return False
    return not (_words(given) & _words(meaning.display))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower())) - _NO_WORDS


def _plain(uri: str) -> str:
    return uri.strip().rstrip("/").casefold().replace("https://", "http://")


@cache
def code_map() -> CodeMap:
    """The code map that comes with the package."""
    text = files("her2cds.interop.fhir").joinpath("codes.yaml").read_text(encoding="utf-8")
    document = read_yaml("codes.yaml", text)
    tree = document.tree
    if document.faults or not isinstance(tree, dict):
        raise ValueError(f"codes.yaml cannot be read: {'; '.join(map(str, document.faults))}")  # our own file
    meanings: list[Meaning] = []
    for token, entries in _mapping(tree["codes"]).items():
        for entry in entries:
            fields = dict(entry)
            display, origin = fields.pop("display"), fields.pop("origin")
            ((system, code),) = fields.items()
            meanings.append(Meaning(token, system, code, display, origin))
    return CodeMap(_mapping(tree["systems"]), meanings, _mapping(tree["words"]), _mapping(tree["origins"]))


def _mapping(node: object) -> dict[str, Any]:
    if not isinstance(node, dict):
        raise ValueError("codes.yaml: a mapping was expected")
    return node
