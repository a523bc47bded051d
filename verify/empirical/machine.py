"""Where programs compute: the device, and how many of the processor's threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from verify.errors import BadInput

FEW = 16
"""Threads that are granted on any machine."""
MOST_MEMORY = 0.8
"""Share of the device's memory that a run may need."""


def device(name: str) -> str:
    """``cpu`` or ``cuda`` for what a user asked for, ``auto`` included.

    Raises:
        BadInput: for another name, or where there is no such device.

    >>> device("cpu")
    'cpu'
    """
    if name not in ("auto", "cpu", "cuda"):
        raise BadInput(f"--device is auto, cpu or cuda, got {name}")
    import torch

    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise BadInput("--device cuda: torch finds no CUDA device on this machine")
    return "cuda" if there and name != "cpu" else "cpu"


@contextmanager
def threads(count: int) -> Iterator[None]:
    """In this block torch uses so many threads.

    Raises:
        BadInput: for more than the machine has processors, or a few on a small one: torch crashes on very many.
    """
    import torch

    most = max(os.cpu_count() or 1, FEW)
    if count > most:
        raise BadInput(f"--threads is at most {most} on this machine, got {count}")
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def fitting(instead: str) -> Iterator[None]:
    """In this block memory that the device does not have is bad input; ``instead`` says what to do."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError on a GPU, a plain one on the CPU
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise BadInput(f"the device ran out of memory; {instead}") from None


def require_memory(needed: float, where: str, what: str) -> None:
    """Reject work that would take more bytes than the device has.

    Raises:
        BadInput: with ``what`` as the subject of the sentence.

    >>> require_memory(1e18, "cpu", "such a matrix")
    Traceback (most recent call last):
    verify.errors.BadInput: such a matrix takes about 1e+09 GB of memory, and cpu has ... GB
    """
    there = _memory(where)
    if needed > MOST_MEMORY * there:
        raise BadInput(f"{what} takes about {needed / 1e9:.3g} GB of memory, and {where} has {there / 1e9:.3g} GB")


def _memory(where: str) -> int:
    if where == "cuda":
        import torch

        return int(torch.cuda.get_device_properties(0).total_memory)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
