"""Full-batch gradient descent on all factors of a model, many restarts as one batch: what programs have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from theory.model import UnconstrainedFeatures
from verify.methods.kernels import LayeredModel

Tensor = torch.Tensor
Array = NDArray[np.float64]


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


def train(
    model: UnconstrainedFeatures,
    *,
    seed: int,
    runs: int,
    steps: int,
    rate: Fraction,
    momentum: Fraction = Fraction(0),
    deviation: Fraction | None = None,
    collapsed: bool = False,
) -> Trained:
    """Steps of length ``rate`` in the model's own factors, from independent Gaussian entries.

    Args:
        momentum: the velocity's share that is kept at each step.
        deviation: of the entries at the start; default 1/√d for features of dimension d.
        collapsed: train class means times √n, whose steps are those of collapsed features.
    """
    options: dict[str, Any] = {"momentum": momentum, "deviation": deviation, "collapsed": collapsed}
    return next(course(model, (steps,), seed=seed, runs=runs, rate=rate, **options))


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
) -> Iterator[Trained]:
    """The same run of ``train`` at some numbers of steps, which increase.

    >>> model = UnconstrainedFeatures(class_sizes=(2, 1), decays="1/20")
    >>> start, end = course(model, (0, 5), seed=0, runs=1, rate=Fraction(1, 5))
    >>> bool(end.objective < start.objective)
    True
    """
    kernel = LayeredModel(model, collapsed=collapsed)
    generator = torch.Generator().manual_seed(seed)
    spread = model.widths[0] ** -0.5 if deviation is None else float(deviation)
    shapes = kernel.layout.shapes
    unit = {name: kernel.units.get(name, 1.0) for name in shapes}
    draws = [torch.randn(runs, *s, generator=generator, dtype=torch.float64) / unit[n] for n, s in shapes.items()]
    lengths = [torch.full((1, *s), float(rate) / unit[name] ** 2, dtype=torch.float64) for name, s in shapes.items()]
    start = spread * kernel.layout.join(draws)
    points = descent(kernel, start, kernel.layout.join(lengths), float(momentum))
    for x in picked(points, at):
        factors = {name: part.numpy() for name, part in kernel.factors(x).items()}
        yield Trained(model, kernel.value_and_gradient(x)[0].numpy(), factors)


def descend(kernel: LayeredModel, x: Tensor, rate: Tensor | float, steps: int, momentum: float = 0.0) -> Tensor:
    """Points (B, n) after some steps of gradient descent with heavy-ball momentum, in the kernel's units."""
    return next(picked(descent(kernel, x, rate, momentum), (steps,)))


def descent(kernel: LayeredModel, x: Tensor, rate: Tensor | float, momentum: float = 0.0) -> Iterator[Tensor]:
    """Points (B, n) before and after each step of gradient descent, without end."""
    velocity = torch.zeros_like(x)
    while True:
        yield x
        velocity = momentum * velocity - rate * kernel.value_and_gradient(x)[1]
        x = x + velocity


def picked(points: Iterator[Tensor], at: Sequence[int]) -> Iterator[Tensor]:
    """The points with some numbers, from 0 and increasing."""
    position = -1
    for number in at:
        yield next(islice(points, number - position - 1, None))
        position = number
