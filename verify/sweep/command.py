"""The command ``collapse sweep``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from verify.errors import BadInput
from verify.files import require_writable, written
from verify.pictures.files import require_picture

if TYPE_CHECKING:
    from verify.sweep.run import Progress

SOME_MISSING = 3
"""Exit status when something could not be computed at some point."""

BETWEEN_LINES = 10.0
"""Seconds from one line of progress to the next, where there is no terminal."""

Jobs = Annotated[int | None, typer.Option(min=1, help="Worker processes; default one a processor.")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Work on the Dask cluster of a scheduler that you trust: tcp://HOST:PORT, or the file that it wrote.",
    ),
]


def sweep(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The design; see below.")],
    csv: Annotated[
        str, typer.Option("--csv", metavar="FILE", help="Where the table goes; - is standard output.")
    ] = "-",
    plot: Annotated[
        str | None, typer.Option("--plot", metavar="FILE", help="Draw phases over the keys that vary, as .svg or .png.")
    ] = None,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore stored results.")] = False,
) -> None:
    """Optima, verdicts, the refuter or spectra over many models.

    A row a model of the design.

    \b
    The file has these tables; a key has a value, a list, or a range
      {from = 1, to = 9, step = 2} or {from = "1/10000", to = "1/10", count = 40, scale = "log"}:
    \b
      [design]      kind = "grid" (default) or "random" with points = 100; seed = 0
      [model]       classes and samples (of each), or sizes = "200,100,2*50"; depth; widths;
                    decay, or weight_decays and feature_decay; loss, activation, bias, features,
                    alpha, gamma, bias_decay, convention: as in collapse optimum
      [optimum]     digits
      [verdict]     statement, clause, engines; with [parameters] of the statement beside its model
      [refuter]     seconds: is collapse beaten?
      [spectrum]    layer or full, regularised, digits: predicted eigenvalues at collapse
    \b
    Rationals are text such as "1/2000" or "5e-4". docs/sweep.md has the columns.
    Finished results are kept, and an interrupted sweep continues where it was.
    """
    from verify.cluster import workers
    from verify.compiled import prepare
    from verify.store import Store
    from verify.sweep.design import read
    from verify.sweep.run import run

    if plot is not None:
        require_picture(plot, "--plot")
    design = read(file)
    for option, path in (("--csv", csv), ("--plot", plot)):
        if path is not None and Path(path).exists() and Path(path).samefile(file):
            raise BadInput(f"{option} {path}: this is the sweep file itself, which would be overwritten")
    if plot is not None:
        from verify.pictures.sweeps import require_drawable

        require_drawable(design)
    for option, path in (("--csv", csv), ("--plot", plot)):
        require_writable(path, option)
    if "refuter" in design.compute and scheduler is None:
        prepare(say)
    with workers(jobs, scheduler, say) as spread, Store() as store:
        if store.note:
            say(store.note)
        with shown() as progress:
            run(design, store, spread, fresh, progress)
        with written(csv, "--csv", "; all results are kept, so run this again") as table:
            from verify.sweep.run import rows, write_table

            summary = write_table(design, store, table)
        if plot is not None:
            from verify.pictures import save
            from verify.pictures.sweeps import sweep_phases

            save(sweep_phases(design, rows(design, store)), plot, "--plot")
    if summary.problems:
        say(f"{summary.problems} of {summary.points} points have a problem; the first is {summary.first}")
        raise typer.Exit(SOME_MISSING)


def say(sentence: str) -> None:
    """A line for people, beside the table."""
    print(f"collapse: {sentence}", file=sys.stderr, flush=True)


@contextmanager
def shown() -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal; elsewhere a line from time to time."""
    from verify.report import console

    screen = console(stderr=True)
    if not screen.is_terminal:
        yield Lines()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda event: bar.update(task, description=left(event), completed=event.done, total=event.total)


class Lines:
    """Prints how far a sweep has come, not too often, and at the end."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, event: Progress) -> None:
        now = time.monotonic()
        if event.done == event.total or now - self.last >= BETWEEN_LINES:
            self.last = now
            told = left(event)
            print(f"{event.done} of {event.total} results{', ' if told else ''}{told}", file=sys.stderr, flush=True)


def left(event: Progress) -> str:
    """The time left at the pace of the results that were computed now; at the end how many these were.

    >>> from verify.sweep.run import Progress
    >>> left(Progress(50, 20, 90, 10.0)), left(Progress(90, 60, 90, 30.0))
    ('about 20 s left', '60 computed now')
    """
    if event.done == event.total:
        return f"{event.computed} computed now"
    if not event.computed:
        return ""
    rest = (event.total - event.done) * event.seconds / event.computed
    units = ((86_400, "days"), (3600, "h"), (60, "min"), (1, "s"))
    length, unit = next(((n, u) for n, u in units if rest >= 2 * n), units[-1])
    return f"about {rest / length:.0f} {unit} left"
