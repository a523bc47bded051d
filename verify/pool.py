"""Work spread over processes, which survives the death and the silence of a worker and dies with its parent.

Each process works on one task at a time and has a pipe of its own, so that it is known whose worker died, and nothing
else is lost with it.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Protocol, TypeVar, cast

from verify.interrupt import end_after
from verify.processors import one_thread

T = TypeVar("T")
R = TypeVar("R")

TRIES = 3
"""How many workers may die of a task before it is given up."""

PATIENCE, STARTING = 3, 60
"""A task is answered within so many times its own time limit, and so many seconds more.

Its limit comes by a signal, which waits for native code to return; a machine with other work is slower than the clock;
certificates are checked after the limit; and a new process first imports its libraries.
"""

ORPHANED = 10
"""Seconds after the limit at which a process ends itself, where nobody else does."""


@dataclass(frozen=True)
class Lost:
    """A task without a result, and why."""

    reason: str


class Spread(Protocol):
    """How work is spread: runs a function on tasks, taken when needed, and yields each with its result, once.

    A task that is not answered within ``limit`` seconds is lost. Where tasks take long to find, None between them lets
    results be handed over.
    """

    def __call__(
        self, function: Callable[[T], R], tasks: Iterable[T | None], /, limit: float = inf
    ) -> Iterator[tuple[T, R | Lost]]:
        """The tasks with their results, in the order of completion."""
        ...


def hard_limit(seconds: float) -> float:
    """Seconds after which no answer is expected any more from work that has a time limit.

    >>> hard_limit(120)
    420
    """
    return PATIENCE * seconds + STARTING


def silent(limit: float) -> Lost:
    """What becomes of a task without an answer."""
    return Lost(f"no answer within {limit:g} seconds, so its worker was ended")


def completed(
    function: Callable[[T], R], tasks: Iterable[T | None], jobs: int, limit: float = inf
) -> Iterator[tuple[T, R | Lost]]:
    """Run a function on tasks in worker processes; yield each task with its result, in the order of completion.

    Tasks are taken from the iterable only when a worker will soon be free. A task whose worker dies is run again; of
    ``TRIES`` deaths the last comes when nothing else is under way, so that it has all the memory.
    """
    lost = Lost(f"its worker process died, {TRIES} times (out of memory?)")
    with one_thread(), _Processes(function, jobs, limit) as crew:
        yield from worked_off(crew, tasks, TRIES, lost)


@dataclass(eq=False)
class Piece(Generic[T]):
    """A task, and how many workers have died of it."""

    task: T
    deaths: int = 0


class Crew(Protocol):
    """Those who work off tasks: processes here, or a cluster."""

    def room(self) -> int:
        """How many tasks more they take now."""
        ...

    def busy(self) -> bool:
        """Whether any task is under way."""
        ...

    def begin(self, piece: Piece[Any]) -> None:
        """Start a task."""
        ...

    def finished(self, waits: bool) -> list[tuple[Piece[Any], tuple[Any] | None]]:
        """Tasks that are no longer under way, with the result in a tuple, or None where the worker died."""
        ...


def worked_off(crew: Crew, tasks: Iterable[T | None], tries: int, lost: Lost) -> Iterator[tuple[T, Any]]:
    """Let a crew work off tasks: each is found while others are under way, and results are looked for in between."""
    source, more = iter(tasks), True
    planned, suspects = deque[Piece[T]](), deque[Piece[T]]()

    def begin() -> None:
        while planned and crew.room():
            crew.begin(planned.popleft())

    while True:
        if more and len(planned) <= crew.room():
            task = next(source, END)
            more = task is not END
            if more and task is not None:
                planned.append(Piece(cast(T, task)))
        elif not planned and not crew.busy():
            if not suspects:
                return
            planned.append(suspects.popleft())
        begin()
        answers: list[tuple[T, Any]] = []
        for piece, result in crew.finished(waits=not more or len(planned) > crew.room()):
            piece.deaths += result is None
            if result is not None or piece.deaths == tries:
                answers.append((piece.task, lost if result is None else result[0]))
            else:
                (planned if piece.deaths < tries - 1 else suspects).append(piece)
        begin()  # before anybody takes the time to keep the answers
        yield from answers


END = object()
"""What comes after the last task."""


@dataclass(eq=False)
class _Worker:
    """A process, its pipe, and what it works on since when."""

    process: BaseProcess
    pipe: Connection
    piece: Piece[Any] | None = None
    begun: float = 0.0

    def answer(self) -> tuple[Any] | None:
        """What it sent, in a tuple; None where it died before."""
        try:
            return (pickle.loads(self.pipe.recv_bytes()),) if self.pipe.poll() else None
        except (EOFError, OSError):
            return None
        except Exception as error:
            return (Lost(f"{type(error).__name__}: {error}"),)

    def end(self) -> None:
        """By force: an idle process has nothing to lose, and another one may not listen."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class _Processes(Generic[T, R]):
    """Worker processes, started when they are needed, and ended where they die or do not answer."""

    def __init__(self, function: Callable[[T], R], jobs: int, limit: float) -> None:
        self.function, self.jobs, self.limit = function, jobs, limit
        self.workers: list[_Worker] = []

    def __enter__(self) -> _Processes[T, R]:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.end()

    def room(self) -> int:
        """Workers that have nothing to do, or are not there yet."""
        return self.jobs - sum(worker.piece is not None for worker in self.workers)

    def busy(self) -> bool:
        """Whether any of them works."""
        return self.room() < self.jobs

    def begin(self, piece: Piece[T]) -> None:
        """Send a task to a worker that lives; one that dies just now is found out later."""
        for worker in [w for w in self.workers if w.piece is None and not w.process.is_alive()]:
            self._without(worker)
        worker = next((w for w in self.workers if w.piece is None), None) or self._started()
        worker.piece, worker.begun = piece, time.monotonic()
        with suppress(OSError):
            worker.pipe.send_bytes(pickle.dumps(piece.task))

    def finished(self, waits: bool) -> list[tuple[Piece[T], tuple[Any] | None]]:
        """Answers, deaths, and those of whom no answer is expected any more."""
        busy = [(worker, worker.piece) for worker in self.workers if worker.piece is not None]
        if busy:
            left = min(worker.begun for worker, _ in busy) + self.limit - time.monotonic()
            patience = 0.0 if not waits else None if left == inf else max(left, 0.0)
            wait([source for worker, _ in busy for source in (worker.pipe, worker.process.sentinel)], patience)
        found: list[tuple[Piece[T], tuple[Any] | None]] = []
        for worker, piece in busy:
            late = time.monotonic() - worker.begun >= self.limit
            answers = worker.pipe.poll() or not worker.process.is_alive()
            if not (answers or late):
                continue
            result = worker.answer() if answers else None
            if result is None:
                self._without(worker)
                result = (silent(self.limit),) if late else None
            worker.piece = None
            found.append((piece, result))
        return found

    def _started(self) -> _Worker:
        """A new process, which knows what to do with a task."""
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(self.function, there, self.limit + ORPHANED), daemon=True)
        process.start()
        there.close()
        self.workers.append(_Worker(process, here))
        return self.workers[-1]

    def _without(self, worker: _Worker) -> None:
        worker.end()
        self.workers.remove(worker)


def _serve(function: Callable[[Any], Any], pipe: Connection, limit: float) -> None:
    """In a worker: answer tasks until the pipe is closed; leave Ctrl-C to the parent, and end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            pipe.send_bytes(_answer(function, pipe.recv_bytes(), limit))


def _answer(function: Callable[[Any], Any], task: bytes, limit: float) -> bytes:
    """The result; what is raised becomes a lost task, as does what cannot be sent."""
    try:
        with end_after(limit):
            return pickle.dumps(function(pickle.loads(task)))
    except BaseException as error:
        return pickle.dumps(Lost(f"{type(error).__name__}: {error}"))


def _end_with_parent() -> None:
    """A killed run must not leave workers behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
