"""`her2cds kb`: commands for the people who write and review the knowledge base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from her2cds.cli import author, kb_diff, mutate, releases, scenarios
from her2cds.cli.options import Overlay, Rules
from her2cds.cli.output import Exit, fail, open_knowledge, stdout

kb_app = typer.Typer(help="Check and review the knowledge base.", no_args_is_help=True, rich_markup_mode=None)
author.register(kb_app)


@kb_app.command()
def check(overlay: Overlay = None, rules: Rules = None) -> None:
    """Load and check every file, an overlay's included; list all faults with file, line and suggestion."""
    knowledge = open_knowledge(rules, overlay=overlay).knowledge
    data = knowledge.data
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
    if knowledge.overlay:
        over = knowledge.overlay.overlay
        stdout(f"overlay {over.id} {over.version}: sound; {len(over.changes)} changes")
        if over.base_version != data.manifest.version:
            stdout(f"  note: written for version {over.base_version} of the base, which is {data.manifest.version} now")


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
    from her2cds.errors import MissingTextsError
    from her2cds.lint.checks import lint as run_lint
    from her2cds.lint.copying import copied_texts

    knowledge = open_knowledge(rules).knowledge
    found = run_lint(knowledge)
    if texts is not None:
        try:
            found += copied_texts(knowledge, texts)
        except MissingTextsError as error:
            raise typer.Exit(int(fail(Exit.usage, str(error)))) from None
    errors = [one for one in found if one.severity == "error"]
    for one in found if notes else errors:
        stdout(str(one))
    stdout(f"lint: {len(errors)} errors, {len(found) - len(errors)} notes")
    raise typer.Exit(int(Exit.failed_check if errors else Exit.ok))


@kb_app.command()
def coverage(
    folder: Annotated[Path, typer.Option("--scenarios", help="folder of scenario files")],
    examples: Annotated[Path, typer.Option("--examples", help="folder of patient examples")],
    leaves: Annotated[
        bool, typer.Option("--leaves", help="also the single tests that are not seen both true and false")
    ] = False,
    rules: Rules = None,
) -> None:
    """List the rules and trials that no scenario's patient satisfies, and those that none just misses."""
    from her2cds.scenarios.coverage import coverage as cover
    from her2cds.scenarios.leaf_coverage import leaf_coverage
    from her2cds.scenarios.model import ScenarioError, read_scenarios
    from her2cds.scenarios.suite import scenario_files

    knowledge = open_knowledge(rules)
    try:
        listed = [one for path in scenario_files([folder]) for one in read_scenarios(path)]
        result = cover(listed, knowledge, examples)
        tests = leaf_coverage(listed, knowledge, examples) if leaves else None
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
    if tests is not None:
        gaps += len(tests.unseen)
        for one in tests.unseen:
            more = f" and {len(one.owners) - 3} more" if len(one.owners) > 3 else ""
            stdout(f"never {one.missing.name.lower()}: {one.leaf} (in {', '.join(one.owners[:3])}{more})")
        stdout(
            f"leaves: {tests.leaves} in all conditions, {tests.distinct} different tests, "
            f"{len(tests.unseen)} of {2 * tests.distinct} outcomes not seen"
        )
    raise typer.Exit(int(Exit.failed_check if gaps else Exit.ok))


@kb_app.command()
def verify(
    texts: Annotated[Path | None, typer.Option("--texts", help="folder of the reviews' texts")] = None,
    integrity: Annotated[
        bool, typer.Option("--integrity", help="compare every file with the release manifest instead")
    ] = False,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="release manifest (default: release.json in the knowledge base)")
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="minisign key that must have signed the manifest")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="list every claim, not only failures")] = False,
    rules: Rules = None,
) -> None:
    """Compare every citation, figure and name with the passage cited for it, or every file with the release."""
    if integrity == (texts is not None):
        raise typer.Exit(int(fail(Exit.usage, "give either --texts DIR or --integrity")))
    if texts is None:
        raise typer.Exit(int(releases.verify_integrity(rules, manifest, public_key)))
    from her2cds.provenance import MissingTextsError, render_text, run

    try:
        report = run(open_knowledge(rules).knowledge, texts)
    except MissingTextsError as error:
        raise typer.Exit(int(fail(Exit.usage, str(error)))) from None
    stdout(render_text(report, verbose))
    raise typer.Exit(int(Exit.ok if report.ok else Exit.failed_check))


kb_app.command()(kb_diff.diff)
kb_app.command()(mutate.mutate)
kb_app.command()(scenarios.freeze)
kb_app.command(name="release-manifest")(releases.release_manifest)
