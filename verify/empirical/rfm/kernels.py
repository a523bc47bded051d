"""Kernels of the distance, k(x, z) = φ(‖x − z‖), and distances that stay accurate where points fall together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

KERNELS = ("laplace", "gaussian")

ROUNDING = 64 * torch.finfo(torch.float64).eps
"""Below this share of ‖x − c‖² + ‖z − c‖², from which it is computed, ‖x − z‖² is rounding: the points are one."""


@dataclass(frozen=True)
class Kernel:
    """exp(−‖x − z‖/ℓ) for ``laplace``, exp(−‖x − z‖²/(2ℓ²)) for ``gaussian``.

    Raises:
        ValueError: for another name, or a bandwidth ℓ that is not positive.

    >>> Kernel("laplace", 2.0).values(torch.tensor([0.0, 2.0]))
    tensor([1.0000, 0.3679])
    """

    name: str
    bandwidth: float

    def __post_init__(self) -> None:
        if self.name not in KERNELS:
            raise ValueError(f"a kernel is one of {', '.join(KERNELS)}, got {self.name!r}")
        if not 0 < self.bandwidth < float("inf"):
            raise ValueError(f"a bandwidth is positive, got {self.bandwidth}")

    def values(self, distances: Tensor) -> Tensor:
        """k at some distances."""
        if self.name == "laplace":
            return torch.exp(distances / -self.bandwidth)
        return torch.exp(distances.square() / (-2 * self.bandwidth**2))

    def slopes(self, distances: Tensor) -> Tensor:
        """w with ∇_x k(x, z) = w (x − z); 0 where x = z, where the Laplace kernel has no gradient.

        >>> Kernel("laplace", 2.0).slopes(torch.tensor([0.0, 2.0]))
        tensor([ 0.0000, -0.0920])
        """
        values = self.values(distances)
        if self.name == "gaussian":
            return values / -(self.bandwidth**2)
        return torch.where(distances > 0, values / (-self.bandwidth * distances), 0.0)


def distances(X: Tensor, Z: Tensor) -> Tensor:
    """‖x_i − z_j‖ (N × m) of columns of X (d × N) and Z (d × m).

    By ‖x − c‖² + ‖z − c‖² − 2 (x − c)ᵀ(z − c) around the mean c of Z: within a class Z the terms are as small as the
    class is, so that little cancels, however near to one point it has come.

    >>> distances(torch.eye(2, dtype=torch.float64), torch.zeros(2, 1, dtype=torch.float64))
    tensor([[1.],
            [1.]], dtype=torch.float64)
    """
    centre = Z.mean(1, keepdim=True)
    A, B = X - centre, Z - centre
    sizes = A.square().sum(0)[:, None] + B.square().sum(0)
    squares = torch.addmm(sizes, A.T, B, alpha=-2)
    return torch.where(squares > ROUNDING * sizes, squares, 0.0).sqrt_()
