"""`her2cds generate`: invented patients for tests, benchmarks and demonstrations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from her2cds.cli.output import Exit, fail, standard_output, stdout
from her2cds.whole_files import replacing

if TYPE_CHECKING:
    from collections.abc import Iterator


def generate(
    count: Annotated[int, typer.Option("--count", "-n", min=0, help="how many patients")] = 10,
    seed: Annotated[int, typer.Option("--seed", help="the same seed gives the same patients")] = 1,
    first: Annotated[int, typer.Option("--first", min=1, help="number of the first one, to make a part alone")] = 1,
    her2_positive: Annotated[
        float | None, typer.Option("--her2-positive", min=0, max=1, help="their share (default: the declared rate)")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="file (default: standard output)")] = None,
    rates: Annotated[bool, typer.Option("--rates", help="print the declared distributions instead")] = False,
) -> None:
    """Invent patient profiles, one JSON object per line (NDJSON), consistent in themselves, from declared rates."""
    if rates:
        for line in _rate_lines():
            stdout(line)
        return
    lines = _profile_lines(count, seed, first, her2_positive)
    if output is None:
        with standard_output() as stream:
            stream.writelines(lines)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with replacing(output) as stream:
            stream.writelines(lines)
    except OSError as error:
        raise typer.Exit(int(fail(Exit.failed_check, f"{output}: {error.strerror}"))) from None


def _profile_lines(count: int, seed: int, first: int, her2_positive: float | None) -> Iterator[bytes]:
    from her2cds.cohort.invented_patient import invented_patients

    for profile in invented_patients(count, seed, first, her2_positive):
        yield json.dumps(profile, separators=(",", ":")).encode() + b"\n"


def _rate_lines() -> Iterator[str]:
    from her2cds.cohort.rates import MIXES, RATES

    for name, rate in RATES.items():
        yield f"{name}: {rate.value:.1%} of {rate.of} ({rate.origin})"
    for name, mix in MIXES.items():
        shares = ", ".join(f"{value} {share:.0%}" for value, share in mix.shares.items())
        yield f"{name}: {shares}; of {mix.of} ({mix.origin})"
