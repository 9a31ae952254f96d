"""The texts of all reviews, and citations looked up in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from her2cds.errors import MissingTextsError
from her2cds.knowledge.catalogue import Source
from her2cds.knowledge.citations import Citation
from her2cds.provenance.passages import REFERENCES, Passage, Review
from her2cds.provenance.report import Failure


class Library:
    """The sources of a knowledge base, and the text of each review cut into its places."""

    def __init__(self, sources: Iterable[Source], texts: Path) -> None:
        """Read and cut the text of every review. Raises MissingTextsError with the list of missing files."""
        self._sources = {source.id: source for source in sources}
        reviews = [source for source in self._sources.values() if source.role == "review"]
        files = {source.id: texts / (source.file or f"{source.id}.txt") for source in reviews}
        missing = [str(path) for path in files.values() if not path.is_file()]
        if missing:
            raise MissingTextsError(f"verifying citations needs the reviews' texts; not found: {', '.join(missing)}")
        self._reviews = {one.id: Review(one, files[one.id].read_text(encoding="utf-8")) for one in reviews}

    @property
    def names(self) -> tuple[str, ...]:
        """The ids of the reviews."""
        return tuple(self._reviews)

    @property
    def passages(self) -> tuple[Passage, ...]:
        """Every place of every review."""
        return tuple(passage for review in self._reviews.values() for passage in review.passages.values())

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What is wrong between a review's text and the headings listed for it."""
        return tuple(
            Failure("sources.yaml", review.source.id, review.source.file or "", fault)
            for review in self._reviews.values()
            for fault in review.faults
        )

    def is_outside(self, citation: Citation) -> bool:
        """Whether the citation names an outside source, of which there is no text."""
        source = self._sources.get(citation.source)
        return source is not None and source.role == "outside"

    def outside_faults(self, citation: Citation) -> list[str]:
        """What is wrong with the citation of an outside source: there is no text, but its sections are listed."""
        listed = self._sources[citation.source].sections
        return [] if citation.at in listed else [f"the source lists no section '{citation.at}'"]

    def look_up(self, citation: Citation) -> tuple[Passage | None, list[str]]:
        """The cited place where there is one with text, and what is wrong with the citation itself."""
        review = self._reviews.get(citation.source)
        if review is None:
            return None, [f"no source is called '{citation.source}'"]
        if citation.at == REFERENCES and not citation.reference:
            return None, ["the reference list is cited by the numbers of its entries: give `reference`"]
        passage = self._place(review, citation)
        if passage is None:
            return None, ["no section, table or figure caption of that name is in the text"]
        if not passage.text:
            return None, ["the heading holds no text of its own; cite the subsection"]
        return passage, list(_reference_faults(review, passage, citation))

    def _place(self, review: Review, citation: Citation) -> Passage | None:
        if citation.at == REFERENCES:
            return review.cited_entries(citation.reference)
        return review.passages.get(citation.at)


def _reference_faults(review: Review, passage: Passage, citation: Citation) -> Iterator[str]:
    for number in citation.reference:
        if review.source.references_restart_per_section:
            yield f"reference {number}: this review's numbers restart and say nothing; leave them out"
        elif review.reference(number) is None:
            yield f"reference {number}: the reference list ends at {review.reference_count}"
        elif number not in passage.references:
            yield f"reference {number} is not printed there"
