"""Evidence entries: one study each, its figures exactly as the reviews print them."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from her2cds.knowledge.citations import (
    Citation,
    Citations,
    Entry,
    EntryId,
    EvidenceLevel,
    Figure,
    Name,
    PValue,
    Text,
)

EndpointName = Literal[
    "PFS", "OS", "ORR", "DOR", "CBR", "DCR", "DFS", "iDFS", "DDFS", "pCR", "PFS2", "TTP",
    "distant recurrence", "discontinuation", "adverse event", "other",
]  # fmt: skip


class Arm(Entry):
    """One arm of a study."""

    name: Name
    drugs: tuple[EntryId, ...] = ()
    patients: Annotated[int, Field(gt=0)] | None = None


class Value(Entry):
    """One arm's value for an outcome, with its confidence interval where printed."""

    arm: Name
    value: Figure
    ci: tuple[Figure, Figure] | None = None


class Outcome(Entry):
    """One endpoint as one review prints it.

    `values` are per arm in `unit`; `hazard_ratio` compares the first arm with the second. `as_printed`
    keeps a form that fits no field (a risk reduction without a ratio, say). `significant` is false where
    the difference is not statistically significant, whatever the review's wording suggests. Figures that cannot be (a
    value outside its own interval, say) stand only beside a `caveat` that says why they are printed so.
    """

    endpoint: EndpointName
    label: Name | None = None
    population: Text | None = None
    at_time: Name | None = None
    unit: Literal["months", "weeks", "%", "patients", "years", "ratio"] | None = None
    values: tuple[Value, ...] = ()
    hazard_ratio: Figure | None = None
    ci: tuple[Figure, Figure] | None = None
    p: PValue | None = None
    significant: bool | None = None
    as_printed: Text | None = None
    direction: Literal["better", "worse", "no difference", "single arm"]
    caveat: Text | None = None
    cites: Citations

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.values and self.unit is None:
            raise ValueError("values need a `unit`")
        return self

    @model_validator(mode="after")
    def _figures_can_be(self) -> Self:
        impossible = () if self.caveat else tuple(_impossible(self))
        if impossible:
            raise ValueError(f"{'; '.join(impossible)}. Where a source prints it so, say why in `caveat`")
        return self


def _impossible(outcome: Outcome) -> Iterator[str]:
    """What cannot be true of an outcome's figures, whatever the study found."""
    for one in outcome.values:
        value = _number(one.value)
        if value is not None and not 0 <= value <= (100 if outcome.unit == "%" else value):
            yield f"{one.value} {outcome.unit} cannot be a value"
        yield from _outside(one.value, one.ci)
    if outcome.hazard_ratio is not None:
        ratio = _number(outcome.hazard_ratio)
        if ratio is not None and ratio <= 0:
            yield f"{outcome.hazard_ratio} cannot be a hazard ratio"
        yield from _outside(outcome.hazard_ratio, outcome.ci)
        yield from _against_direction(outcome)


def _outside(value: str, interval: tuple[str, str] | None) -> Iterator[str]:
    low, high = (_number(bound) for bound in interval) if interval else (None, None)
    middle = _number(value)
    shown = "–".join(interval or ())
    if low is not None and high is not None and low > high:
        yield f"the interval {shown} runs downwards"
    elif middle is not None and ((low is not None and middle < low) or (high is not None and middle > high)):
        yield f"{value} lies outside its interval {shown}"


def _against_direction(outcome: Outcome) -> Iterator[str]:
    """A hazard ratio whose interval excludes 1 says by itself which arm did better."""
    low, high = (_number(bound) for bound in outcome.ci) if outcome.ci else (None, None)
    shown = "better" if high is not None and high < 1 else "worse" if low is not None and low > 1 else None
    if shown is not None and outcome.direction != shown:
        yield f"the interval of the hazard ratio says `{shown}`, and `direction` says `{outcome.direction}`"


def _number(figure: str) -> float | None:
    """The number of a figure; None where it was not reached or could not be estimated."""
    return None if figure in ("NR", "NE") else float(figure)


class Evidence(Entry):
    """One study: what it compared, in whom, and every figure the reviews report from it.

    `level` uses CIViC's letters: A validated (phase III or approval), B clinical, C case or small
    series, D preclinical, E inferential. `benefit` is the strongest kind of benefit shown for the first
    arm: overall_survival, event_free (PFS, DFS, iDFS), response, or none. `no_rule_because` says
    why a study that is kept has no rule that rests on it.
    """

    id: EntryId
    name: Name
    phase: Literal["I", "I/II", "II", "III", "IV", "retrospective", "meta-analysis", "preclinical", "not stated"]
    design: Text
    population: Text
    registry: Name | None = None
    primary: Text | None = None
    doi: Name | None = None
    level: EvidenceLevel
    benefit: Literal["overall_survival", "event_free", "response", "none"]
    cns_patients: bool = False
    arms: tuple[Arm, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    summary: Text
    caveats: tuple[Text, ...] = ()
    no_rule_because: Text | None = None
    reported_by: Citations = Field(description="every place in the reviews that reports this study")

    @model_validator(mode="after")
    def _values_name_arms(self) -> Self:
        names = {arm.name for arm in self.arms}
        for outcome in self.outcomes:
            for value in outcome.values:
                if value.arm not in names:
                    raise ValueError(f"outcome {outcome.endpoint}: no arm is called '{value.arm}'")
        return self

    @property
    def citations(self) -> tuple[Citation, ...]:
        """All citations of the entry, its outcomes included, without repeats and in order."""
        found = dict.fromkeys(self.reported_by)
        for outcome in self.outcomes:
            found.update(dict.fromkeys(outcome.cites))
        return tuple(found)
