"""Running a sweep: rows that the store lacks are computed, and a table is made of all, in the order of the design."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from verify.pool import Lost, Spread, hard_limit
from verify.store import Store, result_key
from verify.sweep.design import Design
from verify.sweep.rows import Row, Task, budget, compute

LABEL = "sweep"
"""What rows are filed under in the store."""

MISSING = "the store has lost this row: another run without a seal, or somebody else, changed it; run this again"
"""The problem of a point whose row was kept and cannot be read any more."""

COLUMNS: dict[str, dict[str, str]] = {
    "optimum": {
        "lower": "a decimal that is not above the minimum of the objective",
        "upper": "a decimal that is not below it",
        "trivial": "whether zero is the only minimiser; empty where that is not known",
        "active": "how many classes are not zero at the optimum; empty without a closed form",
        "by": "`closed form`, or `bounds`",
    },
    "verdict": {
        "conclusion": "`holds`, `refuted` or `undecided`, or `not applicable` where a hypothesis is not met",
        "assurance": "`proved`, `certified`, `numerical` or `none`",
        "detail": "why it is not `holds`",
    },
    "refuter": {
        "collapse": "the objective of the best collapsed point, zero included, rounded down",
        "conclusion": "`beaten`, with a certificate, or `not beaten`, which proves nothing",
        "detail": "by what, or in how many seconds",
    },
    "spectrum": {
        "predicted": "eigenvalues of the Hessian at collapse with their multiplicities, largest first",
        "detail": "why nothing is predicted",
    },
}
"""Columns of each table of a sweep file, and what stands in them."""


@dataclass(frozen=True)
class Progress:
    """How many points are done, how many of these were computed now, how many there are, and for how long it computes.

    The ``seconds`` count from the first point that the store lacks: to look up those before it takes hardly any.
    """

    done: int
    computed: int
    total: int
    seconds: float = 0.0


@dataclass
class Summary:
    """What a sweep came to: points, how many have a problem, and the first problem."""

    points: int = 0
    problems: int = 0
    first: str = ""


def tasks(design: Design) -> Iterator[Task]:
    """The points, one after another."""
    return (Task(values, design.compute, design.seed, index) for index, values in enumerate(design))


def run(
    design: Design,
    store: Store,
    spread: Spread,
    fresh: bool = False,
    progress: Callable[[Progress], None] = lambda event: None,
) -> None:
    """Compute the rows that the store lacks, and keep each when it is finished.

    Certificates of stored rows are checked again; rows that failed are computed again.
    """
    done = computed = 0
    start: float | None = None

    def told() -> None:
        progress(Progress(done, computed, len(design), 0.0 if start is None else time.monotonic() - start))

    def missing() -> Iterator[Task | None]:
        nonlocal done, start
        for task in tasks(design):
            body = None if fresh else stored(store, task)
            if body is None or body["failed"]:
                start = time.monotonic() if start is None else start
                yield task
            elif body["certificates"]:
                yield Task(task.values, task.compute, task.seed, task.index, tuple(body["certificates"]))
            else:
                done += 1
                told()
                yield None

    for task, row in spread(compute, missing(), limit=hard_limit(budget(design.compute))):
        done += 1
        computed += row is not None
        if row is not None:
            row = Row(problems=[row.reason], failed=True) if isinstance(row, Lost) else row
            if not row.failed or (stored(store, task) or {"failed": True})["failed"]:  # what is finished stays
                keep(store, task, row)
        told()


def stored(store: Store, task: Task) -> dict[str, Any] | None:
    """What the store holds for a point."""
    return store.get(result_key(task.parts))


def keep(store: Store, task: Task, row: Row) -> None:
    """Put a row into the store, its certificates first."""
    body = asdict(row)
    certificates = body.pop("certificates")
    store.put(result_key(task.parts), LABEL, body, certificates)


def header(design: Design) -> list[str]:
    """The names of the columns: the point, the file's keys, what was found, certificates, problems."""
    found = [f"{table}.{column}" for table in design.compute for column in COLUMNS[table]]
    return ["point", *design.axes, *found, "certificates", "problem"]


def write_table(design: Design, store: Store, file: TextIO) -> Summary:
    """Write all rows as CSV, in the design's order."""
    writer, names, summary = csv.writer(file, lineterminator="\n"), header(design), Summary()
    writer.writerow(names)
    for cells in rows(design, store):
        summary.points += 1
        if cells["problem"]:
            summary.problems += 1
            summary.first = summary.first or f"point {cells['point']}: {cells['problem']}"
        writer.writerow([cells.get(name, "") for name in names])
    return summary


def rows(design: Design, store: Store) -> Iterator[Mapping[str, str]]:
    """The rows by the names of their columns."""
    for task in tasks(design):
        body = stored(store, task) or {"cells": {}, "certificates": [], "problems": [MISSING]}
        yield {
            "point": str(task.index),
            **{path: text(value) for path, value in task.values.items()},
            **body["cells"],
            "certificates": " ".join(store.path(certificate).name for certificate in body["certificates"]),
            "problem": "; ".join(body["problems"]),
        }


def text(value: Any) -> str:
    """A value as it stands in the table.

    >>> text(["1/2", 3]), text(True)
    ('1/2 3', 'true')
    """
    if isinstance(value, list):
        return " ".join(map(text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
