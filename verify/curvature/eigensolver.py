"""The largest eigenvalues of a symmetric operator, with their multiplicities: dense, or block Lanczos.

A Krylov space of one vector holds one vector of each eigenspace, so that multiple eigenvalues are found once. Here the
first block is as wide as what is asked for: of each eigenspace it holds that many random vectors. All blocks are kept
orthogonal to all others (twice), the projection is computed in full, and what depends on earlier blocks is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from verify.curvature.operators import Operator

Tensor = torch.Tensor

DENSE = 2000
"""Up to this many unknowns the matrix is formed: seconds, and 32 MB."""
EXTRA = 20
"""Random vectors beyond those asked for, so that the last ones converge as fast as the first."""
BLOCKS, ROOM, MORE_BLOCKS = 6, 1 << 27, 12
"""Most blocks before a restart: six, as at collapse a Hessian has about as many different eigenvalues, and up to twelve
within so many entries (1 GB): where eigenvalues lie close, these take a third less time; twenty take more again."""
TOLERANCE = 1e-9
"""Residuals asked for, relative to the largest eigenvalue in size. Eigenvalues that are apart are better by far: their
error is at most a residual's square over the gap."""
DEPENDENT = 1e-13
"""What is left of an image, relative to the largest eigenvalue, when it counts as lying in the space."""
CLEAR = 1e-3
"""A part of an image larger than this is orthogonal to the basis, as computed, up to some thousand roundings."""
MOST_BLOCKS = 100
"""Blocks after which what was reached is returned: its residuals say how far that is."""


@dataclass(frozen=True)
class Eigenpairs:
    """Eigenvalues (m), largest first, unit eigenvectors (m, size), and ‖Hv − λv‖ (m) as computed at the end."""

    values: Tensor
    vectors: Tensor
    residuals: Tensor


def largest(
    operator: Operator, count: int, tolerance: float = TOLERANCE, seed: int = 0, dense: int = DENSE
) -> Eigenpairs:
    """The ``count`` largest eigenvalues, each as often as it occurs; all of them for ``count`` ≥ size.

    Args:
        tolerance: residuals asked for, relative to the largest eigenvalue in size.
        dense: up to this many unknowns the matrix is formed.

    >>> twice = Operator(3, lambda V: V * torch.tensor([1.0, 2.0, 2.0]).double())
    >>> [round(float(value), 12) for value in largest(twice, 3).values]
    [2.0, 2.0, 1.0]
    """
    count = min(count, operator.size)
    vectors = _dense(operator, count) if operator.size <= dense else _block_lanczos(operator, count, tolerance, seed)
    return rayleigh(operator, vectors)


def rayleigh(operator: Operator, vectors: Tensor) -> Eigenpairs:
    """The quotients of unit vectors (m, size), largest first, with the residuals ‖Hv − λv‖ as computed.

    >>> rayleigh(Operator(2, lambda V: V * torch.tensor([1.0, 2.0])), torch.eye(2)).values.tolist()
    [2.0, 1.0]
    """
    images = operator(vectors)
    values, order = (vectors * images).sum(1).sort(descending=True, stable=True)
    vectors, images = vectors[order], images[order]
    return Eigenpairs(values, vectors, (images - values[:, None] * vectors).norm(dim=1))


def memory(size: int, count: int, dense: int = DENSE) -> float:
    """About how many bytes ``largest`` holds."""
    width = min(count + EXTRA, size)
    return 8.0 * size * (4 * size if size <= dense else _room(size, width) + 5 * width)


def _room(size: int, width: int) -> int:
    """How many vectors a basis may have."""
    return min(size, max(BLOCKS * width, min(MORE_BLOCKS * width, ROOM // size)))


def _dense(operator: Operator, count: int) -> Tensor:
    matrix = operator(torch.eye(operator.size, dtype=torch.float64, device=operator.device))
    vectors = torch.linalg.eigh((matrix + matrix.T) / 2)[1]
    return vectors.T.flip(0)[:count].contiguous()


def _block_lanczos(operator: Operator, count: int, tolerance: float, seed: int) -> Tensor:
    """Vectors (count, size) of the largest eigenvalues; restarted with the best ones where the basis is full."""
    size, width = operator.size, min(count + EXTRA, operator.size)
    room = _room(size, width)
    basis = torch.empty(room, size, dtype=torch.float64, device=operator.device)
    projected = torch.zeros(room, room, dtype=torch.float64, device=operator.device)
    block, filled = _orthonormal(_gaussian(width, size, seed).to(operator.device)), 0
    for _ in range(MOST_BLOCKS):
        end = filled + len(block)
        basis[filled:end] = block
        image = operator(block)
        coupling = _remove(image, basis[:end])
        projected[:end, filled:end], projected[filled:end, :end] = coupling, coupling.T
        values, mixes = torch.linalg.eigh(projected[:end, :end])
        best, scale = mixes.flip(1)[:, :width], float(values.abs().max())
        directions, triangle = torch.linalg.qr(image.T)
        left, sizes, right = torch.linalg.svd(triangle)
        residuals = (sizes[:, None] * (right @ best[filled:, :count])).norm(dim=0)
        new = sizes > DEPENDENT * scale
        if bool((residuals <= tolerance * scale).all()) or not bool(new.any()):
            break
        block, filled = left[:, new].T @ directions.T, end
        if float(sizes[new].min()) < CLEAR * scale:
            _remove(block, basis[:end])
            block = _orthonormal(block)
        if end + len(block) > room:
            filled = best.shape[1]
            basis[:filled] = best.T @ basis[:end]
            projected[:filled, :filled] = torch.diag(values.flip(0)[:filled])
    return best.T[:count] @ basis[:end]


def _gaussian(rows: int, columns: int, seed: int) -> Tensor:
    """Drawn on the processor, so that all devices start alike."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=generator, dtype=torch.float64, device=generator.device)


def _remove(vectors: Tensor, basis: Tensor) -> Tensor:
    """Take from vectors (p, size), in place, their parts along an orthonormal basis (q, size); returns these (q, p)."""
    parts = basis @ vectors.T
    vectors -= parts.T @ basis
    again = basis @ vectors.T
    vectors -= again.T @ basis
    return parts + again


def _orthonormal(vectors: Tensor) -> Tensor:
    return torch.linalg.qr(vectors.T)[0].T.contiguous()
