"""Ours beside what one would run instead, in one run: ``make bench`` writes the tables of ``docs/benchmarks.md``.

Names of tables as arguments make only these. Each method runs in a process of its own, on one thread; ratios of one run
mean more than its seconds.
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
import numpy as np
import refuter
import torch
from measuring import Measured, alone, machine, plain, put, repeated, short, table

from theory.arithmetic.interpreters import Balls, precision
from theory.closed_form.optimum import optimum
from theory.model import UnconstrainedFeatures
from theory.ops import matrix
from theory.reductions import MEANS, class_mean_objective, class_mean_variables
from verify import checker
from verify.certificate import two_sided_bound
from verify.empirical.training import descend
from verify.methods.kernels import LayeredModel
from verify.methods.searches import ModelSearch

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


# --------------------------------------------------------------------------------------------------------- refuter

RIVALS = (("K = 4, L = 3, widths 8", (4, 3, "13/200", 8)), ("K = 6, L = 5, widths 6", (6, 5, "1/200", 6)))
ITERATIONS = 300


def our_restarts(*model: Any) -> Found:
    """Seconds a restart of the refuter's descent, from 256 Gaussian starts at once."""
    torch.set_num_threads(1)
    kernel = ModelSearch(refuter.relu_claim(*model).problem, torch.device("cpu")).objective
    starts = kernel.gaussian_starts(torch.ones(256, dtype=torch.float64), torch.Generator().manual_seed(0))
    kernel.lbfgs(starts[:8], 2, 1e-6, 8)
    seconds, ends = repeated(lambda: kernel.lbfgs(starts, ITERATIONS, 1e-6, 8))
    return tuple(part / len(starts) for part in seconds), float(kernel.value_and_gradient(ends)[0].median())


def scipy_restarts(*model: Any) -> Found:
    """Seconds a restart of SciPy's L-BFGS on the same formula by automatic differentiation."""
    from scipy.optimize import minimize

    torch.set_num_threads(1)
    function, size = refuter._flat(refuter.relu_claim(*model))
    rng = np.random.default_rng(0)
    options = {"maxiter": ITERATIONS, "gtol": 1e-6}
    run = lambda: minimize(function, rng.standard_normal(size), jac=True, method="L-BFGS-B", options=options)  # noqa: E731
    seconds, _ = repeated(run, times=20)
    return seconds, None


def throughput() -> Rows:
    """Rows: model, restarts a second of both, ratio."""
    yield "ReLU model", "collapse, restarts a second", "SciPy in a loop, restarts a second", "ratio"
    for title, model in RIVALS:
        ours, theirs = alone(our_restarts, *model, limit=LIMIT), alone(scipy_restarts, *model, limit=LIMIT)
        assert ours is not None
        assert theirs is not None
        yield title, plain(1 / ours.median), plain(1 / theirs.median), plain(theirs.median / ours.median)


# --------------------------------------------------------------------------------------------------------- scaling


def unequal(K: int = 10, L: int = 3, n: int = 10, d: int = 0) -> UnconstrainedFeatures:
    """K classes of n, n + 1, … samples with decays at which all are fitted."""
    return UnconstrainedFeatures(
        class_sizes=tuple(n + k for k in range(K)), depth=L, widths=(d,) if d else (), decays=Fraction(1, 2000 * K * L)
    )


def optimum_time(**parameters: int) -> tuple[float, ...]:
    """Seconds of the closed form, to 20 digits."""
    model = unequal(**parameters)
    optimum(model).objective.decimal(20)
    return repeated(lambda: optimum(model).objective.decimal(20), budget=1.0)[0]


def step_time(K: int = 8, L: int = 3, n: int = 10, d: int = 16) -> tuple[float, ...]:
    """Seconds a restart and step of gradient descent over class means, 64 restarts at once."""
    kernel = LayeredModel(unequal(K, L, n, d), collapsed=True)
    x = 0.1 * kernel.gaussian_starts(torch.ones(64, dtype=torch.float64), torch.Generator().manual_seed(0))
    steps = max(3, int(3e6 / (64 * kernel.layout.size)))
    descend(kernel, x, 0.01, 2)
    return tuple(part / (64 * steps) for part in repeated(lambda: descend(kernel, x, 0.01, steps), 3, 1.0)[0])


CURVES: tuple[tuple[str, Callable[..., tuple[float, ...]], str, tuple[int, ...]], ...] = (
    ("closed form", optimum_time, "K", (10, 30, 100, 300, 1000)),
    ("closed form", optimum_time, "L", (1, 2, 4, 8, 16, 32)),
    ("closed form", optimum_time, "n", (10, 100, 1000, 10_000, 100_000)),
    ("closed form", optimum_time, "d", (10, 100, 1000, 10_000)),
    ("step of descent", step_time, "K", (4, 8, 16, 32)),
    ("step of descent", step_time, "L", (1, 2, 4, 8, 16)),
    ("step of descent", step_time, "n", (10, 100, 1000, 10_000)),
    ("step of descent", step_time, "d", (8, 16, 32, 64, 128)),
)


def curve(row: int) -> Found:
    """The median time at each value, and the exponent of a power fitted to the upper half."""
    torch.set_num_threads(1)
    _, function, name, values = CURVES[row]
    seconds = [float(np.median(function(**{name: value}))) for value in values]
    half = len(values) // 2
    slope = np.polyfit(np.log(values[half:]), np.log(seconds[half:]), 1)[0]
    return tuple(seconds), float(slope)


def scaling() -> Rows:
    """Rows: what grows, its values, times, the fitted exponent."""
    yield "time of", "in", "values", "times", "fitted exponent"
    for row, (what, _, name, values) in enumerate(CURVES):
        found = alone(curve, row, limit=LIMIT)
        assert found is not None
        yield what, name, ", ".join(map(str, values)), ", ".join(map(short, found.seconds)), f"{found.found:.1f}"


def thousand(part: str) -> Found:
    """K = 1,000 unequal classes: the closed form, a certificate, or the checker on it."""
    model = unequal(1000)
    if part == "closed form":
        return repeated(lambda: float(optimum(model).objective.decimal(20)))
    if part == "certificate":
        return repeated(lambda: two_sided_bound(model))[0], None
    text = json.dumps(two_sided_bound(model))
    return repeated(lambda: checker.check(checker.load(text)))


def thousands() -> Rows:
    """Rows: what is done for 1,000 classes, and how long it takes."""
    yield "for 1,000 classes of 10, 11, 12, … samples, three layers", "time", "peak memory, MB"
    for part in ("closed form", "certificate", "checking it"):
        found = alone(thousand, part, limit=LIMIT)
        assert found is not None
        yield part, found.shown, memory(found)


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
    "start-up": start_up,
    "certificates": certificates,
    "arithmetic": arithmetic,
    "throughput": throughput,
    "scaling": scaling,
    "thousand": thousands,
    "steps": lambda: descent.per_step("cpu"),
    "descent": lambda: descent.to_the_optimum("cpu"),
}


def main(names: Sequence[str]) -> None:
    """Make the tables and put them into the page."""
    torch.set_num_threads(1)
    put(PAGE, "machine", machine())
    for name in names or TABLES:
        put(PAGE, name, table(TABLES[name]()))
        print(flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
