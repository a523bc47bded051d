"""The lower bound is attained: factors along any chosen modes, W_m = λ(m)^{−½} V_{m+1} Δ V_mᵀ, and their objective.

U = V_{M+1} are eigenvectors of S with Uᵀ T = Θ V_0ᵀ, Θ = diag √μ, and Δ = diag δ with N δ² = μ z (1 − z).
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from proofs.kernel.facts import POSITIVE, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.kernel.words import Trace, power, trace
from proofs.lemmas.setting import (
    H,
    Lam,
    Lambda,
    N,
    P,
    Q,
    S,
    T,
    V,
    W,
    delta,
    lam,
    m,
    regulariser,
    root,
    target_root,
    theta,
    value,
    z,
)  # fmt: skip

HALF = sp.Rational(1, 2)


@dataclass(frozen=True)
class Layered:
    """Balanced factors: their product, and the sum of their decays."""

    frames: Fact
    outputs: Fact
    regularisers: Fact


def layered(proof: Proof) -> Layered:
    """P H = Λ^{−½} U Δ^{M+1} V_0ᵀ and Σ λ ‖factor‖² = (M + 1) tr Δ²."""
    one, zero = sp.Integer(1), sp.Integer(0)
    U, k = V(M + 1), M - m + 1
    up, here = V(m + 1), V(m)
    frames = proof.meaning("orthonormal directions")
    weights = proof.meaning("factors")
    product = proof.meaning("product")
    decays = proof.meaning("product of decays")
    scale = proof.raised("scale", decays, Lam(m), lam(m) * Lam(m + 1), -HALF)
    last = proof.at("factor at the last layer", weights, M)
    scale_last = proof.at("scale at the last layer", scale, M)
    claim = Q(m) - Lam(m) ** -HALF * (U @ power(root, k) @ here.T)
    below = [proof.at(f"{f.name} below", f, m - 1, layers=(sp.Integer(2), M)) for f in (product, weights, scale)]
    frames_here = proof.at("orthonormal directions in a hidden layer", frames, m, layers=(sp.Integer(2), M))
    (products,) = proof.induction(
        ["partial products"],
        [claim],
        (one, M),
        [proof.at("product at the last layer", product, M) + last - scale_last * (U @ root @ V(M).T)],
        lambda at_m: [
            below[0]
            + at_m @ W(m - 1)
            + Lam(m) ** -HALF * ((U @ power(root, k) @ here.T) @ below[1])
            + (Lam(m) ** -HALF * lam(m - 1) ** -HALF) * ((U @ power(root, k)) @ frames_here @ (root @ V(m - 1).T))
            - below[2] * (U @ power(root, k + 1) @ V(m - 1).T)
        ],
    )
    first, features = proof.at("product of all weights", products, one), proof.at("features", weights, zero)
    PH, outputs = P @ H, Lambda**-HALF * (U @ power(root, M + 1) @ V(0).T)
    prediction = proof.algebra(
        "outputs",
        PH - outputs,
        first @ H
        + Lam(1) ** -HALF * ((U @ power(root, M) @ V(1).T) @ features)
        + (Lam(1) ** -HALF * lam(0) ** -HALF)
        * ((U @ power(root, M)) @ proof.at("orthonormal at the features", frames, one) @ (root @ V(0).T))
        - proof.at("scale at the features", scale, zero) * (U @ power(root, M + 1) @ V(0).T),
    )
    energy = lam(m) * trace(W(m) @ W(m).T)
    upper = proof.at("orthonormal directions above", frames, m + 1, layers=(zero, M))
    lower = proof.at("orthonormal directions here", frames, m, layers=(zero, M))
    drawn = lam(m) ** -HALF * (up @ root @ here.T)
    equal = proof.algebra(
        "equal energies",
        energy - trace(power(root, 2)),
        lam(m) * ((weights @ W(m).T).trace + (drawn @ weights.T).trace)
        + (up @ root @ lower @ root @ up.T).trace
        + (upper @ power(root, 2)).trace,
    )
    total = proof.layer_sum("regularisers", regulariser, equal)
    return Layered(frames, prediction, total)


def attained(proof: Proof) -> tuple[Fact, Fact]:
    """2N f = tr S − Σ over the chosen modes of μ z (M z − (M − 1)), for roots z of the equation of a mode."""
    made = layered(proof)
    pair, squared = proof.meaning("singular vectors of the target"), proof.meaning("squared target")
    U, PH, frames, prediction, total = V(M + 1), P @ H, made.frames, made.outputs, made.regularisers
    outputs = Lambda**-HALF * (U @ power(root, M + 1) @ V(0).T)
    objective = proof.objective("objective")
    U_frame, V0_frame = (
        proof.at("orthonormal in class space", frames, M + 1),
        proof.at("orthonormal below", frames, sp.Integer(0)),
    )
    D = power(root, M + 1)
    found = proof.algebra(
        "objective of the factors",
        Trace({}, 2 * N * value)
        - trace(S)
        - 1 / Lambda * trace(power(root, 2 * M + 2))
        + 2 * Lambda**-HALF * trace(D @ target_root)
        - N * (M + 1) * trace(power(root, 2)),
        2 * N * objective
        + N * total
        + (prediction @ PH.T).trace
        + (outputs @ prediction.T).trace
        - 2 * (prediction @ T.T).trace
        - squared.trace
        + 1 / Lambda * ((U @ D @ V0_frame @ D @ U.T).trace + (U_frame @ D @ D).trace)
        - 2 * Lambda**-HALF * ((D @ V(0).T) @ pair).trace
        - 2 * Lambda**-HALF * (D @ V0_frame @ target_root).trace,
    )
    share = mode_share(proof)
    return found, share


def mode_share(proof: Proof) -> Fact:
    """δ^{2M+2}/Λ − 2 Λ^{−½} δ^{M+1} θ + N (M+1) δ² = −θ² z (M z − (M − 1)) for a root z and μ = θ²."""
    on = [
        proof.case("z > 0", z, POSITIVE),
        proof.case("z < 1", 1 - z, POSITIVE),
        proof.case("θ > 0", theta, POSITIVE),
    ]
    size = theta * sp.sqrt(z) * sp.sqrt(1 - z) / sp.sqrt(N)
    chosen = proof.definition("energy of a chosen mode", delta, size, given=on)
    equation = theta ** (2 * M) * z ** (M - 1) * (1 - z) ** (M + 1)
    root_of = proof.hypothesis("z is a root", known=on)
    half = proof.raised("square root of the equation", root_of, equation, N ** (M + 1) * Lambda, HALF, known=on)
    square = proof.algebra("δ²", delta**2 - theta**2 * z * (1 - z) / N, (delta + size) * chosen, known=on)
    above = proof.positive("δ > 0", delta, POSITIVE, [(size, [], 1)], known=on, given=chosen)
    powers = proof.raised("δ^{M+1}", chosen, delta, size, M + 1, known=[*on, above])
    singular = proof.algebra(
        "singular value of the outputs",
        delta ** (M + 1) - sp.sqrt(Lambda) * theta * z,
        powers + (theta * z * N ** (-(M + 1) / sp.Integer(2))) * half,
        known=on,
    )
    share = delta ** (2 * M + 2) / Lambda - 2 * Lambda**-HALF * delta ** (M + 1) * theta + N * (M + 1) * delta**2
    return proof.algebra(
        "share of a chosen mode",
        share + theta**2 * z * (M * z - (M - 1)),
        ((delta ** (M + 1) + sp.sqrt(Lambda) * theta * z) / Lambda - 2 * Lambda**-HALF * theta) * singular
        + (N * (M + 1)) * square,
        known=on,
    )
