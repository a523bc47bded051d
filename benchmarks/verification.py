"""The whole of ``collapse verify --quick``: seconds on the clock and of the processor, and memory of all processes."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil
from measuring import plain

RUNS, WORKERS = 3, 2
LOOK = 0.5
"""Seconds from one look at the memory to the next."""


@dataclass(frozen=True)
class Run:
    """Seconds on the clock and of the processor, MB that all processes held together at most, and the statements."""

    seconds: float
    processor: float
    peak: float
    as_expected: int
    statements: int


def run(*arguments: str) -> Run:
    """One run on all statements, or with patterns and options as further arguments, with a store of its own."""
    with TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        options = ["--quick", "--device", "cpu", "--jobs", str(WORKERS), "--json", str(answer)]
        environment = {**os.environ, "COLLAPSE_HOME": f"{folder}/store", "XDG_STATE_HOME": f"{folder}/state"}
        began, before = time.perf_counter(), processor()
        process = subprocess.Popen(
            [sys.executable, "-m", "verify.cli", "verify", *arguments, *options],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, together(process.pid))
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK)
        seconds = time.perf_counter() - began
        rows = json.loads(answer.read_text(encoding="utf-8"))["statements"]
        return Run(seconds, processor() - before, peak, sum(row["as_expected"] for row in rows), len(rows))


def processor() -> float:
    """Seconds of the processor that ended processes below this one have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def together(pid: int) -> float:
    """MB that a process and all below it hold now; on Linux, what they share is counted once."""
    total = 0.0
    with suppress(psutil.Error):
        whole = psutil.Process(pid)
        for process in (whole, *whole.children(recursive=True)):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.uss) / 1e6
    return total


def verification(*arguments: str, runs: int = RUNS) -> Iterator[tuple[str, ...]]:
    """Rows: what was measured, its median, least and most."""
    shown = " ".join(("collapse verify", *arguments, "--quick"))
    yield f"`{shown}`, {WORKERS} workers, a fresh store each time", f"median of {runs}", "least to most"
    found = [run(*arguments) for _ in range(runs)]
    yield "time", *_spread([r.seconds for r in found], minutes)
    yield "time of the processor, all processes", *_spread([r.processor for r in found], minutes)
    yield "most memory that all processes held together, MB", *_spread([r.peak for r in found], plain)
    yield "statements, and how many are as expected", f"{found[-1].statements}, {found[-1].as_expected}", ""


def minutes(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def _spread(numbers: list[float], show: Callable[[float], str]) -> tuple[str, str]:
    return show(median(numbers)), f"{show(min(numbers))} to {show(max(numbers))}"
