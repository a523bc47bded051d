"""Cross-entropy or label smoothing, one layer, balanced classes: the lower bound by squares, and its equality cases."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from proofs.kernel.convex import ConvexProof
from proofs.kernel.facts import POSITIVE, ZERO, Fact
from proofs.kernel.words import Matrix, Trace, identity, squares, trace
from proofs.lemmas.softmax_setting import (
    ABOVE_THE_TANGENT,
    SIMPLEX,
    SOFTMAX,
    H,
    K,
    S,
    U,
    V,
    W,
    Y,
    Z,
    alpha,
    b,
    bias_decay,
    c,
    e,
    feature_decay,
    g,
    minimum,
    n,
    one,
    ones,
    p,
    r,
    s,
    targets,
    value,
    weight_decay,
)  # fmt: skip
from proofs.softmax_kinds import SoftmaxMinimum
from proofs.theorem import Section, Theorem

SY = S @ Y
PULL = g / (n * weight_decay)


@dataclass(frozen=True)
class Centred:
    """Identities of labels and the centring matrix."""

    labels: Fact
    idempotent: Fact
    kills: Fact


def centred(proof: ConvexProof) -> Centred:
    """S² = S and S e = 0."""
    labels, centring, count = (proof.meaning(name) for name in ("labels", "centring", "ones"))
    kills = proof.algebra("centring kills the ones", S @ e, centring @ e - 1 / K * (e @ count))
    idempotent = proof.algebra("centring twice", S @ S - S, S @ centring - 1 / K * (kills @ e.T))
    return Centred(labels, idempotent, kills)


def size_of(proof: ConvexProof, known: Centred) -> Fact:
    """‖S Y‖² = n (K − 1)."""
    dimension, single = proof.meaning("number of classes"), proof.meaning("one dimension")
    shape = step(proof, "centring").trace + dimension - 1 / K * step(proof, "ones").trace - single
    return proof.algebra(
        "size of the centred labels",
        squares(SY) - Trace({}, n * (K - 1)),
        (S @ known.labels @ S).trace + n * (known.idempotent.trace + shape),
    )


@dataclass(frozen=True)
class Samples:
    """Every sample is in one class: sums over samples."""

    each: Fact
    centred: Fact


def samples_of(proof: ConvexProof, known: Centred) -> Samples:
    """S Y 1 = 0, as Y 1 = n e."""
    each = proof.meaning("one class each")
    return Samples(
        each, proof.algebra("labels centred", SY @ ones, -(SY @ each) + S @ known.labels @ e + n * known.kills)
    )


NUMBER = Trace({}, sp.Integer(1))
"""The scalar 1 as a trace."""


def squared(A: Matrix) -> list[tuple[sp.Expr, Matrix]]:
    """What λ_W/2 ‖W‖² + λ_H/2 ‖H‖² − (g/n) tr(Aᵀ W H) is the sum of, where A Aᵀ A = n A and g ≤ c."""
    inside = 1 / n * (H @ A.T @ A)
    return [
        (weight_decay / 2, W - PULL * (A @ H.T)),
        (feature_decay / 2, H - inside),
        (feature_decay / 2 * r * (2 * g + r) / c**2, inside),
    ]


def split(proof: ConvexProof, A: Matrix, frame: Fact) -> Fact:
    """The regulariser against a linear function of the outputs, as squares."""
    strength, slack = proof.meaning("strength"), proof.meaning("slack")
    Q = A @ H.T
    both = weight_decay / 2 * squares(W) + feature_decay / 2 * squares(H) - g / n * trace(A.T @ W @ H)
    total = sum((k * squares(X) for k, X in squared(A)), Trace({}))
    energy = (
        -(g**2 / (2 * n**2 * weight_decay * c**2)) * strength + feature_decay * (c + g + r) / (2 * n * c**2) * slack
    )
    repeated = feature_decay / (2 * n**2) * (1 + r * (2 * g + r) / c**2)
    return proof.algebra(
        "regulariser in squares", both - total, energy * squares(Q) - repeated * (H @ (A.T @ frame) @ H.T).trace
    )


@dataclass(frozen=True)
class LowerBound:
    """f is at least the minimum, and what that rests on."""

    centred: Centred
    samples: Samples
    bound: Fact


def lower_bound(proof: ConvexProof) -> LowerBound:
    """f ≥ φ(−(K−1)s) + c (K−1) s at every point."""
    known = centred(proof)
    samples, norm = samples_of(proof, known), size_of(proof, known)
    wrong, scale, objective = proof.meaning("wrong class"), proof.meaning("scale"), proof.objective("objective")
    tangent = proof.inequality("above the tangent")
    softmax = (1 - K * p) * Y + p * (e @ ones.T)
    residual = proof.algebra(
        "softmax minus targets",
        softmax - targets + K * g * SY,
        wrong * (e @ ones.T - K * Y) + K * g * (step(proof, "centring") @ Y) - g * (e @ samples.each.T),
    )
    pull = proof.algebra(
        "slope along the outputs",
        1 / (n * K) * trace((softmax - targets).T @ Z) + g / n * trace(SY.T @ W @ H),
        1 / (n * K) * (residual.T @ Z).trace - g / n * (b.T @ samples.centred).trace,
    )
    there = proof.algebra(
        "slope along the simplex",
        s / (n * K) * trace(softmax.T @ SY) - Trace({}, s * (K - 1) * (1 - K * p) / K),
        s * (1 - K * p) / (n * K) * (norm - (Y.T @ known.idempotent @ Y).trace)
        + s * p / (n * K) * (ones @ known.kills.T @ Y).trace,
    )
    frame = proof.algebra(
        "frame of the labels",
        SY @ SY.T @ SY - n * SY,
        S @ known.labels @ S @ SY + n * (known.idempotent @ SY) + n * (known.idempotent @ Y),
    )
    halves = split(proof, SY, frame)
    bound = proof.at_least(
        "lower bound",
        Trace({}, value - minimum),
        [*squared(SY), (bias_decay / 2, b)],
        [tangent],
        given=objective
        + pull
        - there
        + halves
        + (s * (K - 1) * (wrong - step(proof, "slack")) - (K - 1) * scale) * NUMBER,
    )
    return LowerBound(known, samples, bound)


def step(proof: ConvexProof, name: str) -> Fact:
    """The step of a proof that has a name."""
    return next(found.fact for found in proof.steps if found.fact.name == name)


@dataclass(frozen=True)
class Equality:
    """Where every point is at which f is the minimum."""

    centred_bias: Fact
    no_bias: Fact
    outputs: Fact
    gram: Fact
    aligned: Fact


def where_attained(proof: ConvexProof, lower: LowerBound) -> Equality:
    """S b = 0, W H = s S Y, λ_W W Wᵀ = c s S and c H = λ_W Wᵀ Y wherever f is the minimum; b = 0 if λ_b > 0."""
    case = proof.case("f is the minimum", value - minimum, ZERO)
    equal = proof.algebra("the bound is attained", Trace({}, value - minimum), case * NUMBER)
    along, inside = (X for _, X in squared(SY)[:2])
    weights = proof.tight("weights along the features", lower.bound, equal, along)
    features = proof.tight("features along the labels", lower.bound, equal, inside)
    flat = proof.tight("outputs up to a multiple of the ones", lower.bound, equal, ABOVE_THE_TANGENT.equality[0])
    regularised = proof.case("λ_b > 0", bias_decay, POSITIVE)
    no_bias = proof.tight("no bias", lower.bound, equal, b, known=[regularised])
    return locate(proof, lower, weights, features, flat, no_bias)


def locate(proof: ConvexProof, lower: LowerBound, weights: Fact, features: Fact, flat: Fact, no_bias: Fact) -> Equality:
    """The geometry from the squares that vanish, and outputs that are s S Y up to multiples of the ones."""
    known, samples = lower.centred, lower.samples
    centring = proof.algebra("weights centred", S @ W - W, S @ weights - weights + PULL * (known.idempotent @ Y @ H.T))
    summed = proof.algebra("features summed", H @ ones, features @ ones + 1 / n * (H @ Y.T @ S @ samples.centred))
    count = proof.algebra(
        "number of samples",
        ones.T @ ones - n * K * identity(one),
        e.T @ known.labels @ e + n * step(proof, "ones") - samples.each.T @ ones - (e.T @ Y) @ samples.each,
    )
    over_samples = proof.algebra(
        "bias over all samples",
        n * K * (S @ b),
        flat @ ones - S @ W @ summed + s * (known.idempotent @ Y @ ones + samples.centred) - S @ b @ count,
    )
    bias = proof.divided("bias along the ones", over_samples, n * K, S @ b)
    outputs = proof.algebra(
        "outputs",
        W @ H - s * SY,
        flat - centring @ H - bias @ ones.T + s * (known.idempotent @ Y),
    )
    half = proof.algebra(
        "Gram matrix of the weights, by g",
        weight_decay * (W @ W.T) - g * s * S,
        weight_decay * (weights @ W.T)
        + g / n * (SY @ outputs.T)
        + g * s / n * (S @ known.labels @ S)
        + g * s * known.idempotent,
    )
    scale, slack = step(proof, "scale"), step(proof, "slack")
    gram = proof.algebra(
        "Gram matrix of the weights", weight_decay * (W @ W.T) - c * s * S, half - (s * slack + scale) * S
    )
    along = proof.algebra(
        "features along the weights, by g",
        g * H - weight_decay * (W.T @ Y),
        g * features - weight_decay * (weights.T @ Y) + g / n * (H @ Y.T @ known.idempotent @ Y),
    )
    off = proof.algebra(
        "weights off the threshold", r**2 * (W @ W.T), r**2 / weight_decay * half + g * r / weight_decay * (scale * S)
    )
    none = proof.vanishing("no weights off the threshold", off, r * W)
    aligned = proof.divided(
        "features along the weights",
        proof.algebra(
            "features along the weights, times g",
            g * (c * H - weight_decay * (W.T @ Y)),
            c * along + weight_decay * (slack * (W.T @ Y)) + weight_decay * (none.T @ Y),
        ),
        g,
        c * H - weight_decay * (W.T @ Y),
    )
    return Equality(bias, no_bias, outputs, gram, aligned)


def attained(proof: ConvexProof) -> Fact:
    """f is the minimum at W = √(c s/λ_W) U Vᵀ, H = √(s λ_W/c) V Uᵀ Y, b = 0, with U Uᵀ = S and Vᵀ V = I."""
    known = centred(proof)
    norm = size_of(proof, known)
    frame, inner, weights, features, bias = (
        proof.meaning(name) for name in ("simplex", "orthonormal directions", "weights", "features", "no bias")
    )
    up, down = sp.sqrt(c) * sp.sqrt(s) / sp.sqrt(weight_decay), sp.sqrt(s) * sp.sqrt(weight_decay) / sp.sqrt(c)
    outputs = proof.algebra(
        "outputs",
        Z - s * SY,
        weights @ H + up * (U @ V.T @ features) + s * (U @ inner @ U.T @ Y) + s * (frame @ Y) + bias @ ones.T,
    )
    touches = proof.equality(
        "on the tangent", "above the tangent", proof.algebra("flat", S @ (Z - s * SY), S @ outputs)
    )
    objective, strength = proof.objective("objective"), proof.meaning("strength")
    shape = proof.algebra(
        "size of the simplex",
        trace(S) - Trace({}, K - 1),
        step(proof, "centring").trace
        + step(proof, "number of classes")
        - 1 / K * step(proof, "ones").trace
        - step(proof, "one dimension"),
    )
    energies = weight_decay / 2 * squares(W) + feature_decay / 2 * squares(H) - Trace({}, c * s * (K - 1))
    regulariser = proof.algebra(
        "regulariser of the simplex",
        energies,
        weight_decay / 2 * ((weights @ W.T).trace + up * (U @ V.T @ weights.T).trace)
        + feature_decay / 2 * ((features @ H.T).trace + down * (V @ U.T @ Y @ features.T).trace)
        + feature_decay / 2 * down**2 * (V @ U.T @ known.labels @ U @ V.T).trace
        + (weight_decay / 2 * up**2 + n * feature_decay / 2 * down**2) * ((U @ inner @ U.T).trace + frame.trace + shape)
        - s * (K - 1) / (2 * c) * (strength * NUMBER),
    )
    fitted = proof.algebra(
        "fit of the targets",
        trace(targets.T @ SY) - Trace({}, (1 - alpha) * n * (K - 1)),
        (1 - alpha) * (norm - (Y.T @ known.idempotent @ Y).trace) + alpha / K * (ones @ known.kills.T @ Y).trace,
    )
    softmax = (1 - K * p) * Y + p * (e @ ones.T)
    return proof.algebra(
        "the bound is attained",
        Trace({}, value - minimum),
        objective
        + touches
        + 1 / (n * K) * ((softmax - targets).T @ outputs).trace
        - s / (n * K) * fitted
        + regulariser
        + bias_decay / 2 * (bias @ b.T).trace,
    )


@dataclass(frozen=True)
class Solved:
    """The two proofs, and the minimum that they support."""

    sections: tuple[Section, ...]
    minimum: SoftmaxMinimum


@cache
def solve() -> Solved:
    """All minimisers with cross-entropy or label smoothing.

    Raises:
        Rejected: when a step is not accepted.
    """
    every, builder = ConvexProof("every point", SOFTMAX), ConvexProof("the simplex", SIMPLEX)
    lower = lower_bound(every)
    where = where_attained(every, lower)
    facts = (where.centred_bias, where.no_bias, where.outputs, where.gram, where.aligned)
    kind = SoftmaxMinimum(lower.bound, *facts, attained(builder))
    return Solved((Section("Every point", every), Section("The simplex attains the bound", builder)), kind)


def softmax_theorem(id: str) -> Theorem:
    """The theorem for a statement about all minimisers with cross-entropy."""
    solved = solve()
    return Theorem(id, solved.sections, solved.minimum)
