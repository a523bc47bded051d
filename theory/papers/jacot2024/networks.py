"""Activations of Assumption 4.2, and the gradient of C_0 by backpropagation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from theory.ops import (
    Expression,
    diagonal,
    exp,
    log,
    log_sum_exp,
    ones,
)
from theory.papers.jacot2024.setting import (
    stacked,
    total,
    unit,
)

HALVES = (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))


def softplus(A: Expression) -> Expression:
    """log(1 + e^x), entrywise."""
    return stacked(*(log_sum_exp(unit(2, 1) @ A[(i,), :]) for i in range(A.shape[0])))


@dataclass(frozen=True)
class Leaky:
    """σ(x) = γx + (1 − γ)(softplus(tx) − log 2)/t of Assumption 4.2; the line γx where ``steep`` t is 0.

    σ' lies in [γ, 1], |σ(x)| ≤ |x|, and σ' is β-Lipschitz with β = max(1, (1 − γ)t/4).

    >>> Leaky(Fraction(1, 2), 16).beta
    Fraction(2, 1)
    """

    gamma: Fraction
    steep: int

    @property
    def bend(self) -> Fraction:
        """The Lipschitz constant of σ'."""
        return (1 - self.gamma) * self.steep / 4

    @property
    def beta(self) -> Fraction:
        """β of Assumption 4.2: the same, 1 at least."""
        return max(Fraction(1), self.bend)

    def __call__(self, A: Expression) -> Expression:
        if not self.steep:
            return self.gamma * A
        return self.gamma * A + (1 - self.gamma) / self.steep * (softplus(self.steep * A) - log(2) * ones(*A.shape))

    def slope(self, A: Expression) -> Expression:
        """σ', entrywise."""
        if not self.steep:
            return self.gamma * ones(*A.shape)
        t = self.steep * A
        return self.gamma * ones(*A.shape) + (1 - self.gamma) * exp(t - softplus(t))


def entrywise(A: Expression, B: Expression) -> Expression:
    """The entrywise product, column by column."""
    rows, columns = A.shape
    diagonals = [diagonal([A[i, j] for i in range(rows)]) for j in range(columns)]
    return total([D @ B[:, (j,)] @ unit(columns, j).T for j, D in enumerate(diagonals)])


def gradients(
    weights: Sequence[Expression], X: Expression, Y: Expression, sigma: Leaky, L1: int
) -> tuple[list[Expression], Expression]:
    """∇C_0 by W_1 … W_L, by backpropagation, and Z_L − Y; the first L1 layers have the activation.

    >>> from theory.ops import identity, ones, variable
    >>> W = variable("W", (1, 1))
    >>> found, R = gradients([W], identity(1), ones(1, 1), Leaky(Fraction(1), 0), 0)
    >>> found[0] is R @ identity(1).T
    True
    """
    Z, before, slopes = X, [], []
    for layer, W in enumerate(weights, start=1):
        before.append(Z)
        A = W @ Z
        slopes.append(sigma.slope(A) if layer <= L1 else None)
        Z = sigma(A) if layer <= L1 else A
    R = back = Z - Y
    found = []
    for W, below, slope in zip(weights[::-1], before[::-1], slopes[::-1], strict=True):
        back = back if slope is None else entrywise(slope, back)
        found.append(back @ below.T)
        back = W.T @ back
    return found[::-1], R
