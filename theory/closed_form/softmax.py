"""Closed forms of the minimum with one layer and cross-entropy, or label smoothing: balanced classes, or features ≥ 0.

Balanced, free features: the simplex ETF, Z = s (I − 11ᵀ/K) with s = log(1/(c + α/K) − (K − 1)), c = √(n λ_W λ_H), and
zero for c ≥ (1 − α)/K. Source: Zhu et al. 2021 (arXiv 2105.02375), Zhou et al. 2022 (arXiv 2210.02192).

Cross-entropy without a bias, features ≥ 0, any class sizes: orthogonal class means, class k with the margin
M_k = log((K − 1)(1/q_k − 1)), q_k = N √((K − 1) λ_W λ_H / (K n_k)), and zero for q_k ≥ (K − 1)/K. Source: Dang et al.
2024 (arXiv 2401.02058), constants reconstructed.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING

from theory.losses import contrast
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, compare, constant, diagonal, exp, helmert, identity, log, ones, repeat_columns, sqrt

if TYPE_CHECKING:
    from theory.claims import Point


def has_simplex(model: UnconstrainedFeatures) -> bool:
    """Whether the simplex ETF is known to be optimal: one layer, K ≥ 2 equal classes, free features, d ≥ K − 1."""
    one_layer = model.M == 1 and model.widths[0] >= model.K - 1 >= 1
    return one_layer and model.balanced and model.sign == "free" and model.loss in ("ce", "label-smoothing")


def has_orthogonal(model: UnconstrainedFeatures) -> bool:
    """Whether orthogonal means are known to be optimal: one layer, cross-entropy, features ≥ 0, no bias, d ≥ K."""
    one_layer = model.M == 1 and model.widths[0] >= model.K >= 2
    return one_layer and model.loss == "ce" and model.sign == "nonnegative" and not model.has_bias


def zero_is_best(model: UnconstrainedFeatures) -> bool:
    """Whether zero is shown to be the only minimiser, with one layer, cross-entropy or label smoothing, and any widths.

    So it is where (1 − α)/N ‖(I − 11ᵀ/K) D^{1/2}‖ ≤ √(λ_W λ_H), D = diag(n): the loss is convex, its slope at zero not
    steeper than the nuclear norm's, and along a ray it is affine only where it is constant. The square of the
    norm is at most t where t I − D + √n √nᵀ/K is positive semidefinite. Classes of different sizes have no bias here.

    >>> model = UnconstrainedFeatures(class_sizes=(9, 1), decays=1, loss="ce")
    >>> [zero_is_best(model.with_(decays=Fraction(k, 100))) for k in (22, 23)]
    [False, True]
    """
    if model.K == 1 and model.loss != "mse":
        return True
    if model.M > 1 or model.loss not in ("ce", "label-smoothing") or (model.has_bias and not model.balanced):
        return False
    t = model.Lambda * (model.N / (1 - model.alpha)) ** 2
    *others, largest = sorted(model.class_sizes)
    if t >= largest:
        return True
    return others[-1] < t and 1 + sum(n / (model.K * (t - n)) for n in model.class_sizes) <= 0


def strength(model: UnconstrainedFeatures) -> Expression:
    """c = √(n λ_W λ_H), the weight of the nuclear norm of the class means' outputs."""
    return sqrt(model.class_sizes[0] * model.Lambda)


def simplex_scale(model: UnconstrainedFeatures) -> Expression:
    """s of Z = s (I − 11ᵀ/K): log(1/(c + α/K) − (K − 1)), or 0 where that is not positive.

    >>> model = UnconstrainedFeatures(class_sizes=(1, 1), decays="1/4", loss="ce")
    >>> simplex_scale(model) is log(1 / sqrt(Fraction(1, 16)) - 1)
    True
    """
    K, c = model.K, strength(model)
    if compare(c, (1 - model.alpha) / K) >= 0:
        return constant(0)
    return log(1 / (c + model.alpha / K) - (K - 1))


def simplex_value(model: UnconstrainedFeatures) -> Expression:
    """The minimum φ(−(K − 1)s) + c (K − 1) s."""
    s = simplex_scale(model)
    return contrast(model, -(model.K - 1) * s) + strength(model) * (model.K - 1) * s


def simplex_point(model: UnconstrainedFeatures, scale: Expression | None = None) -> Point:
    """The point W_1, H with the bias zero of ``simplex_factors``."""
    return _point(model, *simplex_factors(model, scale))


def simplex_factors(model: UnconstrainedFeatures, scale: Expression | None = None) -> tuple[Expression, Expression]:
    """W (K × d) and class means H̄ (d × K): W = √(s u) U, H̄ = √(s/u) Uᵀ, U Uᵀ = I − 11ᵀ/K, u = √(n λ_H/λ_W).

    The factors are balanced, s is the optimal one unless a ``scale`` is given.
    """
    s, K, d = simplex_scale(model) if scale is None else scale, model.K, model.widths[0]
    u = sqrt(model.class_sizes[0] * model.feature_decay / model.weight_decays[0])
    weights = helmert(K) @ diagonal([sqrt(s * u)] * (K - 1), K - 1, d)
    return weights, diagonal([sqrt(s / u)] * (K - 1), d, K - 1) @ helmert(K).T


def margins(model: UnconstrainedFeatures) -> list[Expression]:
    """M_k of every class, for features ≥ 0."""
    K, found = model.K, []
    for n in model.class_sizes:
        q = model.N * sqrt(Fraction(K - 1, K * n) * model.Lambda)
        active = compare(q, Fraction(K - 1, K)) < 0
        found.append(log((K - 1) * (1 / q - 1)) if active else constant(0))
    return found


def orthogonal_value(model: UnconstrainedFeatures) -> Expression:
    """Σ n_k/N log(1 + (K − 1) e^{−M_k}) + M_k √(λ_W λ_H n_k (K − 1)/K)."""
    K = model.K
    terms = [
        Fraction(n, model.N) * log(1 + (K - 1) * exp(-M)) + M * sqrt(model.Lambda * Fraction(n * (K - 1), K))
        for n, M in zip(model.class_sizes, margins(model), strict=True)
    ]
    return reduce(lambda a, b: a + b, terms)


def orthogonal_point(model: UnconstrainedFeatures) -> Point:
    """The point W_1, H of ``orthogonal_factors``."""
    return _point(model, *orthogonal_factors(model))


def orthogonal_factors(model: UnconstrainedFeatures) -> tuple[Expression, Expression]:
    """W (K × d) and class means (d × K): W = (I − 11ᵀ/K) diag(B_k |h_k|), and h_k along e_k.

    |h_k|² = M_k √(λ_W (K − 1)/(λ_H K n_k)).
    """
    K, ratio = model.K, model.feature_decay / model.weight_decays[0]
    lengths = [
        sqrt(M * sqrt(Fraction(K - 1, K * n) / ratio)) for n, M in zip(model.class_sizes, margins(model), strict=True)
    ]
    rows = [sqrt(ratio * Fraction(K * n, K - 1)) * h for n, h in zip(model.class_sizes, lengths, strict=True)]
    centring = identity(K) - Fraction(1, K) * ones(K, K)
    return centring @ diagonal(rows, K, model.widths[0]), diagonal(lengths, model.widths[0], K)


def _point(model: UnconstrainedFeatures, weights: Expression, means: Expression) -> Point:
    bias = {"b": 0 * ones(model.K, 1)} if model.has_bias else {}
    return {"W_1": weights, "H": repeat_columns(means, model.class_sizes), **bias}
