"""Frames as formulas: simplex ETF, orthogonal frames, and what their Gram matrices satisfy.

A frame is a K × r matrix U with orthonormal columns. Orthogonal frames are coordinate columns, the simplex ETF is
spanned by the vectors of zero sum; Gram matrices at an optimum are constants times U Uᵀ, block by block.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from theory.claims import Relation, equal
from theory.model import UnconstrainedFeatures
from theory.ops import Expression, diagonal, helmert, identity, ones, repeat_columns, sqrt, trace


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


def grams(model: UnconstrainedFeatures) -> dict[str, Expression]:
    """The three Gram matrices of NC2 (K × K each): P Pᵀ, H̄ᵀH̄ and the logits P H̄."""
    P, means = model.product, model.mean_features
    return {"NC2 weights": P @ P.T, "NC2 features": means.T @ means, "NC2 logits": P @ means}


def multiple_of_projection(G: Expression, constant: Expression, rank: int | None = None) -> list[Relation]:
    """G is ``constant`` κ times an orthogonal projection: G² = κ G, G = Gᵀ, and tr G = κ · rank where that is known."""
    relations = [equal(G @ G, constant * G), equal(G, G.T)]
    return relations if rank is None else [*relations, equal(trace(G), constant * rank)]
