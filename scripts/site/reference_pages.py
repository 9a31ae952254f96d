"""The reference: command line, schemas, library and vocabulary, from the code and the knowledge base itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

from her2cds.cli.app import app
from her2cds.knowledge.base import Knowledge
from her2cds.profile.model import Profile
from her2cds.rendering.markdown import escape
from her2cds.report.model import Report

_LIBRARY = """# Library

::: her2cds.evaluation
    options:
      members: [load_knowledge, evaluate, find_trials, explain, explain_order, examine, report_on, KnowledgeBase, Case]

::: her2cds.exploration.effects
    options:
      members: [what_is_missing, WhatIsMissing, OpenQuestion, Effect]

::: her2cds.exploration.change
    options:
      members: [what_if, compare, Changes, Comparison, RegimenChanged, FactChanged, TrialsChanged]

::: her2cds.report.model

::: her2cds.report.trial_model

::: her2cds.report.why
    options:
      members: [Why, RuleExplained, Step]

::: her2cds.errors
"""


def pages(knowledge: Knowledge) -> dict[str, str]:
    """All reference pages."""
    return {
        "reference/command-line.md": "\n".join(_command_line()),
        "reference/patient.md": _schema("Patient profile", Profile.model_json_schema()),
        "reference/report.md": _schema("Report", Report.model_json_schema(mode="serialization")),
        "reference/library.md": _LIBRARY,
        "reference/vocabulary.md": "\n".join(_vocabulary(knowledge)),
    }


def _command_line() -> Iterator[str]:
    yield "# Command line\n"
    yield "Exit codes: 0 done, 1 a failed check, 2 wrong usage, 3 an invalid profile, 4 an invalid knowledge base, "
    yield "5 a rule that could not be evaluated.\n"
    yield from _commands(typer.main.get_command(app), "her2cds")


def _commands(command: Any, name: str) -> Iterator[str]:
    context = typer.Context(command)
    for child_name in sorted(command.list_commands(context)):
        child = command.get_command(context, child_name)
        full = f"{name} {child_name}"
        if isinstance(child, TyperGroup):
            yield from _commands(child, full)
            continue
        yield f"## {full}\n"
        yield f"{escape(child.help or '')}\n"
        yield "| option | what it does |"
        yield "|---|---|"
        for parameter in child.params:
            shown = ", ".join(f"`{one}`" for one in parameter.opts) if parameter.param_type_name == "option" else ""
            shown = shown or f"`{parameter.metavar or parameter.name.upper()}`"
            yield f"| {shown} | {escape(getattr(parameter, 'help', None) or '')} |"
        yield ""


def _schema(title: str, schema: dict[str, Any]) -> str:
    lines = [f"# {title}", "", escape(schema.get("description", "")), ""]
    lines += _fields(schema)
    for name, part in sorted(schema.get("$defs", {}).items()):
        lines += [f"## {name}", "", escape(part.get("description", "")), "", *_fields(part)]
    lines += ["", "## JSON Schema", "", "```json", json.dumps(schema, indent=1)[:200_000], "```", ""]
    return "\n".join(lines)


def _fields(schema: dict[str, Any]) -> list[str]:
    fields = schema.get("properties", {})
    if not fields:
        return []
    rows = [f"| `{name}` | {_type(field)} | {escape(field.get('description', ''))} |" for name, field in fields.items()]
    return ["| field | values | meaning |", "|---|---|---|", *rows, ""]


def _type(field: dict[str, Any]) -> str:
    """The values of a field in a few words; the full schema stands below."""
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(one) for one in field["anyOf"] if one.get("type") != "null"))
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.casefold()})"
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {})) or 'values'}"
    return str(field.get("type", ""))


def _vocabulary(knowledge: Knowledge) -> Iterator[str]:
    yield "# Vocabulary of facts\n"
    yield "What a condition may test. Derived facts come from classification rules, the others from the profile.\n"
    yield "| fact | type and values | meaning | from |"
    yield "|---|---|---|---|"
    for fact in knowledge.data.vocabulary:
        values = ", ".join(f"`{one}`" for one in fact.values) or (f"of {fact.of}" if fact.of else "")
        unit = f" {fact.unit}" if fact.unit else ""
        origin = "classification rules" if fact.derived else fact.origin
        yield f"| `{fact.id}` | {fact.type}{unit} {values} | {escape(fact.meaning)} | {escape(origin)} |"
