"""All entries of a knowledge base as one value: what loading produces, and what the cache holds."""

from her2cds.knowledge.catalogue import Combination, Discrepancy, Drug, DrugClass, Gene, Regimen, Source
from her2cds.knowledge.citations import Entry
from her2cds.knowledge.evidence import Evidence
from her2cds.knowledge.rules import Criterion, FactDefinition, Manifest, Ranking, Rule, Trial


class Place(Entry):
    """Where an entry stands: file relative to the knowledge base's root, and line."""

    file: str
    line: int


class KnowledgeData(Entry):
    """Every entry of a checked knowledge base, the place of each, and the hash of the files."""

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
    places: dict[str, Place]

    def place(self, entry_id: str) -> Place:
        """Where the entry with this id stands."""
        return self.places[entry_id]
