"""Single steps of gradient descent, beside the time that their products of matrices would take at full speed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import torch
from measuring import plain
from others import of_kernel, torch_loss

from theory.model import UnconstrainedFeatures
from verify.empirical.training import descend
from verify.methods.kernels import LayeredModel

MODELS: tuple[tuple[str, dict[str, Any], float], ...] = (
    ("K = d = 4, N = 20, M = 1", {"class_sizes": (5,) * 4, "depth": 1, "widths": (4,)}, 4),
    ("the same, three ReLU layers", {"class_sizes": (5,) * 4, "depth": 3, "widths": (4,) * 3, "activation": "relu"}, 4),
    ("K = d = N = 16, M = 2", {"class_sizes": (1,) * 16, "depth": 2, "widths": (16,) * 2}, 4),
    ("K = d = N = 64, M = 3", {"class_sizes": (1,) * 64, "depth": 3, "widths": (64,) * 3}, 2),
)
"""Name, fields, and the aim on a CPU: at most so many times the products at full speed."""


def per_step(device: str) -> Iterator[tuple[str, ...]]:
    """Rows: model, restarts, nanoseconds a restart and step of three methods, and times that of the products alone."""
    peak = _peak(device)
    yield (
        *("model", "restarts", "ns a restart and step", "batched products in torch, ns", "naive torch loop, ns"),
        *("products at full speed, ns", "times that", "aim"),
    )
    for name, fields, aim in MODELS:
        model = UnconstrainedFeatures(decays=Fraction(1, 200), **fields)
        kernel = LayeredModel(model, collapsed=False, device=device)
        restarts = 64 if device == "cpu" else max(1 << 10, (1 << 26) // kernel.layout.size)
        x = kernel.gaussian_starts(torch.ones(restarts, dtype=torch.float64), torch.Generator().manual_seed(0))
        times = max(20, int(2e8 / (restarts * kernel.layout.size))) if device == "cpu" else 200
        seconds = _timed(lambda x=x, s=times, k=kernel: descend(k, x, 0.1, s), device) / (restarts * times)
        full = sum(6 * p * q * model.N for p, q in model.weight_shapes) / peak
        shown = (plain(1e9 * t) for t in (seconds, _products(kernel, x, device), _naive(kernel, x, device), full))
        yield name, str(restarts), *shown, f"{seconds / full:.1f}", _judged(seconds / full, aim) if aim else ""


def _judged(ratio: float, aim: float) -> str:
    return f"{aim:g}: met" if ratio <= aim else f"{aim:g}: missed {ratio / aim:.1f}-fold"


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


def _naive(kernel: LayeredModel, x: torch.Tensor, device: str) -> float:
    factors, loss = torch_loss(of_kernel(kernel, x[:1]), device, batch=False)
    optimiser = torch.optim.SGD(factors, lr=1e-3)

    def steps() -> None:
        for _ in range(50):
            optimiser.zero_grad()
            loss().backward()
            optimiser.step()

    return _timed(steps, device) / 50


def _products(kernel: LayeredModel, x: torch.Tensor, device: str) -> float:
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
