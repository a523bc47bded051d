"""Curvature at collapse with cross-entropy, for all K, n, L, widths and decays.

As with squared error, with S in place of I: S A Aᵀ S and S Y BᵀB are multiples of S and S Y, whose product is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from proofs.curvature_kinds import A, B, pair
from proofs.kernel.facts import POSITIVE, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.kernel.words import identity
from proofs.lemmas.collapse_setting import E, e, n
from proofs.lemmas.setting import ALL, WEIGHTS, Lam, N, Q, R, W, Y, beta, lam, m, one_dimension
from proofs.lemmas.softmax_collapse_setting import COLUMN, SOFTMAX_COLLAPSE, D, S, alpha, count, delta, kappa, p, tau, u
from proofs.softmax_curvature_kinds import OTHERS, SoftmaxCurvature, among_others, weighted
from proofs.theorem import Section, Theorem

ZERO, ONE, TWO = sp.Integer(0), sp.Integer(1), sp.Integer(2)
SCALE = n * N * alpha * lam(m) / (1 - kappa)
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
    critical: Fact


def ends_of(proof: Proof) -> Ends:
    """A W_m B = α S Y in every layer."""
    inside = proof.case("κ < 1", 1 - kappa, POSITIVE)
    energy = proof.definition("energy", beta, n * alpha * (1 - kappa) / N, given=[inside])
    positive = proof.positive("β > 0", beta, POSITIVE, [(n * alpha / N, [inside], 1)], given=energy)
    product, inputs = (proof.meaning(name) for name in ("product", "inputs"))
    entering = proof.at("inputs of weights", inputs, m, layers=WEIGHTS)
    (chain,) = proof.induction(
        ["outputs from every layer"],
        [A @ R(m) - alpha * (S @ Y)],
        ALL,
        [proof.meaning("outputs")],
        lambda at_m: [at_m + product @ B - A @ entering],
    )
    whole = proof.algebra("outputs through a layer", A @ W(m) @ B - alpha * (S @ Y), chain - A @ inputs)
    labels, decays = proof.meaning("balanced classes"), proof.meaning("product of decays")
    return Ends(inside, energy, positive, product, inputs, labels, decays, whole, proof.meaning("critical"))


def projection(proof: Proof) -> Fact:
    """S² = S."""
    centring, number = proof.meaning("centring"), proof.meaning("number of classes")
    ones = n / N * (e @ e.T)
    return proof.algebra(
        "S is a projection", S @ S - S, centring @ S - ones @ centring + (n / N) ** 2 * (e @ number @ e.T)
    )


def rows_of(proof: Proof, ends: Ends, square: Fact) -> Fact:
    """Λ(m+1) S A Aᵀ S = β^{M−m} S: downwards by balance, from λ(M) W_M W_Mᵀ = β S."""
    product, Qm, Wm, rate = ends.product, Q(m), W(m), (1 - kappa) / N
    whole, critical = (proof.at(f"{fact.name} at the top", fact, M) for fact in (ends.whole, ends.critical))
    last = proof.algebra(
        "energy of the last layer",
        lam(M) * (S @ W(M) @ W(M).T) - beta * S,
        S @ critical @ W(M).T
        + rate * (S @ S @ Y @ whole.T)
        + rate * alpha * (S @ S @ ends.labels @ S)
        + rate * alpha * n * (square @ S + square)
        - ends.energy * S,
    )
    balanced = proof.at("balancedness below", neighbours(proof, ends), m - 1, layers=WEIGHTS)
    (energies,) = proof.induction(
        ["energy of every layer"],
        [lam(m) * (S @ A @ Wm @ Wm.T) - beta * (S @ A)],
        ALL,
        [last],
        lambda at_m: [at_m @ Wm + S @ product @ (lam(m) * (Wm.T @ Wm)) - beta * (S @ product) - S @ Qm @ balanced],
    )
    one_layer = proof.algebra(
        "one layer",
        lam(m) * (S @ Qm @ Qm.T @ S) - beta * (S @ A @ A.T @ S),
        proof.at("energy of a weight", energies, m, layers=WEIGHTS) @ A.T @ S
        + lam(m) * (S @ product @ Qm.T @ S + S @ A @ Wm @ product.T @ S),
    )
    inner = (TWO, M + 1)
    one_below = proof.at("one layer below", one_layer, m - 1, layers=inner)
    decays_below = proof.at("product of decays below", ends.decays, m - 1, layers=inner)
    below = S @ Q(m - 1) @ Q(m - 1).T @ S
    (grams,) = proof.induction(
        ["rows of products"],
        [Lam(m) * (S @ Qm @ Qm.T @ S) - BELOW * S],
        (ONE, M + 1),
        [square],
        lambda at_m: [decays_below * below + Lam(m) * one_below + beta * at_m],
    )
    return proof.at("rows above a layer", grams, m + 1, layers=ALL)


def neighbours(proof: Proof, ends: Ends) -> Fact:
    """Balancedness: λ(m+1) W_{m+1}ᵀ W_{m+1} = λ(m) W_m W_mᵀ for m = 0 … M − 1."""
    upper, lower, inner, rate = W(m + 1), W(m), (ZERO, M - 1), (1 - kappa) / N
    above, product, inputs = (
        proof.at(f"{fact.name} of the layer above", fact, index, layers=inner)
        for fact, index in ((ends.critical, m + 1), (ends.product, m + 1), (ends.inputs, m))
    )
    here = proof.at("critical in a lower layer", ends.critical, m, layers=inner)
    return proof.algebra(
        "balancedness",
        lam(m + 1) * (upper.T @ upper) - lam(m) * (lower @ lower.T),
        upper.T @ above - here @ lower.T - rate * (product.T @ S @ Y @ R(m).T) + rate * (Q(m + 1).T @ S @ Y @ inputs.T),
    )


def layer_section() -> tuple[Proof, tuple[Fact, ...]]:
    """Y Bᵀ is centred, features collapse, S A (Aᵀ E Y Bᵀ) B Yᵀ is a multiple of E for centred E; means, and weights."""
    proof = Proof("collapse", SOFTMAX_COLLAPSE)
    ends, square = ends_of(proof), projection(proof)
    rows, labels, known = rows_of(proof, ends, square), ends.labels, [ends.positive]
    load, Qm, Em = alpha * Lam(m), Q(m), S @ E
    features = proof.algebra(
        "inputs of a layer",
        (1 - kappa) * ABOVE * (S @ Y @ B.T @ B) - N * alpha * lam(m) * Lam(m + 1) * (S @ Y),
        N * Lam(m + 1) * (lam(m) * (S @ ends.whole) - S @ A @ ends.critical @ B)
        - (1 - kappa) * (rows @ Y @ B.T @ B)
        + N * Lam(m + 1) * lam(m) * alpha * (square @ Y),
    )
    means = proof.algebra(
        "class means along rows",
        ABOVE * R(m) - alpha * Lam(m + 1) * (A.T @ S @ Y),
        ABOVE * ends.inputs + ABOVE / lam(m) * (ends.critical @ B) + 1 / (N * lam(m)) * (A.T @ features),
        known=known,
    )
    below = proof.at("class means that enter a weight", means, m - 1, layers=WEIGHTS)
    collapsed = proof.algebra(
        "collapsed inputs",
        n * B - B @ Y.T @ Y,
        1 / BELOW * (n * below - below @ Y.T @ Y - load * (Qm.T @ S @ labels @ Y)),
        known=known,
    )
    centred = proof.algebra(
        "centred means",
        S @ Y @ B.T - Y @ B.T,
        1
        / BELOW
        * (S @ Y @ below.T - Y @ below.T + load * (S @ labels @ S @ Qm - labels @ S @ Qm + n * (square @ Qm))),
        known=known,
    )
    scaled = proof.algebra(
        "scaled class space",
        S @ A @ pair(Em @ S) @ B @ Y.T - SCALE * (Em @ S),
        1 / Lam(m + 1) * (rows @ E @ S @ Y @ B.T @ B @ Y.T)
        + 1 / (Lam(m + 1) * (1 - kappa)) * (Em @ features @ Y.T)
        + SCALE / n * (Em @ S @ labels),
        known=[ends.inside],
    )
    length, entering = n * N * alpha * lam(m) * Lam(m + 1), proof.at("inputs of a weight", features, m, layers=WEIGHTS)
    lengths = proof.algebra(
        "lengths of class means",
        (1 - kappa) * ABOVE * (Y @ B.T @ B @ Y.T) - length * S,
        entering @ Y.T + length / n * (S @ labels) - (1 - kappa) * ABOVE * (centred @ B @ Y.T),
    )
    vectors = proof.algebra(
        "weights along class means",
        (1 - kappa) * ABOVE * (R(m) @ Y.T @ Y @ B.T) - length * W(m),
        (1 - kappa) * (means @ Y.T @ Y @ B.T)
        + (1 - kappa) * alpha * Lam(m + 1) * (A.T @ S @ labels @ Y @ B.T)
        - length / lam(m) * ends.critical,
    )
    return proof, (centred, collapsed, scaled, lengths, vectors)


def column_section() -> tuple[Proof, tuple[Fact, ...]]:
    """ρ E e_k = (1−κ) (S E e_k/K + κ S e_k (S E)_{kk}), (S D S)_{kk} = (1 − 2/K) D_{kk} + tr D/K², and ρ's parts."""
    proof = Proof("column", COLUMN)
    own, among, centring, softmax = (
        proof.meaning(name) for name in ("class", "among the classes", "centring", "softmax")
    )
    share, soft, v, known = (1 - kappa) / count, kappa * (1 - kappa), E @ u, S @ E @ u
    w = u - 1 / count * e
    column = proof.algebra(
        "a column of the Hessian",
        weighted(E) - (1 - kappa) * (1 / count * known + kappa * (S @ u @ u.T @ known)),
        -(softmax @ p.T @ v)
        - (kappa * u + share * e) @ softmax.T @ v
        - share * (centring @ v)
        - soft * (centring @ u @ u.T @ known - 1 / count * (e @ among @ u.T @ known))
        - soft * (w @ (u.T @ centring @ v - 1 / count * (among.T @ e.T @ v))),
    )
    entry, total = proof.meaning("diagonal entry"), proof.meaning("sum of the diagonal")
    off = centring @ u - 1 / count * (e @ among)
    across = e.T @ entry + delta * among
    diagonal = proof.algebra(
        "a diagonal entry",
        count**2 * (u.T @ S @ D @ S @ u) - (count * (count - 2) * delta + tau) * identity(one_dimension),
        count**2 * (w.T @ D @ off + off.T @ D @ S @ u + u.T @ entry + delta * own)
        - count * (across + across.T)
        + total,
    )
    centred = proof.algebra("a centred unit vector", S @ u - u + 1 / count * e, off)
    label = proof.algebra("the own label", u - p - (1 - kappa) * (S @ u), -1 * softmax - (1 - kappa) * centred)
    likely, more = 1 + (count - 1) * kappa, count - 1
    others = proof.algebra("other labels", OTHERS - more * p + likely * (S @ u), likely * centred - more * softmax)
    across = proof.algebra(
        "among other labels",
        among_others() - more * S + count * (S @ u @ u.T @ S),
        count * (centred @ u.T @ S + (u - 1 / count * e) @ centred.T) - more * centring,
    )
    return proof, (column, diagonal, label, others, across)


@cache
def softmax_sections() -> tuple[tuple[Section, ...], SoftmaxCurvature]:
    """All steps.

    Raises:
        Rejected: when one is not accepted.
    """
    (layers, known), (columns, more) = layer_section(), column_section()
    sections = (
        Section("Curvature at collapse with cross-entropy", layers),
        Section("The Hessian of cross-entropy at a class", columns),
    )
    return sections, SoftmaxCurvature(*known, *more)


def softmax_curvature_theorem(id: str) -> Theorem:
    """The theorem for a statement about the Hessian of a layer at collapse with cross-entropy."""
    return Theorem(id, *softmax_sections())
