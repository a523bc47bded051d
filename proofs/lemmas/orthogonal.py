"""Cross-entropy with features ≥ 0, any class sizes: the lower bound, its equality cases, and that it is attained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from proofs.kernel.convex import ConvexProof
from proofs.kernel.facts import ZERO, Fact
from proofs.kernel.words import Trace, power, squares, trace
from proofs.lemmas.orthogonal_setting import (
    ABOVE_THE_TANGENT,
    APART,
    BASE,
    ORTHOGONAL,
    PULL,
    TWO,
    VERTICES,
    C,
    D,
    H,
    K,
    M,
    N,
    P,
    R,
    S,
    T,
    V,
    W,
    X,
    Y,
    e,
    feature_decay,
    inverse,
    k,
    least,
    value,
    weight_decay,
)  # fmt: skip
from proofs.lemmas.softmax import NUMBER, step
from proofs.orthogonal_kinds import OrthogonalMinimum
from proofs.theorem import Section, Theorem

HALF = sp.Rational(1, 2)
ALONG, INSIDE, SLACK = W - PULL * (S @ P @ Y @ H.T), H - H @ Y.T @ inverse @ Y, H @ Y.T @ R


@dataclass(frozen=True)
class Known:
    """What all points share: sizes, and the centring matrix."""

    sizes: Fact
    inverse: Fact
    kills: Fact
    idempotent: Fact


def known(proof: ConvexProof) -> Known:
    """S e = 0 and S² = S."""
    sizes, inverted, centring, count = (proof.meaning(name) for name in ("class sizes", "inverse", "centring", "ones"))
    kills = proof.algebra("centring kills the ones", S @ e, centring @ e - 1 / K * (e @ count))
    idempotent = proof.algebra("centring twice", S @ S - S, S @ centring - 1 / K * (kills @ e.T))
    return Known(sizes, inverted, kills, idempotent)


def slope_of(proof: ConvexProof, all_: Known) -> Fact:
    """K tr((S P Y)ᵀ S M Y) = k tr(D P M)."""
    return proof.algebra(
        "slope at the tangent",
        K * trace((S @ P @ Y).T @ BASE) - k * trace(D @ P @ M),
        K * (P @ S @ S @ M @ all_.sizes).trace
        + K * (P @ all_.idempotent @ M @ D).trace
        + K * (P @ step(proof, "centring") @ M @ D).trace
        - proof.meaning("diagonal"),
    )


def lower_bound(proof: ConvexProof, all_: Known) -> Fact:
    """f ≥ v at every point with features ≥ 0."""
    tangent, apart = proof.inequality("above the tangent"), proof.inequality("apart")
    slack, objective, stated = proof.meaning("slack"), proof.objective("objective"), proof.meaning("value")
    G = H @ Y.T
    both = weight_decay / 2 * squares(W) + feature_decay / 2 * squares(H)
    squares_ = [(weight_decay / 2, ALONG), (feature_decay / 2, INSIDE), (HALF, SLACK)]
    total = sum((c * squares(x) for c, x in squares_), Trace({})) + apart.body
    half = K**2 / (2 * N**2 * weight_decay)
    halves = proof.algebra(
        "regulariser in squares",
        both - K / N * trace((S @ P @ Y).T @ W @ H) - total,
        -half * (G @ P @ all_.idempotent @ P @ G.T).trace
        - half * (G @ P @ step(proof, "centring") @ P @ G.T).trace
        - feature_decay / 2 * (G @ inverse @ all_.sizes @ inverse @ G.T).trace
        - feature_decay / 2 * (G @ inverse @ all_.inverse @ G.T).trace
        - (HALF) * (G @ slack @ G.T).trace,
    )
    return proof.at_least(
        "lower bound",
        Trace({}, value - least),
        squares_,
        [tangent, apart],
        given=objective + halves - 1 / N * stated + 1 / N * slope_of(proof, all_),
    )


@dataclass(frozen=True)
class Equality:
    """Where every point is at which f is the minimum."""

    features: Fact
    weights: Fact
    outputs: Fact
    apart: Fact
    lengths: Fact


def where_attained(proof: ConvexProof, all_: Known, bound: Fact) -> Equality:
    """Collapsed and orthogonal features, weights along them, and the outputs S M Y wherever f is the minimum."""
    case = proof.case("f is the minimum", value - least, ZERO)
    equal = proof.algebra("the bound is attained", Trace({}, value - least), case * NUMBER)
    weights = proof.tight("weights along the features", bound, equal, ALONG)
    features = proof.tight("features along the labels", bound, equal, INSIDE)
    flat = proof.tight("outputs up to a multiple of the ones", bound, equal, ABOVE_THE_TANGENT.equality[0])
    apart = proof.tight("features of different classes are orthogonal", bound, equal, APART.equality[0])
    centred = proof.algebra(
        "weights centred", S @ W - W, S @ weights - weights + PULL * (all_.idempotent @ P @ Y @ H.T)
    )
    outputs = proof.algebra("outputs", W @ H - BASE, flat - centred @ H + all_.idempotent @ M @ Y)
    excess = proof.meaning("excess")
    killed = proof.algebra(
        "the excess is a multiple of the ones",
        S @ X,
        S @ excess - PULL * (S @ P @ apart) - weights @ H @ Y.T + outputs @ Y.T + S @ M @ all_.sizes,
    )
    size = proof.algebra(
        "size of the excess",
        squares(X),
        K / k * ((X @ killed).trace - (X @ step(proof, "centring") @ X).trace)
        + 1 / k * proof.meaning("diagonal excess"),
    )
    square = proof.at_least("a square", squares(X), [(sp.Integer(1), X)])
    none = proof.tight("no excess", square, size, X)
    lengths = proof.algebra("lengths", K * (P @ C) - N * weight_decay * (M @ D), N * weight_decay * (none - excess))
    return Equality(features, weights, outputs, apart, lengths)


def attained(proof: ConvexProof, all_: Known) -> Fact:
    """f is the minimum at features along different coordinates."""
    frame, features, weights, lengths, active, flat = (
        proof.meaning(name) for name in ("coordinates", "features", "weights", "lengths", "active", "diagonal lengths")
    )
    slack, objective, stated = proof.meaning("slack"), proof.objective("objective"), proof.meaning("value")
    root = power(T, TWO)
    outputs = proof.algebra(
        "outputs",
        W @ H - BASE,
        weights @ H
        + PULL * (S @ P @ D @ T @ V.T @ features)
        + PULL * (S @ P @ D @ T @ frame @ T @ Y)
        + 1 / (N * weight_decay) * (S @ lengths @ Y),
    )
    touches = proof.equality(
        "on the tangent", "above the tangent", proof.algebra("flat", S @ (W @ H - BASE), S @ outputs)
    )
    back = PULL * (S @ P @ D @ T @ V.T)
    energy = weight_decay * PULL**2 / 2
    of_weights = proof.algebra(
        "decay of the weights",
        weight_decay / 2 * squares(W) - k / (2 * N) * trace(D @ P @ M),
        weight_decay / 2 * ((weights @ W.T).trace + (back @ weights.T).trace)
        + energy * (S @ P @ D @ T @ frame @ T @ D @ P @ S).trace
        + energy * (all_.idempotent @ P @ D @ root @ D @ P).trace
        + energy * (step(proof, "centring") @ P @ D @ root @ D @ P).trace
        - energy / K * flat
        + (energy * k / K**2) * (lengths @ D @ P).trace,
    )
    of_features = proof.algebra(
        "decay of the features",
        feature_decay / 2 * squares(H) - k / (2 * N) * trace(D @ P @ M),
        feature_decay
        / 2
        * (
            (features @ H.T).trace
            + (V @ T @ Y @ features.T).trace
            + (V @ T @ all_.sizes @ T @ V.T).trace
            + (T @ D @ T @ frame).trace
        )
        + HALF
        * (
            (D @ R @ active @ T).trace
            - (D @ slack @ D @ root).trace
            - feature_decay * (all_.inverse @ D @ root).trace
            + k / (N**2 * weight_decay) * (D @ P @ lengths).trace
        ),
    )
    return proof.algebra(
        "the bound is attained",
        Trace({}, value - least),
        objective + touches - K / N * ((S @ P @ Y).T @ outputs).trace + of_weights + of_features - 1 / N * stated,
    )


@cache
def solve() -> tuple[tuple[Section, ...], OrthogonalMinimum]:
    """All minimisers with features ≥ 0.

    Raises:
        Rejected: when a step is not accepted.
    """
    every, builder = ConvexProof("every point", ORTHOGONAL), ConvexProof("along coordinates", VERTICES)
    all_ = known(every)
    bound = lower_bound(every, all_)
    where = where_attained(every, all_, bound)
    facts = (where.features, where.weights, where.outputs, where.apart, where.lengths)
    kind = OrthogonalMinimum(bound, *facts, attained(builder, known(builder)))
    return (Section("Features at least zero", every), Section("Features along coordinates", builder)), kind


def orthogonal_theorem(id: str) -> Theorem:
    """The theorem for a statement about features ≥ 0."""
    return Theorem(id, *solve())
