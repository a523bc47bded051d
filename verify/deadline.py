"""A time limit in a thread that gets no signals: another thread raises an exception there when the time is up.

Signals, which ``verify.work`` and ``verify.refute`` prefer, reach the main thread only; a Dask worker has its tasks in
another one. Either way a library's own loop ends first.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 0.2
"""Seconds from one interruption to the next: an exception inside a destructor or a callback is lost."""


@contextmanager
def raised_here(
    error: type[BaseException], end: float, now: Callable[[], float] = time.monotonic, again: float = AGAIN
) -> Iterator[None]:
    """Raise an error in this thread, again and again, from the time ``end`` of a clock on until the block is left.

    >>> with raised_here(TimeoutError, time.monotonic() + 60):
    ...     print("in time")
    in time
    """
    thread, left, lock = threading.get_ident(), threading.Event(), threading.Lock()

    def watch() -> None:
        while not left.wait(max(end - now(), again)):
            with lock:
                if now() >= end and not left.is_set() and not inside_callback(sys._current_frames().get(thread)):
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        try:
            left.set()
        finally:  # also where the error comes just now
            left.set()
            with lock:
                pass


def inside_callback(frame: FrameType | None) -> bool:
    """Whether a destructor or a callback of the garbage collector runs, from which no exception comes out."""
    while frame is not None:
        if frame.f_code.co_name in ("__del__", "gc_callback", "remove"):
            return True
        frame = frame.f_back
    return False


def in_main_thread() -> bool:
    """Whether signals reach this thread."""
    return threading.current_thread() is threading.main_thread()
