"""Allergies to the list of hypersensitivities. The list counts as whole: what is not in it, it denies.

So an allergy that is not confirmed is counted, and so is a drug that stands among words which are not understood. What
may be a drug and cannot be told is kept as written beside the drugs that are known; alone it makes no list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from her2cds.interop.fhir.drugs import DrugReader
from her2cds.interop.fhir.elements import Reading, codings, words_for
from her2cds.interop.fhir.resources import Json, Resource, listed

_PATH = "health.hypersensitivity_to"
_DRUG_CATEGORIES = {"medication", "biologic"}
_NONE_KNOWN = {"716186003", "409137002"}  # SNOMED CT: no known allergy, no known drug allergy
_AGAINST = re.compile(r"\b(?:no|not|non|without|den(?:y|ies|ied)|tolerat\w*|except|negative|exclu\w+)\b", re.IGNORECASE)
_AROUND = re.compile(r"\b(?:allerg(?:y|ies|ic)|hypersensitivity|reactions?|sensitivity|drugs?|to|of)\b", re.IGNORECASE)
_TOO_WIDE = {"chemotherapy", "supportive"}  # an allergy said to be to one of these is to some drug of it


@dataclass(slots=True)
class Allergies:
    """What the record says of allergies, gathered first and put together in `put`."""

    reading: Reading
    known: dict[str, str] = field(default_factory=dict)
    unclear: dict[str, str] = field(default_factory=dict)

    def read(self, resource: Resource, drugs: DrugReader, *, active: bool, unsure: bool) -> None:
        """One allergy, by its code and by the substances of its reactions; `unsure`: it is not confirmed."""
        content, draft = resource.content, self.reading.draft
        substances = [one.get("substance") for one in listed(content.get("reaction"))]
        concepts = [one for one in (content.get("code"), *substances) if listed(one)]
        words = "; ".join(dict.fromkeys(map(words_for, concepts))) or "nothing coded"
        if not active:
            draft.aside(resource.label, words, "not active, or refuted")
        elif content.get("type") == "intolerance":
            draft.aside(resource.label, words, "an intolerance is not a hypersensitivity")
        elif not _may_be_to_a_drug(content):
            draft.aside(resource.label, words, "not to a drug")
        else:
            counted = [self._substance(concept, resource, drugs) for concept in concepts or [None]]
            if unsure and any(counted):
                why = "counted all the same: a list without it would deny it"
                draft.doubt(resource.label, f"allergy to {words}, not confirmed", why)

    def _substance(self, concept: object, resource: Resource, drugs: DrugReader) -> bool:
        """Read one substance; whether it counts for a drug."""
        draft, words = self.reading.draft, words_for(concept)
        found = drugs.read(concept, resource)
        counted = found.drugs or self._within(concept, drugs)
        for drug in counted:
            self.known.setdefault(drug, resource.label)
        if counted and not found.drugs:
            why = f"not understood in full; counted for {', '.join(counted)}: a list without it would deny it"
            draft.doubt(resource.label, words, why)
        elif not counted and (found.resembles or not _texts(concept)):
            draft.unread(resource.label, words, "no drug that can be told for sure")
            draft.ask(f"Allergy to '{words}': to which drug?")
            self.unclear.setdefault(f"unrecognised: {words}"[:120], resource.label)
        elif not counted:
            draft.aside(resource.label, words, "no drug that the knowledge base knows")
        return bool(counted)

    def _within(self, concept: object, drugs: DrugReader) -> tuple[str, ...]:
        """The drugs named among other words, or those of a class that is named alone ("Taxanes")."""
        texts = _texts(concept)
        if any(map(_AGAINST.search, texts)):
            return ()
        named = {"-".join(_AROUND.sub(" ", text).casefold().split()) for text in texts}
        classes = {name for one in named for name in (one, one.removesuffix("s"))} - _TOO_WIDE
        of_class = (one.id for one in self.reading.knowledge.drugs.values() if classes.intersection(one.classes))
        return tuple(sorted(of_class)) or drugs.mentioned(concept)

    def put(self) -> None:
        """Write the list into the draft, where a drug that is known belongs to it."""
        draft = self.reading.draft
        if self.known:
            names = [*sorted(self.known), *sorted(self.unclear)]
            draft.put(_PATH, names, [*self.known.values(), *self.unclear.values()])
            draft.assume("The allergies to drugs were taken to be all on record.")
        elif self.unclear:
            draft.ask("Hypersensitivity: the record does not say to which drugs; give the list.")


def _may_be_to_a_drug(content: Json) -> bool:
    """Unless the record files it under other things only, or says that no allergy is known."""
    said = content.get("category")
    categories = {str(one) for one in said} if isinstance(said, list) else set()
    none_known = any(str(one.get("code")) in _NONE_KNOWN for one in codings(content.get("code")))
    return not none_known and (not categories or bool(categories & _DRUG_CATEGORIES))


def _texts(concept: object) -> list[str]:
    """The words to judge by; there are none for a code alone, which may be a drug's that is not in the map."""
    texts = [one.get("display") for one in codings(concept)] + [one.get("text") for one in listed(concept)]
    return [one for one in texts if isinstance(one, str) and one.strip()]
