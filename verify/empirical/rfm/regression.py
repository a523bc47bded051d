"""Kernel regression without a ridge, or with one, and the average gradient outer product of its fit.

Sums over pairs of samples go block by block: of N × N there is one matrix, in which the kernel is factorised. A block
lies within a class (``blocks``), where ``kernels.distances`` stays accurate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from verify.empirical import machine
from verify.empirical.rfm.kernels import Kernel, distances

BLOCK = 2048
"""Samples in a block at most."""
SPECTRAL = 5
"""Matrices N × N that the spectrum of one takes, by measurement: itself, its vectors, and their workspace."""


@dataclass(frozen=True)
class Fit:
    """f(x) = α k(X, x), for α (K × N) and the samples X (d × N).

    ``rank`` counts the eigenvalues of the kernel matrix that α rests on: N, unless it was singular up to rounding.
    """

    kernel: Kernel
    X: Tensor
    alpha: Tensor
    rank: int

    def __call__(self, Z: Tensor) -> Tensor:
        """f (K × m) at columns of Z (d × m)."""
        parts = [self.alpha @ self.kernel.values(distances(self.X, part)) for part in Z.split(BLOCK, dim=1)]
        return torch.cat(parts, dim=1)


def blocks(sizes: Sequence[int]) -> list[slice]:
    """Consecutive samples of one class, at most ``BLOCK`` of them, for samples sorted by class.

    >>> blocks((3, 2))
    [slice(0, 3, None), slice(3, 5, None)]
    """
    found, start = [], 0
    for size in sizes:
        found += [slice(at, min(at + BLOCK, start + size)) for at in range(start, start + size, BLOCK)]
        start += size
    return found


def gram(kernel: Kernel, X: Tensor, parts: Sequence[slice]) -> Tensor:
    """k(X, X) (N × N), in which blocks of columns are filled one by one."""
    G = X.new_empty(X.shape[1], X.shape[1])
    for part in parts:
        G[:, part] = kernel.values(distances(X, X[:, part]))
    return G


def fit(kernel: Kernel, X: Tensor, Y: Tensor, parts: Sequence[slice], ridge: float = 0.0) -> Fit:
    """α = Y (k(X, X) + γI)⁻¹; where that matrix is singular up to rounding, the limit Y k(X, X)⁺ of small ridges γ.

    Args:
        X: samples (d × N).
        Y: labels (K × N).
        parts: ``blocks`` of the samples.
        ridge: γ ≥ 0.

    >>> X, Y = torch.eye(2, dtype=torch.float64), torch.tensor([[1.0, -1.0]], dtype=torch.float64)
    >>> found = fit(Kernel("gaussian", 2.0), X, Y, blocks((1, 1)))
    >>> found(X), found.rank
    (tensor([[ 1., -1.]], dtype=torch.float64), 2)
    """
    G = gram(kernel, X, parts)
    G.diagonal().add_(ridge)
    info = torch.empty(0, dtype=torch.int32, device=G.device)
    torch.linalg.cholesky_ex(G, out=(G, info))  # in place: N = 50,000 takes 20 GB
    if not int(info):
        return Fit(kernel, X, torch.cholesky_solve(Y.T.contiguous(), G).T, X.shape[1])
    machine.require_memory(
        8 * SPECTRAL * X.shape[1] ** 2, X.device.type, "the kernel's matrix is singular; its spectrum (take a --ridge)"
    )
    G = gram(kernel, X, parts)
    G.diagonal().add_(ridge)
    values, vectors = torch.linalg.eigh(G)
    kept = values > len(values) * torch.finfo(values.dtype).eps * values[-1]
    values, vectors = values[kept], vectors[:, kept]
    return Fit(kernel, X, (Y @ vectors / values) @ vectors.T, int(kept.sum()))


def agop(f: Fit, parts: Sequence[slice]) -> Tensor:
    """M = (1/N) Σ_c Σ_i ∇f_c(x_i) ∇f_c(x_i)ᵀ (d × d), at the samples of the fit.

    ∇f_c(x_i) = Σ_j α_cj w_ij (x_i − x_j), with the kernel's slopes w. For a block I of samples this is, for each class,
    X_I diag((αw)_c) − (X diag(α_c)) w, after X is shifted by a point of I; the gradients of one block and class are all
    that is held of them.

    >>> X, Y = torch.eye(2, dtype=torch.float64), torch.tensor([[1.0, -1.0]], dtype=torch.float64)
    >>> M = agop(fit(Kernel("gaussian", 2.0), X, Y, blocks((1, 1))), blocks((1, 1)))
    >>> bool(torch.allclose(M, M[0, 0] * torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)))
    True
    """
    X, alpha = f.X, f.alpha
    M = X.new_zeros(X.shape[0], X.shape[0])
    for part in parts:
        w = f.kernel.slopes(distances(X, X[:, part]))
        shifted, sums = X - X[:, part].mean(1, keepdim=True), alpha @ w
        for a, s in zip(alpha, sums, strict=True):
            gradients = torch.addmm(shifted[:, part] * s, shifted * a, w, alpha=-1)
            M.addmm_(gradients, gradients.T)
    return M / X.shape[1]


def through_agop(f: Fit, parts: Sequence[slice]) -> Callable[[Tensor], Tensor]:
    """x ↦ M^{1/2} x for columns x, M the AGOP at the samples of the fit.

    M lives on the span of the samples. Where they are fewer than dimensions, X = Q R, M^{1/2} = Q M_R^{1/2} Qᵀ with the
    AGOP M_R at the samples R, which has their distances.
    """
    if f.X.shape[0] <= f.X.shape[1]:
        root = square_root(agop(f, parts))
        return lambda x: root @ x
    Q, R = torch.linalg.qr(f.X)
    root = square_root(agop(replace(f, X=R), parts))
    return lambda x: Q @ (root @ (Q.T @ x))


def square_root(M: Tensor) -> Tensor:
    """M^{1/2} of a positive semidefinite matrix; eigenvalues below 0 are rounding.

    >>> square_root(torch.tensor([[4.0, 0.0], [0.0, 0.0]]))
    tensor([[2., 0.],
            [0., 0.]])
    """
    values, vectors = torch.linalg.eigh((M + M.T) / 2)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T
