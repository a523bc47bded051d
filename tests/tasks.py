"""What workers of ``test_pool.py`` do; light, so that they start quickly."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path


def squared(task: tuple[str, int]) -> int:
    """The square of a number after a line in a log; at −1 its process dies, at −2 it hangs in C, deaf to signals."""
    log, number = task
    with Path(log).open("a", encoding="utf-8") as file:
        file.write(f"{number}\n")
    if number == -1:
        os._exit(9)
    if number == -2:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        ctypes.PyDLL(None).sleep(600)  # with the interpreter's lock, so that no thread of Python runs, either
    time.sleep(0.02)
    return number * number


def broken(what: str) -> object:
    """Raises, leaves, or answers what no pipe takes."""
    if what == "raise":
        raise ValueError("no")
    if what == "exit":
        sys.exit(5)
    return lambda: None


def process(seconds: float) -> int:
    """The process that it ran in, after some seconds."""
    time.sleep(seconds)
    return os.getpid()
