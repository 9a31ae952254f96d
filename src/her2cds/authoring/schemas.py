"""JSON Schemas of the files of a knowledge base, with its own facts, drugs and studies for editors to complete."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from her2cds.knowledge.base import Knowledge
from her2cds.knowledge.conditions import ALTERATION_KINDS
from her2cds.knowledge.files import MAPPING_KINDS, RULE_FOLDERS
from her2cds.knowledge.rules import FactDefinition, Rule
from her2cds.knowledge.validate import MODELS

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_CONDITION = "#/$defs/condition"
_CONCLUSIONS = {
    "classification": "derive",
    "therapies": "offer",
    "cautions": "caution",
    "biomarkers": "modifies",
    "tests_to_request": "request",
}


def rule_schemas(knowledge: Knowledge) -> dict[str, Schema]:
    """The schema of each kind of file: a folder of rules, or a file's stem."""
    kinds: dict[str, type[BaseModel]] = {**MODELS, **dict.fromkeys(RULE_FOLDERS, Rule)}
    return {kind: _schema(kind, model, knowledge) for kind, model in sorted(kinds.items())}


def _schema(kind: str, model: type[BaseModel], knowledge: Knowledge) -> Schema:
    entry = model.model_json_schema(mode="validation")
    definitions: dict[str, Schema] = entry.pop("$defs", {})
    for one in (entry, *definitions.values()):
        _name_what_exists(one, knowledge)
    if kind in _CONCLUSIONS:
        _only_conclusion(entry, _CONCLUSIONS[kind])
    if _CONDITION in json.dumps([entry, definitions]):
        definitions.update(_condition_definitions(knowledge))
    head = {"$schema": DIALECT, "title": f"her2cds knowledge base: {kind}"}
    if kind in MAPPING_KINDS:
        return {**head, **entry, "title": head["title"], "$defs": definitions}
    return {**head, "type": "array", "items": {"$ref": "#/$defs/entry"}, "$defs": {**definitions, "entry": entry}}


def _only_conclusion(rule: Schema, conclusion: str) -> None:
    """A folder holds rules of one kind: the other conclusions are not offered there."""
    for other in set(_CONCLUSIONS.values()) - {conclusion}:
        del rule["properties"][other]
    rule["required"] = [*rule["required"], conclusion]


def _name_what_exists(model: Schema, knowledge: Knowledge) -> None:
    """Where a field refers to other entries, say which there are; a `when` is a condition."""
    names = _names(knowledge)
    for field, schema in model.get("properties", {}).items():
        if field == "when":
            model["properties"][field] = _when(schema)
        elif field in names and (values := names[field]):
            target = schema["items"] if "items" in schema else _textual(schema)
            target.pop("pattern", None)
            target["enum"] = values


def _textual(schema: Schema) -> Schema:
    """The part of a schema that stands for text, where a field may also be left out."""
    parts: list[Schema] = schema.get("anyOf", [schema])
    return next(part for part in parts if part.get("type") == "string")


def _names(knowledge: Knowledge) -> dict[str, list[str]]:
    """For each field that refers to entries, their ids."""
    drugs = sorted(knowledge.drugs)
    return {
        "drugs": drugs,
        "drug": drugs,
        "any_of": drugs,
        "despite_progression_on": drugs,
        "classes": sorted(one.id for one in knowledge.data.drug_classes),
        "regimen": sorted(knowledge.regimens),
        "regimens": sorted(knowledge.regimens),
        "source": sorted(knowledge.sources),
        "evidence": sorted(knowledge.evidence),
        "see_trials": sorted(knowledge.trials),
        "conflicts_with": sorted(knowledge.rules),
        "fits": sorted(knowledge.situations),
        "fact": sorted(fact.id for fact in knowledge.data.vocabulary if fact.derived),
    }


def _when(schema: Schema) -> Schema:
    condition: Schema = {"$ref": _CONDITION}
    allowed = [condition]
    if any(part.get("const") == "always" for part in schema.get("anyOf", ())):
        allowed.append({"const": "always"})
    if any(part.get("type") == "null" for part in schema.get("anyOf", ())):
        allowed.append({"type": "null"})
    return condition if len(allowed) == 1 else {"anyOf": allowed}


# --- Conditions -----------------------------------------------------------------------------------------


def _condition_definitions(knowledge: Knowledge) -> dict[str, Schema]:
    condition = {"$ref": _CONDITION}
    several = {"type": "array", "items": condition, "minItems": 1}
    properties: dict[str, Schema] = {
        "all": {**several, "description": "true when every part is true"},
        "any": {**several, "description": "true when at least one part is true"},
        "not": {**condition, "description": "true when the part is false"},
        "criterion": {"enum": sorted(knowledge.criteria), "description": "a named condition"},
        **{fact.id: {**_test(fact, knowledge), "description": fact.meaning} for fact in knowledge.data.vocabulary},
    }
    return {
        "condition": {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
    }


def _test(fact: FactDefinition, knowledge: Knowledge) -> Schema:
    value = _value(fact, knowledge)
    known = {"known": {"enum": [True, "true"]}}
    if fact.type == "set":
        return _operators({"contains": value, "contains_any": _list_of(value), **known})
    if fact.type == "number":
        operators = dict.fromkeys(("at_least", "at_most", "more_than", "less_than"), value)
        return {"anyOf": [value, _operators({**operators, **known})]}
    if fact.type == "enum":
        return {"anyOf": [value, _operators({"in": _list_of(value), **known})]}
    return {"anyOf": [value, _operators(known)]}


def _value(fact: FactDefinition, knowledge: Knowledge) -> Schema:
    if fact.type == "bool":
        return {"enum": [True, False, "true", "false"]}
    if fact.type == "number":
        limits = {"minimum": fact.minimum, "maximum": fact.maximum}
        return {"type": "number", **{name: limit for name, limit in limits.items() if limit is not None}}
    members: Iterable[str]
    match fact.of:
        case "drugs":
            members = sorted(knowledge.drugs)
        case "drug_classes":
            members = (one.id for one in knowledge.data.drug_classes)
        case "alterations":
            genes = "|".join(gene.id for gene in knowledge.data.genes)
            return {"type": "string", "pattern": f"^({genes}):({'|'.join(ALTERATION_KINDS)})$"}
        case "protein_changes":
            return {"type": "string", "pattern": "^[A-Z][A-Z0-9-]*:.+$"}
        case _:
            members = fact.values
    return {"enum": list(members)}


def _operators(operators: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": dict(operators),
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _list_of(value: Schema) -> Schema:
    return {"type": "array", "items": value, "minItems": 1}
