"""Shared parts of all entries: the strict base model, identifiers, figures and citations."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints


class Entry(BaseModel):
    """Base of everything written in `rules/`: no unknown field, immutable once read."""

    # Validators are built when a model is first used: most commands use few of them.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def _not_null(text: str) -> str:
    """Scalars are read as text, and an author who writes null means that there is none."""
    if text in ("null", "Null", "NULL", "~"):
        raise ValueError(f"'{text}' is no text; write one, or leave the field out")
    return text


_Said = AfterValidator(_not_null)
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=2000), _Said]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), _Said]
ENTRY_ID = r"^[A-Za-z0-9][A-Za-z0-9.+\-]*$"
EntryId = Annotated[str, StringConstraints(pattern=ENTRY_ID, max_length=120)]
FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")]
ConditionTree = dict[str, object]

# A figure keeps the digits as the source prints them: "0.50" is not 0.5, "NE" is not a number at all.
Figure = Annotated[str, StringConstraints(pattern=r"^(-?\d+(\.\d+)?|NR|NE)$")]
PValue = Annotated[str, StringConstraints(pattern=r"^(<|=|>)? ?(0(\.\d+)?|1(\.0+)?)$")]

EvidenceLevel = Literal["A", "B", "C", "D", "E"]


class Citation(Entry):
    """Where a claim stands: the source, the section heading or table exactly as printed, its reference.

    `reference` is the source's own reference number (or numbers) for the claim; absent where the source
    gives none, and for qi2024, whose numbering restarts in every section.
    """

    source: EntryId
    at: Text
    reference: tuple[Annotated[int, Field(ge=1, le=999)], ...] = ()


Citations = Annotated[tuple[Citation, ...], Field(min_length=1)]
