"""`her2cds test`: runs scenario files anywhere and shows what differs, once or whenever a file changes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from her2cds.cli.options import Overlay, Rules
from her2cds.cli.output import Exit, fail, open_knowledge, stdout
from her2cds.whole_files import write_file

if TYPE_CHECKING:
    from her2cds.scenarios.suite import CaseResult, Filters

_POLL_SECONDS = 0.5


def run_tests(
    paths: Annotated[list[Path], typer.Argument(help="scenario files, or folders of them", metavar="PATH...")],
    examples: Annotated[
        Path | None, typer.Option("--examples", help="folder of patient examples (default: patient_examples near PATH)")
    ] = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help="only scenarios that name or fire such a rule (caution.*)")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="only scenarios with this tag")] = None,
    source: Annotated[
        list[str] | None, typer.Option("--source", help="only scenarios that touch a rule citing this source")
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="write the results as JUnit XML too")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="run again whenever a scenario or a rule changes")] = False,
    overlay: Overlay = None,
    rules: Rules = None,
) -> None:
    """Run scenarios: patients, and what the report must say of them."""
    from her2cds.scenarios.suite import Filters

    filters = Filters(tuple(rule or ()), tuple(tag or ()), tuple(source or ()))
    while True:
        code = _run(paths, examples, filters, junit, overlay, rules)
        if not watch:
            raise typer.Exit(int(code))
        stdout("watching for changes; stop with Ctrl-C")
        wait_for_change(_watched(paths, examples, overlay, rules))


def _run(
    paths: list[Path],
    examples: Path | None,
    filters: Filters,
    junit: Path | None,
    overlay: Path | None,
    rules: Path | None,
) -> Exit:
    from her2cds.errors import KnowledgeError
    from her2cds.evaluation import load_knowledge
    from her2cds.scenarios.model import ScenarioError
    from her2cds.scenarios.suite import examples_for, read_suite, run_suite, scenario_files, select, to_junit

    try:
        knowledge = load_knowledge(rules, overlay=overlay)
        cases = read_suite(scenario_files(paths), examples or examples_for(paths), knowledge)
    except KnowledgeError as error:
        return fail(Exit.invalid_knowledge, str(error))
    except ScenarioError as error:
        return fail(Exit.usage, str(error))
    chosen = select(cases, filters, knowledge)
    if not chosen:
        return fail(Exit.usage, f"none of the {len(cases)} scenarios fits the filters; nothing was run")
    results = []
    for result in run_suite(chosen, knowledge):
        results.append(result)
        if result.differences:
            stdout(difference_text(result))
    if junit is not None:
        try:
            write_file(junit, to_junit(results).encode())
        except OSError as error:
            return fail(Exit.failed_check, f"{junit}: {error.strerror}")
    return _summary(results, len(cases))


def _summary(results: Sequence[CaseResult], of: int) -> Exit:
    failed = sum(bool(one.differences) for one in results)
    left_out = f" ({of - len(results)} left out)" if len(results) < of else ""
    seconds = sum(one.seconds for one in results)
    stdout(f"{len(results)} scenarios{left_out}: {len(results) - failed} passed, {failed} failed, {seconds:.1f} s")
    return Exit.failed_check if failed else Exit.ok


def freeze(
    file: Annotated[Path, typer.Argument(help="scenario file to rewrite", metavar="FILE")],
    examples: Annotated[Path, typer.Option("--examples", help="folder of patient examples")],
    rules: Rules = None,
) -> None:
    """Rewrite what a file's patients fire and what those rules conclude, as the rules say now; read the diff."""
    from her2cds.errors import ProfileError
    from her2cds.scenarios.freeze import frozen
    from her2cds.scenarios.model import ScenarioError
    from her2cds.scenarios.suite import read_suite

    knowledge = open_knowledge(rules)
    try:
        head = [line for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line.startswith("#")]
        cases = read_suite([file], examples, knowledge, names=False)  # a rule that is gone is what has to be renewed
        if not any("fires_exactly" in one.scenario.expect.model_fields_set for one in cases):
            raise typer.Exit(
                int(fail(Exit.usage, f"{file}: no scenario has `fires_exactly`, so there is none to renew"))
            )
        write_file(file, ("".join(head) + frozen(cases, knowledge)).encode())
    except (ScenarioError, ProfileError) as error:
        raise typer.Exit(int(fail(Exit.usage, str(error)))) from None
    except OSError as error:
        raise typer.Exit(int(fail(Exit.usage, f"{file}: {error.strerror}"))) from None
    stdout(f"{file}: {len(cases)} scenarios renewed")


def difference_text(result: CaseResult) -> str:
    """Where and what failed, and under it what was expected (-) and what came (+)."""
    located = result.case.located
    lines = [f"{located.file}:{located.line}: {located.scenario.title}"]
    for one in result.differences:
        lines.append(f"    {one.what}")
        if one.expected:
            lines += [f"      - {one.expected}", f"      + {one.got}"]
    return "\n".join(lines)


def _watched(paths: list[Path], examples: Path | None, overlay: Path | None, rules: Path | None) -> tuple[Path, ...]:
    from her2cds.knowledge.files import bundled_rules
    from her2cds.scenarios.suite import examples_for

    folders = (*paths, examples or examples_for(paths), overlay, rules or bundled_rules())
    return tuple(one for one in folders if one is not None)


def wait_for_change(watched: Iterable[Path], poll_seconds: float = _POLL_SECONDS) -> None:
    """Return as soon as a file in or below the paths is changed, added or removed."""
    folders = tuple(watched)
    before = _times(folders)
    while _times(folders) == before:
        time.sleep(poll_seconds)


def _times(folders: tuple[Path, ...]) -> dict[Path, int]:
    times = {}
    for folder in folders:
        for path in folder.rglob("*") if folder.is_dir() else (folder,):
            try:
                times[path] = path.stat().st_mtime_ns
            except OSError:
                continue  # removed between listing and looking: the next look sees it gone
    return times
