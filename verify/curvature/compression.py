"""The Hessian of linear layers in all factors, on the directions where it is not the decays alone.

Letters as in ``verify.curvature.operators``, with H as W_0, whose input h^{(0)} is I; R (K × N) are the derivatives of
the data term by the outputs, G_l = h^{(l)} Rᵀ. With T_l = A^{(l+1)} dW_l, C (K × N) what the loss makes of the changes
Σ T_l h^{(l)} of the outputs, D_l = dh^{(l)} Rᵀ, and B_l the change of A^{(l+1)}, the data term's Hessian takes dW_l to

    A^{(l+1)ᵀ}(C h^{(l)ᵀ} + D_lᵀ) + B_lᵀ G_lᵀ,    D_{l+1} = W_l D_l + dW_l G_l,    B_l = B_{l+1} W_{l+1} + T_{l+1}.

So images, and what they depend on, lie in the range of A^{(l+1)ᵀ} by columns or in that of G_l by rows, both of rank at
most K. On the rest of each factor, as a rule (d_{l+1} − K)(d_l − K) directions, it is 0, at every point.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from theory.model import UnconstrainedFeatures
from verify.curvature.eigensolver import Eigenpairs, largest, memory, rayleigh
from verify.curvature.operators import Curvature, Operator, completed_range

Tensor = torch.Tensor


@dataclass(frozen=True)
class Block:
    """Coordinates in one factor: dW = U x + V y Pᵀ, x (a, d_l) and y (d_{l+1} − a, b), with orthogonal (U V), (P Z).

    U (d_{l+1}, a) spans the range of A^{(l+1)ᵀ}, P (d_l, b) that of G; S = A^{(l+1)} U and Q = Pᵀ G.
    """

    U: Tensor
    V: Tensor
    P: Tensor
    Z: Tensor
    S: Tensor
    G: Tensor
    Q: Tensor
    decay: float

    @classmethod
    def of(cls, above: Tensor, G: Tensor, decay: float) -> Block:
        """The coordinates for A^{(l+1)} (K, d_{l+1}) and G (d_l, K)."""
        (U, V), (P, Z) = completed_range(above.T), completed_range(G)
        return cls(U, V, P, Z, above @ U, G, P.T @ G, decay)

    @property
    def shapes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Of x and y."""
        return (self.U.shape[1], len(self.P)), (self.V.shape[1], self.P.shape[1])

    @property
    def without(self) -> int:
        """How many directions V_i Z_jᵀ have no coordinates."""
        return self.V.shape[1] * self.Z.shape[1]

    def directions(self, count: int) -> Tensor:
        """The first of these (count, d_{l+1}, d_l)."""
        order = torch.arange(count, device=self.V.device)
        i, j = order // max(1, self.Z.shape[1]), order % max(1, self.Z.shape[1])
        return torch.einsum("ri,si->irs", self.V[:, i], self.Z[:, j])


class Compression:
    """Orthonormal coordinates for the Hessian of a linear model: those of H, then of W_1, …, and of b.

    Raises:
        ValueError: for other activations.

    >>> from theory.model import UnconstrainedFeatures
    >>> from verify.curvature.points import known_point
    >>> model = UnconstrainedFeatures(class_sizes=(2, 2), depth=2, widths=(6,), decays="1/50")
    >>> compression = Compression(Curvature(model, known_point(model).factors))
    >>> compression.size, compression.curvature.layout.size
    (48, 72)
    """

    def __init__(self, curvature: Curvature) -> None:
        model = curvature.model
        if not model.is_linear:
            raise ValueError("the Hessian vanishes on such directions for linear layers only")
        self.curvature, R = curvature, curvature.errors[-1]
        self.gradients = [R.T, *(h @ R.T for h in curvature.inputs)]
        decays = (model.feature_decay, *model.weight_decays)
        self.blocks = [
            Block.of(curvature.above(layer + 1), G, float(decay))
            for layer, (G, decay) in enumerate(zip(self.gradients, decays, strict=True))
        ]
        bias = [(model.K, 1)] if model.has_bias else []
        self.shapes = [*(shape for block in self.blocks for shape in block.shapes), *bias]
        self.sizes = [rows * columns for rows, columns in self.shapes]
        self.size = sum(self.sizes)

    def operator(self, regularised: bool = True) -> Operator:
        """The Hessian in these coordinates."""
        device = self.curvature.device
        data = Operator(self.size, self._product, device)
        if not regularised:
            return data
        decays = [block.decay for block in self.blocks for _ in block.shapes]
        decays += [float(self.curvature.model.bias_decay)] * self.curvature.model.has_bias
        numbers = torch.tensor(decays, dtype=torch.float64, device=device)
        return data.plus(numbers.repeat_interleave(torch.tensor(self.sizes, device=device)))

    def expand(self, X: Tensor) -> Tensor:
        """Directions (m, all entries), as those of ``Curvature.full``, of coordinates (m, size)."""
        pairs, bias = self._split(X)
        features, *weights = (b.U @ x + b.V @ y @ b.P.T for b, (x, y) in zip(self.blocks, pairs, strict=True))
        return self.curvature.layout.join([*weights, features, *bias])

    def directions(self, block: int, count: int) -> Tensor:
        """Orthonormal directions (count, all entries) without coordinates, in H (``block`` 0) or W_``block``."""
        layout = self.curvature.layout
        found = torch.zeros(count, layout.size, dtype=torch.float64, device=self.curvature.device)
        layout.split(found)["H" if block == 0 else f"W_{block}"].copy_(self.blocks[block].directions(count))
        return found

    def _split(self, X: Tensor) -> tuple[list[tuple[Tensor, Tensor]], list[Tensor]]:
        parts = [
            part.reshape(len(X), *shape)
            for part, shape in zip(torch.split(X, self.sizes, dim=1), self.shapes, strict=True)
        ]
        end = 2 * len(self.blocks)
        return list(zip(parts[:end:2], parts[1:end:2], strict=True)), parts[end:]

    def _product(self, X: Tensor) -> Tensor:
        pairs, bias = self._split(X)
        weights, inputs, N = self.curvature.weights, self.curvature.inputs, self.curvature.model.N
        tops = [block.S @ x for block, (x, _) in zip(self.blocks, pairs, strict=True)]
        outputs = sum((T @ h for T, h in zip(tops[1:], inputs, strict=True)), start=tops[0])
        upper = self.curvature.curve(outputs + bias[0] if bias else outputs) / N
        moved = [torch.zeros(len(X), *self.gradients[0].shape, dtype=X.dtype, device=X.device)]
        for W, block, (x, y) in zip((None, *weights[:-1]), self.blocks, pairs, strict=False):
            change = block.U @ (x @ block.G) + block.V @ (y @ block.Q)
            moved.append(change if W is None else W @ moved[-1] + change)
        changes = [torch.zeros_like(tops[-1][:, :, :1]).expand(-1, -1, len(self.blocks[-1].U))]
        for W, T in zip(weights[::-1], tops[:0:-1], strict=True):
            changes.insert(0, changes[0] @ W + T)
        parts = []
        for block, h, D, B in zip(self.blocks, (None, *inputs), moved, changes, strict=True):
            reached = upper if h is None else upper @ h.T
            parts += [block.S.T @ (reached + D.mT) + (B @ block.U).mT @ block.G.T, (B @ block.V).mT @ block.Q.T]
        return self.curvature.layout.join([*parts, *([upper.sum(2, keepdim=True)] if bias else [])])


def largest_in_all_factors(curvature: Curvature, count: int, regularised: bool = True) -> Eigenpairs:
    """The ``count`` largest eigenvalues of the Hessian in all factors, with residuals there.

    For linear layers they are found on the directions of a ``Compression``; on the others the decays are eigenvalues.

    >>> from theory.model import UnconstrainedFeatures
    >>> from verify.curvature.points import known_point
    >>> model = UnconstrainedFeatures(class_sizes=(2, 2), depth=2, widths=(6,), decays="1/50")
    >>> pairs = largest_in_all_factors(Curvature(model, known_point(model).factors), 100)
    >>> len(pairs.values), bool(pairs.residuals.max() < 1e-14)
    (72, True)
    """
    full = curvature.full(regularised)
    if not curvature.model.is_linear:
        return largest(full, count)
    compression = Compression(curvature)
    pairs = largest(compression.operator(regularised), count)
    found: list[tuple[float, int]] = [(value, -1) for value in pairs.values.tolist()]
    for place, block in enumerate(compression.blocks):
        found += [(block.decay * regularised, place)] * min(count, block.without)
    chosen = [place for _, place in sorted(found, reverse=True)[:count]]
    vectors = [compression.expand(pairs.vectors[: chosen.count(-1)])]
    vectors += [compression.directions(place, chosen.count(place)) for place in range(len(compression.blocks))]
    return rayleigh(full, torch.cat(vectors))


def memory_in_all_factors(model: UnconstrainedFeatures, count: int) -> float:
    """About how many bytes ``largest_in_all_factors`` holds at most: vectors of the search, and eigenvectors thrice."""
    factors = [*model.weight_shapes, (model.widths[0], model.N)]
    unknowns = sum(rows * columns for rows, columns in factors)
    if not model.is_linear:
        return memory(unknowns, count)
    ranks = [(min(rows, model.K), min(columns, model.K)) for rows, columns in factors]
    size = sum(a * columns + (rows - a) * b for (rows, columns), (a, b) in zip(factors, ranks, strict=True))
    return memory(size, count) + 3 * 8.0 * min(count, unknowns) * unknowns
