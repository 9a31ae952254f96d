"""`her2cds kb mutate`: how many small wrong changes of the rules do the scenarios notice?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from her2cds.cli.options import Rules
from her2cds.cli.output import Exit, fail, open_knowledge, stdout

if TYPE_CHECKING:
    from her2cds.knowledge.base import Knowledge
    from her2cds.mutation.explained import Standing
    from her2cds.mutation.mutants import Mutant
    from her2cds.mutation.run import Verdict


def mutate(
    scenarios: Annotated[list[Path], typer.Option("--scenarios", help="folder of scenario files; may be repeated")],
    examples: Annotated[Path, typer.Option("--examples", help="folder of patient examples")],
    entry: Annotated[
        list[str] | None,
        typer.Option("--rule", help="only such rules, criteria or trials (caution.*); may be repeated"),
    ] = None,
    operator: Annotated[
        list[str] | None, typer.Option("--kind", help="only this kind of change (`threshold moved`); may be repeated")
    ] = None,
    sample: Annotated[int, typer.Option("--every", min=1, help="only every n-th change")] = 1,
    at_least: Annotated[float, typer.Option("--at-least", min=0, max=100, help="share to kill, in percent")] = 0.0,
    random_patients: Annotated[
        int, typer.Option("--random-patients", min=0, help="mark survivors that none of so many tells apart")
    ] = 0,
    explained: Annotated[
        Path | None, typer.Option("--explained", help="file of survivors that are no gap, each with the reason")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="count the survivors, do not list them")] = False,
    rules: Rules = None,
) -> None:
    """Change the rules in small wrong ways and list the changes that no scenario notices."""
    from her2cds.mutation.explained import read_explanations, standing
    from her2cds.mutation.mutants import mutants
    from her2cds.mutation.run import MutationTest
    from her2cds.scenarios.model import ScenarioError
    from her2cds.scenarios.suite import read_suite, scenario_files

    knowledge = open_knowledge(rules)
    base = knowledge.knowledge
    every = tuple(mutants(base))
    try:
        explanations = read_explanations(explained, every) if explained else ()
        suite = MutationTest(read_suite(scenario_files(scenarios), examples, knowledge), base)
    except ScenarioError as error:
        raise typer.Exit(int(fail(Exit.usage, str(error)))) from None
    chosen = [
        one
        for one in every
        if (not entry or any(fnmatchcase(one.entry, pattern) for pattern in entry))
        and (not operator or one.operator in operator)
    ][::sample]
    if not chosen:
        raise typer.Exit(int(fail(Exit.usage, "no change fits --rule and --kind; nothing was run")))
    verdicts = list(suite.run(chosen))
    survivors = [one.mutant for one in verdicts if one.killed_by is None]
    found = standing(survivors, explanations, base)
    # What nothing explains is a gap: a run with explanations lists it even where it is to be quiet.
    if explained is not None or not quiet:
        _list(survivors, found, base, random_patients, quiet=quiet)
    result = _summary(verdicts, suite.left_out, at_least, found)
    if explained is not None:
        # A run of a part of the changes cannot show that an explanation is no longer needed.
        result = max(result, _judged(found, len(survivors), is_whole=len(chosen) == len(every)))
    raise typer.Exit(int(result))


def _list(
    survivors: Sequence[Mutant],
    found: Standing,
    knowledge: Knowledge,
    random_patients: int,
    *,
    quiet: bool,
) -> None:
    """Print the survivors, each with what is known of it; if `quiet` only those of which nothing is."""
    from her2cds.mutation.equivalent import told_apart_by_nobody

    alike = told_apart_by_nobody(survivors, knowledge, random_patients) if random_patients else frozenset()
    for place, one in enumerate(survivors):
        note = found.note(place)
        if note and quiet:
            continue
        if not note and place in alike:
            note = f"told apart by none of {random_patients} random patients"
        stdout(f"survived: {one} ({note})" if note else f"survived: {one}")


def _judged(found: Standing, survivors: int, *, is_whole: bool) -> Exit:
    """Whether every survivor is explained, and every explanation needed."""
    result = Exit.ok
    if left := survivors - len(found.proved) - len(found.explained):
        are = "survivor is" if left == 1 else "survivors are"
        result = fail(
            Exit.failed_check, f"{left} {are} not explained: write a scenario, or say why none can be written"
        )
    for fault in found.stale if is_whole else ():
        result = fail(Exit.failed_check, str(fault))
    return result


def _summary(verdicts: Sequence[Verdict], left_out: Sequence[str], at_least: float, found: Standing) -> Exit:
    every, killed = Counter(one.mutant.operator for one in verdicts), Counter[str]()
    killed.update(one.mutant.operator for one in verdicts if one.killed_by is not None)
    for operator, count in sorted(every.items()):
        stdout(f"  {operator}: {killed[operator]} of {count} killed")
    for title in left_out:
        stdout(f"left out, because it fails on the unchanged rules: {title}")
    share = 100 * killed.total() / every.total()
    shown = math.floor(10 * share) / 10  # rounded up, a share below the mark would look as if it met it
    proved, explained = len(found.proved), len(found.explained)
    unexplained = every.total() - killed.total() - proved - explained
    stdout(f"mutation: {every.total()} changes, {killed.total()} killed ({shown:.1f} %), {proved} proved equal, "
           f"{explained} explained, {unexplained} unexplained")  # fmt: skip
    if share < at_least:
        return fail(Exit.failed_check, f"below --at-least {at_least:g} %")
    return Exit.ok
