"""Time to a counterexample of false conjectures: ``collapse check`` against restarts with SciPy and Hypothesis alone.

All three get the same claims in one run and on one thread. Ours ends with a certificate that the checker accepts; the
others end when a float is beyond the claim by 1e-8, which certifies nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from scipy.optimize import minimize

from theory import GlobalMinimum, Inequality, UnconstrainedFeatures, conjecture, deep_neural_collapse
from theory.arithmetic.floats import Floats, to_float
from theory.claims import Minimisation
from theory.ops import frobenius_norm, nuclear_norm, operator_norm, relu, trace
from theory.reductions import class_mean_objective, class_mean_variables
from theory.statement import Statement
from verify.refute import check

LIMIT = 60.0
"""Seconds after which a method has not found one."""

BEYOND = 1e-8
"""How far a float must be beyond the claim, relative to it."""

Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


def relu_claim(classes: int, depth: int, decay: str, widths: int) -> GlobalMinimum:
    """Deep neural collapse is optimal in a ReLU model."""
    model = UnconstrainedFeatures(
        class_sizes=(1,) * classes, depth=depth, decays=decay, activation="relu", widths=widths
    )
    return GlobalMinimum(model, deep_neural_collapse(model))


CLAIMS: dict[str, Callable[[], Any]] = {
    "‖X‖_F ≤ ‖X‖_op, 3 × 3": lambda: Inequality(lambda X: frobenius_norm(X), lambda X: operator_norm(X), X=(3, 3)),
    "tr(XY) ≤ ‖X‖_op ‖Y‖_F, 3 × 3": lambda: Inequality(
        lambda X, Y: trace(X @ Y), lambda X, Y: operator_norm(X) * frobenius_norm(Y), X=(3, 3), Y=(3, 3)
    ),
    "‖σ(X)‖_* ≤ ‖X‖_*, 4 × 3": lambda: Inequality(lambda X: nuclear_norm(relu(X)), lambda X: nuclear_norm(X), X=(4, 3)),
    "collapse, K = 3, L = 4, λ = 1/100": lambda: relu_claim(3, 4, "1/100", 3),
    "collapse, K = 6, L = 5, λ = 1/200": lambda: relu_claim(6, 5, "1/200", 6),
    "collapse, K = 10, L = 4, λ = 1/250": lambda: relu_claim(10, 4, "1/250", 10),
    "collapse, K = 4, L = 3, λ = 13/200": lambda: relu_claim(4, 3, "13/200", 8),
}


def ours(claim: Any) -> float | None:
    """Seconds to a certificate."""

    @conjecture(n=st.just(1))
    def false(n: int) -> Any:
        return claim

    statement: Statement = false
    found = check(statement, budget=LIMIT)
    return found.seconds if found.conclusion == "refuted" else None


def _flat(claim: Any) -> tuple[Function, int]:
    """The margin of a claim as a function of all entries, negative where it fails, with its gradient."""
    floats = Floats(torch.device("cpu"))
    if isinstance(claim, Inequality):
        problem = Minimisation(claim.right - claim.left, dict(claim.variables))
        variables, objective, least = problem.variables, problem.objective, 0.0
    else:
        variables, objective = class_mean_variables(claim.problem), class_mean_objective(claim.problem)
        least = float(to_float(claim.value))
    shapes = {name: v.shape for name, v in variables.items()}
    sizes = [int(np.prod(shape)) for shape in shapes.values()]

    def function(x: np.ndarray) -> tuple[float, np.ndarray]:
        flat = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        parts = torch.split(flat, sizes)
        values = {name: part.reshape(1, *shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
        value = floats.evaluate(objective, values).sum() - least * (1 - BEYOND)
        (gradient,) = torch.autograd.grad(value, flat)
        return float(value.detach()), np.nan_to_num(gradient.numpy())

    return function, sum(sizes)


def scipy_restarts(claim: Any) -> float | None:
    """Seconds of L-BFGS from Gaussian starts, one after the other, until the margin is negative."""
    function, size = _flat(claim)
    rng, start = np.random.default_rng(0), time.perf_counter()
    while time.perf_counter() - start < LIMIT:
        end = minimize(function, rng.standard_normal(size), jac=True, method="L-BFGS-B", options={"maxiter": 500})
        if end.fun < -BEYOND * isinstance(claim, Inequality):
            return time.perf_counter() - start
    return None


def hypothesis_alone(claim: Any) -> float | None:
    """Seconds until Hypothesis draws entries at which the margin is negative."""
    function, size = _flat(claim)
    entries = st.lists(st.floats(-3, 3, width=16), min_size=size, max_size=size)
    start = time.perf_counter()
    while time.perf_counter() - start < LIMIT:
        try:
            find(
                entries,
                lambda x: function(np.array(x))[0] < -BEYOND,
                settings=settings(
                    max_examples=1_000,
                    database=None,
                    deadline=None,
                    phases=(Phase.generate,),
                    suppress_health_check=list(HealthCheck),
                ),
                random=Random(int(start)),
            )
        except NoSuchExample:
            continue
        return time.perf_counter() - start
    return None


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print(f"| false conjecture | collapse check, certified | SciPy restarts | Hypothesis alone |\n|{'---|' * 4}")
    for name, claim in CLAIMS.items():
        seconds = [method(claim()) for method in (ours, scipy_restarts, hypothesis_alone)]
        shown = [f"{s:.2f} s" if s is not None else f"not in {LIMIT:g} s" for s in seconds]
        print(f"| {name} | {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()
