"""The command line as a whole: its help, a name mistyped, and that a command pays only for what it needs."""

from __future__ import annotations

import subprocess
import sys

from typer.testing import CliRunner

from her2cds.cli.app import app
from tests.conftest import PROJECT

EXAMPLE = PROJECT / "patient_examples" / "second-line-her2-positive.json"
LOADED = """
import sys
from her2cds.cli.app import app
try:
    app()
except SystemExit as end:
    print(*sorted(name for name in sys.modules if name.startswith("her2cds.cli.")), file=sys.stderr)
    sys.exit(end.code)
"""


def test_the_help_names_every_command_with_what_it_does() -> None:
    lines = CliRunner().invoke(app, ["--help"]).output.partition("Commands:\n")[2].splitlines()
    described = dict(line.split(maxsplit=1) for line in lines if line.strip())
    assert {"evaluate", "explain", "what-if", "trials", "import", "cohort", "serve", "audit", "kb"} <= set(described)
    for name in described:
        assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0, name


def test_a_mistyped_command_gets_a_suggestion() -> None:
    done = CliRunner().invoke(app, ["evalute"])
    assert done.exit_code == 2
    assert "Did you mean 'evaluate'" in done.output
    assert "Did you mean 'check'" in CliRunner().invoke(app, ["kb", "chek"]).output


def test_a_command_imports_no_other() -> None:
    command = [sys.executable, "-c", LOADED, "evaluate", str(EXAMPLE)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    parts = {name.rpartition(".")[2] for name in done.stderr.split()}
    assert parts == {"app", "options", "output", "patient", "recording", "reports", "terminal"}
