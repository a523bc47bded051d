"""Interrupting what takes too long, at a moment when an exception gets out and leaves nothing half done.

Signals reach the main thread only; in another one, such as that of a Dask worker, a third thread raises the exception.
Either way a library's own loop ends first.
"""

from __future__ import annotations

import ctypes
import faulthandler
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType

AGAIN = 0.2
"""Seconds from one interruption to the next, once the time is up: an exception inside a destructor is lost."""


CALLBACKS = {("weakref", "remove"), ("_weakrefset", "_remove"), ("hypothesis", "gc_callback")}
"""Package and name of callbacks of the garbage collector."""


def at_most(seconds: float, error: type[BaseException], of_processor: bool = False) -> AbstractContextManager[None]:
    """Raise an error in what runs longer, again and again until the block is left.

    Args:
        of_processor: count seconds of work, however busy the machine is, in place of seconds that somebody waits.

    >>> with at_most(0.01, TimeoutError):
    ...     while True:
    ...         pass
    Traceback (most recent call last):
    TimeoutError
    """
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        return _by_signals(seconds, error, of_processor)
    return _by_a_thread(seconds, error, of_processor)


@contextmanager
def _by_signals(seconds: float, error: type[BaseException], of_processor: bool) -> Iterator[None]:
    """A timer that was set before goes on afterwards; a limit around this one that ends first stands alone."""
    over = False

    def stop(_: int, frame: FrameType | None) -> None:
        if not over and not _must_finish(frame):
            raise error

    now, timer, number = _clock(of_processor), signal.ITIMER_REAL, signal.SIGALRM
    if of_processor:
        timer, number = signal.ITIMER_PROF, signal.SIGPROF
    start, (outer, again) = now(), signal.getitimer(timer)
    if 0 < outer <= seconds and getattr(signal.getsignal(number), "__module__", "") == __name__:
        yield
        return
    before = signal.signal(number, stop)
    try:
        signal.setitimer(timer, max(seconds, 0.001), AGAIN)
        yield
    finally:
        over = True  # a signal that comes just now would leave this handler, and end the timer that was set before
        signal.setitimer(timer, 0)
        signal.signal(number, before)
        if outer:
            signal.setitimer(timer, max(outer - (now() - start), 0.001), again)


@contextmanager
def _by_a_thread(seconds: float, error: type[BaseException], of_processor: bool) -> Iterator[None]:
    now = _clock(of_processor)
    thread, end, left, lock = threading.get_ident(), now() + seconds, threading.Event(), threading.Lock()

    def watch() -> None:
        while not left.wait(max(end - now(), AGAIN)):
            with lock:
                if now() >= end and not left.is_set() and not _must_finish(sys._current_frames().get(thread)):
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


@contextmanager
def held() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the block is left: for what an exception would leave half made.

    >>> with held():
    ...     pass
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda number, _: caught.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: not set from Python
        if caught:
            signal.raise_signal(caught[0])


@contextmanager
def end_after(seconds: float) -> Iterator[None]:
    """End this whole process where the block takes longer, whatever it hangs in: a thread of C waits for it.

    >>> with end_after(60):
    ...     pass
    """
    if seconds == math.inf:
        yield
        return
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def _clock(of_processor: bool) -> Callable[[], float]:
    return time.process_time if of_processor else time.monotonic


def _must_finish(frame: FrameType | None) -> bool:
    """Whether something runs that an exception would not come out of, or would leave in the middle.

    Destructors and callbacks of the garbage collector swallow exceptions. A module whose import is interrupted stays
    in the interpreter with half of its names. Hypothesis notes on entering a test that it is in one, and on leaving
    that it is not: interrupted there, it would call every later draw a nested one.
    """
    while frame is not None:
        name, module = frame.f_code.co_name, frame.f_globals.get("__name__", "")
        if name == "__del__" or module == "importlib._bootstrap" or (module.split(".")[0], name) in CALLBACKS:
            return True
        if name in ("__enter__", "__exit__") and module.startswith("hypothesis."):
            return True
        frame = frame.f_back
    return False
