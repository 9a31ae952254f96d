"""`her2cds kb …`: commands that help to write, to find, and to trust the rules."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from her2cds.cli.options import Rules
from her2cds.cli.output import Exit, fail, open_knowledge, stdout
from her2cds.whole_files import write_file

if TYPE_CHECKING:
    from her2cds.exhaustive.model import Answer
    from her2cds.knowledge.base import Knowledge


class NewEntry(StrEnum):
    """What `her2cds kb new` makes."""

    therapy = "therapy"
    caution = "caution"
    biomarker = "biomarker"
    trial = "trial"
    evidence = "evidence"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to `her2cds kb`."""
    app.command()(exhaust)
    app.command()(show)
    app.command()(search)
    app.command()(new)
    app.command()(fmt)


def _root(rules: Path | None) -> Path:
    from her2cds.knowledge.files import bundled_rules

    return rules or bundled_rules()


# --- Exhaustive checks ---------------------------------------------------------------------------------


def exhaust(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="say what the combinations come to")] = False,
    rules: Rules = None,
) -> None:
    """Check every combination of facts that the rules can tell apart: contradictions, gaps, safety, ranking."""
    from her2cds.exhaustive.run import exhaust as answers

    question, faults, count = "", 0, 0
    for answer in answers(open_knowledge(rules)):
        if answer.question != question:
            question = answer.question
            stdout(question)
        _print_answer(answer, verbose)
        faults, count = faults + len(answer.faults), count + 1
    stdout(f"exhaustive checks: {count} questions, {faults} faults")
    raise typer.Exit(int(Exit.failed_check if faults else Exit.ok))


def _print_answer(answer: Answer, verbose: bool) -> None:
    asked = answer.combinations - answer.impossible
    left_out = f" ({answer.impossible:,} more cannot be)" if answer.impossible else ""
    stdout(
        f"  {answer.about}: {answer.facts} facts, {asked:,} combinations{left_out} in {answer.cases} cases, "
        f"{len(answer.faults)} faults"
    )
    if verbose or answer.gaps:
        for outcome, combinations in answer.outcomes.items():
            stdout(f"    {outcome}: {combinations:,}")
    for gap in answer.gaps:
        stdout(f"    no rule, for instance: {gap}")
    for fault in answer.faults:
        stdout(f"    FAULT: {fault}")


# --- Finding -------------------------------------------------------------------------------------------


def show(entry: Annotated[str, typer.Argument(help="id of any entry", metavar="ID")], rules: Rules = None) -> None:
    """Print an entry as it stands in its file, and everything that refers to it."""
    from her2cds.authoring.entries import find, references, source_text
    from her2cds.errors import UnknownNameError

    knowledge = open_knowledge(rules).knowledge
    try:
        found = find(knowledge, entry)
    except UnknownNameError as error:
        raise typer.Exit(int(fail(Exit.usage, str(error)))) from None
    for one in found:
        stdout(f"# {one.place.file}:{one.place.line} ({one.kind})")
        stdout(source_text(_root(rules), one.place))
    named = references(knowledge, entry)
    stdout(f"\n# referred to by {len(named)}" if named else "\n# nothing refers to it")
    for reference in named:
        stdout(f"{reference.by}  [{reference.field}]")


def search(words: Annotated[list[str], typer.Argument(metavar="WORDS")], rules: Rules = None) -> None:
    """List the entries that hold every word, however it is spelled."""
    from her2cds.authoring.entries import search as find_words
    from her2cds.knowledge.names import folded

    if not all(map(folded, words)):
        raise typer.Exit(int(fail(Exit.usage, "a word to search for holds at least one letter or digit")))
    found = find_words(open_knowledge(rules).knowledge, tuple(words))
    for one in found:
        stdout(str(one))
    stdout(f"{len(found)} entries")
    raise typer.Exit(int(Exit.ok if found else Exit.failed_check))


# --- Writing -------------------------------------------------------------------------------------------


def new(
    kind: Annotated[NewEntry, typer.Argument(help="therapy, caution, biomarker, trial or evidence")],
    into: Annotated[
        Path | None, typer.Option("--into", help="file of the knowledge base to add it to (default: print it)")
    ] = None,
    rules: Rules = None,
) -> None:
    """Make a well-formed entry from questions. With --into it is added only if the knowledge base stays sound."""
    from her2cds.authoring.formatting import dump
    from her2cds.authoring.new import new_entry
    from her2cds.errors import MissingExtraError

    knowledge = open_knowledge(rules).knowledge
    if into is not None and (refused := _not_to_be_added_to(into, _root(rules))):
        raise typer.Exit(int(fail(Exit.usage, f"{into}: {refused}")))
    try:
        text = dump([new_entry(kind.value, knowledge, _ask, _say)])
    except EOFError:
        message = "the answers ended before the entry was complete: nothing made"
        raise typer.Exit(int(fail(Exit.usage, message))) from None
    except MissingExtraError as error:
        raise typer.Exit(int(fail(Exit.usage, str(error)))) from None
    if into is None:
        stdout(text.rstrip())
    else:
        raise typer.Exit(int(_add(text, into, _root(rules))))


def _not_to_be_added_to(path: Path, root: Path) -> str:
    """Why no entry can be added to this file; empty where it can."""
    if not path.is_file():
        return "no such file; an entry is added to a file that exists"
    if not path.resolve().is_relative_to(root.resolve()):
        return f"not a file of the knowledge base in {root}, so an entry in it would not be checked; give its --rules"
    return ""


def _ask(question: str) -> str:
    sys.stderr.write(f"{question}: ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def _say(text: str) -> None:
    sys.stderr.write(f"  {text}\n")


def _add(text: str, path: Path, root: Path) -> Exit:
    """Add the entry to the end of a file; take it out again where the knowledge base is then not sound."""
    from her2cds.errors import KnowledgeError
    from her2cds.knowledge.load import load_knowledge_base

    before = path.read_text(encoding="utf-8")
    write_file(path, (before.rstrip("\n") + "\n" + text).encode())
    try:
        load_knowledge_base(root, use_cache=False)
    except KnowledgeError as error:
        write_file(path, before.encode())
        stdout(text.rstrip())
        return fail(Exit.invalid_knowledge, f"{error}\nnothing was added to {path}; the entry is on standard output")
    stdout(f"added to {path}")
    return Exit.ok


def fmt(
    check: Annotated[bool, typer.Option("--check", help="write nothing; exit 1 where a file would change")] = False,
    schemas: Annotated[
        Path | None,
        typer.Option("--schemas", help="folder of the schemas (`her2cds schema rules -o`) that first lines then name"),
    ] = None,
    rules: Rules = None,
) -> None:
    """Write the files in canonical form; comments stay, and the content cannot change."""
    from her2cds.authoring.formatting import format_files
    from her2cds.errors import MissingExtraError

    root = _root(rules)
    try:
        found = list(format_files(root, schemas))
    except MissingExtraError as error:
        raise typer.Exit(int(fail(Exit.usage, str(error)))) from None
    if not found:
        raise typer.Exit(int(fail(Exit.usage, f"{root}: no rule files here; give the folder of a knowledge base")))
    problems = [one for one in found if one.problem]
    changed = [one for one in found if one.changed]
    for one in problems:
        fail(Exit.failed_check, one.problem)
    if problems:
        raise typer.Exit(int(Exit.failed_check))
    for one in changed:
        stdout(f"{'would change' if check else 'formatted'}: {one.path}")
        if not check:
            write_file(one.path, one.after.encode())
    stdout(f"{len(found)} files, {len(changed)} {'to change' if check else 'changed'}")
    raise typer.Exit(int(Exit.failed_check if check and changed else Exit.ok))


def print_rule_schemas(knowledge: Knowledge, output: Path | None) -> None:
    """Print the schemas of all kinds of files as one object, or write one file per kind into a folder."""
    import json

    from her2cds.authoring.schemas import rule_schemas

    schemas = rule_schemas(knowledge)
    if output is None:
        stdout(json.dumps(schemas, indent=2, ensure_ascii=False))
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
        for kind, schema in schemas.items():
            write_file(output / f"{kind}.json", f"{json.dumps(schema, indent=1, ensure_ascii=False)}\n".encode())
    except OSError as error:
        raise typer.Exit(int(fail(Exit.failed_check, f"{output}: {error.strerror}"))) from None
    stdout(f"{len(schemas)} schemas in {output}")
