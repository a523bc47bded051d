"""Collapse with ReLUs, for all K, n, L, widths, decays and derivatives s at 0.

The derivatives P_m of a class act on class means, and so on the rows of Q_m, which are along them: by induction G_m is
Q_m with s^{M−m+1} times all its rows but that of the class.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from proofs.curvature_kinds import OUTLIER, A, B, pair
from proofs.kernel.facts import Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.kernel.words import Trace, squares
from proofs.lemmas.collapse import (
    ABOVE,
    BELOW,
    Ends,
    collapsed_of,
    distinct_of,
    ends_of,
    energies_of,
    inputs_of,
    lengths_of,
)
from proofs.lemmas.collapse_setting import E, X, gamma, n
from proofs.lemmas.relu_collapse_setting import HIDDEN, RELU_COLLAPSE, G, P, apart, power, slope
from proofs.lemmas.setting import WEIGHTS, Lam, N, Q, R, T, W, Y, lam, m, regulariser, value
from proofs.lemmas.softmax_collapse_setting import u
from proofs.relu_kinds import LOSS, CollapseWithReLUs, column, of_class
from proofs.theorem import Section, Theorem

HALF = sp.Rational(1, 2)
RATE = (1 - gamma) / N


@dataclass(frozen=True)
class Losses:
    """Both terms of the loss, and their sum."""

    fit: Fact
    weights: Fact
    loss: Fact


def losses_of(proof: Proof, ends: Ends, target: Fact) -> Losses:
    """‖Z − Y‖² = N (1−γ)², and λ(m) ‖W_m‖² = γ (1−γ) from the gradient."""
    number, residual = proof.meaning("number of samples"), R(M) - T
    outputs = ends.outputs - target
    fit = proof.algebra(
        "fit",
        squares(residual) - Trace({}, N * (1 - gamma) ** 2),
        (outputs @ residual.T).trace + (gamma - 1) * (Y @ outputs.T).trace + (1 - gamma) ** 2 * number,
    )
    weights = proof.algebra(
        "squared norms of factors",
        lam(m) * squares(W(m)) - Trace({}, gamma * (1 - gamma)),
        (ends.gradient @ W(m).T).trace + RATE * (Y @ ends.whole.T).trace + gamma * RATE * number,
    )
    total = proof.layer_sum("all squared norms", regulariser, weights)
    objective = proof.objective("loss of the model")
    loss = proof.algebra("loss", Trace({}, value - LOSS), objective + 1 / (2 * N) * fit + HALF * total)
    return Losses(fit, weights, loss)


def errors_of(proof: Proof, ends: Ends, target: Fact, means: Fact) -> Fact:
    """Aᵀ (Z − Y) is along Aᵀ Y, so along class means."""
    return proof.algebra(
        "back-propagated errors",
        gamma * Lam(m + 1) * (A.T @ (R(M) - T)) - (gamma - 1) * ABOVE * R(m),
        gamma * Lam(m + 1) * (A.T @ (ends.outputs - target)) - (gamma - 1) * means,
    )


def passed_of(proof: Proof, ends: Ends, own: Fact, below: Fact) -> Fact:
    """G_m = (u uᵀ + s^{M−m+1} (I − u uᵀ)) Q_m, downwards over layers."""
    derivatives, passing = proof.meaning("derivatives of ReLUs"), proof.meaning("product with derivatives")
    entering, load = proof.at("class means that enter a hidden layer", below, m, layers=HIDDEN), gamma * Lam(m)
    along = entering @ Y.T + load * (Q(m).T @ ends.labels)
    rows = proof.algebra(
        "derivatives along rows",
        Q(m) @ P(m) - apart(slope) @ Q(m),
        1 / (n * load) * (BELOW * derivatives - P(m) @ along + along @ apart(slope)).T,
    )
    powers = proof.meaning("powers")
    twice = (1 - power(m)) * (1 - slope) * (u @ own @ u.T @ Q(m)) - powers * (Q(m) - u @ u.T @ Q(m))
    (found,) = proof.induction(
        ["products with derivatives"],
        [G(m + 1) - apart(power(m)) @ A],
        WEIGHTS,
        [None],
        lambda at_m: [passing + at_m @ W(m) @ P(m) + apart(power(m)) @ (rows - ends.product @ P(m)) + twice],
    )
    return found


@dataclass(frozen=True)
class Parts:
    """The part of the Gauss–Newton matrix that a class has."""

    image: Fact
    entries: Fact


def parts_of(proof: Proof, own: Fact, passed: Fact, distinct: Fact) -> Parts:
    """Every X is mapped to a matrix Aᵀ F Y Bᵀ, with F = A X B Yᵀ in the column of the class."""
    scale, only = 1 / (n * N), u @ u.T @ Y @ B.T
    grams = proof.algebra(
        "squares of products with derivatives",
        G(m + 1).T @ G(m + 1) - A.T @ apart(power(m) ** 2) @ A,
        passed.T @ G(m + 1) + A.T @ apart(power(m)) @ passed + (1 - power(m)) ** 2 * (A.T @ u @ own @ u.T @ A),
    )
    image = proof.algebra(
        "part of a class",
        of_class(X(m)) - scale * pair(column(A @ X(m) @ B @ Y.T)),
        scale * (grams @ X(m) @ B @ Y.T @ only),
    )
    unmixed = proof.at("distinct eigenvectors of a weight", distinct, m, layers=WEIGHTS)
    entries = proof.algebra(
        "part of a class on class space",
        of_class(pair(E)) - OUTLIER * pair(column(E)),
        scale * (grams @ pair(E) @ B @ Y.T @ only + A.T @ apart(power(m) ** 2) @ unmixed @ only),
    )
    return Parts(image, entries)


@cache
def relu_section() -> tuple[Section, CollapseWithReLUs]:
    """All steps.

    Raises:
        Rejected: when one is not accepted.
    """
    proof = Proof("collapse with ReLUs", RELU_COLLAPSE)
    ends = ends_of(proof)
    rows = energies_of(proof, ends).rows
    inputs = inputs_of(proof, ends, rows)
    lengths, collapsed = lengths_of(proof, ends, inputs), collapsed_of(proof, ends, inputs.below)
    target = next(step.fact for step in proof.steps if step.fact.name == "target")
    losses, errors = losses_of(proof, ends, target), errors_of(proof, ends, target, inputs.means)
    own = proof.meaning("class")
    passed = passed_of(proof, ends, own, inputs.below)
    distinct = distinct_of(proof, ends, rows, inputs.features)
    parts = parts_of(proof, own, passed, distinct)
    kind = CollapseWithReLUs(
        ends.energy,
        collapsed,
        lengths,
        errors,
        losses.fit,
        losses.weights,
        losses.loss,
        passed,
        parts.image,
        parts.entries,
        distinct,
    )
    return Section("Collapse with ReLUs", proof), kind


def relu_theorem(id: str) -> Theorem:
    """The theorem for a statement about ReLUs at collapse."""
    section, kind = relu_section()
    return Theorem(id, (section,), kind)
