"""All entries of a knowledge base as one value: what loading produces, and what the cache holds."""

from typing import NamedTuple

from her2cds.knowledge.catalogue import Combination, Discrepancy, Drug, DrugClass, Gene, Regimen, Source
from her2cds.knowledge.citations import Entry
from her2cds.knowledge.evidence import Evidence
from her2cds.knowledge.files import RULE_FOLDERS
from her2cds.knowledge.rules import Criterion, FactDefinition, Manifest, Ranking, Rule, Trial

_SHARED_IDS = (*RULE_FOLDERS, "criteria", "trials")


def entry_key(kind: str, entry_id: str) -> str:
    """The name under which an entry is kept: rules, criteria and trials share one space of ids."""
    return entry_id if kind in _SHARED_IDS else f"{kind}:{entry_id}"


RANKING_KEY = entry_key("ranking", "ranking")


class Place(NamedTuple):
    """Where an entry stands: file relative to the knowledge base's root, and line."""

    file: str
    line: int


class KnowledgeData(Entry):
    """Every entry of a checked knowledge base, the place of each, and the hash of all files, an overlay's included.

    `overlay` is the overlay in use as JSON text: most starts have none, and should not pay for its models.
    """

    content_hash: str
    manifest: Manifest
    ranking: Ranking
    vocabulary: tuple[FactDefinition, ...]
    sources: tuple[Source, ...]
    drug_classes: tuple[DrugClass, ...]
    drugs: tuple[Drug, ...]
    combinations: tuple[Combination, ...]
    genes: tuple[Gene, ...]
    regimens: tuple[Regimen, ...]
    discrepancies: tuple[Discrepancy, ...]
    evidence: tuple[Evidence, ...]
    criteria: tuple[Criterion, ...]
    rules: tuple[Rule, ...]
    trials: tuple[Trial, ...]
    places: dict[str, tuple[str, int]]
    overlay: str | None = None

    def place(self, entry_id: str) -> Place:
        """Where the entry with this id stands."""
        return Place(*self.places[entry_id])
