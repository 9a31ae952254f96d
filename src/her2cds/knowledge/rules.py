"""Rules: an id, a title, a condition, exactly one conclusion, evidence and citations, in that order."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from her2cds.knowledge.citations import (
    Citation,
    Citations,
    ConditionTree,
    Entry,
    EntryId,
    EvidenceLevel,
    FactName,
    Name,
    Text,
)

Category = Literal["preferred", "alternative", "special_situation", "later_line", "investigational"]
CautionEffect = Literal["exclude", "conditional", "demote", "warn", "monitor"]
RuleKind = Literal["classification", "therapy", "caution", "biomarker", "request"]
BiomarkerEffect = Literal["favours", "disfavours", "no_effect", "uncertain"]
# As the reviews word it, and the other words of registries.
TrialState = Literal[
    "under way", "ongoing", "being tested", "being conducted",
    "Recruiting", "active and recruiting", "still recruiting", "open and recruiting", "actively recruiting",
    "Not yet recruiting", "recruitment not begun", "Enrolling by invitation",
    "Active, not recruiting", "Completed", "Suspended", "Terminated", "Withdrawn", "Halted",
]  # fmt: skip
TrialPhase = Literal["I", "Ia", "Ib", "I/Ib", "I/II", "Ib/II", "II", "IIa", "IIb", "II/III", "III", "IV"]
TRIAL_ID = r"^(NCT\d{8}|\d{4}-\d{6}-\d{2})$"
TrialId = Annotated[str, Field(pattern=TRIAL_ID)]
RankingStep = Literal["category", "situation", "evidence", "benefit", "biomarkers", "warnings", "determined"]


class Criterion(Entry):
    """A named, reusable condition. Its truth is evaluated once and used by name."""

    id: EntryId
    title: Text
    when: ConditionTree
    because: Text
    cites: tuple[Citation, ...] = ()


class Target(Entry):
    """What a caution or biomarker effect is about: drugs, drug classes, or whole regimens."""

    drugs: tuple[EntryId, ...] = ()
    classes: tuple[EntryId, ...] = ()
    regimens: tuple[EntryId, ...] = ()

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not (self.drugs or self.classes or self.regimens):
            raise ValueError("name at least one drug, class or regimen")
        return self


class Derive(Entry):
    """Gives a derived fact its value; `one_of` where the condition only narrows it down."""

    fact: FactName
    value: Name | None = None
    one_of: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.value is None) == (not self.one_of):
            raise ValueError("give either `value` or `one_of`")
        return self


class Offer(Entry):
    """Makes a regimen a candidate.

    `fits` names the special situations (ranking.yaml) that this offer's evidence speaks to.
    `despite_progression_on` lists drugs that may be given again after progression on them, and
    `despite_progression_because` says why with the source in the rule's `cites`.
    """

    regimen: EntryId
    category: Category
    because: Text
    fits: tuple[EntryId, ...] = ()
    despite_progression_on: tuple[EntryId, ...] = ()
    despite_progression_because: Text | None = None
    caveats: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _rechallenge_is_explained(self) -> Self:
        if bool(self.despite_progression_on) != (self.despite_progression_because is not None):
            raise ValueError("`despite_progression_on` needs `despite_progression_because`, and the other way round")
        return self


class Caution(Entry):
    """Restricts or comments on a drug, class or regimen; cannot be outweighed by any benefit."""

    on: Target
    effect: CautionEffect
    because: Text
    action: Text | None = None


class Modifies(Entry):
    """What a finding says about a drug or class. Levels D and E annotate and never change a rank."""

    on: Target
    effect: BiomarkerEffect
    level: EvidenceLevel
    because: Text
    marker: Name
    kind: Literal["resistance", "sensitivity", "prognosis", "eligibility"]


class Request(Entry):
    """A test worth requesting, and the facts its answer would fill."""

    test: Name
    because: Text
    answers: tuple[FactName, ...] = ()
    for_trials_only: bool = False


class Rule(Entry):
    """One rule of any kind.

    `notice` is shown to the reader whenever the rule is satisfied. `conflicts_with` names rules that read the
    same finding differently.
    """

    id: EntryId
    title: Text
    when: ConditionTree | Literal["always"]
    derive: Derive | None = None
    offer: Offer | None = None
    caution: Caution | None = None
    modifies: Modifies | None = None
    request: Request | None = None
    notice: Text | None = None
    see_trials: tuple[EntryId, ...] = ()
    conflicts_with: tuple[EntryId, ...] = ()
    evidence: tuple[EntryId, ...] = ()
    cites: Citations

    @model_validator(mode="after")
    def _one_conclusion(self) -> Self:
        if sum(part is not None for part in (self.derive, self.offer, self.caution, self.modifies, self.request)) != 1:
            raise ValueError("a rule has exactly one of derive, offer, caution, modifies, request")
        return self

    @property
    def kind(self) -> RuleKind:
        """The rule's kind, told by its conclusion."""
        if self.derive:
            return "classification"
        if self.offer:
            return "therapy"
        if self.caution:
            return "caution"
        return "biomarker" if self.modifies else "request"


class TrialStatus(Entry):
    """Recruitment status as a review reports it; `as_of` is the month in which that review appeared."""

    status: TrialState
    as_of: Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
    cites: Citations


class Trial(Entry):
    """A trial that a review names. `id` is its registry identifier.

    `scope`: breast (suggested), solid (suggested where the source includes breast cancer), other (kept,
    never suggested), reference (only in a reference list, never suggested), blocked (never suggested, for the
    reason in `blocked_because`). `arms` says what each arm or combination gets, as the source names it.
    """

    id: TrialId
    acronym: Name | None = None
    title: Text
    drugs: tuple[EntryId, ...] = ()
    arms: tuple[Text, ...] = ()
    strategy: Name
    phase: TrialPhase | None = None
    status: tuple[TrialStatus, ...] = ()
    population: Text
    scope: Literal["breast", "solid", "other", "reference", "blocked"]
    blocked_because: Text | None = None
    when: ConditionTree | None = None
    inferred: tuple[Text, ...] = ()
    caveats: tuple[Text, ...] = ()
    cites: Citations

    @model_validator(mode="after")
    def _a_block_is_explained(self) -> Self:
        if (self.scope == "blocked") != (self.blocked_because is not None):
            raise ValueError("scope `blocked` needs `blocked_because`, and the other way round")
        return self


class RankingCriterion(Entry):
    """One step of the lexicographic order; `words` says it to a reader."""

    id: RankingStep
    words: Text


class Situation(Entry):
    """A special situation that an offer can fit."""

    id: EntryId
    name: Name
    when: ConditionTree


class Ranking(Entry):
    """`ranking.yaml`: the ordered criteria, the order of categories, and the special situations.

    `strategies` are the groups in which trials are shown. `needed` are facts without which no therapy is listed: the
    report asks for them instead. `rechallenge`, `hypersensitivity`, `unsuitable`, `intolerance` are the reasons shown
    where a regimen holds an agent on which the disease has progressed, to which the patient is hypersensitive, of a
    class that the treating team judges unsuitable, or that was stopped for toxicity.
    """

    needed: tuple[FactName, ...]
    rechallenge: Text
    hypersensitivity: Text
    unsuitable: Text
    intolerance: Text
    categories: tuple[Category, ...]
    criteria: tuple[RankingCriterion, ...]
    strategies: tuple[Name, ...]
    situations: tuple[Situation, ...]


class Manifest(Entry):
    """`manifest.yaml`: identity of the knowledge base."""

    id: EntryId
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    title: Text
    intended_use: Text
    evidence_cut_off: Text


class FactDefinition(Entry):
    """One fact of the vocabulary.

    `type`: bool, enum, number, set. `values` closes the domain of an enum or a set of plain words;
    `of` names the catalogue a set draws from. `derived` facts are made by classification rules;
    `default` is a derived fact's value when every rule that could derive it is false. `partial`: a profile can
    narrow the fact down without settling it (one line or two); other given facts are known or unknown. `whole` numbers
    are counts and grades. `unsettled` values say that the fact is in need of another test.
    """

    id: FactName
    type: Literal["bool", "enum", "number", "set"]
    meaning: Text
    values: tuple[Name, ...] = ()
    unsettled: tuple[Name, ...] = ()
    of: Literal["drugs", "drug_classes", "alterations", "protein_changes"] | None = None
    unit: Name | None = None
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False
    derived: bool = False
    default: Name | None = None
    origin: Text
    partial: bool = False
    ask: Text | None = None
    obtain: Text | None = None
    safety: bool = False
