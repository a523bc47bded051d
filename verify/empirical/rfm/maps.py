"""Feature maps Φ(x) = σ(W x + b) with random W, drawn on the CPU so that a seed means the same on every device."""

from __future__ import annotations

from collections.abc import Callable
from math import pi

import torch
from torch import Generator, Tensor

MAPS = ("relu", "cosine", "linear")

Map = Callable[[Tensor], Tensor]


def feature_map(name: str, inputs: int, width: int, frequency: float, generator: Generator) -> Map:
    """Φ from R^inputs to R^width.

    ``relu``: max(Wx, 0), W_ij ~ N(0, 2/width), without a bias, as in Proposition A.1. ``cosine``: √(2/width)
    cos(Wx + b), the random Fourier features of exp(−frequency ‖x − z‖₁), whose frequencies W_ij are Cauchy.
    ``linear``: x itself.

    Raises:
        ValueError: for another name.

    >>> feature_map("relu", 2, 3, 1.0, torch.Generator().manual_seed(0))(torch.zeros(2, 5, dtype=torch.float64)).shape
    torch.Size([3, 5])
    """
    if name == "linear":
        return lambda X: X
    if name == "relu":
        W = torch.randn(width, inputs, generator=generator, dtype=torch.float64) * (2 / width) ** 0.5
        return lambda X: (W.to(X.device) @ X).relu_()
    if name == "cosine":
        uniform = torch.rand(width, inputs + 1, generator=generator, dtype=torch.float64)
        W, b = frequency * torch.tan(pi * (uniform[:, 1:] - 0.5)), 2 * pi * uniform[:, :1]
        return lambda X: torch.addmm(b.to(X.device), W.to(X.device), X).cos_() * (2 / width) ** 0.5
    raise ValueError(f"a feature map is one of {', '.join(MAPS)}, got {name!r}")
