"""Descent from many starts, beside what one would run instead, in one run: two tables of ``docs/benchmarks.md``.

The first table is about the papers' imbalanced configuration: seconds a start until the objective is within 1e-9 of the
certified optimum. The second is about single steps of gradient descent, beside the time that their products of matrices
would take at the speed of a large matrix product. With ``cuda`` as argument, both on that device.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from measuring import alone, machine, plain, repeated, table

from theory.closed_form.optimum import optimum
from theory.model import UnconstrainedFeatures
from verify.empirical.training import descend
from verify.methods.kernels import LayeredModel
from verify.methods.searches import ModelSearch

SIZES, WIDTH, DECAY = (200, 100, 50, 50), 64, Fraction(1, 2000)
"""Dang et al. 2023, section 6."""
DEPTHS = (1, 3, 6)
STARTS = 32
CLOSE = 1e-9
LIMIT = 60.0
"""Seconds that one start may take; a quarter of it for all starts as a batch."""
RATE, MOMENTUM, SPREAD = 0.1, 0.9, 0.1
"""Of plain training and its Gaussian starts: as in the official code."""
TUNED = {1: 2.0, 3: 2.0, 6: 0.5}
"""What a user finds by trying: the fastest of the rates 0.1, 0.5 and 2 at each depth; with six layers 2 diverges."""

STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("K = d = 4, N = 20, M = 1", {"class_sizes": (5,) * 4, "depth": 1, "widths": (4,)}),
    ("the same, three ReLU layers", {"class_sizes": (5,) * 4, "depth": 3, "widths": (4,) * 3, "activation": "relu"}),
    ("K = d = N = 16, M = 2", {"class_sizes": (1,) * 16, "depth": 2, "widths": (16,) * 2}),
    ("K = d = N = 64, M = 3", {"class_sizes": (1,) * 64, "depth": 3, "widths": (64,) * 3}),
)


def imbalanced(depth: int) -> UnconstrainedFeatures:
    """The papers' imbalanced configuration."""
    return UnconstrainedFeatures(class_sizes=SIZES, depth=depth, widths=(WIDTH,) * depth, decays=DECAY)


# --------------------------------------------------------------------------------------- to the certified optimum

Answer = tuple[float, float, int]
"""Seconds a start, the best relative distance from the optimum, and how many starts were run."""


def ours(model: UnconstrainedFeatures, best: float, device: str) -> Answer:
    """The descent engine's search, from 32 starts together."""
    search = ModelSearch(model, torch.device(device))
    starts = search.starts(STARTS, torch.Generator().manual_seed(0))
    search.minimise(starts[:1], 2)
    began = time.perf_counter()
    ends = search.minimise(starts, search.iterations)
    seconds = time.perf_counter() - began
    reached = (ends.values - best).abs() <= CLOSE * best
    return seconds / max(int(reached.sum()), 1), float((ends.values - best).abs().min() / best), STARTS


def naive(model: UnconstrainedFeatures, best: float, device: str, rate: float = RATE) -> Answer:
    """One start in plain torch: automatic differentiation over all samples, SGD with momentum, no metrics."""
    factors, loss = _parameters(model, (), device)
    optimiser = torch.optim.SGD(factors, lr=rate, momentum=MOMENTUM)
    began, distance = time.perf_counter(), float("inf")
    while distance > CLOSE and time.perf_counter() - began < LIMIT:
        for _ in range(100):
            optimiser.zero_grad()
            value = loss()
            value.backward()
            optimiser.step()
        distance = float(value.detach() - best) / best
    return time.perf_counter() - began, distance, 1


def naive_tuned(model: UnconstrainedFeatures, best: float, device: str) -> Answer:
    """The same with a rate that a user finds by trying."""
    return naive(model, best, device, TUNED[model.M])


def batched(model: UnconstrainedFeatures, best: float, device: str) -> Answer:
    """The same with all starts as one batch."""
    factors, loss = _parameters(model, (STARTS,), device)
    optimiser = torch.optim.SGD(factors, lr=TUNED[model.M], momentum=MOMENTUM)
    began, distance = time.perf_counter(), float("inf")
    while distance > CLOSE and time.perf_counter() - began < LIMIT / 4:
        for _ in range(20):
            optimiser.zero_grad()
            value = loss()
            value.sum().backward()
            optimiser.step()
        distance = float((value.detach() - best).median()) / best
    return (time.perf_counter() - began) / STARTS, distance, STARTS


def scipy_loop(model: UnconstrainedFeatures, best: float, device: str, sizes: tuple[int, ...] = ()) -> Answer:
    """One start of SciPy's L-BFGS on a numpy objective over all samples, or over class means times √n."""
    from scipy.optimize import minimize

    columns = len(sizes) or model.N
    shapes = [(model.widths[0], columns), *model.weight_shapes]
    ends = np.cumsum([0, *(p * q for p, q in shapes)])
    labels = np.diag(np.sqrt(sizes)) if sizes else np.repeat(np.eye(model.K), model.class_sizes, axis=1)

    def objective(x: Any) -> tuple[float, Any]:
        H, *weights = (x[a:b].reshape(shape) for (a, b), shape in zip(pairwise(ends), shapes, strict=True))
        layers = [H]
        for W in weights:
            layers.append(W @ layers[-1])
        upper = (layers[-1] - labels) / model.N
        value = (upper**2).sum() * model.N / 2 + float(DECAY) / 2 * (x @ x)
        slopes = []
        for W, lower in zip(weights[::-1], layers[-2::-1], strict=True):
            slopes.append(upper @ lower.T)
            upper = W.T @ upper
        return value, np.concatenate([part.ravel() for part in (upper, *slopes[::-1])]) + float(DECAY) * x

    start = np.random.default_rng(0).standard_normal(ends[-1]) * SPREAD
    began = time.perf_counter()
    options = {"maxiter": 10**5, "maxfun": 10**5, "ftol": 1e-16, "gtol": 1e-10}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    return time.perf_counter() - began, abs(float(found.fun - best)) / best, 1


def scipy_reduced(model: UnconstrainedFeatures, best: float, device: str) -> Answer:
    """The same over class means."""
    return scipy_loop(model, best, device, model.class_sizes)


def jax_loop(model: UnconstrainedFeatures, best: float, device: str) -> Answer:
    """One start in JAX: compiled automatic differentiation over all samples, the tuned rate, 100 steps a call."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    shapes = [(model.widths[0], model.N), *model.weight_shapes]
    keys = jax.random.split(jax.random.PRNGKey(0), len(shapes))
    factors = [SPREAD * jax.random.normal(key, shape) for key, shape in zip(keys, shapes, strict=True)]
    labels = jnp.repeat(jnp.eye(model.K), jnp.array(model.class_sizes), axis=1)

    def loss(factors: Any) -> Any:
        outputs = factors[0]
        for W in factors[1:]:
            outputs = W @ outputs
        fit = ((outputs - labels) ** 2).sum() / (2 * model.N)
        return fit + float(DECAY) / 2 * sum((part * part).sum() for part in factors)

    def step(_: Any, state: Any) -> Any:
        factors, speeds = state
        speeds = jax.tree.map(lambda v, g: MOMENTUM * v + g, speeds, jax.grad(loss)(factors))
        return jax.tree.map(lambda x, v: x - TUNED[model.M] * v, factors, speeds), speeds

    advance = jax.jit(lambda state: jax.lax.fori_loop(0, 100, step, state))
    state = (factors, [jnp.zeros_like(part) for part in factors])
    jax.block_until_ready(advance(state))
    began, distance = time.perf_counter(), float("inf")
    while distance > CLOSE and time.perf_counter() - began < LIMIT:
        state = advance(state)
        distance = float(loss(state[0]) - best) / best
    return time.perf_counter() - began, distance, 1


def _parameters(
    model: UnconstrainedFeatures, batch: tuple[int, ...], device: str
) -> tuple[list[torch.Tensor], Callable[[], torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(model.widths[0], model.N), *model.weight_shapes]
    entries = [torch.randn(*batch, *shape, generator=generator, dtype=torch.float64) for shape in shapes]
    entries = [SPREAD * part for part in entries]
    factors = [part.to(device).requires_grad_() for part in entries]
    labels = torch.eye(model.K, dtype=torch.float64).repeat_interleave(torch.tensor(model.class_sizes), 1).to(device)

    def loss() -> torch.Tensor:
        outputs = factors[0]
        for W in factors[1:]:
            outputs = W @ outputs
        fit = ((outputs - labels) ** 2).sum((-2, -1)) / (2 * model.N)
        return fit + float(DECAY) / 2 * sum((part * part).sum((-2, -1)) for part in factors)

    return factors, loss


METHODS: dict[str, Callable[[UnconstrainedFeatures, float, str], Answer]] = {
    "collapse, 32 starts together": ours,
    "SciPy L-BFGS over class means, one start": scipy_reduced,
    "SciPy L-BFGS, one start": scipy_loop,
    "torch, one start, the papers' rate": naive,
    "torch, one start, a tuned rate": naive_tuned,
    "torch, 32 starts as a batch, a tuned rate": batched,
    **({"JAX, one start, a tuned rate": jax_loop} if find_spec("jax") else {}),
}
FIRST = next(iter(METHODS))


def measured(name: str, depth: int, device: str) -> tuple[tuple[float, ...], float]:
    """Seconds a start of one method, in a few repeats, and its distance from the optimum."""
    torch.set_num_threads(1)
    model = imbalanced(depth)
    best = float(optimum(model).objective.decimal(20))
    answers: list[Answer] = []
    repeated(lambda: answers.append(METHODS[name](model, best, device)))
    return tuple(seconds for seconds, _, _ in answers), max(distance for _, distance, _ in answers)


def to_the_optimum(device: str) -> Iterator[tuple[str, ...]]:
    """Rows: depth, method, time a start, ratio to ours, how close, memory; each method in a process of its own."""
    yield "M", "method", "time a start", "times ours", "distance from the optimum, relative", "peak memory, MB"
    for depth in DEPTHS:
        first = 0.0
        for name, method in METHODS.items():
            if device != "cpu" and method in (scipy_loop, scipy_reduced):
                continue
            found = alone(measured, name, depth, device, limit=2 * LIMIT + 60)
            if found is None:
                yield str(depth), name, "stopped", "", "", ""
                continue
            first = first or found.median
            late = "" if found.found <= CLOSE else "> "
            ratio = f"{late}{plain(found.median / first)}" if name != FIRST else "1"
            distance = f"{found.found:.0e}"
            yield str(depth), name, late + found.shown, ratio, distance, plain(found.peak)


# ------------------------------------------------------------------------------------------------- single steps


def per_step(device: str) -> Iterator[tuple[str, ...]]:
    """Rows: model, restarts, nanoseconds a restart and step, and times that of the products alone."""
    peak = _peak(device)
    yield (
        *("model", "restarts", "ns a restart and step", "batched products in torch, ns", "naive torch loop, ns"),
        "times the products at full speed",
    )
    for name, fields in STEPS:
        model = UnconstrainedFeatures(decays=Fraction(1, 200), **fields)
        kernel = LayeredModel(model, collapsed=False, device=device)
        restarts = 64 if device == "cpu" else max(1 << 10, (1 << 26) // kernel.layout.size)
        x = kernel.gaussian_starts(torch.ones(restarts, dtype=torch.float64), torch.Generator().manual_seed(0))
        steps = max(20, int(2e8 / (restarts * kernel.layout.size))) if device == "cpu" else 200
        seconds = _timed(lambda x=x, s=steps, k=kernel: descend(k, x, 0.1, s), device) / (restarts * steps)
        flops = sum(6 * p * q * model.N for p, q in model.weight_shapes)
        loop, products = _naive_step(model, device), _products_step(kernel, x, device)
        times = (plain(1e9 * part) for part in (seconds, products, loop))
        yield name, str(restarts), *times, f"{seconds / (flops / peak):.1f}"


def _timed(function: Callable[[], Any], device: str) -> float:
    """Seconds of the fastest of three runs, after one that warms up."""
    best = float("inf")
    for _ in range(4):
        began = time.perf_counter()
        function()
        if device != "cpu":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return best


def _naive_step(model: UnconstrainedFeatures, device: str) -> float:
    factors, loss = _parameters(model, (), device)
    optimiser = torch.optim.SGD(factors, lr=1e-3)

    def steps() -> None:
        for _ in range(50):
            optimiser.zero_grad()
            loss().backward()
            optimiser.step()

    return _timed(steps, device) / 50


def _products_step(kernel: LayeredModel, x: torch.Tensor, device: str) -> float:
    def steps() -> None:
        y = x
        for _ in range(20):
            y = y - 0.1 * kernel.value_and_gradient(y)[1]

    return _timed(steps, device) / (20 * len(x))


def _peak(device: str) -> float:
    """Floating-point operations a second of a large product of matrices, the fastest of four."""
    size = 512 if device == "cpu" else 4096
    A = torch.randn(size, size, dtype=torch.float64, device=device)
    return 2 * size**3 / _timed(lambda: A @ A, device)


def main(device: str = "cpu") -> None:
    """Print both tables."""
    torch.set_num_threads(1)
    table(to_the_optimum(device))
    print()
    table(per_step(device))
    print(f"\n{torch.cuda.get_device_name()}; {machine()}" if device != "cpu" else f"\n{machine()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
