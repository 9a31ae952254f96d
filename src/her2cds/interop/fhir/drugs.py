"""Which drug a medication concept names: by code first, by name where the code is not in the map.

Charts mostly carry product codes ("neratinib 40 MG Oral Tablet", "Trastuzumab Injection [KADCYLA]"). A name is read
only where every word of it is accounted for: drug names of the knowledge base, longest first, and words of dose and
form. A word left over ("trastuzumab xyzotecan") means that the drug is not known: a conjugate is never read as the
antibody that stands at the head of its name. A brand in brackets decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from her2cds.interop.fhir.elements import Reading, codings
from her2cds.interop.fhir.resources import Resource, listed
from her2cds.knowledge.base import Knowledge

_BRAND = re.compile(r"\[([^\[\]]{1,100})\]")
_SEPARATOR = re.compile(r" ?/ ?| and |, | \+ ")
_TOKEN = re.compile(r"[a-z0-9][a-z0-9\-.%+*]*")
_AMOUNT = re.compile(r"^\d[\d.,]*(?:mg|ml|mcg|ug|g|m|hr|unt|actuat|%)?$")
_FORM_TEXT = (
    "mg ml mcg g unt hr meq m2 injection injectable injetable oral tablet tablets product capsule capsules pill "
    "solution suspension powder for vial prefilled syringe intravenous subcutaneous intramuscular iv sc extended "
    "release chewable film coated and with hyaluronidase hyaluronidase-oysk hyaluronidase-zzxf human recombinant "
    "hydrochloride hcl citrate mesylate sodium acetate sulfate tartrate ditosylate maleate monohydrate"
)
_FORM_WORDS = frozenset(_FORM_TEXT.split())
_LONGEST_NAME = 6
_LONGEST_TEXT = 500
# Looking for a name that a word is close to takes milliseconds; no chart has so many different unknown words.
_MOST_WORDS = 500
_NOT_ANTICANCER = {"supportive", "bone-agent", "statin", "tnf-blocker"}


@dataclass(frozen=True, slots=True)
class Named:
    """The drugs of a concept by id, how they were read, and the words as they stand there."""

    drugs: tuple[str, ...]
    how: str
    words: str
    resembles: bool = False


class DrugReader:
    """Reads medication concepts."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._knowledge = reading.knowledge
        self._seen: dict[str, bool] = {}

    def read(self, concept: object, resource: Resource) -> Named:
        """The drugs that a CodeableConcept names; none where it cannot be said."""
        words = " ".join(_texts(concept))
        by_code = self._by_code(concept, resource)
        by_name, resembles = self._by_any_name(concept)
        shown = next(iter(_texts(concept)), "nothing coded")
        if by_code and by_name and set(by_code) != set(by_name):
            return self._disagreement(by_code, by_name, shown, resource)
        if by_code:
            return Named(by_code, "", shown)
        if by_name:
            return Named(by_name, f"read by name: '{shown}'", shown)
        return Named((), "", shown, resembles or self._resembles(words))

    def is_anticancer(self, drug: str) -> bool:
        """Whether a drug of the knowledge base is systemic anti-cancer therapy."""
        return _is_anticancer(drug, self._knowledge)

    def _by_code(self, concept: object, resource: Resource) -> tuple[str, ...]:
        found = {one.token.removeprefix("drug.") for one in self._reading.meanings(concept, resource)
                 if one.token.startswith("drug.")}  # fmt: skip
        return tuple(sorted(drug for one in found for drug in one.split("+")))

    def _by_any_name(self, concept: object) -> tuple[tuple[str, ...], bool]:
        found = [drugs for text in _texts(concept) if (drugs := drugs_named(text, self._knowledge))]
        if not found:
            return (), False
        return (found[0], False) if all(set(one) == set(found[0]) for one in found) else ((), True)

    def _disagreement(
        self, by_code: tuple[str, ...], by_name: tuple[str, ...], shown: str, resource: Resource
    ) -> Named:
        """Code and name say different drugs: the code counts, except that a conjugate is never its antibody."""
        conjugate = next((one for one in (by_name, by_code) if any(map(self._is_conjugate, one))), None)
        taken = conjugate or by_code
        self._reading.draft.doubt(
            resource.label,
            f"code of {', '.join(by_code)}, name of {', '.join(by_name)}",
            f"read as {', '.join(taken)}" + ("; a conjugate is never filed under an antibody" if conjugate else ""),
        )
        return Named(taken, "code and name differ", shown)

    def _resembles(self, text: str) -> bool:
        """Whether a word of the text is an anti-cancer drug, or close to one; after very many words, it may be."""
        for token in dict.fromkeys(_TOKEN.findall(text.lower())):
            if token not in self._seen:
                if len(self._seen) >= _MOST_WORDS:
                    return True
                self._seen[token] = _word_resembles(token, self._knowledge)
            if self._seen[token]:
                return True
        return False

    def _is_conjugate(self, drug: str) -> bool:
        known = self._knowledge.drugs.get(drug)
        return known is not None and any(one.endswith("-adc") for one in known.classes)


def drugs_named(text: str, knowledge: Knowledge) -> tuple[str, ...]:
    """The drugs that a name or product description names in full, or none where a word is left over.

    A text longer than any product description is not read.
    """
    if len(text) > _LONGEST_TEXT:
        return ()
    whole = _known(text, knowledge)
    if whole:
        return whole
    brands = [_known(brand, knowledge) for brand in _BRAND.findall(text)]
    if brands:  # an unknown brand may be a conjugate: older product names show only its antibody
        return tuple(dict.fromkeys(drug for drugs in brands for drug in drugs)) if all(brands) else ()
    found: list[str] = []
    for part in _SEPARATOR.split(" ".join(_BRAND.sub(" ", text).lower().split())):
        drugs = _named_in_part(_TOKEN.findall(part), knowledge)
        if drugs is None:
            return ()
        found += drugs
    return tuple(sorted(set(found)))


def _named_in_part(tokens: list[str], knowledge: Knowledge) -> list[str] | None:
    """The drugs in the words of one ingredient; None where a word is neither a name nor of dose and form."""
    found: list[str] = []
    at = 0
    while at < len(tokens):
        for length in range(min(_LONGEST_NAME, len(tokens) - at), 0, -1):
            drugs = _known(" ".join(tokens[at : at + length]), knowledge)
            if drugs:
                found += drugs
                at += length
                break
        else:
            if tokens[at] not in _FORM_WORDS and not _AMOUNT.match(tokens[at]):
                return None
            at += 1
    return found


def _known(name: str, knowledge: Knowledge) -> tuple[str, ...]:
    drug = knowledge.drug_names.find(name)
    if drug is not None:
        return (drug,)
    combination = knowledge.combination_names.find(name)
    return knowledge.combinations[combination].drugs if combination is not None else ()


def _is_anticancer(drug: str, knowledge: Knowledge) -> bool:
    """Drugs that the knowledge base lists for ordinary charts have no class, or one of supportive care."""
    known = knowledge.drugs.get(drug)
    return known is not None and bool(known.classes) and not set(known.classes) & _NOT_ANTICANCER


def _word_resembles(token: str, knowledge: Knowledge) -> bool:
    exact = knowledge.drug_names.find(token)
    long_enough = len(token) > 5 and token not in _FORM_WORDS
    names = [] if exact else knowledge.drug_names.close_to(token) if long_enough else []
    drugs = [exact] if exact else [knowledge.drug_names.find(name) for name in names]
    return any(drug is not None and _is_anticancer(drug, knowledge) for drug in drugs)


def _texts(concept: object) -> list[str]:
    texts = [str(one["display"]) for one in codings(concept) if isinstance(one.get("display"), str)]
    texts += [str(one["text"]) for one in listed(concept) if isinstance(one.get("text"), str)]
    return list(dict.fromkeys("".join(one if one.isprintable() else " " for one in text) for text in texts))
