"""Hessian spectra: seconds, residuals and peak memory, each case in a process of its own, as in ``docs/spectra.md``.

The cases are the layer-wise spectra of a model with 100 classes, and the top eigenvalues of the Hessian in all factors
of one with 1e5 parameters: at collapse, where eigenvalues are predicted and of high multiplicity, and after a few
hundred steps of gradient descent, where they are spread. Names of cases as arguments run only these.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

WIDE: dict[str, Any] = {"class_sizes": (5,) * 100, "depth": 5, "widths": (512,), "decays": Fraction(1, 2000)}
LARGE: dict[str, Any] = {"class_sizes": (26,) * 10, "depth": 5, "widths": (128,), "decays": Fraction(1, 200)}
SOFT: dict[str, Any] = {"loss": "ce", "decays": Fraction(1, 10000)}

CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any], int]] = {
    "layers": ("K = 100, d = 512, L = 5, five layers, all eigenvalues", WIDE, {"top": 10**6}, 0),
    "layers-ce": ("the same with cross-entropy, top 200", WIDE | SOFT, {"top": 200}, 0),
    "full": ("K = 10, d = 128, L = 5, all factors, top 200", LARGE, {"full": True, "top": 200}, 0),
    "full-regularised": ("the same, regularised", LARGE, {"full": True, "top": 200, "regularised": True}, 0),
    "full-descent": ("the same, data term after 300 steps of descent, top 200", LARGE, {"full": True, "top": 200}, 300),
}


def measured(name: str, answer: Any) -> None:
    """Run one case and send its row."""
    from theory.model import UnconstrainedFeatures
    from verify.curvature.points import after_descent, known_point
    from verify.curvature.spectrum import spectra

    title, fields, options, steps = CASES[name]
    model = UnconstrainedFeatures(**fields)
    place = after_descent(model, steps, Fraction(1, 5)) if steps else known_point(model)
    before, started, busy = peak(), time.perf_counter(), time.process_time()
    found = spectra(model, place, range(1, model.M + 1), **options)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    differences = [one.difference for one in found if one.difference is not None]
    answer.send(
        {
            "case": title,
            "unknowns": found[0].size,
            "seconds": f"{seconds:.1f}",
            "CPU seconds": f"{busy:.1f}",
            "memory, GB": f"{peak():.2f} ({before:.2f} before)",
            "largest eigenvalue": f"{max(float(one.measured[0]) for one in found):.4g}",
            "largest residual": f"{max(one.residual for one in found):.0e}",
            "from predicted": f"{max(differences):.0e}" if differences and not steps else "",
        }
    )


def peak() -> float:
    """The most memory that this process has held, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def alone(function: Callable[..., None], name: str) -> dict[str, str]:
    """A case in a process of its own."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=function, args=(name, sender))
    process.start()
    sender.close()
    try:
        found: dict[str, str] = receiver.recv()
    finally:
        process.join()
    return found


def main(names: list[str]) -> None:
    """Print the table."""
    head = False
    for name in names or list(CASES):
        row = alone(measured, name)
        if not head:
            print("| " + " | ".join(row) + " |\n|" + "---|" * len(row))
            head = True
        print("| " + " | ".join(map(str, row.values())) + " |", flush=True)
    threads, load = os.environ.get("OMP_NUM_THREADS", "all"), os.getloadavg()[0]
    print(f"\n{threads} threads, load {load:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main(sys.argv[1:])
