"""Which drug a medication concept names: by code first, by name where the code is not in the map.

Charts mostly carry product codes ("neratinib 40 MG Oral Tablet", "Trastuzumab Injection [KADCYLA]"). A name is read
only where every word of it is accounted for: drug names of the knowledge base, longest first, and words of dose and
form. A word left over ("trastuzumab xyzotecan") means that the drug is not known: a conjugate is never read as the
antibody that stands at the head of its name, nor listed beside it. A brand in brackets decides.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from her2cds.interop.fhir.elements import Reading, codings
from her2cds.interop.fhir.resources import Resource, Resources, inside, listed
from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.names import folded, names_within

_BRACKETED = re.compile(r"\[([^\[\]]{1,100})\]|\(([^()]{1,100})\)")
_SEPARATOR = re.compile(r" ?/ ?| and |, | \+ ")
_TOKEN = re.compile(r"[a-z0-9][a-z0-9\-.%+*]*")
_AMOUNT = re.compile(r"^\d[\d.,]*(?:mg|ml|mcg|ug|g|m|hr|unt|actuat|%)?$")
# What says of an antibody that something is bound to it: the endings of such names, and how charts shorten them.
_CONJUGATE_WORD = re.compile(
    r"ado|fam|vic|adc|conjugate[ds]?|dm[14]|dxd|mmae|"
    r"[a-z]*(?:tansine|tecan|dotin|duocarmazine|gamicin|tesirine|limod)"
)
_LETTERS = re.compile(r"[a-z0-9]+")
_FORM_TEXT = (
    "mg ml mcg g kg unt hr meq m2 injection injectable injetable oral tablet tablets product capsule capsules pill "
    "solution suspension powder for vial prefilled syringe intravenous subcutaneous intramuscular iv sc extended "
    "release chewable film coated in kit vials infusion lyophilized concentrate loading dose every week weeks days "
    "weekly qw q1w q2w q3w q4w q7d q14d q21d q28d qd bid "
    "and with hyaluronidase hyaluronidase-oysk hyaluronidase-zzxf human recombinant "
    "hydrochloride hcl citrate mesylate sodium acetate sulfate tartrate ditosylate maleate monohydrate"
)
_FORM_WORDS = frozenset(_FORM_TEXT.split())
_LONGEST_NAME = 6
_LONGEST_TEXT = 500
_LONGEST_MENTION = 150
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
        texts = _texts(concept)
        shown = next(iter(texts), "nothing coded")
        by_code = self._by_code(concept, resource)
        by_name, resembles = self._by_any_name(texts)
        taken = self._taken(by_code, by_name)
        if self._may_be_a_conjugate(texts, taken):
            return Named((), "", "; ".join(texts), resembles=True)
        if by_code and by_name and set(by_code) != set(by_name):
            return self._disagreement(by_code, by_name, taken, shown, resource)
        if by_name and not by_code:
            return Named(taken, f"read by name: '{shown}'", shown)
        return Named(taken, "", shown, not taken and (resembles or self._resembles(" ".join(texts))))

    def read_product(self, concept: object, ingredients: Sequence[object], resource: Resource) -> Named:
        """The drugs of a product: by its own name, or else by all of its ingredients."""
        named = self.read(concept, resource)
        if not ingredients:
            return named
        parts = [self.read(one, resource) for one in ingredients]
        inside = most_specific({drug for one in parts for drug in one.drugs}, self._knowledge)
        whole = all(part.drugs or self._is_form(one) for part, one in zip(parts, ingredients, strict=True))
        taken = named.drugs or (tuple(sorted(inside)) if whole else ())
        texts = [text for one in (concept, *ingredients) for text in _texts(one)]
        words = "; ".join(dict.fromkeys(texts)) or named.words
        other = any(map(self._is_conjugate, inside.difference(taken)))
        if not taken or other or self._may_be_a_conjugate(texts, taken):
            resembles = named.resembles or bool(inside) or any(one.resembles for one in parts)
            return Named((), "", words, resembles)
        return named if named.drugs else Named(taken, f"read by its ingredients: '{words}'", words)

    def _is_form(self, concept: object) -> bool:
        """Whether an ingredient is none that counts: words of dose and form only, as hyaluronidase is."""
        texts = _texts(concept)
        return bool(texts) and all(_named_in_full(text, self._knowledge) == set() for text in texts)

    def mentioned(self, concept: object) -> tuple[str, ...]:
        """The drugs that stand in a concept among words of any kind; none where one of them may be a conjugate."""
        texts = [text for text in _texts(concept) if len(text) <= _LONGEST_MENTION]
        named = {one for text in texts for one in names_within(text, lambda name: _known(name, self._knowledge)).ids}
        drugs = tuple(sorted(most_specific(named, self._knowledge)))
        return () if self._may_be_a_conjugate(texts, drugs) else drugs

    def is_anticancer(self, drug: str) -> bool:
        """Whether a drug of the knowledge base is systemic anti-cancer therapy."""
        return _is_anticancer(drug, self._knowledge)

    def _by_code(self, concept: object, resource: Resource) -> tuple[str, ...]:
        found = {one.token.removeprefix("drug.") for one in self._reading.meanings(concept, resource)
                 if one.token.startswith("drug.")}  # fmt: skip
        drugs = {drug for one in found for drug in one.split("+")}
        sure = most_specific(drugs, self._knowledge)
        if sure != drugs:
            said = f"codes of {', '.join(sorted(drugs))}"
            why = f"read as {', '.join(sorted(sure))}; a conjugate is never filed under an antibody"
            self._reading.draft.doubt(resource.label, said, why)
        return tuple(sorted(sure))

    def _by_any_name(self, texts: Sequence[str]) -> tuple[tuple[str, ...], bool]:
        """What the texts name that can be read; none, and that it resembles a drug, where they name different ones."""
        found = [set(drugs) for text in texts if (drugs := drugs_named(text, self._knowledge))]
        together = most_specific({drug for one in found for drug in one}, self._knowledge)
        agree = all(one == together or len(one) == len(together) for one in found) and together in found
        return (tuple(sorted(together)), False) if agree else ((), bool(found))

    def _taken(self, by_code: tuple[str, ...], by_name: tuple[str, ...]) -> tuple[str, ...]:
        """What code and name say together: the code counts, except that a conjugate is never its antibody."""
        if not by_code or not by_name:
            return by_code or by_name
        return next((one for one in (by_code, by_name) if any(map(self._is_conjugate, one))), by_code)

    def _may_be_a_conjugate(self, texts: Sequence[str], taken: tuple[str, ...]) -> bool:
        """Whether a text, read in full or not, speaks of a conjugate where none, or another one, would be taken."""
        if not taken:
            return False
        antibody = any(one.endswith("mab") for one in taken) and not any(map(self._is_conjugate, taken))
        for text in texts:
            if len(text) > _LONGEST_TEXT:
                named, bound = set(), True  # not read: it may say anything
            else:
                named = _conjugates_in(text, self._knowledge) - set(taken)
                bound = any(_CONJUGATE_WORD.fullmatch(word) for word in _LETTERS.findall(text.lower()))
            if named or (antibody and bound):
                return True
        return False

    def _disagreement(
        self, by_code: tuple[str, ...], by_name: tuple[str, ...], taken: tuple[str, ...], shown: str, resource: Resource
    ) -> Named:
        conjugate = any(map(self._is_conjugate, taken))
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
        return _is_conjugate(drug, self._knowledge)


def ingredients_of(medication: Resource, order: Resource, resources: Resources) -> list[object]:
    """The active ingredients of a Medication, each as a concept; what it refers to may stand in the order beside it."""
    found: list[object] = []
    for one in listed(medication.content.get("ingredient")):
        reference = one.get("itemReference")
        item = resources.follow(reference, medication) or resources.follow(reference, order)
        said = {"text": str(inside(reference, "display") or "an ingredient that is not in the input")}
        if one.get("isActive") is not False:
            found.append(one.get("itemCodeableConcept") or (item.content.get("code") if item else said))
    return found


def drugs_named(text: str, knowledge: Knowledge) -> tuple[str, ...]:
    """The drugs that a name or product description names in full, or none where a word is left over.

    A brand in brackets stands for what is said beside it, unless that is the more specific: "Enhertu (trastuzumab)". A
    text longer than any product description is not read.
    """
    if len(text) > _LONGEST_TEXT:
        return ()
    whole = _known(text, knowledge)
    if whole:
        return whole
    brands: set[str] = set()
    for match in _BRACKETED.finditer(text):
        drugs = _known(match.group(1) or match.group(2), knowledge)
        if not drugs and match.group(1):  # an unknown brand may be a conjugate: older product names show its antibody
            return ()
        brands.update(drugs)
    beside = _BRACKETED.sub(lambda match: " " if _known(match.group()[1:-1], knowledge) else match.group(), text)
    named = _named_in_full(beside, knowledge)
    if not brands:
        return tuple(sorted(named or ()))
    together = most_specific(brands | (_conjugates_in(beside, knowledge) if named is None else named), knowledge)
    return tuple(sorted(together)) if together in (most_specific(brands, knowledge), named) else ()


def most_specific(drugs: Collection[str], knowledge: Knowledge) -> set[str]:
    """The drugs without those that another one of them carries in its name, as T-DM1 does trastuzumab."""
    return {one for one in drugs if not any(_carries(other, one, knowledge) for other in drugs if other != one)}


def _is_conjugate(drug: str, knowledge: Knowledge) -> bool:
    known = knowledge.drugs.get(drug)
    return known is not None and any(one.endswith("-adc") for one in known.classes)


def _conjugates_in(text: str, knowledge: Knowledge) -> set[str]:
    """The conjugates that a text names, among words of any kind."""
    names = _conjugate_names(knowledge)
    words = _LETTERS.findall(text.lower())
    runs = ("".join(words[at : at + length]) for at in range(len(words)) for length in range(1, _LONGEST_NAME + 1))
    return {names[run] for run in runs if run in names}


@lru_cache(maxsize=2)
def _conjugate_names(knowledge: Knowledge) -> dict[str, str]:
    """The conjugates by each of their names, without spaces and punctuation."""
    return {
        folded(name): drug
        for drug, known in knowledge.drugs.items()
        if _is_conjugate(drug, knowledge)
        for name in (drug, known.name, *known.synonyms)
    }


def _carries(bearer: str, drug: str, knowledge: Knowledge) -> bool:
    known, carried = knowledge.drugs.get(bearer), knowledge.drugs.get(drug)
    if known is None or carried is None:
        return False
    words = {word for name in (known.name, *known.synonyms) for word in _LETTERS.findall(name.lower())}
    return folded(carried.name) in words


def _named_in_full(text: str, knowledge: Knowledge) -> set[str] | None:
    """The drugs of all ingredients; None where a word is left over, or one ingredient is bound in another."""
    found: set[str] = set()
    for part in _SEPARATOR.split(" ".join(text.lower().split())):
        drugs = _named_in_part(_TOKEN.findall(part), knowledge)
        if drugs is None:
            return None
        found |= most_specific(drugs, knowledge)
    return found if most_specific(found, knowledge) == found else None


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
