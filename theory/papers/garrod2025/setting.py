"""What the statements share: sources, matrices, factors of collapse, and its pairwise competitor with its loss.

Where a statement needs e^α, it is a rational r: α = log r.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

from theory.ops import (
    Expression,
    exp,
    identity,
    log,
    matrix,
    ones,
    repeat_columns,
    sqrt,
)
from theory.statement import Source

OFF = Fraction(1_000_001, 1_000_000)

REAL = "real numbers, in balls: drawn points and descent only"


def source(locator: str, provenance: str = "R") -> Source:
    """A place in the paper."""
    return Source(
        "Garrod & Keating 2025, The Persistence of Neural Collapse Despite Low-Rank Bias",
        "arXiv 2410.23169 v2",
        locator,
        provenance,
    )


def total(terms: Sequence[Expression]) -> Expression:
    """The sum of formulas of one shape."""
    return reduce(lambda a, b: a + b, terms)


def product(factors: Sequence[Expression]) -> Expression:
    """The product of matrices, W_L first."""
    return reduce(lambda a, b: a @ b, factors)


def collapse_softmax(K: int, r: Fraction) -> Expression:
    """The softmax of log(r) S: shares r and 1 of r + K − 1."""
    return ((r - 1) * identity(K) + ones(K, K)) / (r + K - 1)


# -------------------------------------------------------------------------------------------------- pairs, equation (5)


def pairs(K: int) -> Expression:
    """X̄ of equation (5): pairs ((1,−1),(−1,1)), and for odd K one more class with the diagonal entry 1."""
    blocks = [_pair(K, 2 * i) for i in range(K // 2)]
    last = [_unit(K, K - 1) @ _unit(K, K - 1).T] if K % 2 else []
    return total([*blocks, *last])


def pairs_factors(K: int, L: int, n: int, beta: Expression) -> dict[str, Expression]:
    """Even K, widths K: Z = β X̄ ⊗ 1ᵀ, every factor s X̄/2, s = (2β√n)^{1/(L+1)}."""
    s, P = (2 * beta * sqrt(n)) ** Fraction(1, L + 1), pairs(K) / 2
    return {f"W_{layer}": s * P for layer in range(1, L + 1)} | {"H": repeat_columns(s / sqrt(n) * P, (n,) * K)}


def pairs_softmax(K: int, r: Fraction) -> Expression:
    """The softmax of log(r) X̄ for even K: shares r, 1/r and 1 of r + 1/r + K − 2."""
    partner = identity(K) - pairs(K)
    return (ones(K, K) + (r - 1) * identity(K) + (1 / r - 1) * partner) / (r + 1 / r + K - 2)


def _pair(K: int, i: int) -> Expression:
    difference = _unit(K, i) - _unit(K, i + 1)
    return difference @ difference.T


def _unit(K: int, i: int) -> Expression:
    return identity(K)[range(K), (i,)]


def pairs_fit(K: int, beta: Expression) -> Expression:
    """g of β X̄: log(1 + (K−2) e^{−β} + e^{−2β}), and for odd K the mean with the last class's."""
    paired = log(1 + (K - 2) * exp(-beta) + exp(-2 * beta))
    return paired if K % 2 == 0 else Fraction(K - 1, K) * paired + log(1 + (K - 1) * exp(-beta)) / K


def pairs_decays(K: int, L: int, n: int, decay: Any, beta: Expression) -> Expression:
    """Their regulariser, λ/2 (L+1)(m (2β√n)^{2/(L+1)} + 1_{K odd} (β√n)^{2/(L+1)}), m = ⌊K/2⌋."""
    p, scale = Fraction(2, L + 1), beta * sqrt(n)
    norm = K // 2 * (2 * scale) ** p + K % 2 * scale**p
    return decay * Fraction(L + 1, 2) * norm


def block(rows: Sequence[Sequence[int]]) -> Expression:
    """A matrix of integers."""
    return matrix([[Fraction(x) for x in row] for row in rows])


def inverted(rows: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    """The inverse of a rational matrix of one or two rows."""
    if len(rows) == 1:
        return [[1 / rows[0][0]]]
    (a, b), (c, d) = rows
    det = a * d - b * c
    return [[d / det, -b / det], [-c / det, a / det]]
