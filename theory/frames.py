"""Frames as formulas: simplex ETF, orthogonal frames, and what their Gram matrices satisfy.

A frame is a K × r matrix U with orthonormal columns. Orthogonal frames are coordinate columns, the simplex ETF is
spanned by the vectors of zero sum; Gram matrices at an optimum are constants times U Uᵀ, block by block.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from math import comb

from theory.claims import Relation, equal
from theory.model import UnconstrainedFeatures
from theory.ops import (
    Expression,
    constant,
    diagonal,
    helmert,
    identity,
    largest_root,
    ones,
    repeat_columns,
    sqrt,
    trace,
)


def simplex_etf(classes: int) -> Expression:
    """I − 11ᵀ/K, the Gram matrix of a simplex ETF (K × K, diagonal 1 − 1/K).

    >>> simplex_etf(4).shape
    (4, 4)
    """
    return identity(classes) - ones(classes, classes) / classes


def coordinate_frame(size: int, rank: int) -> Expression:
    """The first ``rank`` coordinate vectors of a space (size × rank)."""
    return identity(size)[range(size), range(rank)]


def zero_sum_frame(size: int, rank: int) -> Expression:
    """``rank`` orthonormal vectors of zero sum (size × rank, rank ≤ size − 1); all of them span the simplex ETF."""
    return helmert(size, rank)


def place(size: int, parts: Sequence[tuple[Sequence[int], Expression]]) -> Expression:
    """One frame from frames on disjoint sets of classes: size × (sum of their ranks).

    >>> place(3, [((2,), coordinate_frame(1, 1)), ((0, 1), zero_sum_frame(2, 1))]).shape
    (3, 2)
    """
    rank = sum(U.shape[1] for _, U in parts)
    terms, start = [], 0
    for classes, U in parts:
        rows = identity(size)[range(size), tuple(classes)]
        columns = identity(rank)[range(start, start + U.shape[1]), range(rank)]
        terms.append(rows @ U @ columns)
        start += U.shape[1]
    return reduce(lambda a, b: a + b, terms)


def aligned_factors(
    model: UnconstrainedFeatures, frame: Expression, weights: Sequence[Expression], features: Sequence[Expression]
) -> dict[str, Expression]:
    """Balanced factors along a frame U: W_M = U S_M, W_m = S_m, H = S_H Uᵀ Y.

    ``weights`` are the singular values of W_1, one a column of U; those of W_m follow by balancedness, √(λ_1/λ_m) times
    them. ``features`` are the norms of the mean features along the same directions.
    """
    rank, factors = frame.shape[1], {}
    for index, (W, decay) in enumerate(zip(model.weights, model.weight_decays, strict=True), start=1):
        values = [sqrt(model.weight_decays[0] / decay) * s for s in weights]
        last = index == model.M
        S = diagonal(values, rank if last else W.shape[0], W.shape[1])
        factors[f"W_{index}"] = frame @ S if last else S
    means = diagonal(features, model.widths[0], rank) @ frame.T
    return factors | {"H": repeat_columns(means, model.class_sizes)}


def has_orthogonal_collapse(model: UnconstrainedFeatures) -> bool:
    """Whether the best collapsed solution is known as one of orthogonal class means: ``deep_neural_collapse``.

    >>> has_orthogonal_collapse(UnconstrainedFeatures(class_sizes=(2, 1), decays=1, widths=1))
    False
    """
    return model.loss == "mse" and not model.has_bias and min(model.widths) >= model.K


def deep_neural_collapse(model: UnconstrainedFeatures) -> Expression:
    """The objective of the best collapsed solution without a bias: class means, and hidden layers, that are orthogonal.

    Σ_k n_k/(2N) min(1, min_z (1−z)(1+Mz)), each class on its own; with non-negative orthogonal directions the ReLUs do
    nothing, so that linear and ReLU layers have the same. It takes widths of at least K.

    Raises:
        ValueError: with a bias, or where a width is below K.

    >>> deep_neural_collapse(UnconstrainedFeatures(class_sizes=(1, 1), decays=1)).data
    Fraction(1, 2)
    """
    if not has_orthogonal_collapse(model):
        known = f"squared error, without a bias and with widths of at least {model.K}"
        raise ValueError(f"deep neural collapse is known here for {known}")
    shares = {n: Fraction(n, 2 * model.N) * _collapsed_share(model, n) for n in set(model.class_sizes)}
    return reduce(lambda total, n: total + shares[n], model.class_sizes, constant(0))


def _collapsed_share(model: UnconstrainedFeatures, n: int) -> Expression:
    """1, or (1 − z)(1 + M z) at the largest root of (1 − z)^{M+1} z^{M−1} = q with q = N^{M+1} Λ/n^M, where lower."""
    M, q = model.M, model.N ** (model.M + 1) * model.Lambda / Fraction(n) ** model.M
    if q >= Fraction((M - 1) ** (M - 1), M ** (2 * M)):
        return constant(1)
    odds = [q * comb(2 * M, k) for k in range(2 * M + 1)]  # z = t/(1 + t): q (1 + t)^{2M} = t^{M−1}
    odds[M - 1] -= 1
    t = largest_root(odds)
    return (1 + (M + 1) * t) / (1 + t) ** 2


def grams(model: UnconstrainedFeatures) -> dict[str, Expression]:
    """The three Gram matrices of NC2 (K × K each): P Pᵀ, H̄ᵀH̄ and the logits P H̄."""
    P, means = model.product, model.mean_features
    return {"NC2 weights": P @ P.T, "NC2 features": means.T @ means, "NC2 logits": P @ means}


def multiple_of_projection(G: Expression, constant: Expression, rank: int | None = None) -> list[Relation]:
    """G is ``constant`` κ times an orthogonal projection: G² = κ G, G = Gᵀ, and tr G = κ · rank where that is known."""
    relations = [equal(G @ G, constant * G), equal(G, G.T)]
    return relations if rank is None else [*relations, equal(trace(G), constant * rank)]
