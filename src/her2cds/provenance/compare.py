"""One claim against the passages it cites: which figures and names stand there, and which do not.

Each item must stand in at least one of the cited passages; two items may stand in two of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from her2cds.provenance.claims import Claim
from her2cds.provenance.class_terms import classes_spoken_of
from her2cds.provenance.figures import UNREACHED, named_figures, scores
from her2cds.provenance.names import ALWAYS_ALLOWED_GENES, identifiers, without_remark
from her2cds.provenance.normalise import FoldedText, plain
from her2cds.provenance.passages import Passage
from her2cds.provenance.phases import confirms, phases, same_phase, statuses
from her2cds.provenance.vocabulary import Held, Vocabulary


@dataclass(frozen=True, slots=True)
class _Item:
    """One thing that a claim names: in words, and which of the passages hold it."""

    words: str
    is_figure: bool
    held: tuple[bool, ...]


class Comparison:
    """Everything that a claim names, looked up in every passage that it cites."""

    def __init__(self, claim: Claim, passages: Sequence[Passage], vocabulary: Vocabulary) -> None:
        """A claim about a trial is compared with that trial's rows of a table, not with the whole table."""
        about = claim.identifier
        self._claim = claim
        self._passages = [passage.about(about) if about else passage for passage in passages]
        self._held = [vocabulary.held_by(passage) for passage in self._passages]
        self._vocabulary = vocabulary
        # Parted so that no figure or name runs from one text into the next.
        self._text = FoldedText(plain(" ; ".join(claim.texts)))
        self._items = [
            *self._figures(),
            *self._intervals_and_p(),
            *self._scores(),
            *self._drugs(),
            *self._genes(),
            *self._studies(),
            *self._phases_and_statuses(),
        ]

    @property
    def figures_found(self) -> tuple[str, ...]:
        """The figures, written in digits, that a passage holds."""
        return tuple(item.words for item in self._items if item.is_figure and any(item.held))

    @property
    def names_found(self) -> tuple[str, ...]:
        """The names, identifiers and counts in words that a passage holds."""
        return tuple(item.words for item in self._items if not item.is_figure and any(item.held))

    def missing(self) -> list[str]:
        """What no cited passage holds, in words."""
        return [f"{item.words} is not there" for item in self._items if not any(item.held)]

    def to_read(self) -> Iterator[str]:
        """What a reader must look at although nothing is missing, in words."""
        for index, passage in enumerate(self._passages):
            others = any(any(item.held) for item in self._items)
            if others and not any(item.held[index] for item in self._items):
                yield f"{passage.source}, {passage.heading} holds nothing that the claim names"
        tested = [gene for gene in self._claim.genes if gene not in ALWAYS_ALLOWED_GENES]
        unnamed = [gene for gene in tested if not any(gene in held.genes for held in self._held)]
        if unnamed:
            # A rule may spell out a family that the review names ("tubulins"); that is a judgement.
            yield f"the condition tests {', '.join(unnamed)}, which no cited place names"

    def _figures(self) -> Iterator[_Item]:
        named = named_figures(self._text.text)
        in_digits = {figure for figure, digits in named if digits} | set(self._claim.figures)
        for figure in dict.fromkeys([*(one for one, _ in named), *self._claim.figures]):
            found = (figure in held.figures for held in self._held)
            yield _item(f"figure {figure}", found, is_figure=figure in in_digits)
        for figure, unit in dict.fromkeys(self._claim.measured):
            words = f"'{figure}'" if figure in UNREACHED else f"figure {figure} {unit}"
            found = (held.holds_measured(figure, unit) for held in self._held)
            yield _item(words, found, is_figure=figure not in UNREACHED)
        if len(self._claim.one_result) > 1:
            words = f"one statement with {', '.join(sorted(self._claim.one_result, key=float))}"
            yield _item(words, (held.holds_together(self._claim.one_result) for held in self._held))

    def _intervals_and_p(self) -> Iterator[_Item]:
        for ends in dict.fromkeys(self._claim.intervals):
            found = (_holds_interval(held, ends) for held in self._held)
            yield _item(f"interval {ends[0]} to {ends[1]}", found, is_figure=True)
        if self._claim.p_value:
            sign = self._claim.p_value[0] if self._claim.p_value[0] in "<=>" else "="
            number = self._claim.p_value.lstrip("<=> ")
            found = ((sign, number) in held.p_values for held in self._held)
            yield _item(f"p {sign} {number}", found, is_figure=True)

    def _scores(self) -> Iterator[_Item]:
        for score in sorted(scores(self._text.text)):
            yield _item(f"score {score}", (score in held.scores for held in self._held))

    def _drugs(self) -> Iterator[_Item]:
        names = self._vocabulary
        in_text = names.lexicon.drugs_in(self._text)
        for drug, spelled in (dict.fromkeys(self._claim.drugs, "") | in_text).items():
            yield _item(f"drug '{spelled or names.drug_name(drug)}'", (drug in held.drugs for held in self._held))
        for drug in self._claim.subjects:
            if drug not in in_text:
                yield self._subject(drug)
        for choice in self._claim.drug_choices:
            yield self._choice(choice)

    def _subject(self, drug: str) -> _Item:
        """The drug that an entry is about, where its text does not name it.

        Its class stands for it where the text itself speaks of the class ("conjugates as a class"), or where no
        review prints any of its names (the catalogue then describes an agent that the review left unnamed).
        """
        name = f"drug '{self._vocabulary.drug_name(drug)}'"
        classes = self._vocabulary.drug_classes(drug)
        if drug in self._vocabulary.printed_drugs:
            classes &= classes_spoken_of(self._text.text)
        if classes and not any(drug in held.drugs for held in self._held):
            return _item(f"{name}, by its class,", (not held.classes.isdisjoint(classes) for held in self._held))
        return _item(name, (drug in held.drugs for held in self._held))

    def _choice(self, choice: tuple[str, ...]) -> _Item:
        """A choice among drugs: one of them is named, or the class that all of them share ("a taxane")."""
        shared = frozenset.intersection(*(self._vocabulary.drug_classes(drug) for drug in choice))
        words = "one of " + ", ".join(self._vocabulary.drug_name(drug) for drug in choice)
        named = (not (held.drugs.isdisjoint(choice) and held.classes.isdisjoint(shared)) for held in self._held)
        return _item(words, named)

    def _genes(self) -> Iterator[_Item]:
        for gene, spelled in self._vocabulary.lexicon.genes_named(self._text).items():
            yield _item(f"gene '{spelled}'", (gene in held.genes for held in self._held))

    def _studies(self) -> Iterator[_Item]:
        lexicon = self._vocabulary.lexicon
        # A remark behind the name ("EGF1001515 (the number as printed)") is ours.
        named = lexicon.studies_in(FoldedText(plain(without_remark(self._claim.study or ""))))
        for study, spelled in (named | lexicon.studies_in(self._text)).items():
            yield _item(f"study '{spelled}'", (study in held.studies for held in self._held))
        for acronym in lexicon.acronyms_named(self._text):
            yield _item(f"name '{acronym}'", (held.holds_name(acronym) for held in self._held))

    def _phases_and_statuses(self) -> Iterator[_Item]:
        claim = self._claim
        own = {claim.identifier.upper()} if claim.identifier else set()
        for identifier in sorted(identifiers(self._text.text) | own):
            yield _item(identifier, (identifier in held.identifiers for held in self._held))
        phase_of_entry = same_phase(claim.phase or "")
        for phase in sorted(phases(self._text.text) | ({phase_of_entry} if phase_of_entry else set())):
            yield _item(f"phase {phase}", (confirms(held.phases, phase) for held in self._held))
        for status in sorted(statuses(claim.status or "")):
            yield _item(f"status '{status}'", (status in held.statuses for held in self._held))


def _item(words: str, found: Iterable[bool], *, is_figure: bool = False) -> _Item:
    return _Item(words, is_figure, tuple(found))


def _holds_interval(held: Held, ends: tuple[str, str]) -> bool:
    low, high = ends
    if high in UNREACHED:
        return low in held.figures and held.holds_unreached(high)
    return ends in held.intervals
