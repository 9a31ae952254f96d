"""Builds the wheel, installs it into a clean virtual environment, and evaluates a patient from another folder."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
EXAMPLE = PROJECT / "patient_examples" / "second-line-her2-positive.json"


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command, show it if it fails, and return what it printed."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def main() -> None:
    """Build, install, evaluate; leave nothing behind."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "build", "--wheel", "--outdir", folder / "dist", PROJECT, cwd=folder)
        (wheel,) = (folder / "dist").glob("*.whl")
        if not any("her2cds/audit/migrations/versions/v0001" in name for name in zipfile.ZipFile(wheel).namelist()):
            sys.exit(f"the audit log's migrations are not in {wheel.name}")
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", wheel, cwd=folder)
        output = run(folder / "venv" / "bin" / "her2cds", "evaluate", "--format", "json", EXAMPLE, cwd=folder)
        report = json.loads(output)
        location = run(python, "-c", "import her2cds; print(her2cds.__file__)", cwd=folder).strip()
        if not location.startswith(str(folder)):
            sys.exit(f"the wheel was not what ran: {location}")
        if not report["therapies"]:
            sys.exit("the wheel's knowledge base gave no therapy for a patient who has several")
    print(f"wheel check: {wheel.name} evaluates from another folder; first: {report['therapies'][0]['name']}")


if __name__ == "__main__":
    main()
