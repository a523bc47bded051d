"""The refuter's descent beside SciPy in a loop, on equal terms: the same starts, as many evaluations, the same stop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from measuring import alone, plain, repeated
from others import of_kernel
from refuter import relu_claim

from theory.arithmetic.floats import to_float
from verify.methods.kernels import LayeredModel
from verify.methods.searches import ModelSearch

MODELS = (("K = 4, L = 3, widths 8", (4, 3, "13/200", 8)), ("K = 6, L = 5, widths 6", (6, 5, "1/200", 6)))
STARTS, EVALUATIONS, GRADIENT, PAIRS = 256, 300, 1e-6, 8
"""Of both: most evaluations from a start, the gradient's norm (SciPy's: its largest entry) at which it ends, and the
steps that L-BFGS remembers."""
LIMIT = 100.0
"""Seconds after which a method is stopped."""

Found = tuple[tuple[float, ...], np.ndarray]
"""Seconds a start in each repeat, and the objective at the ends."""


def _started(model: tuple[Any, ...]) -> tuple[LayeredModel, torch.Tensor]:
    torch.set_num_threads(1)
    kernel = ModelSearch(relu_claim(*model).problem, torch.device("cpu")).objective
    return kernel, kernel.gaussian_starts(torch.ones(STARTS, dtype=torch.float64), torch.Generator().manual_seed(0))


def ours(*model: Any) -> Found:
    """All starts at once in compiled code."""
    kernel, starts = _started(model)
    kernel.lbfgs(starts[:8], 2, GRADIENT, PAIRS)
    seconds, ends = repeated(lambda: kernel.lbfgs(starts, EVALUATIONS, GRADIENT, PAIRS))
    return tuple(part / STARTS for part in seconds), kernel.value_and_gradient(ends)[0].numpy()


def scipy_loop(*model: Any) -> Found:
    """One start after the other, the gradient written by hand in numpy."""
    from scipy.optimize import minimize

    problem = of_kernel(*_started(model))
    options = {"maxfun": EVALUATIONS, "maxiter": EVALUATIONS, "ftol": 0, "gtol": GRADIENT, "maxcor": PAIRS}
    function, ends = problem.value_and_gradient, np.empty(STARTS)

    def run() -> None:
        for i in range(STARTS):
            ends[i] = minimize(function, problem.start(i), jac=True, method="L-BFGS-B", options=options).fun

    seconds, _ = repeated(run)
    return tuple(part / STARTS for part in seconds), ends


def throughput() -> Iterator[tuple[str, ...]]:
    """Rows: model, method, time a start, ratio, and which values were reached."""
    yield "ReLU model", "method", "time a start", "times ours", "least value", "median value", "starts below collapse"
    for title, model in MODELS:
        collapse, first = float(to_float(relu_claim(*model).value)), 0.0
        for name, method in (("collapse, 256 starts at once", ours), ("SciPy, a loop", scipy_loop)):
            found = alone(method, *model, limit=LIMIT)
            assert found is not None
            first = first or found.median
            values, ratio = found.found, "1" if found.median == first else plain(found.median / first)
            below = int((values < collapse * (1 - 1e-8)).sum())
            reached = (f"{values.min():.6f}", f"{np.median(values):.6f}", f"{below} of {STARTS}")
            yield title, name, found.shown, ratio, *reached
