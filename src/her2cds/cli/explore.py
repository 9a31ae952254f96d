"""`her2cds questions`, `what-if` and `compare`: what is missing, and what changes would change."""

from __future__ import annotations

import json
from datetime import date as Date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from her2cds.cli.options import File, Format, Output, Overlay, Rules
from her2cds.cli.output import Exit, content_of, guarded, open_knowledge, print_answers
from her2cds.cli.recording import Answered, OptionalUrl, optional_log, recorded

if TYPE_CHECKING:
    from her2cds.audit.log import AuditLog
    from her2cds.evaluation import KnowledgeBase
    from her2cds.exploration.change import Changes, Comparison
    from her2cds.exploration.effects import WhatIsMissing


def questions(
    file: File,
    output_format: Output = Format.text,
    audit: OptionalUrl = None,
    overlay: Overlay = None,
    rules: Rules = None,
) -> None:
    """List what is missing, and what each possible answer would change, those that change most first."""
    from her2cds.rendering.outline_answers import outline_questions

    knowledge = open_knowledge(rules, overlay=overlay)
    with optional_log(audit) as log:
        found = guarded(file, lambda: _missing(file, knowledge, log))
    if isinstance(found, Exit):
        raise typer.Exit(int(found))
    print_answers([found], output_format, outline_questions, many=False)


def what_if(
    file: File,
    set_fields: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="brain_metastases.status=progressing")
    ] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="FIELD", help="take a field away")] = None,
    append: Annotated[
        list[str] | None, typer.Option("--append", metavar="LIST=JSON", help="add an element to a list")
    ] = None,
    progresses_on: Annotated[
        list[str] | None, typer.Option("--progresses-on", metavar="DRUG", help="the disease progresses on it now")
    ] = None,
    output_format: Output = Format.text,
    audit: OptionalUrl = None,
    overlay: Overlay = None,
    rules: Rules = None,
) -> None:
    """Show what changes of the profile would change: what enters, leaves and moves, and why."""
    from her2cds.exploration.change import Changes
    from her2cds.rendering.outline_answers import outline_comparison

    changes = Changes(
        set=dict(_assignment(one, "--set") for one in set_fields or ()),
        remove=tuple(remove or ()),
        append=dict(_assignment(one, "--append") for one in append or ()),
        progresses_on=tuple(progresses_on or ()),
    )
    if not changes.in_words:
        raise typer.BadParameter("give at least one of --set, --remove, --append, --progresses-on")
    knowledge = open_knowledge(rules, overlay=overlay)
    with optional_log(audit) as log:
        found = guarded(file, lambda: _changed(file, changes, knowledge, log))
    if isinstance(found, Exit):
        raise typer.Exit(int(found))
    print_answers([found], output_format, outline_comparison, many=False)


def compare(
    file: File, other: File, output_format: Output = Format.text, overlay: Overlay = None, rules: Rules = None
) -> None:
    """Compare the answers for two profiles: another patient, or the same one at another time."""
    from her2cds.rendering.outline_answers import outline_comparison

    knowledge = open_knowledge(rules, overlay=overlay)
    found = guarded(file, lambda: _compared(file, other, knowledge))
    if isinstance(found, Exit):
        raise typer.Exit(int(found))
    print_answers([found], output_format, outline_comparison, many=False)


def _assignment(text: str, option: str) -> tuple[str, Any]:
    """A field and its value: JSON where it reads as such (`3`, `true`, `["bone"]`), else the text itself."""
    field, sign, value = text.partition("=")
    if not sign or not field.strip():
        raise typer.BadParameter(f"'{text}': expected FIELD=VALUE", param_hint=option)
    try:
        return field.strip(), json.loads(value)
    except ValueError:
        return field.strip(), value


def _missing(file: str, knowledge: KnowledgeBase, log: AuditLog | None) -> WhatIsMissing:
    from her2cds.evaluation import examine
    from her2cds.exploration.effects import what_is_missing

    content = content_of(file)

    def answer(today: Date) -> Answered[WhatIsMissing]:
        found = what_is_missing(examine(content, knowledge, today=today, label=file), knowledge)
        return Answered(found, content, found.to_json(indent=None))

    return recorded("questions", content, knowledge, log, answer)


def _changed(file: str, changes: Changes, knowledge: KnowledgeBase, log: AuditLog | None) -> Comparison:
    from her2cds.exploration import change
    from her2cds.profile.json_text import parse_json

    content = content_of(file)

    def answer(today: Date) -> Answered[Comparison]:
        tree = parse_json(content, file)
        found = change.what_if(tree, changes, knowledge, today=today, label=file)
        body = {
            "patient": tree,
            "set": changes.set,
            "remove": changes.remove,
            "append": changes.append or {},
            "progresses_on": changes.progresses_on,
        }
        return Answered(found, json.dumps(body), found.to_json(indent=None))

    return recorded("what-if", content, knowledge, log, answer)


def _compared(file: str, other: str, knowledge: KnowledgeBase) -> Comparison:
    from her2cds.evaluation import examine
    from her2cds.exploration.change import compare as answer

    before = examine(content_of(file), knowledge, label=file)
    return answer(before, examine(content_of(other), knowledge, label=other), knowledge)
