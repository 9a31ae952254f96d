"""The fields of the form, read off the profile's JSON Schema: a field that the profile gains has a control at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from her2cds.profile.model import Profile

Json = dict[str, Any]
Kind = Literal["choice", "yes_no", "number", "whole", "date", "text", "long_text", "words", "choices", "part", "rows"]

# What the words of a field's name are called in the clinic; the rest is read as it stands.
_WORDS = {
    "her2": "HER2",
    "ihc": "IHC",
    "ish": "ISH",
    "er": "ER",
    "pr": "PR",
    "ki67": "Ki-67",
    "lvef": "LVEF",
    "ecog": "ECOG",
    "tils": "TILs",
    "tmb": "TMB",
    "pam": "PAM",
    "pam50": "PAM50",
    "p95her2": "p95HER2",
    "fcgr3a": "FCGR3A",
    "her3": "HER3",
    "muc1": "MUC1",
    "ctdna": "ctDNA",
    "cns": "CNS",
    "percent": "(%)",
    "years": "(years)",
    "cm": "(cm)",
}
_LABELS = {"pd_l1": "PD-L1", "id": "Identifier", "date": "Date", "muc1_star": "MUC1*"}
_SECTIONS = {"patient": "Patient", "specimens": "Specimens and receptors", "health": "Organ function and comorbidity"}
_VALUES = {"usa": "USA", "uk": "UK", "cns_only": "CNS only", "her2_enriched": "HER2-enriched"}
_ONE_OF = {
    "specimens": "Specimen",
    "genomic_tests": "Genomic test",
    "alterations": "Alteration",
    "treatments": "Course of treatment",
}
_HIDDEN = ("schema_version",)


@dataclass(frozen=True, slots=True)
class Field:
    """One control, or a group of them.

    `path` is the place in the profile, dots between steps; within rows it starts at the row. `none` says that an
    empty list means "none" and is told apart from "unknown" by a box of its own. `parts` are the fields of a group
    or of each row.
    """

    path: str
    label: str
    kind: Kind
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    none: bool = False
    parts: tuple[Field, ...] = ()

    @property
    def one(self) -> str:
        """What one row is called."""
        return _ONE_OF.get(self.name, self.label)

    @property
    def name(self) -> str:
        """The last step of the path."""
        return self.path.rpartition(".")[2]


@cache
def sections() -> tuple[Field, ...]:
    """The groups of the form, in the order of the profile; what stands at its top comes first."""
    schema = Profile.model_json_schema()
    fields = [_field(name, name, node, schema) for name, node in schema["properties"].items() if name not in _HIDDEN]
    top = tuple(one for one in fields if one.kind not in ("part", "rows"))
    groups = (replace(one, label=_SECTIONS.get(one.name, one.label)) for one in fields if one.kind in ("part", "rows"))
    return (Field("", "This profile", "part", parts=top), *groups)


@cache
def simple_fields() -> dict[str, Field]:
    """The controls that stand once in the form, by path: what a question or a what-if switch can set."""
    found: dict[str, Field] = {}

    def collect(fields: tuple[Field, ...]) -> None:
        for one in fields:
            if one.kind == "part":
                collect(one.parts)
            elif one.kind != "rows":
                found[one.path] = one

    collect(sections())
    return found


@cache
def row_fields() -> dict[str, Field]:
    """The controls within rows, by `list[].field`, as the vocabulary writes the origin of a fact."""
    lists = (one for one in sections() if one.kind == "rows")
    return {f"{one.path}[].{part.name}": part for one in lists for part in one.parts}


def _field(name: str, path: str, node: Json, schema: Json) -> Field:
    options = [one for one in node.get("anyOf", [node]) if one.get("type") != "null"]
    core = _resolved(options[0], schema)
    optional = len(node.get("anyOf", ())) > len(options)
    plain = Field(path, _label(name), "text", _hint(node, options[0], _label(name)))
    if "enum" in core or "const" in core:
        return replace(plain, kind="choice", choices=_choices(core))
    match core.get("type"):
        case "boolean":
            return replace(plain, kind="yes_no")
        case "integer":
            return replace(plain, kind="whole")
        case "number":
            return replace(plain, kind="number")
        case "object":
            parts = tuple(
                _field(one, f"{path}.{one}", inner, schema) for one, inner in core.get("properties", {}).items()
            )
            return replace(plain, kind="part", parts=parts)
        case "array":
            return _list_field(plain, core, optional, schema)
        case _:
            return replace(plain, kind=_text_kind(core))


def _list_field(plain: Field, core: Json, optional: bool, schema: Json) -> Field:
    item = _resolved(core["items"], schema)
    if item.get("type") == "object":
        parts = tuple(_field(one, one, inner, schema) for one, inner in item.get("properties", {}).items())
        return replace(plain, kind="rows", none=optional, parts=parts)
    if "enum" in item:
        return replace(plain, kind="choices", none=optional, choices=_choices(item))
    return replace(plain, kind="words", none=optional)


def _text_kind(core: Json) -> Kind:
    if core.get("format") == "date":
        return "date"
    return "long_text" if core.get("maxLength", 0) > 500 else "text"


def _resolved(node: Json, schema: Json) -> Json:
    if "$ref" in node:
        found: Json = schema["$defs"][node["$ref"].rpartition("/")[2]]
        return found
    return node


def _choices(core: Json) -> tuple[tuple[str, str], ...]:
    values = core.get("enum", [core.get("const")])
    return tuple((str(one), _VALUES.get(one, str(one).replace("_", " "))) for one in values)


def _label(name: str) -> str:
    """The label of a field: its first word with a capital, unless it is a term that is written otherwise."""
    first, *others = (_WORDS.get(word, word) for word in name.split("_"))
    start = first if name.split("_")[0] in _WORDS else _sentence(first)
    return _LABELS.get(name, " ".join((start, *others)))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _hint(node: Json, option: Json, label: str) -> str:
    """What the schema says of a field, unless its control or its label says it already."""
    text = str(node.get("description") or option.get("description") or "")
    says_more = not text.startswith("ISO 8601") and not text.startswith(label)
    return _sentence(text) if says_more else ""
