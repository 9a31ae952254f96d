"""The service under load: 50 clients for a minute, each answer compared with the one that a single caller gets.

`python benchmarks/service.py [SECONDS] [CLIENTS]`; exit code 1 where any answer was wrong or missing.
"""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from rich.console import Console
from rich.table import Table

PROJECT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((PROJECT / "patient_examples").glob("*.json"))
PATHS = ("/evaluate", "/evaluate", "/evaluate", "/questions", "/explain")


@dataclass
class Load:
    """What the crowd saw: milliseconds by path, and what was wrong."""

    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def asks() -> list[tuple[str, bytes]]:
    """What is asked: every example on every path, in a mixed order."""
    made = []
    for number, example in enumerate(EXAMPLES):
        patient = json.loads(example.read_text())
        for shift, path in enumerate(PATHS):
            body = {"patient": patient, "name": "t-dxd"} if path == "/explain" else patient
            made.append((number * 7 + shift * 3, path, json.dumps(body).encode()))
    return [(path, body) for _, path, body in sorted(made, key=lambda one: one[0])]


async def one_client(
    client: httpx2.AsyncClient, start: int, until: float, known: list[tuple[str, bytes, bytes]], load: Load
) -> None:
    """Ask one thing after the other until the time is over."""
    number = start
    while time.perf_counter() < until:
        path, body, expected = known[number % len(known)]
        number += 1
        began = time.perf_counter()
        try:
            answer = await client.post(path, content=body, headers={"Content-Type": "application/json"})
        except httpx2.HTTPError as error:
            load.wrong.append(f"{path}: {type(error).__name__}")
            continue
        load.milliseconds.setdefault(path, []).append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200 or answer.content != expected:
            load.wrong.append(f"{path}: {answer.status_code}")


async def crowd(url: str, clients: int, seconds: float) -> Load:
    """First one caller, then all of them."""
    load = Load()
    limits = httpx2.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx2.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        known = []
        for path, body in asks():
            answer = await client.post(path, content=body, headers={"Content-Type": "application/json"})
            answer.raise_for_status()
            known.append((path, body, answer.content))
        until = time.perf_counter() + seconds
        await asyncio.gather(*(one_client(client, number * 3, until, known, load) for number in range(clients)))
    return load


def started(port: int) -> subprocess.Popen[bytes]:
    """A service of its own, ready to answer."""
    command = [sys.executable, "-m", "her2cds", "serve", "--port", str(port), "--rules", str(PROJECT / "rules")]
    service = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return service
        except OSError:
            time.sleep(0.1)
    service.kill()
    sys.exit("the service did not start")


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Measure and print."""
    seconds, clients = float((sys.argv[1:] or ["60"])[0]), int((sys.argv[2:] or ["50"])[0])
    port = free_port()
    service = started(port)
    try:
        load = asyncio.run(crowd(f"http://127.0.0.1:{port}", clients, seconds))
        memory = next(
            line.split()[1]
            for line in Path(f"/proc/{service.pid}/status").read_text().splitlines()
            if line.startswith("VmHWM")
        )
    finally:
        service.terminate()
        service.wait(timeout=20)
    table = Table(title=f"{clients} clients for {seconds:g} seconds", title_justify="left")
    for column in ("path", "answers", "per second", "p50 ms", "p99 ms"):
        table.add_column(column)
    every = [one for samples in load.milliseconds.values() for one in samples]
    for path, samples in (*sorted(load.milliseconds.items()), ("all", every)):
        ordered = sorted(samples)
        p99 = ordered[int(len(ordered) * 0.99)]
        cells = (len(ordered), len(ordered) / seconds, statistics.median(ordered), p99)
        table.add_row(path, *(f"{cell:.0f}" for cell in cells))
    console = Console(width=100)
    console.print(table)
    console.print(f"wrong or missing answers: {len(load.wrong)}; highest memory: {int(memory) / 1024:.0f} MiB")
    sys.exit(1 if load.wrong or not every else 0)


if __name__ == "__main__":
    main()
