"""`her2cds kb`: commands for the people who write and review the knowledge base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from her2cds.cli.output import Exit, fail, open_knowledge, stdout

kb_app = typer.Typer(help="Check and review the knowledge base.", no_args_is_help=True, rich_markup_mode=None)
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
