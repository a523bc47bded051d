"""Work spread over a Dask cluster, with the protocol of the process pool: ``verify.pool.Spread``.

A task is plain data and may run again: Dask itself starts those anew that a dead worker held. It counts a death against
every task that the worker had, so one that is given up after some deaths runs once more at the end, alone. Dask is
imported when a cluster is used. It runs whatever a client sends, and what it answers is unpickled here: connect only
to a scheduler that you trust.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from math import inf
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any, TypeVar

from verify.errors import BadInput
from verify.interrupt import end_after
from verify.pool import Lost, Piece, Spread, completed, worked_off
from verify.processors import default_jobs
from verify.store import state

T = TypeVar("T")
R = TypeVar("R")

ADDRESS = re.compile(r"((tcp|tls|ucx|wss?)://)?([^\s/:]+|\[[^\s/]+\]):\d{1,5}/?")
"""Of a scheduler; another one makes Dask's client wait for a minute at its end, and print a traceback."""

CONNECTING = 10
"""Seconds within which a scheduler must answer."""

GLANCE = 1.0
"""Seconds after which it is asked again how many workers there are."""

TRIES = 2
"""Dask starts a task anew on several workers; one that it gives up has one more try, alone."""

GIVEN_UP = Lost("its worker died, again and again (out of memory, or no answer in time?)")

_one_at_a_time = Lock()
"""In a worker: precisions are global, so that two items in one process would spoil each other."""


@contextmanager
def workers(
    jobs: int | None = None, scheduler: str | None = None, say: Callable[[str], None] = print
) -> Iterator[Spread]:
    """What spreads work: over processes on this machine, or over the cluster of a scheduler.

    Raises:
        BadInput: when both are named, Dask is missing, or the cluster cannot be used.

    >>> with workers(jobs=1) as spread:
    ...     list(spread(abs, [-2]))
    [(-2, 2)]
    """
    if scheduler is None:
        yield partial(completed, jobs=jobs or default_jobs())
        return
    if jobs is not None:
        raise BadInput("--jobs is for this machine and --scheduler for a cluster; give one of them")
    with _connected(scheduler, say) as client:
        _require_usable(client, scheduler, state())
        yield partial(_completed, client, scheduler, say)


@contextmanager
def _connected(address: str, say: Callable[[str], None]) -> Iterator[Any]:
    """A client of the scheduler at an address, or in the file that a scheduler wrote."""
    file = address.endswith(".json")
    if file and not Path(address).is_file():
        raise BadInput(f"--scheduler {address}: there is no such file")
    place = _written(address) if file else address
    if not ADDRESS.fullmatch(place):
        whose = "this file does not hold" if file else "this is not"
        raise BadInput(f"--scheduler {address}: {whose} an address such as tcp://HOST:PORT")
    if find_spec("distributed") is None:
        raise BadInput("--scheduler needs Dask: pip install 'neural-collapse-theorems[cluster]'")
    say(f"connecting to the scheduler at {place}")
    from distributed import Client

    for name in ("distributed", "distributed.client", "distributed.core"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is said here
    try:
        asyncio.run(_greeted(place))
        client = Client(place, timeout=CONNECTING, set_as_default=False)
    except Exception:  # what comes back from a server of another kind may fail in any way
        raise BadInput(f"--scheduler {address}: no scheduler answers there within {CONNECTING:g} seconds") from None
    try:
        yield client
    finally:
        client.close(timeout=CONNECTING)


async def _greeted(address: str) -> None:
    """See that a scheduler answers; Dask's client would wait for ever where somebody listens and says nothing."""
    from distributed.comm import connect
    from distributed.security import Security

    options = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=CONNECTING, **options), CONNECTING)
    comm.abort()


def _written(file: str) -> str:
    """The address in the file that a scheduler wrote; empty where there is none."""
    try:
        return str(json.loads(Path(file).read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def _require_usable(client: Any, address: str, own: str) -> None:
    """Each worker that is there now takes one item at a time, and has this very project; later ones are asked too."""
    for worker, threads in client.nthreads().items():
        if threads != 1:
            raise BadInput(
                f"--scheduler {address}: the worker {worker} has {threads} threads; start it with --nthreads 1"
            )
    try:
        found = client.run(state)
    except Exception as error:
        raise BadInput(f"--scheduler {address}: a worker cannot run this project ({_first_line(error)})") from None
    for worker, other in found.items():
        if other != own:
            raise BadInput(f"--scheduler {address}: the worker {worker} has {_ANOTHER}")


_ANOTHER = "another version of this project, of Python or of a dependency"


class OtherVersion(Exception):
    """A worker that came later would compute something else: nothing of it may be kept."""


def _on_worker(function: Callable[[T], R], expected: str, limit: float, task: T) -> R:
    """In a worker, which ends itself where there is no answer; its nanny starts another one."""
    if state() != expected:
        raise OtherVersion(f"it has {_ANOTHER}")
    with _one_at_a_time, end_after(limit):
        return function(task)


def _completed(
    client: Any,
    address: str,
    say: Callable[[str], None],
    function: Callable[[T], R],
    tasks: Iterable[T | None],
    /,
    limit: float = inf,
) -> Iterator[tuple[T, R | Lost]]:
    """Run a function on tasks on the workers; yield each task with its result, in the order of completion."""
    run = _Run(client, address, say, partial(_on_worker, function, state(), limit))
    try:
        yield from worked_off(run, tasks, TRIES, GIVEN_UP)
    finally:
        run.cancel()


class _Run:
    """What is under way on a cluster."""

    def __init__(self, client: Any, address: str, say: Callable[[str], None], function: Callable[[Any], Any]) -> None:
        self.client, self.address, self.say, self.function = client, address, say, function
        self.underway: dict[Any, Piece[Any]] = {}
        self.done: SimpleQueue[Any] = SimpleQueue()
        self._slots, self._asked, self._waiting = 0, -GLANCE, False

    def room(self) -> int:
        """Each worker has a task under way, and one that waits there."""
        return max(0, 2 * max(self.slots(), 1) - len(self.underway))

    def busy(self) -> bool:
        """Whether any task is under way."""
        return bool(self.underway)

    def begin(self, piece: Piece[Any]) -> None:
        """Send a task."""
        future = self.client.submit(self.function, piece.task, pure=False)
        self.underway[future] = piece
        future.add_done_callback(self.done.put)

    def finished(self, waits: bool) -> list[tuple[Piece[Any], tuple[Any] | None]]:
        """The next task that is finished, if one is before long, with its result in a tuple, or None."""
        if not self.underway:
            return []
        try:
            future = self.done.get(waits, GLANCE)
        except Empty:
            self._look()
            return []
        return [(self.underway.pop(future), self._result(future))]

    def _result(self, future: Any) -> tuple[Any] | None:
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        try:
            return (future.result(),)
        except KilledWorker:
            return None
        except CancelledError:
            raise self._gone() from None
        except (OtherVersion, ModuleNotFoundError) as error:
            raise BadInput(f"--scheduler {self.address}: a worker cannot run this project ({error})") from None
        except Exception as error:
            return (Lost(_first_line(error)),)

    def slots(self) -> int:
        """How many tasks the workers take at once, as of a moment ago."""
        if time.monotonic() - self._asked >= GLANCE:
            try:
                self._slots = sum(self.client.nthreads().values())
            except Exception:
                raise self._gone() from None
            self._asked = time.monotonic()
        return self._slots

    def _look(self) -> None:
        """Say once that no worker is there, or that the scheduler is gone."""
        idle = self.slots() == 0
        if idle and not self._waiting:
            self.say(f"waiting for workers at {self.address}")
        self._waiting = idle

    def _gone(self) -> BadInput:
        return BadInput(
            f"--scheduler {self.address}: the scheduler is gone; what is finished is kept, so run this again"
        )

    def cancel(self) -> None:
        """Take back what has not begun; what has ends on its worker, and nobody asks for it."""
        if self.underway and self.client.status == "running":
            self.client.cancel(list(self.underway))


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
