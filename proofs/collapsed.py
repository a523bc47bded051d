"""What the theorem about curvature at collapse says at one point.

The parameters of a claim propose a point and a layer. That the point is critical, with the outputs γ Y, is decided
exactly. Then the matrices of the theorem are built from its factors: a claim must be made of these very formulas, with
numbers that are exactly those of the theorem.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from math import prod
from operator import add
from typing import Any

from proofs.entailment import NotEntailed
from proofs.formulas import is_positive, vanishes
from proofs.matching import Known
from theory.claims import Relation, equal
from theory.collapse import Collapse
from theory.curvature import Curvature, entering, flattened, split, squared
from theory.ops import (
    Expression,
    constant,
    identity,
    kron,
    one_hot,
    ones,
    repeat_columns,
    sum_squares,
    zeros,
)

SIZES = ("K", "n", "L", "spare")


@dataclass(frozen=True)
class Point:
    """A critical point of the deep linear model with squared error whose outputs are γ Y.

    Args:
        factors: H, W_1, …, W_L.
        decays: λ_H, λ_1, …, λ_L.
        gamma: γ.
        K: classes.
        n: samples of each.

    Raises:
        NotEntailed: where it is not critical, or has other outputs, or that is not decided.
    """

    factors: tuple[Expression, ...]
    decays: tuple[Expression, ...]
    gamma: Fraction
    K: int
    n: int

    def __post_init__(self) -> None:
        if not 0 < self.gamma < 1 or not all(map(is_positive, self.decays)):
            raise NotEntailed("the theorem is about 0 < γ < 1 and positive decays")
        at, pairs = self.curvature, zip(self.factors, self.decays, strict=True)
        gradients = [at.slope(layer) + decay * V for layer, (V, decay) in enumerate(pairs)]
        residual = at.gradient - (self.gamma - 1) / (self.K * self.n) * one_hot(self.sizes)
        if not all(map(vanishes, (residual, *gradients))):
            raise NotEntailed("the proposed point is not critical, or its outputs are not γ Y")

    @property
    def sizes(self) -> tuple[int, ...]:
        """Samples of each class."""
        return (self.n,) * self.K

    @property
    def L(self) -> int:
        """Weight matrices."""
        return len(self.factors) - 1

    @property
    def beta(self) -> Fraction:
        """β = γ (1−γ)/K."""
        return self.gamma * (1 - self.gamma) / self.K

    @property
    def mean(self) -> Expression:
        """J (K × K)."""
        return ones(self.K, self.K) / self.K

    @cached_property
    def curvature(self) -> Curvature:
        """The derivatives of the data term."""
        return squared(self.factors, self.sizes)

    def means(self, layer: int) -> Expression:
        """M_l, the class means that enter a layer (d × K); the outputs for l = L + 1."""
        return entering(self.factors, self.sizes, layer)

    def outlier(self, layer: int) -> Expression:
        """λ_l γ/(1−γ)."""
        return self.decays[layer] * (self.gamma / (1 - self.gamma))

    def rows(self, layer: int) -> Expression:
        """The squared length of each row of A = W_L ⋯ W_{l+1}: β^{L−l}/Λ_{l+1}."""
        return self.beta ** (self.L - layer) / prod(self.decays[layer + 1 :], start=constant(1))

    def squares(self, layer: int) -> Expression:
        """‖μ^{(l)}‖² = γ² Λ_l/β^{L−l+1}, for each class."""
        return self.gamma**2 / self.beta ** (self.L - layer + 1) * prod(self.decays[layer:], start=constant(1))

    # --------------------------------------------------------------------------------------------------- what it says

    def spectra(self, layer: int) -> Iterator[Known]:
        """Matrices of a layer: Hessian, weights, second moments, and the parts of the Hessian.

        X Xᵀ has the eigenvalues of XᵀX and zeros: c for c I, and once less for c (I − J). The gradients of classes, a_c
        ⊗ μ_c, are orthogonal as the a_c are.
        """
        K, W, M, outlier = self.K, self.factors[layer], self.means(layer), self.outlier(layer)
        yield Known(self.curvature.layer(layer), [(outlier, K * K)])
        yield Known(W.T @ W, [(self.beta / self.decays[layer], K)])
        errors = (self.gamma - 1) * self.curvature.above(layer).T
        gradients = kron(errors, M)[range(errors.shape[0] * M.shape[0]), self._own]
        error = (1 - self.gamma) ** 2 * self.rows(layer)
        moments = ((M, self.squares(layer)), (errors, error), (gradients, error * self.squares(layer)))
        for X, value in moments:
            centred = X @ (identity(K) - self.mean)
            yield Known(X @ X.T, [(value, K)])
            yield Known(centred @ centred.T, [(value, K - 1)])
        parts = split(self.curvature, layer, K, self.n)
        for name, rank in (("within", 0), ("cross", K * (K - 1)), ("class", K)):
            yield Known(parts[name], [(outlier, rank)])

    @property
    def _own(self) -> list[int]:
        """The columns c ⊗ c of products over pairs of classes."""
        return [c * (self.K + 1) for c in range(self.K)]

    def relations(self, layer: int) -> Iterator[Relation]:
        """Equations of a layer, and of no layer in particular."""
        yield equal(self.factors[0], repeat_columns(self.means(1), self.sizes))
        yield equal(self.means(self.L + 1), self.gamma * identity(self.K))
        W, lower, decay = self.factors[layer], self.factors[layer - 1], self.decays[layer]
        M, upper, squares = self.means(layer), self.means(layer + 1), self.squares(layer)
        yield equal(M.T @ M, squares * identity(self.K))
        yield equal(self.curvature.above(layer) @ W, self.gamma / squares * M.T)
        yield equal(W, 1 / squares * (upper @ M.T))
        yield equal(W.T @ W @ M, self.beta / decay * M)
        yield equal(decay * (W.T @ W), self.decays[layer - 1] * (lower @ lower.T))
        gradient, pairs = flattened([self.curvature.slope(layer)]), kron(upper, M)
        yield equal(gradient, -decay * flattened([W]))
        own = reduce(add, [pairs[range(pairs.shape[0]), (c,)] for c in self._own])
        yield equal(gradient, -decay / squares * own)
        yield from self._eigenvectors(layer)

    def _eigenvectors(self, layer: int) -> Iterator[Relation]:
        """Eigenvectors as columns, M_{l+1} E M_lᵀ or E M_lᵀ above the last layer, and those of the parts."""
        K, outlier, M, upper = self.K, self.outlier(layer), self.means(layer), self.means(layer + 1)
        for above in (upper, *([identity(K)] if layer == self.L else [])):
            vectors = kron(above, M)
            yield equal(self.curvature.layer(layer) @ vectors, outlier * vectors)
        parts = split(self.curvature, layer, K, self.n)
        sums, differences = kron(upper @ ones(K, 1), M), kron(upper @ (identity(K) - self.mean), M)
        yield equal(parts["class"] @ sums, outlier * sums)
        yield equal(parts["cross"] @ differences, outlier * differences)
        yield equal(parts["cross"] @ parts["class"], zeros(*parts["class"].shape))

    def numbers(self, layer: int) -> dict[Expression, Expression]:
        """Numbers that are read off matrices: the gradient's coefficients in all products of class means."""
        gradient, pairs = flattened([self.curvature.slope(layer)]), kron(self.means(layer + 1), self.means(layer))
        above, decay = self.squares(layer + 1), self.decays[layer]
        products = pairs.T @ gradient
        found = {products[i, 0]: -decay * above if i in self._own else constant(0) for i in range(self.K**2)}
        return found | {sum_squares(gradient): decay**2 * self.K * above / self.squares(layer)}


def proposed(parameters: Mapping[str, Any]) -> tuple[Point, tuple[int, ...]]:
    """The point that the parameters of a claim propose, and its layers: the one that they name, or all.

    Raises:
        NotEntailed: where they propose none, or one that the theorem is not about.
    """
    sizes, looks = [parameters.get(x) for x in SIZES], (parameters.get("turn"), parameters.get("spread", False))
    gamma, unequal, layer = parameters.get("gamma"), parameters.get("unequal"), parameters.get("layer", 1)
    exact = all(type(x) is int and x >= 0 for x in (*sizes, layer)) and type(unequal) in (int, bool)
    if not exact or any(type(x) is not bool for x in looks) or type(gamma) is not Fraction or not 0 < gamma < 1:
        raise NotEntailed("no point of collapse is proposed")
    at = Collapse(*sizes, gamma, unequal, *looks)  # type: ignore[call-arg, arg-type]
    if at.K < 2 or at.n < 1 or not 1 <= layer <= at.L:
        raise NotEntailed("the theorem is about two classes or more, and a layer of weights")
    decays = tuple(at.decay_of(i) for i in range(at.L + 1))
    layers = (layer,) if "layer" in parameters else tuple(range(1, at.L + 1))
    return Point(at.factors, decays, gamma, at.K, at.n), layers
