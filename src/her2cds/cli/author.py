"""`her2cds kb …`: commands that help to write and to trust the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from her2cds.cli.options import Rules
from her2cds.cli.output import Exit, open_knowledge, stdout

if TYPE_CHECKING:
    from her2cds.exhaustive.model import Answer


def register(app: typer.Typer) -> None:
    """Add the commands of this module to `her2cds kb`."""
    app.command()(exhaust)


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
