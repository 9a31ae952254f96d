"""Compare every claim of a knowledge base with the places that it cites."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.citations import Citation
from her2cds.knowledge.data import KnowledgeData
from her2cds.provenance.claims import Claim, claims_of
from her2cds.provenance.compare import Comparison
from her2cds.provenance.library import Library
from her2cds.provenance.passages import Passage
from her2cds.provenance.report import CheckedClaim, Failure, Status, VerificationReport
from her2cds.provenance.vocabulary import Vocabulary


def run(knowledge: Knowledge, texts: Path) -> VerificationReport:
    """Verify a loaded knowledge base against the reviews' texts in the folder `texts`.

    Raises MissingTextsError where the folder or the text of a review is missing.
    """
    return verify(knowledge.data, texts)


def verify(data: KnowledgeData, texts: Path) -> VerificationReport:
    """Verify every claim in `data`; as `run`, for entries that are not compiled into a knowledge base."""
    checker = Checker(data, Library(data.sources, texts))
    claims = tuple(checker.checked(claim) for claim in claims_of(data))
    return VerificationReport(checker.library.names, checker.library.failures, claims)


class Checker:
    """Checks single claims; the texts are cut and the names looked up once."""

    def __init__(self, data: KnowledgeData, library: Library) -> None:
        self.library = library
        self._vocabulary = Vocabulary(data, library.passages)

    def checked(self, claim: Claim) -> CheckedClaim:
        """The claim with its status and everything that is wrong with it."""
        inside = [citation for citation in claim.cites if not self.library.is_outside(citation)]
        rests_outside = len(inside) < len(claim.cites)
        passages, failures = self._look_up(claim)
        if not claim.cites:
            failures.append(_failure(claim, (), "it says something and cites nothing"))
        elif not inside and not claim.may_rest_outside:
            failures.append(_failure(claim, claim.cites, f"a {claim.kind} may not rest on an outside source alone"))
        comparison = Comparison(claim, passages, self._vocabulary)
        missing = tuple(comparison.missing())
        left_outside = missing if rests_outside and claim.may_rest_outside else ()
        if not left_outside:
            failures += [_failure(claim, claim.cites, message) for message in missing]
        return CheckedClaim(
            claim,
            _status(comparison, failed=bool(failures), outside=bool(left_outside) or not inside),
            comparison.figures_found,
            comparison.names_found,
            tuple(failures),
            left_outside,
            tuple(comparison.to_read()),
        )

    def _look_up(self, claim: Claim) -> tuple[list[Passage], list[Failure]]:
        passages: list[Passage] = []
        failures: list[Failure] = []
        for citation in claim.cites:
            if self.library.is_outside(citation):
                passage, faults = None, self.library.outside_faults(citation)
            else:
                passage, faults = self.library.look_up(citation)
            failures += [_failure(claim, [citation], fault) for fault in faults]
            if passage is not None:
                passages.append(passage)
        return passages, failures


def _status(comparison: Comparison, *, failed: bool, outside: bool) -> Status:
    if failed:
        return Status.FAILED
    if outside:
        return Status.NOT_CHECKABLE
    if comparison.figures_found:
        return Status.BY_FIGURE
    return Status.BY_NAME if comparison.names_found else Status.CITATION_ONLY


def _failure(claim: Claim, cites: Iterable[Citation], message: str) -> Failure:
    cited = "; ".join(f"{citation.source}, {citation.at}" for citation in cites)
    return Failure(claim.place, claim.name, cited or "no citation", message)
