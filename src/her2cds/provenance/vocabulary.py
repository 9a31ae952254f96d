"""What every passage holds: its figures, and the names of the knowledge base that stand in it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from her2cds.knowledge.data import KnowledgeData
from her2cds.provenance.claims import study_names
from her2cds.provenance.class_terms import classes_spoken_of
from her2cds.provenance.figures import CHECKED_UNITS, UNREACHED, scores, units_after
from her2cds.provenance.names import Lexicon, NameTable, StudyTable, identifiers
from her2cds.provenance.passages import Passage
from her2cds.provenance.phases import PHASE_COLUMN, phase_cell, phases, statuses

# The longest result that the five reviews print takes half of this.
_ONE_RESULT_WITHIN = 300


class Held:
    """The figures and names that one passage holds, each kind read when first asked for."""

    def __init__(self, passage: Passage, lexicon: Lexicon) -> None:
        self._passage = passage
        self._lexicon = lexicon

    @cached_property
    def figures(self) -> frozenset[str]:
        """Figures, digits as printed."""
        return frozenset(self._passage.figures)

    @cached_property
    def intervals(self) -> frozenset[tuple[str, str]]:
        """Figures that stand next to each other, as the two ends of an interval do."""
        return frozenset(zip(self._passage.figures, self._passage.figures[1:], strict=False))

    @cached_property
    def p_values(self) -> frozenset[tuple[str, str]]:
        """p values with their signs."""
        return self._passage.p_values

    @cached_property
    def scores(self) -> frozenset[str]:
        """Immunohistochemistry scores."""
        return scores(self._passage.text)

    @cached_property
    def drugs(self) -> frozenset[str]:
        """Drug ids."""
        return frozenset(self._lexicon.drugs_in(self._passage.folded))

    @cached_property
    def classes(self) -> frozenset[str]:
        """Ids of drug classes that are spoken of in general."""
        return classes_spoken_of(self._passage.text)

    @cached_property
    def genes(self) -> frozenset[str]:
        """Gene ids."""
        return frozenset(self._lexicon.genes_in(self._passage.folded))

    @cached_property
    def studies(self) -> frozenset[str]:
        """Study ids."""
        return frozenset(self._lexicon.studies_in(self._passage.folded))

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """Registry identifiers."""
        return identifiers(self._passage.text)

    @cached_property
    def phases(self) -> frozenset[str]:
        """Phases, those of a table's phase column included."""
        table = self._passage.table
        cells = table.column(PHASE_COLUMN) if table else ()
        return phases(self._passage.text).union(*(phase_cell(cell) for cell in cells))

    @cached_property
    def statuses(self) -> frozenset[str]:
        """Recruitment statuses."""
        return statuses(self._passage.text)

    def holds_name(self, name: str) -> bool:
        """Whether a name that no table knows stands there."""
        return self._passage.folded.holds(name)

    def holds_measured(self, figure: str, unit: str) -> bool:
        """Whether the figure stands there, and not with another unit after it (12 weeks for 12 months)."""
        if figure in UNREACHED:
            return self.holds_unreached(figure)
        units = units_after(self._passage.text, figure) if unit in CHECKED_UNITS else frozenset()
        return figure in self.figures and (not units or unit in units)

    def holds_together(self, numbers: frozenset[str]) -> bool:
        """Whether all numbers stand within some three hundred characters, as those of one result do."""
        places = [(figure, place) for figure, place in self._passage.figure_places if figure in numbers]
        for index, (_, start) in enumerate(places):
            near = {figure for figure, place in places[index:] if place - start <= _ONE_RESULT_WITHIN}
            if near == numbers:
                return True
        return False

    def holds_unreached(self, mark: str) -> bool:
        """Whether the passage says that a value was not reached (NR) or not estimable (NE)."""
        return UNREACHED[mark].search(self._passage.text) is not None


class Vocabulary:
    """The names that the knowledge base knows, looked up in every passage once."""

    def __init__(self, data: KnowledgeData, passages: Iterable[Passage]) -> None:
        """`passages` are all places of all reviews."""
        self.lexicon = Lexicon(
            NameTable(((drug.id, (drug.id, drug.name, *drug.synonyms)) for drug in data.drugs), title_case=False),
            NameTable(((gene.id, (gene.id, gene.name, *gene.synonyms)) for gene in data.genes), title_case=True),
            StudyTable(study_names(data)),
        )
        self._drugs = {drug.id: drug for drug in data.drugs}
        self._held: dict[tuple[str, str, str], Held] = {}
        self._passages = tuple(passages)

    def held_by(self, passage: Passage) -> Held:
        """What a passage holds."""
        key = (passage.source, passage.heading, passage.text)
        if key not in self._held:
            self._held[key] = Held(passage, self.lexicon)
        return self._held[key]

    def drug_name(self, drug: str) -> str:
        """A drug's name, or its id where it is not in the catalogue."""
        return self._drugs[drug].name if drug in self._drugs else drug

    def drug_classes(self, drug: str) -> frozenset[str]:
        """The classes of a drug."""
        return frozenset(self._drugs[drug].classes) if drug in self._drugs else frozenset()

    @cached_property
    def printed_drugs(self) -> frozenset[str]:
        """The drugs that some review names; of any other, the catalogue's name is a description of ours."""
        return frozenset().union(*(self.held_by(passage).drugs for passage in self._passages))
