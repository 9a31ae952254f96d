"""`her2cds kb`: commands for the people who write and review the knowledge base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from her2cds.cli import author
from her2cds.cli.output import Exit, fail, open_knowledge, stdout

kb_app = typer.Typer(help="Check and review the knowledge base.", no_args_is_help=True, rich_markup_mode=None)
author.register(kb_app)
Rules = Annotated[Path | None, typer.Option("--rules", help="folder of a knowledge base (default: the bundled one)")]


@kb_app.command()
def check(rules: Rules = None) -> None:
    """Load and check every file; list all faults with file, line and suggestion."""
    data = open_knowledge(rules).knowledge.data
    counts = {
        "rules": len(data.rules),
        "criteria": len(data.criteria),
        "drugs": len(data.drugs),
        "regimens": len(data.regimens),
        "evidence": len(data.evidence),
        "trials": len(data.trials),
        "discrepancies": len(data.discrepancies),
    }
    stdout("knowledge base: sound; " + ", ".join(f"{count} {name}" for name, count in counts.items()))


@kb_app.command()
def selfcheck(
    patients: Annotated[int, typer.Option("--patients", min=1, help="how many random patients")] = 200,
    seed: Annotated[int, typer.Option("--seed")] = 1,
    rules: Rules = None,
) -> None:
    """Compare the engine's verdicts with the independent evaluator's, over random patients."""
    from her2cds.engine.selfcheck import disagreements

    found = disagreements(open_knowledge(rules).rules, patients, seed)
    for one in found[:20]:
        fail(Exit.failed_check, str(one))
    stdout(f"{patients} random patients, {len(found)} disagreements between the engine and the independent evaluator")
    raise typer.Exit(int(Exit.failed_check if found else Exit.ok))


@kb_app.command()
def lint(
    texts: Annotated[
        Path | None, typer.Option("--texts", help="folder of the reviews' texts, to find copied text")
    ] = None,
    notes: Annotated[bool, typer.Option("--notes", help="list the notes too, not only count them")] = False,
    rules: Rules = None,
) -> None:
    """Find rules that cannot fire, repeat or contradict each other, copied text, and the like."""
    from her2cds.lint.checks import lint as run_lint
    from her2cds.lint.copying import copied_texts

    knowledge = open_knowledge(rules).knowledge
    found = run_lint(knowledge)
    if texts is not None:
        found += copied_texts(knowledge, texts)
    errors = [one for one in found if one.severity == "error"]
    for one in found if notes else errors:
        stdout(str(one))
    stdout(f"lint: {len(errors)} errors, {len(found) - len(errors)} notes")
    raise typer.Exit(int(Exit.failed_check if errors else Exit.ok))


@kb_app.command()
def coverage(
    scenarios: Annotated[Path, typer.Option("--scenarios", help="folder of scenario files")],
    examples: Annotated[Path, typer.Option("--examples", help="folder of patient examples")],
    rules: Rules = None,
) -> None:
    """List the rules and trials that no scenario's patient satisfies, and those that none just misses."""
    from her2cds.scenarios.coverage import coverage as cover
    from her2cds.scenarios.model import ScenarioError, read_scenarios

    knowledge = open_knowledge(rules)
    try:
        listed = [one for path in sorted(scenarios.rglob("*.yaml")) for one in read_scenarios(path)]
        result = cover(listed, knowledge, examples)
    except ScenarioError as error:
        raise typer.Exit(int(fail(Exit.usage, str(error)))) from None
    for rule in result.never_fired:
        stdout(f"never fired: {rule}")
    for rule in result.never_just_missed:
        stdout(f"never just missed: {rule}")
    gaps = len(result.never_fired) + len(result.never_just_missed)
    stdout(
        f"coverage: {len(listed)} scenarios, {result.rules} rules, {result.trials} trials, "
        f"{len(result.never_fired)} never fired, {len(result.never_just_missed)} never just missed"
    )
    raise typer.Exit(int(Exit.failed_check if gaps else Exit.ok))


@kb_app.command()
def verify(
    texts: Annotated[Path, typer.Option("--texts", help="folder of the reviews' texts")],
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="list every claim, not only failures")] = False,
    rules: Rules = None,
) -> None:
    """Compare every citation, figure and name with the passage that is cited for it."""
    from her2cds.provenance import MissingTextsError, render_text, run

    try:
        report = run(open_knowledge(rules).knowledge, texts)
    except MissingTextsError as error:
        raise typer.Exit(int(fail(Exit.usage, str(error)))) from None
    stdout(render_text(report, verbose))
    raise typer.Exit(int(Exit.ok if report.ok else Exit.failed_check))
