"""What one would run instead on a layered model: the objective as a user writes it, in SciPy, torch and JAX.

The objective is 1/(2N) ‖W_M σ(W_{M−1} … σ(W_1 X)) − T‖² + λ/2 (‖X‖² + Σ ‖W_m‖²), in float64. Over all samples X = H and
T = Y; over class means X = H̄ diag(√n) and T = diag(√n), with the same values.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from theory.model import UnconstrainedFeatures
from verify.methods.kernels import LayeredModel
from verify.methods.ranges import Ranges
from verify.methods.searches import ModelSearch

MOMENTUM, DEVIATION = 0.9, 0.1
"""Of plain training and of the entries that it starts from: as in the official code of the papers."""
ARRIVED = 0.75
"""A batch is stopped when so large a part of its starts is where it should be."""


@dataclass(frozen=True)
class Answer:
    """Seconds that all starts took together, how many arrived, and how many there were."""

    seconds: float
    arrived: int
    starts: int

    @property
    def each(self) -> float:
        """Seconds for one start that arrived; where none did, those that were spent."""
        return self.seconds / max(self.arrived, 1)


@dataclass(frozen=True)
class Problem:
    """A model's labels T (K, columns), its starts X, W_1, …, W_M, each (B, rows, columns), and a value to reach."""

    model: UnconstrainedFeatures
    labels: np.ndarray
    starts: list[np.ndarray]
    goal: float = -float("inf")

    @property
    def decay(self) -> float:
        """λ, of every factor."""
        (decay,) = {self.model.feature_decay, *self.model.weight_decays}
        return float(decay)

    @cached_property
    def value_and_gradient(self) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
        """The objective of a flat vector, with its gradient written by hand in numpy."""
        shapes = [part.shape[1:] for part in self.starts]
        ends, N, decay = np.cumsum([0, *(p * q for p, q in shapes)]), self.model.N, self.decay
        relu = not self.model.is_linear

        def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
            X, *weights = (x[a:b].reshape(shape) for (a, b), shape in zip(pairwise(ends), shapes, strict=True))
            layers = [X]
            for m, W in enumerate(weights):
                layers.append(W @ (np.maximum(layers[-1], 0) if relu and m else layers[-1]))
            upper = (layers[-1] - self.labels) / N
            value = (upper**2).sum() * N / 2 + decay / 2 * (x @ x)
            slopes = []
            for m, (W, lower) in reversed(list(enumerate(zip(weights, layers[:-1], strict=True)))):
                slopes.append(upper @ (np.maximum(lower, 0) if relu and m else lower).T)
                upper = W.T @ upper
                if relu and m:
                    upper = upper * (lower > 0)
            return value, np.concatenate([part.ravel() for part in (upper, *slopes[::-1])]) + decay * x

        return objective

    def start(self, index: int) -> np.ndarray:
        """One start as a flat vector."""
        return np.concatenate([part[index].ravel() for part in self.starts])


def over_samples(model: UnconstrainedFeatures, count: int, goal: float) -> Problem:
    """All samples, from the descent engine's Gaussian starts over them."""
    kernel, gains = LayeredModel(model, collapsed=False), torch.ones(count, dtype=torch.float64)
    return of_kernel(kernel, kernel.gaussian_starts(gains, torch.Generator().manual_seed(0)), goal)


def over_means(model: UnconstrainedFeatures, count: int, goal: float) -> Problem:
    """Class means, from the starts of the descent engine."""
    search = ModelSearch(model, torch.device("cpu"))
    return of_kernel(search.objective, search.starts(count, torch.Generator().manual_seed(0)), goal)


def in_ranges(model: UnconstrainedFeatures, count: int, goal: float) -> Problem:
    """Class means and layers as wide as there are classes, from the projections of the same starts."""
    search = ModelSearch(model, torch.device("cpu"))
    ranges, starts = Ranges.at(search.objective, search.starts(count, torch.Generator().manual_seed(0)))
    return of_kernel(ranges.narrow, starts, goal)


def papers_over_samples(model: UnconstrainedFeatures, count: int, goal: float) -> Problem:
    """All samples, from Gaussian entries of one deviation."""
    kernel = LayeredModel(model, collapsed=False)
    return of_kernel(kernel, _gaussian(kernel, count), goal)


def papers_in_ranges(model: UnconstrainedFeatures, count: int, goal: float) -> Problem:
    """Class means and layers as wide as there are classes, from the projections of such starts."""
    kernel = LayeredModel(model, collapsed=True)
    ranges, starts = Ranges.at(kernel, _gaussian(kernel, count))
    return of_kernel(ranges.narrow, starts, goal)


def _gaussian(kernel: LayeredModel, count: int) -> torch.Tensor:
    """Points whose factors W_m and X have Gaussian entries of one deviation."""
    generator, lengths = torch.Generator().manual_seed(0), kernel.units
    shapes = sorted(kernel.layout.shapes.items(), key=lambda named: named[0] != "X")
    entries = {name: torch.randn(count, *s, generator=generator, dtype=torch.float64) for name, s in shapes}
    return kernel.layout.join([DEVIATION / lengths[name] * entries[name] for name in kernel.layout.shapes])


def of_kernel(kernel: LayeredModel, starts: torch.Tensor, goal: float = -float("inf")) -> Problem:
    """The problem of a layered model, from its points (B, n)."""
    factors = kernel.factors(starts)
    features = factors["M"] * kernel.s if kernel.collapsed else factors["H"]
    parts = [features, *(factors[f"W_{m}"] for m in range(1, kernel.model.M + 1))]
    return Problem(kernel.model, kernel.target.cpu().numpy(), [part.cpu().numpy() for part in parts], goal)


# ---------------------------------------------------------------------------------------------------------- SciPy


class _Arrived(Exception):
    """The value to reach was reached."""


def scipy_loop(problem: Problem, limit: float) -> Answer:
    """SciPy's L-BFGS from one start after the other, each until it arrives, while there is time."""
    from scipy.optimize import minimize

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = problem.value_and_gradient(x)
        if value <= problem.goal:
            raise _Arrived
        return value, gradient

    options = {"maxiter": 10**5, "maxfun": 10**5, "ftol": 1e-16, "gtol": 1e-10}
    arrived, starts, began = 0, 0, time.perf_counter()
    while starts < len(problem.starts[0]) and time.perf_counter() - began < limit:
        try:
            minimize(objective, problem.start(starts), jac=True, method="L-BFGS-B", options=options)
        except _Arrived:
            arrived += 1
        starts += 1
    return Answer(time.perf_counter() - began, arrived, starts)


# ---------------------------------------------------------------------------------------------------------- torch


def torch_loss(problem: Problem, device: str, batch: bool) -> tuple[list[torch.Tensor], Callable[[], torch.Tensor]]:
    """Factors of the first start, or of all, and their loss, for automatic differentiation."""
    factors = [
        torch.tensor(part if batch else part[0], dtype=torch.float64, device=device, requires_grad=True)
        for part in problem.starts
    ]
    labels, N, decay = torch.tensor(problem.labels, device=device), problem.model.N, problem.decay

    def loss() -> torch.Tensor:
        outputs = factors[0]
        for m, W in enumerate(factors[1:]):
            outputs = W @ (outputs if problem.model.is_linear or not m else outputs.relu())
        fit = ((outputs - labels) ** 2).sum((-2, -1)) / (2 * N)
        return fit + decay / 2 * sum((part * part).sum((-2, -1)) for part in factors)

    return factors, loss


def torch_loop(problem: Problem, limit: float, rate: float, device: str = "cpu", batch: bool = False) -> Answer:
    """Automatic differentiation and SGD with momentum from one start, or from all as a batch; no metrics."""
    factors, loss = torch_loss(problem, device, batch)
    optimiser = torch.optim.SGD(factors, lr=rate, momentum=MOMENTUM)
    starts = len(factors[0]) if batch else 1
    arrived, began = 0, time.perf_counter()
    while arrived < ARRIVED * starts and time.perf_counter() - began < limit:
        optimiser.zero_grad()
        values = loss()
        arrived = int((values.detach() <= problem.goal).sum())
        values.sum().backward()
        optimiser.step()
    return Answer(time.perf_counter() - began, arrived, starts)


# ------------------------------------------------------------------------------------------------------------ JAX


def jax_loop(problem: Problem, limit: float, rate: float, batch: bool = False) -> Answer:
    """The same in JAX: one compiled loop of steps, over a batch by ``vmap``; at most as many steps as fit the time."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    factors = [jnp.array(part if batch else part[:1]) for part in problem.starts]
    labels, N, decay = jnp.array(problem.labels), problem.model.N, problem.decay

    def loss(factors: Any) -> Any:
        outputs = factors[0]
        for m, W in enumerate(factors[1:]):
            outputs = W @ (outputs if problem.model.is_linear or not m else jax.nn.relu(outputs))
        return ((outputs - labels) ** 2).sum() / (2 * N) + decay / 2 * sum((part * part).sum() for part in factors)

    slopes = jax.vmap(jax.value_and_grad(loss))
    starts = len(factors[0])

    def arrived(values: Any) -> Any:
        return (values <= problem.goal).sum()

    def step(state: Any) -> Any:
        factors, speeds, _, count = state
        values, gradients = slopes(factors)
        speeds = jax.tree.map(lambda v, g: MOMENTUM * v + g, speeds, gradients)
        return jax.tree.map(lambda x, v: x - rate * v, factors, speeds), speeds, values, count + 1

    def goes_on(state: Any, most: Any) -> Any:
        return (arrived(state[2]) < ARRIVED * starts) & (state[3] < most)

    run = jax.jit(lambda state, most: jax.lax.while_loop(lambda s: goes_on(s, most), step, state))
    state = (factors, [jnp.zeros_like(part) for part in factors], jnp.full(starts, jnp.inf), 0)
    jax.block_until_ready(run(state, 1))
    seconds = time.perf_counter()
    jax.block_until_ready(run(state, 100))
    most = int(100 * limit / (time.perf_counter() - seconds))
    began = time.perf_counter()
    values = jax.block_until_ready(run(state, most))[2]
    return Answer(time.perf_counter() - began, int(arrived(values)), starts)
