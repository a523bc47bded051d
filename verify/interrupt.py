"""Interrupting what takes too long, at a moment when an exception gets out and leaves nothing half done."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN = 0.2
"""Seconds from one interruption to the next, once the time is up."""


@contextmanager
def at_most(seconds: float, error: Callable[[], BaseException], of_processor: bool = False) -> Iterator[None]:
    """Raise an error in what runs longer, where the system can; a library's own loop ends first.

    The signal comes again and again until the block is left: an exception raised inside a destructor or a callback is
    lost. A timer that was set before goes on afterwards. Outside the main thread nothing is interrupted.

    Args:
        of_processor: count seconds of work, however busy the machine is, in place of seconds that somebody waits.

    >>> with at_most(0.01, TimeoutError):
    ...     while True:
    ...         pass
    Traceback (most recent call last):
    TimeoutError
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_: int, frame: FrameType | None) -> None:
        if not _must_finish(frame):
            raise error()

    now, timer, number = time.monotonic, signal.ITIMER_REAL, signal.SIGALRM
    if of_processor:
        now, timer, number = time.process_time, signal.ITIMER_PROF, signal.SIGPROF
    before, start = signal.signal(number, stop), now()
    outer, again = signal.setitimer(timer, max(seconds, 0.001), AGAIN)
    try:
        yield
    finally:
        signal.setitimer(timer, 0)
        signal.signal(number, before)
        if outer:
            signal.setitimer(timer, max(outer - (now() - start), 0.001), again)


def _must_finish(frame: FrameType | None) -> bool:
    """Whether something runs that an exception would not come out of, or would leave in the middle.

    Destructors and callbacks of the garbage collector swallow exceptions. A module whose import is interrupted stays
    in the interpreter with half of its names. Hypothesis notes on entering a test that it
    is in one, and on leaving that it is not: interrupted there, it would call every later draw a nested one.
    """
    while frame is not None:
        name, module = frame.f_code.co_name, frame.f_globals.get("__name__", "")
        if name in ("__del__", "gc_callback", "remove") or module == "importlib._bootstrap":
            return True
        if name in ("__enter__", "__exit__") and module.startswith("hypothesis."):
            return True
        frame = frame.f_back
    return False
