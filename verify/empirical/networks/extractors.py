"""Extractors of features: fully connected layers, or a small residual network with convolutions.

Neither has batch normalisation. It would divide by what it measures of a batch, and scale out of H what the decay on H
is about; residual branches that start at zero do its work instead: each block starts as the identity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import log, prod
from typing import Protocol, TypeVar

import torch

Tensor = torch.Tensor
Layer = TypeVar("Layer", torch.nn.Linear, torch.nn.Conv2d)


class SmoothLeaky(torch.nn.Module):
    """σ(x) = γx + (1 − γ)(log(1 + e^x) − log 2), as Assumption 4.2 of Jacot et al. 2024 has it.

    σ' lies in [γ, 1], |σ(x)| ≤ |x|, and σ' is β-Lipschitz (of (1 − γ)/4, but the assumption has β ≥ 1).

    >>> SmoothLeaky()(torch.zeros(1)).item()
    0.0
    """

    gamma = 0.3
    beta = 1.0

    def forward(self, x: Tensor) -> Tensor:
        """The activations."""
        return self.gamma * x + (1 - self.gamma) * (torch.nn.functional.softplus(x) - log(2))


ACTIVATIONS: dict[str, type[torch.nn.Module]] = {
    "gelu": torch.nn.GELU,
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
    "smooth-leaky": SmoothLeaky,
}
"""A smooth one lets quasi-Newton steps come closer to the optimum."""


class Extractor(Protocol):
    """What a network needs to know of its extractor."""

    @property
    def activation(self) -> str:
        """A name in ``ACTIVATIONS``."""

    @property
    def depth(self) -> int:
        """Layers with an activation."""

    def parameters(self, features: int) -> int:
        """How many weights it has, biases left out."""

    def build(self, features: int, bias: bool, generator: torch.Generator) -> torch.nn.Sequential:
        """Layers that take images (N × d) to features (N × d_1), the last of them linear."""

    def widths(self) -> str:
        """Widths up to the linear layer, as a reader writes them."""


@dataclass(frozen=True)
class Mlp:
    """Fully connected layers of the hidden widths, each with the activation behind it, on d pixels.

    >>> Mlp(4, (5,), "relu").build(3, False, torch.Generator())
    Sequential(
      (0): Linear(in_features=4, out_features=5, bias=False)
      (1): ReLU()
      (2): Linear(in_features=5, out_features=3, bias=False)
    )
    """

    pixels: int
    hidden: tuple[int, ...]
    activation: str

    @property
    def depth(self) -> int:
        """Layers with an activation."""
        return len(self.hidden)

    def parameters(self, features: int) -> int:
        """How many weights it has, biases left out."""
        return sum(a * b for a, b in pairwise((self.pixels, *self.hidden, features)))

    def build(self, features: int, bias: bool, generator: torch.Generator) -> torch.nn.Sequential:
        """Layers that take images (N × d) to features (N × d_1), the last of them linear."""
        layers: list[torch.nn.Module] = []
        for before, width in pairwise((self.pixels, *self.hidden)):
            layers += [linear(before, width, 2.0, bias, generator), ACTIVATIONS[self.activation]()]
        return torch.nn.Sequential(*layers, linear((self.pixels, *self.hidden)[-1], features, 1.0, bias, generator))

    def widths(self) -> str:
        """Widths from the pixels on, as a reader writes them."""
        return "-".join(map(str, (self.pixels, *self.hidden)))


@dataclass(frozen=True)
class ResNet:
    """A residual network: a 3 × 3 convolution, stages, the mean over pixels, and a linear layer (He et al. 2016).

    A stage is one residual block; from the second on, a 3 × 3 convolution of stride 2 with the activation leads to it.

    Args:
        shape: channels, rows and columns of an image, whose pixels are given in this order.
        channels: of each stage.
        activation: a name in ``ACTIVATIONS``.

    >>> network = ResNet((1, 8, 8), (4, 6), "relu").build(5, True, torch.Generator())
    >>> network(torch.ones(3, 64, dtype=torch.float64)).shape
    torch.Size([3, 5])
    """

    shape: tuple[int, int, int]
    channels: tuple[int, ...]
    activation: str

    @property
    def depth(self) -> int:
        """Layers with an activation: two a stage."""
        return 2 * len(self.channels)

    def parameters(self, features: int) -> int:
        """How many weights it has, biases left out."""
        convolutions = sum(9 * a * b for a, b in pairwise((self.shape[0], *self.channels)))
        blocks = sum(2 * 9 * width * width for width in self.channels)
        return convolutions + blocks + self.channels[-1] * features

    def build(self, features: int, bias: bool, generator: torch.Generator) -> torch.nn.Sequential:
        """Layers that take images (N × d) to features (N × d_1), the last of them linear."""
        first, stages = torch.nn.Unflatten(1, self.shape), list(self._stages(bias, generator))
        return torch.nn.Sequential(
            first, *stages, PixelMean(), linear(self.channels[-1], features, 1.0, bias, generator)
        )

    def _stages(self, bias: bool, generator: torch.Generator) -> Iterator[torch.nn.Module]:
        for stage, (before, width) in enumerate(pairwise((self.shape[0], *self.channels))):
            yield convolution(before, width, 2.0, bias, generator, stride=2 if stage else 1)
            yield ACTIVATIONS[self.activation]()
            yield Residual(width, self.activation, bias, generator)

    def widths(self) -> str:
        """The shape of images, and channels by stage."""
        return f"{'×'.join(map(str, self.shape))}-{'-'.join(map(str, self.channels))}"


class Residual(torch.nn.Module):
    """x + V ∗ σ(U ∗ x) with 3 × 3 convolutions U and V; V starts at 0, and so the block as the identity.

    >>> block, x = Residual(2, "gelu", True, torch.Generator()), torch.ones(1, 2, 4, 4, dtype=torch.float64)
    >>> bool(torch.equal(block(x), x))
    True
    """

    def __init__(self, channels: int, activation: str, bias: bool, generator: torch.Generator) -> None:
        super().__init__()
        self.branch = torch.nn.Sequential(
            convolution(channels, channels, 2.0, bias, generator),
            ACTIVATIONS[activation](),
            convolution(channels, channels, 0.0, bias, generator),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The images (N × channels × rows × columns) and what the branch adds to them."""
        branch: Tensor = self.branch(x)
        return x + branch


class PixelMean(torch.nn.Module):
    """The mean over pixels of each channel, (N × channels × rows × columns) → (N × channels)."""

    def forward(self, x: Tensor) -> Tensor:
        """The means."""
        return x.mean((2, 3))


def linear(before: int, width: int, variance: float, bias: bool, generator: torch.Generator) -> torch.nn.Linear:
    """A layer whose weights are Gaussian with ``variance``/fan-in, and whose biases are 0."""
    return _started(torch.nn.Linear(before, width, bias, dtype=torch.float64), variance, generator)


def convolution(
    before: int, width: int, variance: float, bias: bool, generator: torch.Generator, stride: int = 1
) -> torch.nn.Conv2d:
    """A 3 × 3 convolution that keeps rows and columns, divided by the stride; it starts as ``linear`` does."""
    layer = torch.nn.Conv2d(before, width, 3, stride, padding=1, bias=bias, dtype=torch.float64)
    return _started(layer, variance, generator)


def gaussian(shape: tuple[int, ...], variance: float, generator: torch.Generator) -> Tensor:
    """Entries of variance ``variance``/fan-in, for a matrix or a kernel (outputs × inputs × …)."""
    return (variance / prod(shape[1:])) ** 0.5 * torch.randn(shape, dtype=torch.float64, generator=generator)


def _started(layer: Layer, variance: float, generator: torch.Generator) -> Layer:
    with torch.no_grad():
        layer.weight.copy_(gaussian(tuple(layer.weight.shape), variance, generator))
        if layer.bias is not None:
            layer.bias.zero_()
    return layer
