"""What the statements share: sources, the model with real decays, collapse, its pairwise competitor, and their losses.

Where a statement needs e^α, it is a rational r: α = log r. The scale α of collapse is critical at decays that are not
rational then, equation (19), so the problem is written out for one real decay λ of all factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from math import exp as exponential
from math import log as logarithm
from typing import Any

from theory.claims import Minimisation
from theory.frames import simplex_etf
from theory.losses import average
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    constant,
    diagonal,
    exp,
    identity,
    log,
    one_hot,
    ones,
    repeat_columns,
    sqrt,
    sum_squares,
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


def model(K: int, L: int, n: int = 1, decay: Any = 1, d: int | None = None, activation: str = "linear") -> Model:
    """L layers with cross-entropy: K classes of n samples, widths d (default K), one decay."""
    return Model(class_sizes=(n,) * K, depth=L, decays=decay, widths=(d or K,), loss="ce", activation=activation)


def fit_of(Z: Expression, sizes: Sequence[int]) -> Expression:
    """g(Z), the cross-entropy averaged over all samples, for outputs Z (K × K) of the class means."""
    plain = Model(class_sizes=tuple(sizes), decays=1, loss="ce")
    return average(plain, Z, identity(len(sizes)), sizes)


def problem(K: int, L: int, n: int, decay: Expression, d: int | None = None) -> Minimisation:
    """min of g(W_L ⋯ W_1 H) + λ/2 (Σ ‖W_l‖² + ‖H‖²) at a decay λ that need not be rational."""
    plain = model(K, L, n, d=d)
    fit = average(plain, plain.outputs(plain.features), one_hot(plain.class_sizes), (1,) * plain.N)
    decays = decay / 2 * total([sum_squares(V) for V in plain.variables.values()])
    return Minimisation(fit + decays, plain.variables)


# ------------------------------------------------------------------------------------------------------------ collapse


def critical_decay(K: int, L: int, n: int, alpha: Expression) -> Expression:
    """λ of equation (19): λ n^{1/(L+1)} = α^{(L−1)/(L+1)}/(K − 1 + e^α)."""
    root = constant(n) ** Fraction(1, L + 1)
    return alpha ** Fraction(L - 1, L + 1) / ((K - 1 + exp(alpha)) * root)


def collapse_fit(K: int, alpha: Expression) -> Expression:
    """g of collapse, log(1 + (K − 1) e^{−α})."""
    return log(1 + (K - 1) * exp(-alpha))


def collapse_decays(K: int, L: int, n: int, decay: Any, alpha: Expression) -> Expression:
    """The regulariser of collapse, λ/2 (L+1)(K−1)(α√n)^{2/(L+1)}."""
    return decay * Fraction((L + 1) * (K - 1), 2) * (alpha * sqrt(n)) ** Fraction(2, L + 1)


def collapse_value(K: int, L: int, n: int, decay: Any, alpha: Expression) -> Expression:
    """The objective of collapse at scale α."""
    return collapse_fit(K, alpha) + collapse_decays(K, L, n, decay, alpha)


def collapse_factors(K: int, L: int, n: int, alpha: Expression, d: int) -> dict[str, Expression]:
    """Definition 2 with all U_l the first K coordinates: Z = α S ⊗ 1ᵀ, every factor s S, s = (α√n)^{1/(L+1)}."""
    s, S = (alpha * sqrt(n)) ** Fraction(1, L + 1), simplex_etf(K)
    weights = {f"W_{l}": padded(s * S, (K if l == L else d, d)) for l in range(1, L + 1)}
    return weights | {"H": repeat_columns(padded(s / sqrt(n) * S, (d, K)), (n,) * K)}


def padded(matrix: Expression, shape: tuple[int, int]) -> Expression:
    """The matrix in the upper left corner of a larger one of zeros."""
    rows, columns = matrix.shape
    left = matrix if shape[0] == rows else diagonal([1] * rows, shape[0], rows) @ matrix
    return left if shape[1] == columns else left @ diagonal([1] * columns, columns, shape[1])


def beats_zero(K: int, L: int, alpha: Fraction) -> bool:
    """Whether collapse at its critical scale α is clearly better than zero, and so the best collapse of all.

    Its loss falls only between the two roots of (19), so its minimum is at zero or at the larger root.
    """
    a = float(alpha)
    wrong = (K - 1) * exponential(-a)
    loss = logarithm(1 + wrong) + (L + 1) / 2 * a * wrong / (1 + wrong)
    return loss < (1 - 1e-6) * logarithm(K)


ROUNDED = 12
"""Digits to which a critical decay is rounded down."""


def near_critical(K: int, L: int, n: int, alpha: Fraction, **fields: Any) -> Model:
    """The model with a rational decay just below that at which collapse is critical at scale α."""
    exact = float(alpha) ** ((L - 1) / (L + 1)) / (K - 1 + exponential(alpha)) / n ** (1 / (L + 1))
    below = Fraction(exact) * (1 - Fraction(1, 10**ROUNDED))
    digits = 10 ** (ROUNDED + max(0, -int(logarithm(exact, 10))) + 2)
    return model(K, L, n, Fraction(below * digits // 1, digits), **fields)


def below_collapse(found: Model, alpha: Fraction, count: int | None = None) -> Expression:
    """A number just below the loss of every collapsed point of a model from ``near_critical``.

    The least loss V of collapse is concave in the decay λ, and V(0) = 0: with λ ≤ λ_0, V(λ) ≥ λ/λ_0 V(λ_0), and V(λ_0)
    is the loss at scale α. ``count``, in place of K − 1, is how many singular values are paid for.
    """
    K, L, n, a = found.K, found.M, found.class_sizes[0], constant(alpha)
    critical, decay = critical_decay(K, L, n, a), constant(found.feature_decay)
    share = Fraction(1) if count is None else Fraction(count, K - 1)
    value = collapse_fit(K, a) + share * collapse_decays(K, L, n, critical, a)
    return decay / critical * value


# -------------------------------------------------------------------------------------------------- pairs, equation (5)


def pairs(K: int) -> Expression:
    """X̄ of equation (5): pairs ((1,−1),(−1,1)), and for odd K one more class with the diagonal entry 1."""
    blocks = [_pair(K, 2 * i) for i in range(K // 2)]
    last = [_unit(K, K - 1) @ _unit(K, K - 1).T] if K % 2 else []
    return total([*blocks, *last])


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


def matrix(rows: Sequence[Sequence[Fraction]]) -> Expression:
    """A matrix of rationals."""
    width, one = len(rows[0]), ones(len(rows), 1)
    columns = enumerate(zip(*rows, strict=True))
    return total([diagonal(column) @ one @ identity(width)[(j,), range(width)] for j, column in columns])


def inverted(rows: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    """The inverse of a rational matrix of one or two rows."""
    if len(rows) == 1:
        return [[1 / rows[0][0]]]
    (a, b), (c, d) = rows
    det = a * d - b * c
    return [[d / det, -b / det], [-c / det, a / det]]
