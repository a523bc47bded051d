"""Single steps of gradient descent, beside the time that their products of matrices would take at full speed.

``comparison.py`` makes its table; ``python benchmarks/steps.py cuda`` prints that of a GPU, and how many restarts of
the refuter's descent end in a second there and on the processor.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from measuring import machine, plain, table
from others import of_kernel, torch_loss

from theory.model import UnconstrainedFeatures
from verify import compiled
from verify.compiled.programs import of_model
from verify.compiled.tape import PRODUCT
from verify.empirical.training import descend
from verify.methods.kernels import LayeredModel
from verify.methods.minimise import lbfgs

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
        *("model", "restarts", "ns a restart and step", "of it in products", "batched products in torch, ns"),
        *("naive torch loop, ns", "products at full speed, ns", "times that", "aim"),
    )
    for name, fields, aim in MODELS:
        model = UnconstrainedFeatures(decays=Fraction(1, 200), **fields)
        kernel = LayeredModel(model, collapsed=False, device=device)
        restarts = 64 if device == "cpu" else max(1 << 10, (1 << 26) // kernel.layout.size)
        x = kernel.gaussian_starts(torch.ones(restarts, dtype=torch.float64), torch.Generator().manual_seed(0))
        times = max(20, int(1e7 / (restarts * kernel.layout.size))) if device == "cpu" else 200
        seconds = _timed(lambda x=x, s=times, k=kernel: descend(k, x, 0.1, s), device) / (restarts * times)
        full = sum(6 * p * q * model.N for p, q in model.weight_shapes) / peak
        others = (plain(1e9 * t) for t in (_batched(kernel, x, device), _naive(kernel, x, device), full))
        shown = (plain(1e9 * seconds), _share(kernel, x, times), *others)
        judgement = judged(seconds / full, aim) if device == "cpu" else ""
        yield name, str(restarts), *shown, f"{seconds / full:.1f}", judgement


def judged(ratio: float, aim: float) -> str:
    """An aim, whether it is met, and else how many times too large the ratio is."""
    return f"{aim:g}: met" if ratio <= aim else f"{aim:g}: missed, {plain(ratio / aim)} times it"


def _share(kernel: LayeredModel, x: torch.Tensor, times: int) -> str:
    """The part of a compiled step's time that its products of matrices take: the tape is run with nothing else."""
    if not kernel.is_compiled:
        return ""
    program, still = of_model(kernel), torch.zeros_like(x)
    products = program.code[program.code[:, 0] == PRODUCT]

    def taken(code: np.ndarray) -> float:
        tape = program._replace(code=code)
        return _timed(lambda: compiled.steps(tape, x, still, 0.0, times, 0.0), "cpu")

    return f"{(taken(products) - taken(products[:0])) / taken(program.code):.0%}"


def _timed(function: Callable[[], Any], device: str) -> float:
    """Seconds of the fastest run in a second, of at least four: other processes disturb short runs least."""
    runs: list[float] = []
    while len(runs) < 4 or sum(runs) < 1.0:
        began = time.perf_counter()
        function()
        if device != "cpu":
            torch.cuda.synchronize()
        runs.append(time.perf_counter() - began)
    return min(runs)


def _naive(kernel: LayeredModel, x: torch.Tensor, device: str) -> float:
    factors, loss = torch_loss(of_kernel(kernel, x[:1]), device, batch=False)
    optimiser = torch.optim.SGD(factors, lr=1e-3)

    def steps() -> None:
        for _ in range(50):
            optimiser.zero_grad()
            loss().backward()
            optimiser.step()

    return _timed(steps, device) / 50


def _batched(kernel: LayeredModel, x: torch.Tensor, device: str) -> float:
    def steps() -> None:
        y = x
        for _ in range(20):
            y = y - 0.1 * kernel.value_and_gradient(y)[1]

    return _timed(steps, device) / (20 * len(x))


def _peak(device: str) -> float:
    """Floating-point operations a second of a large product of matrices."""
    size = 512 if device == "cpu" else 4096
    A = torch.randn(size, size, dtype=torch.float64, device=device)
    return 2 * size**3 / _timed(lambda: A @ A, device)


def restarts() -> Iterator[tuple[str, ...]]:
    """Rows: where, how many restarts together, how many end in a second, and the lowest value reached."""
    yield "ReLU, K = 6, L = 5, widths 6, on", "restarts", "a second", "lowest"
    model = UnconstrainedFeatures(class_sizes=(1,) * 6, depth=5, widths=6, decays=Fraction(1, 200), activation="relu")
    for device, counts in (("the processor", (256, 4096)), ("the GPU", (256, 4096, 32768))):
        kernel = LayeredModel(model, collapsed=True, device="cpu" if device == "the processor" else "cuda")
        for count in counts:
            x = kernel.gaussian_starts(torch.ones(count, dtype=torch.float64), torch.Generator().manual_seed(0))
            seconds = _timed(lambda x=x, k=kernel: lbfgs(k, x, 300), kernel.device.type)
            lowest = kernel.value_and_gradient(lbfgs(kernel, x, 300))[0].nan_to_num(nan=1.0).min()
            yield device, f"{count:,}", plain(count / seconds), f"{float(lowest):.6f}"


def main(device: str = "cpu") -> None:
    """Print the table, and on a GPU that of the refuter's restarts."""
    torch.set_num_threads(1)
    table(per_step(device))
    if device != "cpu":
        print()
        table(restarts())
        print(f"\n{torch.cuda.get_device_name()}")
    print(f"\n{machine()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
