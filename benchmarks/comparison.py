"""Ours beside what one would run instead, in one run: ``make bench`` writes the tables of ``docs/benchmarks.md``.

With names of tables as arguments these are made and printed, and the page stays as it is: what it shows is of one run.
Each method has a process of its own, on one thread.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import descent
import growth
import numpy as np
import restarts
import steps
import torch
from measuring import Measured, alone, machine, plain, put, repeated, short, table
from verification import verification

from theory.arithmetic.interpreters import Balls, precision
from theory.closed_form.optimum import optimum
from theory.model import UnconstrainedFeatures
from theory.ops import matrix
from theory.reductions import MEANS, class_mean_objective, class_mean_variables
from verify import checker
from verify.certificate import two_sided_bound

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
LIMIT = 100.0
"""Seconds after which a solver is stopped."""

Rows = Iterator[tuple[str, ...]]
Found = tuple[tuple[float, ...], Any]
"""Seconds of each repeat, and what was found."""


# ----------------------------------------------------------------------- the certified optimum of a convex problem

CONVEX = UnconstrainedFeatures(class_sizes=(10,) * 10, depth=1, decays="1/200")


def closed_form() -> Found:
    """The enclosure of the optimum."""
    return repeated(lambda: float(optimum(CONVEX).objective.decimal(20)))


def certified() -> Found:
    """A certificate, written and accepted by the checker; the width of what it encloses."""

    def certify() -> float:
        certificate = two_sided_bound(CONVEX)
        checker.check(checker.load(json.dumps(certificate)))
        return float(Fraction(certificate["high"]) - Fraction(certificate["low"]))

    return repeated(certify)


def solver(name: str, reduced: bool) -> Found:
    """CVXPY on 1/(2N) ‖Z − Y‖² + λ ‖Z‖_* over Z (K, N), or over (K, K) class means times √n."""
    import cvxpy as cp

    K, N, n = CONVEX.K, CONVEX.N, CONVEX.class_sizes[0]
    labels = n**0.5 * np.eye(K) if reduced else np.repeat(np.eye(K), n, axis=1)
    Z = cp.Variable(labels.shape)
    objective = cp.sum_squares(Z - labels) / (2 * N) + float(CONVEX.Lambda) ** 0.5 * cp.normNuc(Z)
    return repeated(lambda: float(cp.Problem(cp.Minimize(objective)).solve(solver=name)))


def certificates() -> Rows:
    """Rows: method, time, ratio, accuracy, memory."""
    yield "method", "time", "times ours, certified", "accuracy", "peak memory, MB"
    value = float(optimum(CONVEX).objective.decimal(20))
    ours = alone(certified, limit=LIMIT)
    assert ours is not None
    yield (
        "collapse, certificate written and checked",
        ours.shown,
        "1",
        f"encloses, ± {ours.found / 2:.0e}",
        memory(ours),
    )
    form = alone(closed_form, limit=LIMIT)
    assert form is not None
    ratio = f"{form.median / ours.median:.2f}"
    yield "collapse, closed form in balls", form.shown, ratio, "encloses, every printed digit", memory(form)
    for reduced, name in product((True, False), ("CLARABEL", "SCS")):
        title = f"CVXPY with {name.replace('CLARABEL', 'Clarabel')}, {'class means' if reduced else 'full'}"
        found = alone(solver, name, reduced, limit=LIMIT)
        if found is None:
            yield title, f"stopped after {LIMIT:.0f} s", f"> {plain(LIMIT / ours.median)}", "", ""
            continue
        off = abs(found.found - value) / value
        yield title, found.shown, plain(found.median / ours.median), f"{off:.0e} off, not certified", memory(found)


def memory(found: Measured) -> str:
    """Peak memory of a process, as shown."""
    return plain(found.peak)


# ----------------------------------------------------------------------------------------------------------- balls

BITS = 256
FORMULA = UnconstrainedFeatures(class_sizes=(10,) * 10, depth=3, decays="1/200")


def rational_point() -> dict[str, list[list[Fraction]]]:
    """Factors with entries of two digits."""
    rng = Random(0)
    shapes = {name: variable.shape for name, variable in class_mean_variables(FORMULA).items()}
    return {
        name: [[Fraction(rng.randint(-99, 99), 100) for _ in range(q)] for _ in range(p)]
        for name, (p, q) in shapes.items()
    }


def balls() -> Found:
    """The objective over class means in balls (Arb); the radius."""
    with precision(BITS):
        arithmetic, objective = Balls(), class_mean_objective(FORMULA)
        values = {name: arithmetic.evaluate(matrix(rows)) for name, rows in rational_point().items()}
        seconds, found = repeated(lambda: arithmetic.evaluate(objective, values))
        return seconds, float(abs(found[0, 0] if hasattr(found, "nrows") else found).rad())


def mpmath_objective(intervals: bool) -> Found:
    """The same in mpmath, as intervals or without error bounds; the width."""
    import mpmath

    context = mpmath.iv if intervals else mpmath.mp
    context.prec = BITS
    read = {
        name: context.matrix([[context.mpf(x.numerator) / x.denominator for x in row] for row in rows])
        for name, rows in rational_point().items()
    }
    decay, n = context.mpf(1) / 200, FORMULA.class_sizes[0]

    def squares(X: Any) -> Any:
        return sum((x * x for x in X), context.mpf(0))

    def objective() -> Any:
        outputs = read[MEANS]
        for m in range(1, FORMULA.M + 1):
            outputs = read[f"W_{m}"] * outputs
        fit = n * squares(outputs - context.eye(FORMULA.K)) / (2 * FORMULA.N)
        return fit + decay / 2 * (
            sum(squares(X) for name, X in read.items() if name != MEANS) + n * squares(read[MEANS])
        )

    seconds, found = repeated(objective)
    return seconds, float(found.delta) if intervals else float("nan")


def arithmetic() -> Rows:
    """Rows: arithmetic, time, ratio, width."""
    yield "arithmetic", "time", "times ours", "width of the enclosure"
    ours = alone(balls, limit=LIMIT)
    assert ours is not None
    yield "collapse, balls of Arb through python-flint", ours.shown, "1", f"{2 * ours.found:.0e}"
    for intervals in (True, False):
        found = alone(mpmath_objective, intervals, limit=LIMIT)
        assert found is not None
        title, width = ("mpmath, intervals", f"{found.found:.0e}") if intervals else ("mpmath, no bounds", "none")
        yield title, found.shown, plain(found.median / ours.median), width


# --------------------------------------------------------------------------------------------------------- start-up

COMMANDS: tuple[tuple[tuple[str, ...], float], ...] = (
    (("--help",), 0.3),
    (("list",), 1.0),
    (("optimum", "--sizes", "200,100,50,50", "--depth", "3", "--decay", "1/2000"), 0.6),
)


def start_up() -> Rows:
    """Rows: command, best and median of five, what is aimed at."""
    yield "command", "best of five", "median", "aim"
    for arguments, aim in COMMANDS:
        command = [sys.executable, "-m", "verify.cli", *arguments]
        seconds, _ = repeated(lambda c=command: subprocess.run(c, check=True, capture_output=True), 5, LIMIT)
        shown = " ".join(("collapse", *arguments))
        yield f"`{shown}`", short(min(seconds)), short(float(np.median(seconds))), f"< {aim} s"


TABLES: dict[str, Callable[[], Rows]] = {
    "descent": lambda: descent.to_the_optimum("cpu"),
    "steps": lambda: steps.per_step("cpu"),
    "certificates": certificates,
    "arithmetic": arithmetic,
    "throughput": restarts.throughput,
    "scaling": growth.scaling,
    "thousand": growth.thousands,
    "start-up": start_up,
    "verification": verification,
}


def main(names: Sequence[str]) -> None:
    """Make all tables and put them into the page together; or make the named ones and only print them.

    Raises:
        SystemExit: for a name that no table has.
    """
    if unknown := [name for name in names if name not in TABLES]:
        raise SystemExit(f"no table is called {unknown[0]}; there are {', '.join(TABLES)}")
    torch.set_num_threads(1)
    made = {"machine": machine()}
    print(made["machine"], flush=True)
    for name in names or TABLES:
        print(f"\n{name}\n", flush=True)
        made[name] = table(TABLES[name]())
    if not names:
        put(PAGE, made)


if __name__ == "__main__":
    main(sys.argv[1:])
