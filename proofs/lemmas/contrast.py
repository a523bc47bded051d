"""Contrastive losses: the property itself for cross-entropy, and the simplex for any loss that has it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from proofs.contrast_kinds import ContrastiveLoss
from proofs.kernel.convex import ConvexProof
from proofs.kernel.facts import ZERO, Fact
from proofs.kernel.words import Trace, identity, squares, trace
from proofs.lemmas.contrast_setting import (
    CONTRASTIVE,
    FLAT,
    SAMPLE,
    A,
    D,
    least,
    level,
    log_sum,
    loss,
    near,
    own,
    spread,
    wrong,
    y,
    z,
)
from proofs.lemmas.softmax import (
    NUMBER,
    PULL,
    SY,
    Centred,
    Equality,
    LowerBound,
    centred,
    locate,
    samples_of,
    split,
    squared,
    step,
)  # fmt: skip
from proofs.lemmas.softmax_setting import (
    H,
    K,
    S,
    W,
    Y,
    b,
    c,
    e,
    feature_decay,
    g,
    n,
    ones,
    s,
    samples,
    value,
    weight_decay,
)
from proofs.theorem import Section, Theorem


def contrast(proof: ConvexProof) -> Fact:
    """log Σ_j e^{z_j} − z_y ≥ log(1 + (K−1) e^{t/(K−1)}), the value where all wrong outputs are equal."""
    tangent = proof.inequality("above the tangent")
    right, label, among, count, dimension, total, mean = (
        proof.meaning(name)
        for name in (
            "own output", "label", "label among all", "number of classes", "one dimension", "contrast", "wrong outputs",
        )
    )  # fmt: skip
    slope = near * e + (1 - K * near) * y
    flat = proof.algebra(
        "the slope leaves the sums",
        trace(slope.T @ (z - level)),
        near * total + (1 - K * near) * right
        - (near * wrong) * count.trace
        - (near * (own - wrong) + (1 - K * near) * wrong) * among.trace
        - ((1 - K * near) * (own - wrong)) * label.trace
        - (near * wrong * K + near * (own - wrong) + (1 - K * near) * own) * dimension
        - near * (mean * NUMBER),
    )  # fmt: skip
    return proof.at_least("contrastive property", Trace({}, log_sum - own - loss), [], [tangent], given=flat)


@dataclass(frozen=True)
class Contrastive:
    """The regulariser against the spread, the lower bound, and where it is attained."""

    regulariser: Fact
    bound: Fact
    where: Equality


def contrastive(proof: ConvexProof) -> Contrastive:
    """λ_W/2 ‖W‖² + λ_H/2 ‖H‖² ≥ c τ, so f ≥ v, with equality only at the simplex."""
    known = centred(proof)
    signs, apart, tight = proof.meaning("signs"), proof.meaning("spread"), proof.meaning("no slack")
    frame = proof.algebra(
        "frame of the labels with signs",
        A @ A.T @ A - n * A,
        (SY @ signs @ Y.T @ S + S @ known.labels @ S + n * known.idempotent) @ A + n * (known.idempotent @ Y @ D),
    )
    halves = split(proof, A, frame)
    both = weight_decay / 2 * squares(W) + feature_decay / 2 * squares(H)
    pull = -spread * (step(proof, "slack") + tight) * NUMBER - g / n * apart
    regulariser = proof.at_least("regulariser", both - Trace({}, c * spread), squared(A), given=halves + pull)
    known_loss, objective = proof.inequality("contrastive"), proof.objective("objective")
    bound = proof.at_least("lower bound", Trace({}, value - least), [], [regulariser, known_loss], given=1 * objective)
    return Contrastive(regulariser, bound, where_attained(proof, bound, known))


def where_attained(proof: ConvexProof, bound: Fact, known: Centred) -> Equality:
    """All outputs have t = t*, so the signs are 1, and the squares are those of the labels."""
    case = proof.case("f is the minimum", value - least, ZERO)
    equal = proof.algebra("the bound is attained", Trace({}, value - least), case * NUMBER)
    along, inside = (X for _, X in squared(A)[:2])
    signs = proof.tight("no sign is turned", bound, equal, D - identity(samples))
    weights = proof.algebra(
        "weights along the features",
        W - PULL * (SY @ H.T),
        proof.tight("weights along the features, with signs", bound, equal, along) + PULL * (SY @ signs @ H.T),
    )
    features = proof.algebra(
        "features along the labels",
        H - 1 / n * (H @ SY.T @ SY),
        proof.tight("features along the labels, with signs", bound, equal, inside)
        + 1 / n * (H @ signs @ SY.T @ A + H @ SY.T @ SY @ signs),
    )
    outputs = proof.tight("outputs up to a multiple of the ones", bound, equal, FLAT)
    no_bias = proof.meaning("no bias")
    flat = proof.algebra("outputs and bias", S @ (W @ H + b @ ones.T - s * SY), outputs + S @ no_bias @ ones.T)
    proof.meaning("scale")
    lower = LowerBound(known, samples_of(proof, known), bound)
    return locate(proof, lower, weights, features, flat, no_bias)


@cache
def solve() -> tuple[tuple[Section, ...], ContrastiveLoss]:
    """The contrastive property of cross-entropy, and what follows for any loss that has it.

    Raises:
        Rejected: when a step is not accepted.
    """
    single, every = ConvexProof("one sample", SAMPLE), ConvexProof("a contrastive loss", CONTRASTIVE)
    below = contrast(single)
    found = contrastive(every)
    where = found.where
    facts = (where.centred_bias, where.outputs, where.gram, where.aligned)
    sections = (Section("One sample", single), Section("A contrastive loss", every))
    return sections, ContrastiveLoss(below, found.regulariser, found.bound, *facts)


def contrastive_theorem(id: str) -> Theorem:
    """The theorem for a statement about contrastive losses."""
    return Theorem(id, *solve())
