"""Curvature at collapse, for all K, n, L, widths and decays.

With A = Q_{m+1} and B = R_{m−1}, the factors above and below a layer: A Aᵀ and Y BᵀB are multiples of I and Y, and the
gradient λ(m) W_m = (1−γ)/N Aᵀ Y Bᵀ links the two, so that their product is λ(m) γ/(1−γ) N whatever the decays are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from proofs.curvature_kinds import (
    ACROSS,
    OUTLIER,
    A,
    B,
    CurvatureAtCollapse,
    Operators,
    Structure,
    hessian,
    of_means,
    pair,
    within,
)
from proofs.kernel.facts import POSITIVE, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.kernel.words import Matrix, identity
from proofs.lemmas.collapse_setting import COLLAPSE, E, J, X, e, gamma, n
from proofs.lemmas.critical_points import neighbours
from proofs.lemmas.setting import ALL, WEIGHTS, K, Lam, N, Q, R, W, Y, beta, lam, m
from proofs.theorem import Section, Theorem

ONE, TWO = sp.Integer(1), sp.Integer(2)
ODDS = gamma / (1 - gamma)
ABOVE, BELOW = beta ** (M - m), beta ** (M - m + 1)


@dataclass(frozen=True)
class Ends:
    """What a critical point is, as the steps use it."""

    inside: Fact
    energy: Fact
    positive: Fact
    product: Fact
    inputs: Fact
    labels: Fact
    decays: Fact
    whole: Fact
    gradient: Fact
    outputs: Fact


def ends_of(proof: Proof) -> Ends:
    """A W_m B = γ Y, and λ(m) W_m = (1−γ)/N Aᵀ Y Bᵀ, in every layer."""
    inside = proof.case("γ < 1", 1 - gamma, POSITIVE)
    energy = proof.definition("energy", beta, n * gamma * (1 - gamma) / N, given=[inside])
    positive = proof.positive("β > 0", beta, POSITIVE, [(n * gamma / N, [inside], 1)], given=energy)
    product, inputs, target = (proof.meaning(name) for name in ("product", "inputs", "target"))
    entering, reached = proof.at("inputs of weights", inputs, m, layers=WEIGHTS), proof.meaning("outputs")
    (chain,) = proof.induction(
        ["outputs from every layer"],
        [A @ R(m) - gamma * Y],
        ALL,
        [reached],
        lambda at_m: [at_m + product @ B - A @ entering],
    )
    whole = proof.algebra("outputs through a layer", A @ W(m) @ B - gamma * Y, chain - A @ inputs)
    critical = proof.gradient("gradient", A @ W(m) @ B, W(m), layers=ALL)
    gradient = proof.algebra(
        "gradient of the data term",
        lam(m) * W(m) - (1 - gamma) / N * pair(identity(K)),
        critical - 1 / N * (A.T @ (whole - target) @ B.T),
    )
    labels, decays = proof.meaning("balanced classes"), proof.meaning("product of decays")
    return Ends(inside, energy, positive, product, inputs, labels, decays, whole, gradient, reached)


@dataclass(frozen=True)
class Energies:
    """λ(m) A W_m W_mᵀ = β A, and what follows for the rows of A."""

    balanced: Fact
    weights: Fact
    rows: Fact


def energies_of(proof: Proof, ends: Ends) -> Energies:
    """Λ(m+1) A Aᵀ = β^{M−m}: downwards by balance, from λ(M) W_M W_Mᵀ = β."""
    product, labels, Qm, Wm = ends.product, ends.labels, Q(m), W(m)
    whole, gradient = (proof.at(f"{f.name} at the top", f, M) for f in (ends.whole, ends.gradient))
    last = proof.algebra(
        "energy of the last layer",
        lam(M) * (W(M) @ W(M).T) - beta * identity(K),
        gradient @ W(M).T
        + (1 - gamma) / N * (Y @ whole.T)
        + gamma * (1 - gamma) / N * labels
        - ends.energy * identity(K),
    )
    balanced = neighbours(proof)
    balanced_below = proof.at("balancedness below", balanced, m - 1, layers=WEIGHTS)
    (weights,) = proof.induction(
        ["energy of every layer"],
        [lam(m) * (A @ Wm @ Wm.T) - beta * A],
        ALL,
        [last],
        lambda at_m: [at_m @ Wm + product @ (lam(m) * (Wm.T @ Wm)) - beta * product - Qm @ balanced_below],
    )
    one_layer = proof.algebra(
        "one layer",
        lam(m) * (Qm @ Qm.T) - beta * (A @ A.T),
        proof.at("energy of a weight", weights, m, layers=WEIGHTS) @ A.T
        + lam(m) * (product @ Qm.T + (A @ Wm) @ product.T),
    )
    inner = (TWO, M + 1)
    one_below = proof.at("one layer below", one_layer, m - 1, layers=inner)
    decays_below = proof.at("product of decays below", ends.decays, m - 1, layers=inner)
    (grams,) = proof.induction(
        ["rows of products"],
        [Lam(m) * (Qm @ Qm.T) - BELOW * identity(K)],
        (ONE, M + 1),
        [None],
        lambda at_m: [decays_below * (Q(m - 1) @ Q(m - 1).T) + Lam(m) * one_below + beta * at_m],
    )
    return Energies(balanced, weights, proof.at("rows above a layer", grams, m + 1, layers=ALL))


@dataclass(frozen=True)
class Inputs:
    """Y BᵀB is a multiple of Y, and class means are along the rows above them."""

    features: Fact
    means: Fact
    below: Fact


def inputs_of(proof: Proof, ends: Ends, rows: Fact) -> Inputs:
    """(1−γ) β^{M−m} Y BᵀB = N γ λ(m) Λ(m+1) Y, from outputs and gradient; then β^{M−m} R_m = γ Λ(m+1) Aᵀ Y."""
    whole, gradient, positive, load = ends.whole, ends.gradient, ends.positive, lam(m) * Lam(m + 1)
    features = proof.algebra(
        "inputs of a layer",
        (1 - gamma) * ABOVE * (Y @ B.T @ B) - N * gamma * load * Y,
        N * Lam(m + 1) * (lam(m) * whole - A @ gradient @ B) - (1 - gamma) * (rows @ Y @ B.T @ B),
    )
    means = proof.algebra(
        "class means along rows",
        ABOVE * R(m) - gamma * Lam(m + 1) * (A.T @ Y),
        ABOVE * ends.inputs + ABOVE / lam(m) * (gradient @ B) + 1 / (N * lam(m)) * (A.T @ features),
        known=[positive],
    )
    below = proof.at("class means that enter a weight", means, m - 1, layers=WEIGHTS)
    return Inputs(features, means, below)


def lengths_of(proof: Proof, ends: Ends, inputs: Inputs) -> Fact:
    """‖μ‖² = γ² Λ(m)/β^{M−m+1}."""
    features, labels, load = inputs.features, ends.labels, lam(m) * Lam(m + 1)
    return proof.algebra(
        "lengths of class means",
        BELOW * (Y @ B.T @ B @ Y.T) - n**2 * gamma**2 * Lam(m) * identity(K),
        beta / (1 - gamma) * (features @ Y.T)
        + N * ODDS * load * (ends.energy * (Y @ Y.T))
        - n * gamma**2 * (ends.decays * (Y @ Y.T))
        + n * gamma**2 * Lam(m) * labels,
        known=[ends.inside],
    )


def collapsed_of(proof: Proof, ends: Ends, below: Fact) -> Fact:
    """Features are their class means."""
    return proof.algebra(
        "collapsed inputs",
        n * B - B @ Y.T @ Y,
        1 / BELOW * (n * below - below @ Y.T @ Y - gamma * Lam(m) * (Q(m).T @ ends.labels @ Y)),
        known=[ends.positive],
    )


def structure_of(
    proof: Proof, ends: Ends, energies: Energies, inputs: Inputs, lengths: Fact, collapsed: Fact
) -> Structure:
    """Weights along class means: W_m is a multiple of R_m YᵀY Bᵀ, and λ(m) W_mᵀ W_m is β on class means."""
    Wm, load = W(m), n * gamma * Lam(m + 1)
    vectors = proof.algebra(
        "weights along class means",
        n**2 * gamma**2 * Lam(m) * Wm - BELOW * (R(m) @ Y.T @ Y @ B.T),
        n**2 * gamma**2 * (ends.decays * Wm)
        + n * gamma * load * ends.gradient
        - beta * (inputs.means @ Y.T @ Y @ B.T)
        - beta * gamma * Lam(m + 1) * (A.T @ ends.labels @ Y @ B.T)
        - load * (ends.energy * pair(identity(K))),
    )
    entering, means, decays = (
        proof.at(f"{fact.name} in a weight", fact, m, layers=WEIGHTS)
        for fact in (ends.inputs, inputs.means, ends.decays)
    )
    squares = proof.algebra(
        "squares of weights",
        lam(m) * (Wm.T @ Wm @ B @ Y.T) - beta * (B @ Y.T),
        -lam(m) * (Wm.T @ entering @ Y.T)
        + 1
        / ABOVE
        * (
            lam(m) * (Wm.T @ means @ Y.T)
            - lam(m) * gamma * Lam(m + 1) * (ends.product.T @ Y @ Y.T)
            - gamma * (decays * (Q(m).T @ Y @ Y.T))
            - inputs.below @ Y.T
        ),
        known=[ends.positive],
    )
    return Structure(
        ends.energy,
        ends.gradient,
        energies.rows,
        lengths,
        inputs.means,
        collapsed,
        energies.balanced,
        squares,
        vectors,
    )


def distinct_of(proof: Proof, ends: Ends, rows: Fact, features: Fact) -> Fact:
    """E from Aᵀ E Y Bᵀ."""
    scale = 1 / Lam(m + 1)
    return proof.algebra(
        "distinct eigenvectors",
        A @ pair(E) @ B @ Y.T - n * N * OUTLIER * E,
        scale * (rows @ E @ Y @ B.T @ B @ Y.T)
        + scale / (1 - gamma) * (E @ features @ Y.T)
        + N * OUTLIER * (E @ ends.labels),
        known=[ends.inside],
    )


def operators_of(proof: Proof, ends: Ends, rows: Fact, features: Fact, collapsed: Fact) -> Operators:
    """Aᵀ E Y Bᵀ ↦ λ(m) γ/(1−γ) Aᵀ E Y Bᵀ, as A Aᵀ and Y BᵀB are scalar and the product of the scalars is known."""
    labels, scale = ends.labels, 1 / Lam(m + 1)
    J_is_mean, count = proof.meaning("mean over classes"), proof.meaning("number of classes")
    projection = proof.algebra(
        "J is a projection",
        J @ J - J,
        J_is_mean @ J + n / N * (e @ e.T @ J_is_mean) - J_is_mean + (n / N) ** 2 * (e @ count @ e.T),
    )

    def of_class(name: str, P: Matrix) -> Fact:
        """The part of class means with a projection P."""
        goal, left = of_means(P, pair(E)) - OUTLIER * pair(P @ E), 1 / (n * N) * (A.T @ P)
        end = Y.T @ Y @ B.T
        return proof.algebra(
            name,
            goal,
            scale * (left @ rows @ E @ Y @ B.T @ B @ end)
            + scale / (1 - gamma) * (left @ E @ features @ end)
            + OUTLIER / n * (A.T @ P @ E @ labels @ Y @ B.T),
            known=[ends.inside],
        )

    outliers = proof.algebra(
        "outliers",
        hessian(pair(E)) - OUTLIER * pair(E),
        scale / N * (A.T @ rows @ E @ Y @ B.T @ B @ B.T) + scale / (N * (1 - gamma)) * (A.T @ E @ features @ B.T),
        known=[ends.inside],
    )
    distinct = distinct_of(proof, ends, rows, features)
    inside_classes = proof.algebra(
        "nothing within classes", within(X(m)), 1 / (n * N) * (A.T @ A @ X(m) @ B @ collapsed.T)
    )
    back = B @ Y.T @ Y @ B.T
    twice = A @ X(m) @ back @ back
    apart = proof.algebra(
        "orthogonal images",
        of_means(ACROSS, of_means(J, X(m))),
        scale / (n * N) ** 2 * (A.T @ ACROSS @ rows @ J @ twice - ABOVE * (A.T @ projection @ twice)),
    )
    return Operators(
        outliers,
        distinct,
        inside_classes,
        of_class("class part", J),
        of_class("cross part", ACROSS),
        projection,
        apart,
    )


@cache
def collapse_section() -> tuple[Section, CurvatureAtCollapse]:
    """All steps.

    Raises:
        Rejected: when a step is not accepted.
    """
    proof = Proof("collapse", COLLAPSE)
    ends = ends_of(proof)
    energies = energies_of(proof, ends)
    inputs = inputs_of(proof, ends, energies.rows)
    lengths, collapsed = lengths_of(proof, ends, inputs), collapsed_of(proof, ends, inputs.below)
    structure = structure_of(proof, ends, energies, inputs, lengths, collapsed)
    operators = operators_of(proof, ends, energies.rows, inputs.features, collapsed)
    return Section("Curvature at collapse", proof), CurvatureAtCollapse(structure, operators)


def curvature_theorem(id: str) -> Theorem:
    """The theorem for a statement about the Hessian of a layer, gradients or weights at collapse."""
    section, kind = collapse_section()
    return Theorem(id, (section,), kind)
