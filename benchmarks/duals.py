"""Imbalanced cross-entropy with one layer: the certified enclosure against the same problem in plain CVXPY, in one run.

``make bench`` prints the table of ``docs/duals.md``. Problems have K classes of 10, 13, 16, … samples. CVXPY gets
the convex problem over class means, min Σ n_k/N (log Σ e^{z_k} − z_kk) + √(λ_W λ_H) ‖Z D^{1/2}‖_*, and each solver runs
in a process of its own that is stopped after ``LIMIT`` seconds.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from theory.model import UnconstrainedFeatures
from verify import checker
from verify.methods.duals import bounds

CLASSES = (5, 10, 20, 50, 100)
DECAYS = ("1/10000", "1/3000")
"""With the second one a few of the smallest classes have the same output."""
LIMIT = 60.0
"""Seconds after which a solver is stopped."""


def problem(classes: int, decay: str) -> UnconstrainedFeatures:
    """K classes of 10, 13, 16, … samples, without a bias, one decay for weights and features."""
    return UnconstrainedFeatures(class_sizes=tuple(10 + 3 * k for k in range(classes)), decays=decay, loss="ce")


def plain(model: UnconstrainedFeatures, solver: str, answer: Any) -> None:
    """What a user would write in CVXPY."""
    import cvxpy as cp

    K, sizes = model.K, np.array(model.class_sizes, dtype=float)
    Z = cp.Variable((K, K))
    fit = sum(n * (cp.log_sum_exp(Z[:, k]) - Z[k, k]) for k, n in enumerate(sizes)) / model.N
    penalty = float(model.Lambda) ** 0.5 * cp.normNuc(Z @ np.diag(np.sqrt(sizes)))
    program = cp.Problem(cp.Minimize(fit + penalty))
    started = time.perf_counter()
    try:
        program.solve(solver=solver)
        answer.send((time.perf_counter() - started, program.status, float(program.value)))
    except Exception as error:  # a solver's own failure is a result here
        answer.send((time.perf_counter() - started, type(error).__name__, float("nan")))


def timed(model: UnconstrainedFeatures, solver: str) -> tuple[float, str, float]:
    """Seconds, status and value of a solver in its own process."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=plain, args=(model, solver, sender))
    process.start()
    found = receiver.recv() if receiver.poll(LIMIT) else (LIMIT, "stopped", float("nan"))
    process.kill()
    process.join()
    return found


def main() -> None:
    """Print the table."""
    print("| classes | λ | certified gap | seconds | check, seconds | CVXPY with Clarabel | CVXPY with SCS |")
    print("|---|---|---|---|---|---|---|")
    for classes, decay in product(CLASSES, DECAYS):
        model = problem(classes, decay)
        bounds(problem(3, decay))  # imports
        started = time.perf_counter()
        certificate = bounds(model)
        made = time.perf_counter() - started
        text = json.dumps(certificate)
        started = time.perf_counter()
        checker.check(checker.load(text))
        checked = time.perf_counter() - started
        low, high = Fraction(certificate["lower"]), Fraction(certificate["upper"])
        cells = []
        for solver in ("CLARABEL", "SCS"):
            seconds, status, value = timed(model, solver)
            off = "" if value != value else f", {abs(value - float(high)):.0e} off"
            cells.append(f"{seconds:.1f} s ({status}{off})")
        print(
            f"| {classes} | {decay} | {float(high - low):.0e} | {made:.2f} | {checked:.2f} | {' | '.join(cells)} |",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
