"""What the comparisons share: repeats in a process of their own, with its peak memory, and tables in a page."""

from __future__ import annotations

import multiprocessing
import os
import platform
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

REPEATS, BUDGET = 5, 3.0
"""A measurement is repeated so often, or until it has taken so many seconds."""

PACKAGES = ("numpy", "scipy", "torch", "numba", "jax", "cvxpy", "clarabel", "scs", "mpmath", "python-flint")


@dataclass(frozen=True)
class Measured:
    """Seconds of each repeat, what else was found, and the most memory that the process held, in MB."""

    seconds: tuple[float, ...]
    found: Any
    peak: float

    @property
    def median(self) -> float:
        """Seconds of the repeat in the middle."""
        return median(self.seconds)

    @property
    def shown(self) -> str:
        """The median, with least and most where there are several repeats."""
        least, most = min(self.seconds), max(self.seconds)
        several = len(self.seconds) > 1
        return short(self.median) + (f" ({short(least)} to {short(most)})" if several else "")


def repeated(
    function: Callable[[], Any], times: int = REPEATS, budget: float = BUDGET
) -> tuple[tuple[float, ...], Any]:
    """Seconds of each repeat, and what the last one returned."""
    seconds: list[float] = []
    while len(seconds) < times and sum(seconds) < budget:
        began = time.perf_counter()
        found = function()
        seconds.append(time.perf_counter() - began)
    return tuple(seconds), found


def alone(function: Callable[..., tuple[tuple[float, ...], Any]], *arguments: Any, limit: float) -> Measured | None:
    """What a function measures in a process of its own; None when it is not done after ``limit`` seconds."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_send, args=(function, arguments, sender))
    process.start()
    sender.close()
    try:
        return Measured(*receiver.recv()) if receiver.poll(limit) else None
    finally:
        process.kill()
        process.join()


def _send(function: Callable[..., Any], arguments: tuple[Any, ...], sender: Any) -> None:
    seconds, found = function(*arguments)
    sender.send((seconds, found, peak()))


def peak() -> float:
    """The most memory that this process has held, in MB; ``getrusage`` would count that of the one that started it."""
    status = Path("/proc/self/status")
    held = re.search(r"VmHWM:\s*(\d+)", status.read_text()) if status.exists() else None
    return int(held[1]) / 1e3 if held else float("nan")


def short(seconds: float) -> str:
    """Seconds in a fitting unit, with three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{plain(seconds / size)} {unit}"
    return f"{plain(seconds / 1e-9)} ns"


def plain(number: float) -> str:
    """A number with three digits, large ones in full."""
    return f"{float(f'{number:.3g}'):,.0f}" if number >= 100 else f"{number:.3g}"


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown, whose first row is its head; it is printed row by row."""
    lines = []
    for number, row in enumerate(rows):
        lines.append("| " + " | ".join(row) + " |")
        if not number:
            lines.append("|" + "---|" * len(row))
        print("\n".join(lines[-1 if number else 0 :]), flush=True)
    return "\n".join(lines)


def put(page: Path, made: Mapping[str, str]) -> None:
    """Replace what stands in a page between the markers of each name.

    Raises:
        ValueError: when the page has no place for a name, or one for another.
    """
    places = re.compile("<!-- (.+?): made by make bench -->.*?<!-- end -->", re.DOTALL)
    old = page.read_text(encoding="utf-8")
    if differing := sorted({place[1] for place in places.finditer(old)} ^ made.keys()):
        raise ValueError(f"{page} and what was made differ in {', '.join(differing)}")
    page.write_text(places.sub(lambda place: between(place[1], made[place[1]]), old), encoding="utf-8")


def between(name: str, text: str) -> str:
    """A text between the markers of a name."""
    return f"<!-- {name}: made by make bench -->\n\n{text}\n\n<!-- end -->"


def machine() -> str:
    """Processor, cores, load, and the versions of what is compared."""
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else []
    vectors = " with AVX-512" if cpuinfo.exists() and "avx512f" in cpuinfo.read_text() else ""
    versions = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    processor = names[0] if names else platform.machine()
    load = f"load before the run {os.getloadavg()[0]:.1f}"
    return f"{processor}{vectors}, {os.cpu_count()} cores, {load}; {', '.join(versions)}."
