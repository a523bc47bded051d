"""What the theorem about collapse with ReLUs says at one point, at which class means are decided to be at least 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from itertools import accumulate
from operator import add
from typing import Any

from proofs import collapsed
from proofs.collapsed import Point
from proofs.entailment import NotEntailed
from proofs.formulas import signs
from proofs.matching import Known
from theory.claims import Relation, equal
from theory.ops import Expression, constant, diagonal, identity, kron, one_hot, relu, sum_squares


@dataclass(frozen=True)
class ReLUPoint:
    """Collapse with class means at least 0 where ReLUs are, each coordinate positive for one class at most.

    Args:
        at: the critical point of the linear model.
        slope: s, the derivative of a ReLU at 0.

    Raises:
        NotEntailed: where a mean is negative, or two are positive at one coordinate, or that is not decided.
    """

    at: Point
    slope: Fraction

    def __post_init__(self) -> None:
        for row in (row for rows in self.positive.values() for row in rows):
            if min(row) < 0 or sum(row) > 1:
                raise NotEntailed("class means are not ≥ 0, or two classes share a coordinate")

    @cached_property
    def positive(self) -> dict[int, list[list[int]]]:
        """The signs of the class means that enter a hidden layer, l = 2 … L."""
        return {layer: signs(self.at.means(layer)) for layer in range(2, self.at.L + 1)}

    def derivatives(self, layer: int, c: int) -> Expression:
        """P_c of the ReLUs that enter a layer."""
        return diagonal([Fraction(1) if row[c] else self.slope for row in self.positive[layer]])

    def gauss_newton(self, layer: int) -> Expression:
        """Σ_c A_cᵀ A_c ⊗ μ_c μ_cᵀ/K with A_c = W_L P_c ⋯ W_{l+1} P_c."""
        K, means, parts = self.at.K, self.at.means(layer), []
        for c in range(K):
            above, mean = identity(K), means[range(means.shape[0]), (c,)]
            for upper in range(self.at.L, layer, -1):
                above = above @ self.at.factors[upper] @ self.derivatives(upper, c)
            parts.append(kron(above.T @ above, mean @ mean.T) / K)
        return reduce(add, parts)

    @cached_property
    def inputs(self) -> dict[int, Expression]:
        """The inputs of the ReLUs after each layer, in the model with ReLUs, and the outputs for l = L."""
        H, first, *others = self.at.factors
        return dict(enumerate(accumulate(others, lambda Z, W: W @ relu(Z), initial=first @ H), start=1))

    # --------------------------------------------------------------------------------------------------- what it says

    def spectra(self, layer: int) -> Iterator[Known]:
        """The Gauss–Newton matrix of a layer."""
        K, outlier = self.at.K, self.at.outlier(layer)
        others = self.slope ** (2 * (self.at.L - layer)) * outlier
        yield Known(self.gauss_newton(layer), [(outlier, K), (others, K * (K - 1))])

    def relations(self, layer: int) -> Iterator[Relation]:
        """Where ReLUs are: that they change nothing, and the errors there."""
        if layer < self.at.L:
            Z, gamma = self.inputs[layer], self.at.gamma
            yield equal(relu(Z), Z)
            error = gamma * (gamma - 1) / self.at.squares(layer + 1)
            yield equal(self.at.curvature.above(layer).T @ self.residual, error * Z)

    @cached_property
    def residual(self) -> Expression:
        """Z − Y of the model with ReLUs."""
        return self.inputs[self.at.L] - one_hot(self.at.sizes)

    def numbers(self, layer: int) -> Mapping[Expression, Expression]:
        """The fit, and the squared norms of all factors."""
        at = self.at
        energy = at.gamma * (1 - at.gamma)
        norms = {sum_squares(V): energy / decay for V, decay in zip(at.factors, at.decays, strict=True)}
        return norms | {sum_squares(self.residual): constant(at.K * at.n * (1 - at.gamma) ** 2)}


def proposed(parameters: Mapping[str, Any]) -> tuple[ReLUPoint, tuple[int, ...]]:
    """The point that the parameters of a claim propose with s, which is 1 if they name none, and its layers.

    Raises:
        NotEntailed: where they propose none, or one that the theorem is not about.
    """
    slope = parameters.get("slope", Fraction(1))
    if type(slope) is not Fraction:
        raise NotEntailed("no derivative at 0 is proposed")
    point, layers = collapsed.proposed(parameters)
    return ReLUPoint(point, slope), layers
