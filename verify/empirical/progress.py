"""A bar on a terminal while a long run goes on; elsewhere nothing, as the run's own lines say how far it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Shows what is done of a total, with the time that has passed, on standard error; called with what is done.

    >>> with bar("layers", 3) as done:
    ...     done(1)
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from verify.report import console

    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda done: None
        return
    columns = (SpinnerColumn(), TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    lines_too = sys.stdout.isatty()  # printed above the bar; a file or a pipe gets them as they are
    with Progress(*columns, console=screen, transient=True, redirect_stdout=lines_too) as shown:
        task = shown.add_task(what, total=total)
        yield lambda done: shown.update(task, completed=done)
