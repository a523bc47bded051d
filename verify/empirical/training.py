"""Full-batch gradient descent on all factors of a model, many restarts as one batch: what programs have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from theory.model import UnconstrainedFeatures
from verify import compiled
from verify.compiled.programs import of_model
from verify.methods import columns
from verify.methods.kernels import LayeredModel

Tensor = torch.Tensor
Array = NDArray[np.float64]

RECORDED = 10
"""From so many steps on, recording one of them pays."""
AT_A_TIME = 10**7
"""Entries times steps between two looks: about a second, after which signals are heard and a descent all of whose
restarts have diverged ends."""
TOGETHER, RECORDED = 100, 10_000
"""At least so many steps between two looks, and on a GPU, where the record of one step serves many."""
BLOCK = 1 << 19
"""Numbers in the restarts that a CPU moves together, 4 MB: where each has 135,000, 64 at once take twice as long."""


@dataclass(frozen=True)
class Trained:
    """Where restarts ended: their objectives (B), and the model's own factors, each (B, rows, columns)."""

    model: UnconstrainedFeatures
    objective: Array
    factors: dict[str, Array]

    @property
    def weights(self) -> list[Array]:
        """W_1 … W_M, each (B, rows, columns)."""
        return [self.factors[f"W_{m}"] for m in range(1, self.model.M + 1)]

    @property
    def labels(self) -> NDArray[np.int64]:
        """Labels of the columns of the features: one column a class where class means were trained."""
        return np.repeat(np.arange(self.model.K), self.model.class_sizes if "H" in self.factors else 1)

    def layers(self) -> list[Array]:
        """H_1 … H_M before their ReLU, each (B, width, columns): H_1 is free, H_{l+1} = W_l σ(H_l)."""
        hidden = [self.factors["H"] if "H" in self.factors else self.factors["M"]]
        for layer, weights in enumerate(self.weights[:-1]):
            hidden.append(weights @ (self.activated(hidden[-1]) if layer else hidden[-1]))
        return hidden

    def activated(self, hidden: Array) -> Array:
        """σ(H)."""
        return hidden if self.model.is_linear else np.maximum(hidden, 0)


def train(model: UnconstrainedFeatures, *, steps: int, **settings: Any) -> Trained:
    """The end of ``course``, with the same settings, after some steps."""
    return next(course(model, (steps,), **settings))


def course(
    model: UnconstrainedFeatures,
    at: Sequence[int],
    *,
    seed: int,
    runs: int,
    rate: Fraction,
    momentum: Fraction = Fraction(0),
    deviation: Fraction | None = None,
    collapsed: bool = False,
    device: str = "cpu",
) -> Iterator[Trained]:
    """Steps of length ``rate`` in the model's own factors, from independent Gaussian entries.

    Args:
        at: after how many steps to look, in increasing order.
        momentum: the velocity's share that is kept at each step.
        deviation: of the entries at the start; default 1/√d for features of dimension d.
        collapsed: train class means times √n, whose steps are those of collapsed features.
        device: where it is computed; starts are drawn on the processor.

    >>> model = UnconstrainedFeatures(class_sizes=(2, 2), decays="1/20")
    >>> first, last = course(model, (0, 100), seed=0, runs=1, rate=Fraction(1, 5))
    >>> bool(last.objective < first.objective)
    True
    """
    kernel = LayeredModel(model, collapsed, device)
    generator = torch.Generator().manual_seed(seed % 2**63)
    spread = model.widths[0] ** -0.5 if deviation is None else float(deviation)
    shapes = kernel.layout.shapes
    unit = {name: kernel.units.get(name, 1.0) for name in shapes}
    draws = [torch.randn(runs, *s, generator=generator, dtype=torch.float64) / unit[n] for n, s in shapes.items()]
    lengths = [torch.full((1, *s), float(rate) / unit[name] ** 2, dtype=torch.float64) for name, s in shapes.items()]
    start, steps = (kernel.layout.join(parts).to(device) for parts in (draws, lengths))
    for x in descent(kernel, spread * start, steps, at, float(momentum)):
        factors = {name: part.cpu().numpy() for name, part in kernel.factors(x).items()}
        yield Trained(model, kernel.value_and_gradient(x)[0].cpu().numpy(), factors)


def descend(kernel: LayeredModel, x: Tensor, rate: Tensor | float, steps: int, momentum: float = 0.0) -> Tensor:
    """Points (B, n) after some steps of ``descent``."""
    return next(descent(kernel, x, rate, (steps,), momentum))


def descent(
    kernel: LayeredModel, x: Tensor, rate: Tensor | float, at: Sequence[int], momentum: float = 0.0
) -> Iterator[Tensor]:
    """Points (B, n) of gradient descent with heavy-ball momentum, in the kernel's units, ``at`` increasing steps."""
    velocity = torch.zeros_like(x)
    at_least = RECORDED if kernel.device.type == "cuda" else TOGETHER
    some = max(at_least, AT_A_TIME // max(1, x.numel()))
    for earlier, later in pairwise((0, *at)):
        for done in range(earlier, later, some):
            x, velocity = _advanced(kernel, x, velocity, rate, min(some, later - done), momentum)
            if not bool(x.isfinite().all(1).any()):
                break
        yield x


def _advanced(
    kernel: LayeredModel, x: Tensor, velocity: Tensor, rate: Tensor | float, steps: int, momentum: float
) -> tuple[Tensor, Tensor]:
    if kernel.is_compiled:
        return compiled.steps(of_model(kernel), x, velocity, rate, steps, momentum)
    if kernel.device.type == "cuda" and columns.fits(kernel):
        return columns.steps(kernel, x, velocity, rate, steps, momentum, repeat)
    some = max(1, BLOCK // x.shape[1]) if kernel.device.type == "cpu" else len(x)
    x, velocity = x.clone(), velocity.clone()
    for points, speeds in zip(x.split(some), velocity.split(some), strict=True):

        def step(points: Tensor = points, speeds: Tensor = speeds) -> None:
            speeds.mul_(momentum).sub_(rate * kernel.value_and_gradient(points)[1])
            points.add_(speeds)

        repeat(step, steps, kernel.device)
    return x, velocity


def repeat(step: Callable[[], None], times: int, device: torch.device) -> None:
    """Do the same again and again; on a GPU it is recorded once and replayed, so that Python costs nothing."""
    if device.type != "cuda" or times < RECORDED:
        for _ in range(times):
            step()
        return
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    for _ in range(times - 1):
        graph.replay()
