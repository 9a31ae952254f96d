"""Patients per second in one process and in two, and the memory that many patients leave behind."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from benchmarks.patients import RULES, profiles, stream
from benchmarks.tables import Section, ratio
from her2cds import ProfileError, evaluate, load_knowledge
from her2cds.evaluation import examine


class Rate(NamedTuple):
    """Patients per second of wall time, and per second of CPU time."""

    wall: float
    cpu: float


def throughput(patients: int) -> Section:
    """Decisions, and whole reports as JSON, with 1 and 2 processes on the same number of patients each."""
    rows = []
    for name, as_report in (("profile to decision", False), ("profile to report as JSON", True)):
        alone, both = _rate(1, patients, as_report), _rate(2, patients, as_report)
        gain = ratio(both.wall, alone.wall)
        rows.append((name, f"{alone.wall:,.0f}", f"{both.wall:,.0f}", gain, f"{alone.cpu:,.0f}", f"{both.cpu:,.0f}"))
    note = (
        f"JSON profile in, over {patients:,} distinct patients a process; the knowledge base is loaded before. Wall "
        "time is what is left of two shared cores; a second of CPU time is a core of one's own."
    )
    columns = ("patients/s", "1 process", "2 processes", "gain", "per CPU s, 1", "per CPU s, 2")
    return Section("Throughput", note, columns, tuple(rows))


def _rate(processes: int, patients: int, as_report: bool) -> Rate:
    with get_context("spawn").Pool(processes) as pool:
        times = pool.starmap(_work, [(patients, as_report)] * processes, chunksize=1)
    done = processes * patients
    return Rate(done / max(wall for wall, _ in times), done / sum(cpu for _, cpu in times))


def _work(patients: int, as_report: bool) -> tuple[float, float]:
    """Wall and CPU seconds."""
    knowledge = load_knowledge(RULES)
    texts = profiles(patients)
    gc.collect()
    gc.freeze()
    wall, cpu = time.perf_counter(), time.process_time()
    for text in texts:
        try:
            if as_report:
                evaluate(text, knowledge).to_json(indent=None)
            else:
                examine(text, knowledge)
        except ProfileError:
            continue
    return time.perf_counter() - wall, time.process_time() - cpu


def memory(patients: int, steps: int = 4) -> Section:
    """Peak memory of one process after ever more distinct patients."""
    with get_context("spawn").Pool(1) as pool:
        loaded, *peaks = pool.apply(_peaks, (patients, steps))
    rows = [("knowledge base loaded", f"{loaded:.0f} MiB", "")]
    rows += [
        (f"after {patients * number // steps:,} patients", f"{peak:.0f} MiB", f"+{peak - loaded:.1f} MiB")
        for number, peak in enumerate(peaks, start=1)
    ]
    late = peaks[-1] - peaks[steps // 2 - 1]
    note = (
        f"Peak resident memory of a process, {patients:,} distinct patients, profile to decision. What is kept is "
        f"bounded: once that is full, from half of the patients to all, it grew by {late:.1f} MiB."
    )
    return Section("Memory", note, ("when", "peak", "grown"), tuple(rows))


def _peaks(patients: int, steps: int) -> Sequence[float]:
    knowledge = load_knowledge(RULES)
    texts = stream()
    peaks = [peak_mib()]
    for _ in range(steps):
        for text in islice(texts, patients // steps):
            with suppress(ProfileError):
                examine(text, knowledge)
        peaks.append(peak_mib())
    return peaks


def peak_mib() -> float:
    """Peak resident memory of this process since it was started, in MiB (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kib) / 1024
