"""The nouns of the knowledge base: sources, drugs, genes, regimens, discrepancies."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from her2cds.knowledge.citations import Citation, Citations, Entry, EntryId, Name, Text


class Source(Entry):
    """A source that citations may name.

    `review`: one of the reviews the rules are derived from; `sections` lists its headings and tables
    exactly as printed. `outside`: a guideline or label from outside the reviews; a rule that rests on
    it may only restrict or warn. `site`: what a site's overlay rests its changes on; never in the base.
    """

    id: EntryId
    role: Literal["review", "outside", "site"]
    citation: Text
    doi: Name | None = None
    file: Name | None = None
    evidence_cut_off: Name | None = None
    reliability: Text
    references_restart_per_section: bool = False
    sections: tuple[Text, ...] = Field(min_length=1)


class Approval(Entry):
    """Regulatory status as a review states it."""

    regulator: Literal["FDA", "EMA", "NMPA", "guideline"]
    year: Annotated[int, Field(ge=1990, le=2030)] | None = None
    indication: Text
    note: Text | None = None
    cites: Citations


class Statement(Entry):
    """One cited sentence, in the knowledge base's own words."""

    text: Text
    cites: Citations


class DrugClass(Entry):
    """A class that cautions, biomarkers and conditions may name."""

    id: EntryId
    name: Name


class Drug(Entry):
    """One agent.

    `status`: approved (for breast cancer, by at least one regulator a review names), investigational,
    halted (development stopped), or listed (in common oncology use; the reviews make no claim that
    needs more; kept so that a real chart's drug list is understood).
    """

    id: EntryId
    name: Name
    synonyms: tuple[Name, ...] = ()
    classes: tuple[EntryId, ...] = ()
    status: Literal["approved", "investigational", "halted", "listed"]
    target: Name | None = None
    payload: Name | None = None
    payload_class: (
        Literal[
            "microtubule inhibitor",
            "topoisomerase I inhibitor",
            "DNA alkylator",
            "immune agonist",
            "radionuclide",
        ]
        | None
    ) = None
    linker: Name | None = None
    drug_to_antibody_ratio: Name | None = None
    mechanism: Text | None = None
    approvals: tuple[Approval, ...] = ()
    brain_activity: tuple[Statement, ...] = ()
    toxicities: tuple[Statement, ...] = ()
    caveats: tuple[Text, ...] = ()
    cites: tuple[Citation, ...] = ()

    @model_validator(mode="after")
    def _claims_are_cited(self) -> Self:
        if self.status != "listed" and not self.cites:
            raise ValueError("a drug that the reviews speak of needs `cites`; use status 'listed' for any other")
        return self


class Combination(Entry):
    """A name in charts that stands for several drugs (Phesgo, TCHP)."""

    id: EntryId
    name: Name
    synonyms: tuple[Name, ...] = ()
    drugs: Annotated[tuple[EntryId, ...], Field(min_length=2)]


class Gene(Entry):
    """A gene, protein or microRNA that a profile may report, with the other names charts use."""

    id: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9\-]*$")]
    name: Name
    synonyms: tuple[Name, ...] = ()


class Component(Entry):
    """One part of a regimen: a drug, or a choice among drugs that are interchangeable there."""

    drug: EntryId | None = None
    any_of: tuple[EntryId, ...] = ()

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.drug is None) == (not self.any_of):
            raise ValueError("give either `drug` or `any_of`")
        return self

    @property
    def options(self) -> tuple[str, ...]:
        """The drugs that can fill this part."""
        return self.any_of or (self.drug or "",)


class Regimen(Entry):
    """What can be offered.

    `kind`: drugs given together; `current`, which stands for the agents of the treatment that is going on; or a
    `procedure` without drugs.
    """

    id: EntryId
    name: Name
    kind: Literal["drugs", "current", "procedure"] = "drugs"
    components: tuple[Component, ...] = ()
    note: Text | None = None

    @model_validator(mode="after")
    def _drugs_have_components(self) -> Self:
        if (self.kind == "drugs") != bool(self.components):
            raise ValueError("a regimen of drugs lists its components; any other has none")
        return self


class Reading(Entry):
    """What one source says in a discrepancy, in our own words."""

    source: EntryId
    at: Text
    says: Text
    reference: tuple[int, ...] = ()


class Touches(Entry):
    """Entries whose display carries the discrepancy as a notice."""

    rules: tuple[EntryId, ...] = ()
    evidence: tuple[EntryId, ...] = ()
    drugs: tuple[EntryId, ...] = ()
    regimens: tuple[EntryId, ...] = ()
    trials: tuple[EntryId, ...] = ()


class Discrepancy(Entry):
    """Where a source errs or two disagree, and which reading is followed.

    `outside` holds knowledge from outside the reviews: shown as a caveat, never as a citation.
    """

    id: Annotated[str, Field(pattern=r"^[DN]\d{2,3}$")]
    title: Text
    severity: Literal["high", "medium", "low"]
    readings: tuple[Reading, ...] = Field(min_length=1)
    followed: Text
    outside: Text | None = None
    touches: Touches = Touches()
    not_shown_because: Text | None = None
