"""Work spread over processes, which survives the death of a worker and dies with its parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")

RETRIES = 2
"""How often a task is started again after its worker died."""

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Read by numerical libraries when they are imported; two threads on two busy cores are 50 times slower than one."""


MOST_JOBS = 8
"""Workers by default at most: each holds torch, SymPy and CVXPY in memory, about half a gigabyte."""


@dataclass(frozen=True)
class Lost:
    """A task without a result, and why."""

    reason: str


class Spread(Protocol):
    """How work is spread: runs a function on tasks, taken when needed, and yields each with its result, once."""

    def __call__(self, function: Callable[[T], R], tasks: Iterable[T], /) -> Iterator[tuple[T, R | Lost]]:
        """The tasks with their results, in the order of completion."""
        ...


def default_jobs() -> int:
    """One worker a processor, up to ``MOST_JOBS``."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, MOST_JOBS)


def completed(
    function: Callable[[T], R], tasks: Iterable[T], jobs: int, retries: int = RETRIES
) -> Iterator[tuple[T, R | Lost]]:
    """Run a function on tasks in worker processes; yield each task with its result, in the order of completion.

    Tasks are taken from the iterable only when a worker will soon be free. When a worker dies, the tasks that were
    under way are run again, each in a pool of its own, so that only the one that kills its worker is lost.
    """
    source = iter(tasks)
    with one_thread():
        while suspects := (yield from _shared(function, source, jobs)):
            for task in suspects:
                yield task, _alone(function, task, retries)


def _shared(function: Callable[[T], R], source: Iterator[T], jobs: int) -> Generator[tuple[T, R | Lost], None, list[T]]:
    """Work off the tasks in one pool; return those under way when a worker died, or nothing at the end."""
    underway: dict[Future[R], T] = {}
    with _pool(jobs) as pool:
        while True:
            for task in islice(source, 2 * jobs - len(underway)):
                try:
                    underway[pool.submit(function, task)] = task
                except BrokenExecutor:
                    return [*underway.values(), task]
            if not underway:
                return []
            done, _ = wait(underway, return_when=FIRST_COMPLETED)
            for future in done:
                result = _result(future)
                if result is None:
                    return list(underway.values())
                yield underway.pop(future), result[0]


def _alone(function: Callable[[T], R], task: T, retries: int) -> R | Lost:
    for _ in range(retries):
        with _pool(1) as pool:
            result = _result(pool.submit(function, task))
        if result is not None:
            return result[0]
    return Lost(f"its worker process died, {retries + 1} times (out of memory?)")


def _result(future: Future[R]) -> tuple[R | Lost] | None:
    """The result, in a tuple; None when the worker died."""
    try:
        return (future.result(),)
    except BrokenExecutor:
        return None
    except Exception as error:
        return (Lost(f"{type(error).__name__}: {error}"),)


@contextmanager
def _pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose workers are ended at once when its block is left by an exception."""
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_initialise)
    try:
        yield pool
    except BaseException:
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _initialise() -> None:
    """Leave Ctrl-C to the parent, and end when the parent does: a killed run must not leave workers behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


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
