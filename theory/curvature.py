"""First and second derivatives of a deep linear model, as matrices, at any point.

The factors are V_0 = H (d × N), V_1 = W_1, …, V_L = W_L, the outputs Z = V_L ⋯ V_0; the objective is a fit of Z plus
Σ λ_l/2 ‖V_l‖². A factor is flattened row by row, so that vec(A X B) = (A ⊗ Bᵀ) vec(X). With A_l = V_L ⋯ V_l and B_l =
V_{l−1} ⋯ V_0, columns b_i^l, the fit's gradient G (K × N) and its Hessian ρ_i (K × K) in the column i of Z,

    ∂f/∂V_l = A_{l+1}ᵀ G B_lᵀ + λ_l V_l,
    ∂²f/∂V_l ∂V_m = Σ_i A_{l+1}ᵀ ρ_i A_{m+1} ⊗ b_i^l (b_i^m)ᵀ + [l ≠ m] ⟨G, ∂²Z⟩ + [l = m] λ_l I.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from operator import add, matmul
from typing import Any

from theory.ops import Expression, blocks, class_means, diagonal, identity, kron, one_hot, repeat_columns, zeros


@dataclass(frozen=True)
class Curvature:
    """The derivatives at a point, from its factors and the derivatives of the fit by the outputs.

    Args:
        factors: V_0, …, V_L as formulas, in the order in which they act.
        gradient: G (K × N).
        hessians: pairs of ρ (K × K) and the columns of Z that have it; columns in no pair have none.

    >>> from theory.ops import ones
    >>> at = squared([identity(2), ones(2, 2), identity(2)], (1, 1))
    >>> at.layer(1).shape, at.full((1, 1, 1)).shape
    ((4, 4), (12, 12))
    """

    factors: tuple[Expression, ...]
    gradient: Expression
    hessians: tuple[tuple[Expression, tuple[int, ...]], ...]

    @property
    def depth(self) -> int:
        """L."""
        return len(self.factors) - 1

    def between(self, above: int, below: int) -> Expression:
        """V_{above−1} ⋯ V_{below+1}, the factors strictly between two; the identity where there are none."""
        inner = self.factors[above - 1 : below : -1]
        return reduce(matmul, inner) if inner else identity(self.factors[below].shape[0])

    def above(self, layer: int) -> Expression:
        """A_{l+1} = V_L ⋯ V_{l+1} (K × rows of V_l)."""
        return self.between(self.depth + 1, layer)

    def below(self, layer: int) -> Expression:
        """B_l = V_{l−1} ⋯ V_0 (columns of V_l × N)."""
        if layer == 0:
            return identity(self.factors[0].shape[1])
        return reduce(matmul, self.factors[layer - 1 :: -1])

    def slope(self, layer: int) -> Expression:
        """A_{l+1}ᵀ G B_lᵀ, the gradient of the fit by V_l."""
        return self.above(layer).T @ self.gradient @ self.below(layer).T

    def layer(self, layer: int, other: int | None = None) -> Expression:
        """The Gauss–Newton part Σ_i A_{l+1}ᵀ ρ_i A_{m+1} ⊗ b_i^l (b_i^m)ᵀ; for m = l it is all of the data part."""
        m = layer if other is None else other
        left, right, parts = self.below(layer), self.below(m), []
        for rho, columns in self.hessians:
            outer = left[range(left.shape[0]), columns] @ right[range(right.shape[0]), columns].T
            parts.append(kron(self.above(layer).T @ rho @ self.above(m), outer))
        return reduce(add, parts)

    def mixed(self, layer: int, other: int) -> Expression:
        """What ⟨G, ∂²Z⟩ adds for l > m: P_{iq} M_{jk} at (i, j), (k, q), P = A_{l+1}ᵀ G B_mᵀ, M = V_{l−1} ⋯ V_{m+1}."""
        P = self.above(layer).T @ self.gradient @ self.below(other).T
        M = self.between(layer, other)
        (_, columns), (_, rows) = P.shape, M.shape
        return kron(P, M)[range(P.shape[0] * M.shape[0]), [q * rows + k for k in range(rows) for q in range(columns)]]

    def full(self, decays: Sequence[Any]) -> Expression:
        """The Hessian in all factors, features first; ``decays`` λ_0, …, λ_L, zeros for the data part alone."""
        size = range(len(self.factors))
        lower = {(i, j): self.layer(i, j) + self.mixed(i, j) for i in size for j in range(i)}
        upper = {(j, i): block.T for (i, j), block in lower.items()}
        ridges = [decay * identity(V.shape[0] * V.shape[1]) for decay, V in zip(decays, self.factors, strict=True)]
        own = {(i, i): self.layer(i) + ridge for i, ridge in enumerate(ridges)}
        every = lower | upper | own
        return blocks([[every[i, j] for j in size] for i in size])


def squared(factors: Sequence[Expression], sizes: Sequence[int]) -> Curvature:
    """The fit 1/(2N) ‖Z − Y‖²: ρ = I/N for all columns."""
    K, N = len(sizes), sum(sizes)
    Z = reduce(matmul, factors[::-1])
    return Curvature(tuple(factors), (Z - one_hot(sizes)) / N, ((identity(K) / N, tuple(range(N))),))


def cross_entropy(factors: Sequence[Expression], sizes: Sequence[int], shares: Expression) -> Curvature:
    """The fit 1/N Σ_i CE(z_i, y_i) at outputs with a known softmax.

    Args:
        factors: V_0, …, V_L.
        sizes: samples of each class.
        shares: P, the softmax of each sample (K × N), or of each class (K × K) where outputs are equal within classes:
            ρ = (diag(p) − p pᵀ)/N.
    """
    K, N = len(sizes), sum(sizes)
    groups = tuple(sizes) if shares.shape[1] == K else (1,) * N
    start, hessians = 0, []
    for k, size in enumerate(groups):
        p = _column(shares, k)
        variance = diagonal([p[j, 0] for j in range(K)]) - p @ p.T
        hessians.append((variance / N, tuple(range(start, start + size))))
        start += size
    gradient = (repeat_columns(shares, groups) - one_hot(sizes)) / N
    return Curvature(tuple(factors), gradient, tuple(hessians))


def entering(factors: Sequence[Expression], sizes: Sequence[int], layer: int) -> Expression:
    """M_l = V_{l−1} ⋯ V_1 H̄, the class means that enter a layer, as columns; the outputs' for l = L + 1.

    >>> from theory.ops import ones
    >>> entering([ones(3, 4), ones(2, 3)], (2, 2), 2).shape
    (2, 2)
    """
    return reduce(matmul, [*reversed(factors[1:layer]), class_means(factors[0], sizes)])


def along_pairs(at: Curvature, sizes: Sequence[int]) -> Expression:
    """A_{l+1}ᵀ E Y B_lᵀ in all factors, as columns over the entries of E (all factors' entries × K²).

    At collapse these are multiples of U_l E U_{l−1}ᵀ, with U_l orthonormal columns along the class means after layer l.
    """
    Y = one_hot(sizes)
    return blocks([[kron(at.above(layer).T, at.below(layer) @ Y.T)] for layer in range(at.depth + 1)])


def transposition(K: int) -> Expression:
    """The matrix (K² × K²) that takes vec E to vec Eᵀ."""
    return identity(K * K)[[j * K + i for i in range(K) for j in range(K)], range(K * K)]


# ---------------------------------------------------------------------------------- parts of the Gauss–Newton matrix


def split(at: Curvature, layer: int, classes: int, samples: int) -> dict[str, Expression]:
    """Papyan's parts of a layer's Gauss–Newton matrix, squared error and balanced classes, by their sums of vectors.

    v_{icc'} = a_{c'} ⊗ h_{ic} with row c' of A_{l+1}, v_{cc'} their mean over samples, v_c that of v_{cc'} over c':
    within Σ 1/(Kn) (v_{icc'} − v_{cc'})(…)ᵀ, cross Σ 1/K (v_{cc'} − v_c)(…)ᵀ, class Σ v_c v_cᵀ.
    """
    K, n, A, B = classes, samples, at.above(layer).T, at.below(layer)
    vectors = [[[kron(_column(A, k), _column(B, c * n + i)) for i in range(n)] for k in range(K)] for c in range(K)]
    weights = [[[Fraction(1, K * n)] * n] * K] * K
    return _parts(vectors, weights, [{"class": tuple(range(K))}] * K)


def softmax_split(at: Curvature, layer: int, classes: int, samples: int, shares: Expression) -> dict[str, Expression]:
    """The same with cross-entropy, where probabilities p_{ic} are weights, and labels have a part of their own.

    v_{icc'} = A_{l+1}ᵀ (p_{ic} − e_{c'}) ⊗ h_{ic} is the gradient if the label were c', with the weight w_{icc'} =
    p_{ic,c'}/(Kn); v_{cc'} is their mean over samples, v_c that of v_{cc'} over c' ≠ c, both weighted; w_{cc'} and w_c
    are sums of weights: within Σ w_{icc'} (v_{icc'} − v_{cc'})(…)ᵀ, cross Σ_{c' ≠ c} w_{cc'} (v_{cc'} − v_c)(…)ᵀ, class
    Σ w_c v_c v_cᵀ, own Σ w_{cc} v_{cc} v_{cc}ᵀ.

    Args:
        shares: as in ``cross_entropy``.
    """
    K, n, A, B = classes, samples, at.above(layer).T, at.below(layer)
    P = shares if shares.shape[1] == K * n else repeat_columns(shares, (n,) * K)
    labels = identity(K)
    vectors = [
        [
            [kron(A @ (_column(P, i) - _column(labels, k)), _column(B, i)) for i in range(c * n, c * n + n)]
            for k in range(K)
        ]
        for c in range(K)
    ]
    weights = [[[P[k, i] / (K * n) for i in range(c * n, c * n + n)] for k in range(K)] for c in range(K)]
    return _parts(vectors, weights, [{"class": tuple(k for k in range(K) if k != c), "own": (c,)} for c in range(K)])


def _parts(
    vectors: Sequence[Sequence[Sequence[Expression]]],
    weights: Sequence[Sequence[Sequence[Any]]],
    groups: Sequence[Mapping[str, Sequence[int]]],
) -> dict[str, Expression]:
    """Σ w v vᵀ over c, c', i: about the means over i, these about their means over groups of c', and those means."""
    parts: dict[str, list[Expression]] = {"within": [], "cross": []}
    for of_class, weight, grouped in zip(vectors, weights, groups, strict=True):
        means = [_mean(v, w) for v, w in zip(of_class, weight, strict=True)]
        for (mean, _), each, share in zip(means, of_class, weight, strict=True):
            parts["within"] += [w * _square(v - mean) for v, w in zip(each, share, strict=True)]
        for name, members in grouped.items():
            chosen = [means[k] for k in members]
            center, total = _mean(*zip(*chosen, strict=True))
            parts["cross"] += [w * _square(mean - center) for mean, w in chosen]
            parts.setdefault(name, []).append(total * _square(center))
    return {name: reduce(add, squares) for name, squares in parts.items()}


def _mean(vectors: Sequence[Expression], weights: Sequence[Any]) -> tuple[Expression, Any]:
    """The weighted mean, and the sum of the weights."""
    total = reduce(add, weights)
    return reduce(add, [w / total * v for v, w in zip(vectors, weights, strict=True)]), total


def _column(matrix: Expression, j: int) -> Expression:
    return matrix[range(matrix.shape[0]), (j,)]


def _square(vector: Expression) -> Expression:
    return vector @ vector.T


# ------------------------------------------------------------------------------------------------ factors as vectors


def flattened(factors: Sequence[Expression]) -> Expression:
    """All factors row by row in one column, in their order."""
    return blocks([[_vector(V)] for V in factors])


def _vector(V: Expression) -> Expression:
    rows, columns = V.shape
    return blocks([[V[(i,), range(columns)].T] for i in range(rows)]) if rows and columns else zeros(0, 1)
