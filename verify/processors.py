"""How many processors this process may use: those of the machine, of its affinity, or of its container's quota.

Numerical libraries get one each: work is spread over processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

MOST_JOBS = 8
"""Workers by default at most: each holds torch, SymPy and CVXPY in memory, about half a gigabyte."""

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Read by numerical libraries when they are imported; two threads on two busy cores are 50 times slower than one."""

GROUPS, MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
"""Where Linux says what a group of processes may use, and which groups this process is in."""


def default_jobs() -> int:
    """One worker a processor, up to ``MOST_JOBS``; at least one."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min(Fraction(usable), Fraction(MOST_JOBS), *quotas(GROUPS, MEMBERSHIP))))


def quotas(groups: Path, membership: Path) -> Iterator[Fraction]:
    """Processors that the control groups of this process allow, and those above them: version 2, then version 1.

    A container sees its own group as the root, or all groups: what is not there limits nothing.

    >>> list(quotas(Path("/nowhere"), Path("/nowhere")))
    []
    """
    for folder in _folders(groups, membership):
        texts = _words(folder / "cpu.max") or (
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        )
        if len(texts) == 2 and all(text.isdecimal() and int(text) for text in texts):  # else "max", or −1
            yield Fraction(int(texts[0]), int(texts[1]))


def _folders(groups: Path, membership: Path) -> Iterator[Path]:
    """Those of each group that this process is in, from the root on."""
    for line in _words(membership, separator="\n"):
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        group = groups / "cpu" if controllers else groups
        for part in ("", *path.strip("/").split("/")):
            group /= part
            yield group


def _words(path: Path, separator: str | None = None) -> tuple[str, ...]:
    try:
        return tuple(path.read_text(encoding="utf-8").split(separator))
    except (OSError, ValueError):
        return ()


@contextmanager
def one_thread() -> Iterator[None]:
    """Workers started in this block, and libraries first imported in it, run BLAS, OpenMP and torch with one thread."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
