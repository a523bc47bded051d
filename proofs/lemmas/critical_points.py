"""Every critical point of the deep linear model with squared error, at any depth: all its Gram matrices and its value.

With B = λ_M W_M W_Mᵀ and S = T Tᵀ: λ_m W_m W_mᵀ and λ_m W_mᵀ W_m are balanced, Λ(m) Q_m Q_mᵀ = B^{M−m+1}, Λ Z Zᵀ =
B^{M+1}, and B commutes with S. So B and S have common eigenvectors, on which everything is a scalar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy as sp

from proofs.kernel.facts import POSITIVE, ZERO, Combination, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.kernel.words import Matrix, Trace, identity, power, trace
from proofs.kinds import Geometry
from proofs.lemmas.setting import (
    B,
    H,
    J,
    K,
    Lam,
    Lambda,
    N,
    P,
    Q,
    R,
    S,
    T,
    V,
    W,
    Y,
    beta,
    d,
    lam,
    m,
    means_target,
    modes,
    mu,
    r,
    regulariser,
    root,
    root_inverse,
    sizes_inverse,
    value,
    z,
)  # fmt: skip

HALF = sp.Rational(1, 2)


def neighbours(proof: Proof) -> Fact:
    """Balancedness: λ(m+1) W_{m+1}ᵀ W_{m+1} = λ(m) W_m W_mᵀ for m = 0 … M − 1, with W_0 = H."""
    upper, lower = W(m + 1), W(m)
    product = Q(m + 2) @ upper @ lower @ R(m - 1)
    above = proof.gradient("gradient above", product, upper, layers=(sp.Integer(0), M - 1))
    below = proof.gradient("gradient below", product, lower, layers=(sp.Integer(0), M - 1))
    return proof.algebra(
        "balancedness",
        lam(m + 1) * (upper.T @ upper) - lam(m) * (lower @ lower.T),
        upper.T @ above - below @ lower.T,
        note="multiply the gradients so that the residual cancels",
    )


@dataclass(frozen=True)
class Chain:
    """What balancedness gives along the layers."""

    balanced: Fact
    product: Fact
    last: Fact
    intertwined: Fact
    grams: Fact
    weights: Fact
    outputs: Fact


def chain(proof: Proof) -> Chain:
    """Powers of B = λ(M) W_M W_Mᵀ: Λ(m) Q_m Q_mᵀ = B^{M−m+1}, and Λ Z Zᵀ = B^{M+1}."""
    one = sp.Integer(1)
    balanced = neighbours(proof)
    product = proof.meaning("product")
    decays = proof.meaning("product of decays")
    last = proof.meaning("last layer")
    below = proof.at("balancedness below", balanced, m - 1, layers=(one, M))
    (intertwined,) = proof.induction(
        ["intertwining"],
        [B @ Q(m + 1) - lam(m) * (Q(m + 1) @ W(m) @ W(m).T)],
        (sp.Integer(0), M),
        [last],
        lambda at_m: [B @ product + at_m @ W(m) - product @ (lam(m) * W(m).T @ W(m)) + Q(m) @ below],
    )
    Qm, Qn = Q(m), Q(m + 1)
    gram = proof.algebra(
        "one layer",
        lam(m) * (Qm @ Qm.T) - B @ Qn @ Qn.T,
        -(proof.at("intertwining in a weight", intertwined, m, layers=(one, M)) @ Qn.T)
        + lam(m) * (product @ Qm.T + (Qn @ W(m)) @ product.T),
    )
    gram_below = proof.at("one layer below", gram, m - 1, layers=(sp.Integer(2), M + 1))
    decays_below = proof.at("product of decays below", decays, m - 1, layers=(sp.Integer(2), M + 1))
    (grams,) = proof.induction(
        ["Gram matrices"],
        [Lam(m) * (Qm @ Qm.T) - power(B, M - m + 1)],
        (one, M + 1),
        [None],
        lambda at_m: [decays_below * (Q(m - 1) @ Q(m - 1).T) + Lam(m) * gram_below + B @ at_m],
    )
    weights = proof.at("Gram matrix of P", grams, one)
    features = proof.at("intertwining at the features", intertwined, sp.Integer(0))
    all_decays = proof.at("all decays", decays, sp.Integer(0))
    PH = P @ H
    outputs = proof.algebra(
        "Gram matrix of the outputs",
        Lambda * (PH @ PH.T) - power(B, M + 1),
        all_decays * (PH @ PH.T) - Lam(1) * (features @ P.T) + B @ weights,
    )
    return Chain(balanced, product, last, intertwined, grams, weights, outputs)


@dataclass(frozen=True)
class Spectrum:
    """B and S commute; at a common eigenvector with eigenvalues β and μ the equation of a mode holds."""

    chain: Chain
    squared_target: Fact
    outputs_target: Fact
    commute: Fact
    mode: Fact
    not_negative: Fact


def spectrum(proof: Proof) -> Spectrum:
    """B S = S B, and μ β^M = (β/Λ)(β^M + N Λ)² at every common eigenvector."""
    c = chain(proof)
    PH = P @ H
    squared = proof.meaning("squared target")
    lower = R(M - 1)
    by_features = proof.gradient("gradient by the features", PH, H)
    by_last = proof.gradient("gradient by the last layer", W(M) @ lower, W(M))
    same = proof.meaning("outputs")
    decays = next(step.fact for step in proof.steps if step.fact.name == "all decays")
    resolvent = proof.algebra(
        "outputs from the target",
        power(B, M) @ PH + N * Lambda * PH - power(B, M) @ T,
        N * Lam(1) * (P @ by_features) - c.weights @ (PH - T) + (N * decays) * PH,
    )
    target = proof.algebra(
        "outputs against the target",
        (PH - T) @ PH.T + N * B,
        N * (by_last @ W(M).T) + same @ PH.T + (W(M) @ lower - T) @ same.T + N * c.last,
    )
    BM, factor = power(B, M), power(B, M) + N * Lambda * identity(K)
    C = 1 / Lambda * power(B, M + 1) + N * B
    product = proof.algebra(
        "product with the squared target",
        BM @ S - factor @ C,
        BM @ squared - resolvent @ T.T - factor @ target.T + 1 / Lambda * (factor @ c.outputs),
    )
    powers = proof.algebra("the power commutes", BM @ S - S @ BM, product - product.T)
    commute = proof.commutant("B and S commute", powers, B, M, c.last, S)
    mode = proof.eigenvalue("a mode", product, [commute])
    not_negative = proof.semidefinite("β is not negative", c.last, B)
    return Spectrum(c, squared, target, commute, mode, not_negative)


@dataclass(frozen=True)
class Modes:
    """A common eigenvector that is on (β > 0): its confidence z, and everything else as a function of z."""

    spectrum: Spectrum
    on: Fact
    confidence: Fact
    above_zero: Fact
    below_one: Fact
    energy: Fact
    root: Fact
    positive_target: Fact


def modes_of(proof: Proof) -> Modes:
    """With z = β^M/(β^M + N Λ): N β = μ z (1 − z) and μ^M z^{M−1} (1 − z)^{M+1} = N^{M+1} Λ."""
    s = spectrum(proof)
    on = proof.case("the mode is on", beta, POSITIVE)
    k = N * Lambda
    whole = beta**M + k
    confidence = proof.definition("confidence", z, beta**M / whole, given=[on])
    above = proof.positive("z > 0", z, POSITIVE, [(beta**M, [], 1)], times=whole, known=[on], given=whole * confidence)
    below = proof.positive("z < 1", 1 - z, POSITIVE, [(k, [], 1)], times=whole, known=[on], given=-(whole * confidence))
    target = proof.positive(
        "μ > 0", mu, POSITIVE, [(beta / Lambda, [], whole)], times=beta**M, known=[on], given=1 * s.mode
    )
    energy = proof.algebra(
        "energy",
        N * beta - mu * z * (1 - z),
        -k / whole**2 * s.mode - (mu * (1 - z - beta**M / whole)) * confidence,
        known=[on],
    )
    half = proof.algebra("β from z", beta - mu * z * (1 - z) / N, 1 / N * energy)
    powers = proof.raised("β^M from z", half, beta, mu * z * (1 - z) / N, M, known=[on, above, below, target])
    ratio = proof.algebra("odds", beta**M * (1 - z) - k * z, -whole * confidence, known=[on])
    root = proof.algebra(
        "equation of a mode",
        mu**M * z ** (M - 1) * (1 - z) ** (M + 1) - N ** (M + 1) * Lambda,
        N**M / z * ratio - (N**M * (1 - z) / z) * powers,
        known=[on, above, below, target],
    )
    return Modes(s, on, confidence, above, below, energy, root, target)


def value_of(proof: Proof, found: Modes) -> tuple[Fact, Fact, Fact]:
    """The objective is a sum over common eigenvectors: μ/(2N) (1 − z)(1 + M z), and μ/(2N) where a mode is off."""
    s, c = found.spectrum, found.spectrum.chain
    below = next(step.fact for step in proof.steps if step.fact.name == "balancedness below")
    energy = lam(m) * trace(W(m) @ W(m).T)
    (equal,) = proof.induction(
        ["equal energies"],
        [energy - trace(B)],
        (sp.Integer(0), M),
        [-c.last.trace],
        lambda at_m: [at_m - below.trace],
    )
    total = proof.layer_sum("regularisers", regulariser, equal)
    objective = proof.objective("objective")
    reduced = proof.algebra(
        "objective at a critical point",
        Trace({}, value) - 1 / (2 * N) * (trace(S) - 1 / Lambda * trace(power(B, M + 1)) + N * (M - 1) * trace(B)),
        objective
        + HALF * total
        + 1 / (2 * N) * (2 * s.outputs_target.trace - 1 / Lambda * c.outputs.trace - s.squared_target.trace),
    )
    shares = proof.eigenvalue_sum("shares", reduced, [s.commute], value)
    share = shares.extra["summand"]
    ratio = next(step.fact for step in proof.steps if step.fact.name == "odds")
    when_on = proof.algebra(
        "share of a mode that is on",
        2 * N * share - mu * (1 - z) * (1 + M * z),
        -beta / (Lambda * (1 - z)) * ratio + ((M - 1) - z / (1 - z)) * found.energy,
        known=[found.on, found.above_zero, found.below_one],
    )
    off = proof.case("the mode is off", beta, ZERO)
    when_off = proof.algebra("share of a mode that is off", 2 * N * share - mu, (N * (M - 1) - beta**M / Lambda) * off)
    return shares, when_on, when_off


def geometry_of(proof: Proof, s: Spectrum) -> Geometry:
    """λ(m)^½ W_m = V_{m+1} Δ V_mᵀ with orthonormal V_m; H = Pᵀ J T with J = (P Pᵀ + N λ_H)⁻¹; H = H̄ Y."""
    balanced = next(step.fact for step in proof.steps if step.fact.name == "balancedness below")
    unit_modes = identity(modes)
    decomposition, frame_of_B, inverse = proof.eigenvectors(
        ("eigenvectors of B", "orthonormal eigenvectors", "inverse of Δ"), s.chain.last, B
    )
    up, here = V(m + 1), V(m)
    directions = proof.meaning("directions")
    square = lam(m) * (W(m) @ W(m).T) - up @ root @ root @ up.T
    scale = sp.sqrt(lam(m))
    outside = W(m) - up @ up.T @ W(m)

    def nothing_outside(square_at: Fact, frame_at: Fact, where: str) -> Fact:
        beside = identity(_rows(up)) - up @ up.T
        square_outside = proof.algebra(
            f"square outside the directions{where}",
            outside @ outside.T,
            1 / lam(m) * (beside @ square_at @ beside - (up @ frame_at) @ (root @ root @ up.T @ beside)),
        )
        return proof.vanishing(f"nothing outside the directions{where}", square_outside, outside)

    def one_layer_down(square_at: Fact, frame_at: Fact) -> list[Combination]:
        across = root_inverse @ up.T
        unit = inverse.T @ root @ root_inverse + inverse
        stretched = root_inverse @ frame_at @ root @ root @ up.T @ up @ root_inverse + (
            root_inverse @ root @ root @ frame_at @ root_inverse
        )
        orthonormal = (
            directions.T @ here
            + scale * (across @ W(m)) @ directions
            + across @ square_at @ across.T
            + stretched
            + unit
        )
        nothing = nothing_outside(square_at, frame_at, " at m")
        square = (
            lam(m) * (W(m).T @ nothing)
            - balanced
            - lam(m) * ((W(m).T @ up) @ unit @ (up.T @ W(m)))
            - directions @ (root @ root @ here.T)
            - scale * ((W(m).T @ across.T @ root @ root) @ directions.T)
        )
        return [square, orthonormal]

    squares_of_weights, orthonormal = proof.induction(
        ["squares of the weights", "orthonormal directions"],
        [square, up.T @ up - unit_modes],
        (sp.Integer(0), M),
        [decomposition - s.chain.last, frame_of_B],
        one_layer_down,
    )
    of_weights = [
        proof.at(f"{f.name}, m ≥ 1", f, m, layers=(sp.Integer(1), M)) for f in (squares_of_weights, orthonormal)
    ]
    nothing = nothing_outside(of_weights[0], of_weights[1], "")
    aligned = proof.algebra(
        "aligned weights",
        scale * W(m) - up @ root @ here.T,
        scale * nothing - (up @ root) @ directions.T - scale * (up @ (inverse @ (up.T @ W(m)))),
    )
    resolvent = proof.inverse("resolvent", J)
    by_features = next(step.fact for step in proof.steps if step.fact.name == "gradient by the features")
    balance = proof.algebra(
        "features balance",
        (P.T @ P + r * identity(d(1))) @ (H - P.T @ J @ T),
        N * by_features - P.T @ resolvent @ T,
    )
    features = proof.definite("features", balance, P, r, H - P.T @ J @ T)
    target = proof.meaning("target by class")
    labels = proof.meaning("class sizes")
    average = Y.T @ sizes_inverse
    nc1 = proof.algebra(
        "NC1",
        H - H @ average @ Y,
        features - features @ average @ Y + (P.T @ J) @ (target - target @ average @ Y - means_target @ labels @ Y),
        note="every feature is its class mean",
    )
    means = proof.algebra(
        "mean features",
        H @ average - P.T @ J @ means_target,
        features @ average + (P.T @ J) @ (target @ average + means_target @ labels),
    )
    return Geometry(decomposition, orthonormal, aligned, resolvent, nc1, means)


def _rows(matrix: Matrix) -> Any:
    return matrix.rows
