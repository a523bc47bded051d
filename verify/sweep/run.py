"""Running a sweep: results that the store lacks are computed, and a table is made of all, in the order of the design.

A result is what one table of the file finds at one point, so that another option in one table, or another table, costs
nothing in the others.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TextIO

from verify.pool import Lost, Spread, hard_limit
from verify.store import Store, result_key
from verify.sweep.design import Design
from verify.sweep.rows import Row, Task, Values, budget, compute

LABEL = "sweep"
"""What results are filed under in the store."""

MISSING = "the store has lost this result: another run without a seal, or somebody else, changed it; run this again"
"""The problem of a point of which a result was kept and cannot be read any more."""

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
    """How many results are there, how many of these were computed now, how many there will be, and the time it took.

    The ``seconds`` count from the first result that the store lacks: to look up those before it is another pace.
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
    """Each table at the points, one after another."""
    return (task for index, values in enumerate(design) for task in at(design, index, values))


def at(design: Design, index: int, values: Values) -> list[Task]:
    """All tables at one point."""
    return [Task(values, name, options, design.seed, index) for name, options in design.compute.items()]


def run(
    design: Design,
    store: Store,
    spread: Spread,
    fresh: bool = False,
    progress: Callable[[Progress], None] = lambda event: None,
) -> None:
    """Compute the results that the store lacks, and keep each when it is finished.

    Certificates of stored results are checked again; what failed is computed again.
    """
    total, limit = len(design) * len(design.compute), hard_limit(max(map(budget, design.compute.values())))
    done = computed = 0
    start: float | None = None

    def told() -> None:
        progress(Progress(done, computed, total, 0.0 if start is None else time.monotonic() - start))

    def missing() -> Iterator[Task | None]:
        nonlocal done, start
        for task in tasks(design):
            body = None if fresh else stored(store, task)
            if body is None or body["failed"] or body["certificates"]:
                start = time.monotonic() if start is None else start
                yield (
                    task if body is None or body["failed"] else replace(task, certificates=tuple(body["certificates"]))
                )
            else:
                done += 1
                told()
                yield None

    for task, row in spread(compute, missing(), limit=limit):
        done += 1
        computed += row is not None
        if row is not None:
            row = Row(problems=[f"{task.table}: {row.reason}"], failed=True) if isinstance(row, Lost) else row
            if not row.failed or (stored(store, task) or {"failed": True})["failed"]:  # what is finished stays
                keep(store, task, row)
        told()


def stored(store: Store, task: Task) -> dict[str, Any] | None:
    """What the store holds of a result."""
    return store.get(result_key(task.parts))


def keep(store: Store, task: Task, row: Row) -> None:
    """Put a result into the store, its certificates first."""
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
    lost: dict[str, Any] = {"cells": {}, "certificates": [], "problems": [MISSING]}
    for index, values in enumerate(design):
        found = [stored(store, task) or lost for task in at(design, index, values)]
        cells = {name: cell for body in found for name, cell in body["cells"].items()}
        names = (store.path(certificate).name for body in found for certificate in body["certificates"])
        problems = dict.fromkeys(problem for body in found for problem in body["problems"])
        yield {
            "point": str(index),
            **{path: text(value) for path, value in values.items()},
            **cells,
            "certificates": " ".join(names),
            "problem": "; ".join(problems),
        }


def text(value: Any) -> str:
    """A value as it stands in the table.

    >>> text(["1/2", 3]), text(True)
    ('1/2 3', 'true')
    """
    if isinstance(value, list):
        return " ".join(map(text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
