"""Collapse in deep models with cross-entropy: its loss and factors at a scale α, and decays at which it is critical.

Balanced classes, linear layers, no bias, one decay λ for all L + 1 factors. Outputs α S ⊗ 1ᵀ, S = I − 11ᵀ/K, have the
objective log(1 + (K−1) e^{−α}) + λ/2 (L+1)(K−1)(α√n)^{2/(L+1)}, which is stationary in α for

    λ n^{1/(L+1)} = α^{(L−1)/(L+1)}/(K − 1 + e^α).

For L ≥ 2 no rational λ has a scale α in closed form: a claim either has that real decay, or a rational one next to it
with bounds. Source: Garrod & Keating 2025 (arXiv 2410.23169), equation (19).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from math import exp as exponential
from math import log as logarithm
from typing import Any

from theory.claims import Minimisation, Point
from theory.losses import average
from theory.model import UnconstrainedFeatures as Model
from theory.ops import (
    Expression,
    constant,
    diagonal,
    exp,
    helmert,
    identity,
    log,
    one_hot,
    repeat_columns,
    sqrt,
    sum_squares,
)


def model(K: int, L: int, n: int = 1, decay: Any = 1, d: int | None = None, activation: str = "linear") -> Model:
    """L layers with cross-entropy: K classes of n samples, widths d (default K), one decay."""
    return Model(class_sizes=(n,) * K, depth=L, decays=decay, widths=(d or K,), loss="ce", activation=activation)


def fit_of(Z: Expression, sizes: Sequence[int]) -> Expression:
    """g(Z), the cross-entropy averaged over all samples, for outputs Z (K × K) of the class means."""
    plain = Model(class_sizes=tuple(sizes), decays=1, loss="ce")
    return average(plain, Z, identity(len(sizes)), sizes)


def problem(K: int, L: int, n: int, decay: Expression, d: int | None = None, spread: int = 1) -> Minimisation:
    """min of g(W_L ⋯ W_1 H) + λ/2 (Σ ‖W_l‖² + ‖H‖²) at a decay λ that need not be rational.

    With a ``spread`` t the decays of W_1 and H are tλ and λ/t.
    """
    plain = model(K, L, n, d=d)
    fit = average(plain, plain.outputs(plain.features), one_hot(plain.class_sizes), (1,) * plain.N)
    shares = {"W_1": Fraction(spread), "H": Fraction(1, spread)}
    terms = [shares.get(name, Fraction(1)) * sum_squares(V) for name, V in plain.variables.items()]
    return Minimisation(fit + decay / 2 * reduce(lambda a, b: a + b, terms), plain.variables)


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


def collapse_point(K: int, L: int, n: int, alpha: Expression, d: int, spread: int = 1) -> Point:
    """Factors of collapse along the first K − 1 hidden directions, of singular values (α√n)^{1/(L+1)} for equal decays.

    d ≥ K − 1. Their outputs are α S ⊗ 1ᵀ.
    """
    s, rank, frame = (alpha * sqrt(n)) ** Fraction(1, L + 1), K - 1, helmert(K)
    shares = {1: 1 / sqrt(spread)}
    weights = {f"W_{layer}": diagonal([shares.get(layer, constant(1)) * s] * rank, d, d) for layer in range(1, L)}
    weights[f"W_{L}"] = frame @ diagonal([shares.get(L, constant(1)) * s] * rank, rank, d)
    means = diagonal([sqrt(Fraction(spread, n)) * s] * rank, d, rank) @ frame.T
    return weights | {"H": repeat_columns(means, (n,) * K)}


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
