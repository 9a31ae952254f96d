"""The command line: `her2cds evaluate`, `explain`, `trials`, `validate`, `schema`, `kb …`, `audit …`, `version`.

Exit codes: 0 a report (or a sound input), 2 wrong usage, 3 an invalid patient profile, 4 an invalid knowledge
base, 5 a rule that could not be evaluated, 6 an audit log that cannot be used. With several files the highest
code counts; one bad file does not stop the others. A command is imported when it is asked for,
and its heavy parts when it needs them, so that each pays only for its own.
"""

from __future__ import annotations

import gc
import io
import os
import sys
import threading
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup


class _Place(NamedTuple):
    """Where a command is: a module of this package, and in it a function, or a group of commands."""

    module: str
    name: str


_COMMANDS = {
    "evaluate": _Place("patient", "evaluate"),
    "validate": _Place("patient", "validate"),
    "explain": _Place("patient", "explain"),
    "questions": _Place("explore", "questions"),
    "what-if": _Place("explore", "what_if"),
    "compare": _Place("explore", "compare"),
    "trials": _Place("trials", "trials_app"),
    "import": _Place("imports", "import_app"),
    "cohort": _Place("cohort", "cohort_app"),
    "generate": _Place("generate", "generate"),
    "serve": _Place("serve", "serve"),
    "audit": _Place("audit", "audit_app"),
    "kb": _Place("kb", "kb_app"),
    "test": _Place("scenarios", "run_tests"),
    "schema": _Place("about", "schema"),
    "version": _Place("about", "version"),
    "doctor": _Place("doctor", "doctor"),
}

# They answer about patients, and have no `--audit`.
_NEVER_RECORDED = ("compare", "trials", "import", "cohort")

# They answer and are done: nothing of theirs waits for the end of the interpreter.
_LEFT_AT_ONCE = ("evaluate", "validate", "explain", "questions", "what-if", "compare", "trials", "schema", "version")


class _Commands(TyperGroup):
    """Commands in the order of the help, each imported when it is asked for."""

    def list_commands(self, _ctx: Any) -> list[str]:
        """The names of all commands, without importing any."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, or None where there is none."""
        if cmd_name in _COMMANDS and cmd_name not in self.commands:
            self.add_command(_load(cmd_name))
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """A name that is no command's is compared with all of them, to suggest what was meant."""
        if args and args[0] not in _COMMANDS:
            for name in _COMMANDS:
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)


def _load(name: str) -> Any:
    place = _COMMANDS[name]
    found = getattr(import_module(f"her2cds.cli.{place.module}"), place.name)
    holder = typer.Typer(rich_markup_mode=None)
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    return typer.main.get_group(holder).commands[name]


app = typer.Typer(
    name="her2cds",
    cls=_Commands,
    help="Clinical decision support for HER2 breast cancer: ranked, cited candidate therapies. Decision support only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _program(context: typer.Context) -> None:
    """Runs before every command: nobody is to believe an answer recorded that is not."""
    command = context.invoked_subcommand
    if command in _NEVER_RECORDED and os.environ.get("HER2CDS_AUDIT"):
        sys.stderr.write(f"her2cds {command}: HER2CDS_AUDIT is set, but what this command answers is not recorded\n")


def main() -> None:
    """Entry point of the `her2cds` command.

    A short-lived process gains from collecting no garbage while it imports and loads, and our models need none
    of the plug-ins that pydantic would look for on the disk.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.disable()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Reports hold § and –, whatever the locale; the name of a file may hold what UTF-8 cannot.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app()
    except SystemExit as end:
        if sys.argv[1:2] and sys.argv[1] in _LEFT_AT_ONCE:
            _leave_at_once(end.code)
        raise


def _leave_at_once(code: object) -> None:
    """End the process without taking everything apart, which is a tenth of the time of such a command.

    What it opened it has closed, and it starts no processes; where a thread still runs, the interpreter waits for it.
    """
    if threading.active_count() > 1 or not isinstance(code, int | None):
        return
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # closed by the caller
                stream.flush()
    except (OSError, ValueError):
        return  # the interpreter tells of it as it does for any program
    os._exit(code or 0)
