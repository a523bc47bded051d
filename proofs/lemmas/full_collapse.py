"""The Hessian in all factors at collapse, for all K, n, L and widths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy as sp

from proofs.curvature_kinds import OUTLIER, A, B, pair
from proofs.directions import INNER, Directions
from proofs.full_curvature_kinds import (
    ODDS,
    UPPER,
    Changes,
    FullCurvature,
    above,
    below,
    changed,
    inside_classes,
    mixed,
    moved,
    outputs,
    right,
)
from proofs.kernel.facts import Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.kernel.words import identity
from proofs.lemmas.collapse import ABOVE, BELOW, Ends, Inputs, ends_of, energies_of, inputs_of, lengths_of
from proofs.lemmas.collapse_setting import DIRECTIONS, C, D, E, F, O, c, gamma, n, tau
from proofs.lemmas.setting import WEIGHTS, K, Lam, N, Q, R, W, Y, beta, lam, m
from proofs.theorem import Section, Theorem

RATE = (1 - gamma) / N


@dataclass(frozen=True)
class Base:
    """What is known of the factors, and the definition of C."""

    ends: Ends
    rows: Fact
    inputs: Inputs
    sums: Fact


def base_of(proof: Proof) -> Base:
    """The steps about the factors alone."""
    ends = ends_of(proof)
    rows = energies_of(proof, ends).rows
    return Base(ends, rows, inputs_of(proof, ends, rows), proof.meaning("sum of coefficients"))


def class_space(proof: Proof, base: Base) -> tuple[Fact, Fact, Fact, Fact]:
    """Along X_m = c(m) Aᵀ E Y Bᵀ: both chains, the outputs, and how gradients change."""
    ends, inputs, load, after = base.ends, base.inputs, n * gamma / beta, C(0) - C(m)
    classes, known = Y.T @ E @ Y, [ends.inside, ends.positive]
    sums, rows, decays = (
        proof.at(f"{fact.name} in a weight", fact, m, layers=WEIGHTS) for fact in (base.sums, base.rows, ends.decays)
    )
    scale, EQ = c(m) / Lam(m + 1), E @ Q(m)
    chain_above = proof.algebra(
        "chain above",
        above(m) - above(m + 1) @ W(m) - A @ (c(m) * pair(E)),
        load * (sums * EQ)
        + load * C(m + 1) * (E @ ends.product)
        - scale * (rows @ E @ Y @ B.T)
        - scale / beta * (E @ Y @ inputs.below.T + gamma * Lam(m) * (E @ ends.labels @ Q(m)))
        - scale * load * (decays * EQ),
        known=known,
    )
    weight = gamma * lam(m) * c(m) / (beta * ABOVE)
    chain_below = proof.algebra(
        "chain below",
        below(m) - c(m) * pair(E) @ B - W(m) @ below(m - 1),
        gamma / beta * (base.sums * (R(m) @ classes) + after * (ends.inputs @ classes))
        + weight * (inputs.means @ classes + gamma * Lam(m + 1) * (A.T @ ends.labels @ E @ Y))
        - c(m) / ((1 - gamma) * ABOVE) * (A.T @ E @ inputs.features)
        - weight * Lam(m + 1) * N / (1 - gamma) * (ends.energy * (A.T @ E @ Y)),
        known=known,
    )
    reached = proof.algebra(
        "change of the outputs",
        gamma / beta * C(0) * (R(M) @ classes) - outputs(),
        gamma / beta * C(0) * (ends.outputs @ classes + gamma * (ends.labels @ E @ Y)),
        known=known,
    )
    turned = pair(E.T)
    gradients = proof.algebra(
        "change of the gradients",
        changed(c(m) * pair(E), above(m + 1), outputs(), below(m - 1)) - mixed(),
        -ODDS / beta * C(0) * (ends.energy * pair(E))
        + (C(m + 1) + after) / beta * (ends.energy * turned)
        + base.sums * turned
        - RATE * gamma / beta * after * (A.T @ ends.labels @ E.T @ Y @ B.T),
        known=known,
    )
    return chain_above, chain_below, reached, gradients


def pairs(proof: Proof, base: Base) -> tuple[Fact, Fact, Fact, Fact, Fact]:
    """Along X_m = F_m Y Bᵀ and X_{m+1} = τ n γ Λ(m+2)/β^{M−m} Q_{m+2}ᵀ F_mᵀ no other layer's gradient changes."""
    ends, inputs, known = base.ends, base.inputs, [base.ends.positive]
    out = proof.meaning("out of the range")
    rows, decays, critical = (
        proof.at(f"{fact.name}, one above", fact, m + 1, layers=INNER)
        for fact in (base.rows, ends.decays, ends.gradient)
    )
    here, means, features = (
        proof.at(f"{fact.name} in a lower layer", fact, m, layers=INNER)
        for fact in (ends.gradient, inputs.means, inputs.features)
    )
    front, left = Q(m + 2).T, F(m) @ Y @ B.T
    of_inputs = proof.algebra(
        "pairs and inputs",
        F(m).T @ R(m),
        1 / ABOVE * (F(m).T @ means + gamma * Lam(m + 1) * (out.T @ Y)),
        known=known,
    )
    of_weights = proof.algebra(
        "pairs and weights", F(m).T @ W(m), 1 / lam(m) * (F(m).T @ here + RATE * (out.T @ Y @ B.T))
    )
    of_above = proof.algebra(
        "pairs and the layer above",
        W(m + 1) @ F(m),
        1 / lam(m + 1) * (critical @ F(m) + RATE * (front @ Y @ of_inputs.T)),
    )
    lower = proof.algebra(
        "lower part of a pair",
        changed(left, Q(m + 2) @ right(), None, None) - (lam(m) - tau) * left,
        tau / beta * (ends.energy * left) - RATE * tau * UPPER / Lam(m + 2) * (F(m) @ rows @ Y @ B.T),
        known=known,
    )
    load = gamma * lam(m) / ABOVE
    upper = proof.algebra(
        "upper part of a pair",
        moved() - lam(m + 1) * (tau - lam(m)) * UPPER * (front @ F(m).T),
        -1 / (N * ABOVE) * (front @ features @ Y.T @ F(m).T)
        - load * (Lam(m + 1) * (front @ ends.labels @ F(m).T) + n * (decays * (front @ F(m).T))),
        known=known,
    )
    return of_weights, of_inputs, of_above, lower, upper


def others(proof: Proof, base: Base) -> tuple[Fact, Fact, Fact]:
    """Features within classes, which the outputs see, and what is beside everything."""
    ends, inputs, zero = base.ends, base.inputs, sp.Integer(0)
    rows, features = (proof.at(f"{fact.name} at the features", fact, zero) for fact in (base.rows, inputs.features))
    centred, beside = proof.meaning("within classes"), proof.meaning("beside the range")
    gap = (1 - gamma) * beta**M - N * gamma * lam(0) * Lam(1)
    root = proof.algebra("equation of the gain", gap * identity(K), 1 / n * (features @ Y.T - gap * ends.labels))
    front = 1 / (N * Lam(1)) * Q(1).T
    within = proof.algebra(
        "features within classes",
        inside_classes(),
        front @ rows @ D + 1 / (1 - gamma) * (front @ root @ D),
        known=[ends.inside],
    )
    unseen = proof.algebra(
        "deviations and inputs",
        D @ B.T,
        1 / BELOW * (D @ inputs.below.T + gamma * Lam(m) * (centred @ Q(m))),
        known=[ends.positive],
    )
    critical = found(proof, "gradient of the data term, one above")
    means = found(proof, "class means along rows in a lower layer")
    lower = proof.at("beside the range in a lower layer", beside, m, layers=INNER)
    rest = proof.algebra(
        "beside the layer above",
        W(m + 1) @ O(m),
        1
        / lam(m + 1)
        * (
            critical @ O(m)
            + RATE / ABOVE * (Q(m + 2).T @ Y @ means.T @ O(m) + gamma * Lam(m + 1) * (Q(m + 2).T @ Y @ Y.T @ lower))
        ),
        known=[ends.positive],
    )
    return within, unseen, rest


def directions(proof: Proof, base: Base, upper_below: Fact) -> Directions:
    """Each parameter is read off its directions by lengths of rows and class means; A Aᵀ, Y Yᵀ and Y BᵀB are scalar."""
    ends, inputs, inside, scale = base.ends, base.inputs, [base.ends.inside, base.ends.positive], 1 / Lam(m + 1)
    at_top, at_features = (
        found(proof, name) for name in ("rows above a layer, one above", "rows above a layer at the features")
    )
    beside = proof.meaning("beside the inputs")
    classes = proof.algebra(
        "class space is seen",
        A @ pair(E) @ B @ Y.T - n * N * OUTLIER * E,
        scale * (base.rows @ E @ Y @ B.T @ B @ Y.T)
        + scale / (1 - gamma) * (E @ inputs.features @ Y.T)
        + N * OUTLIER * (E @ ends.labels),
        known=inside,
    )
    lengths = proof.at("lengths of class means in a lower layer", lengths_of(proof, ends, inputs), m, layers=INNER)
    lower = proof.algebra(
        "lower parts are seen",
        F(m) @ Y @ B.T @ B @ Y.T - n**2 * gamma**2 * Lam(m) / BELOW * F(m),
        1 / BELOW * (F(m) @ lengths),
        known=inside,
    )
    upper = proof.algebra(
        "upper parts are seen",
        Q(m + 2) @ Q(m + 2).T @ F(m).T - beta ** (M - m - 1) / Lam(m + 2) * F(m).T,
        1 / Lam(m + 2) * (at_top @ F(m).T),
        known=inside,
    )
    within = proof.algebra(
        "deviations are seen", Q(1) @ Q(1).T @ D - beta**M / Lam(1) * D, 1 / Lam(1) * (at_features @ D), known=inside
    )
    rest = proof.algebra(
        "beside the inputs of a layer",
        O(m) @ B,
        1 / BELOW * (O(m) @ inputs.below + gamma * Lam(m) * (beside @ Y)),
        known=inside,
    )
    out, unseen, free = (found(proof, name) for name in ("out of the range", "within classes", "beside the range"))
    labels = proof.meaning("beside the labels")
    return Directions(
        ends.energy, classes, lower, upper, within, out, upper_below, unseen, free, rest, labels, base.rows, ends.labels
    )


def found(proof: Proof, name: str) -> Fact:
    """A step by its name."""
    return next(step.fact for step in proof.steps if step.fact.name == name)


@cache
def full_section() -> tuple[Section, FullCurvature]:
    """All steps.

    Raises:
        Rejected: when one is not accepted.
    """
    proof = Proof("all factors", DIRECTIONS)
    base = base_of(proof)
    of_pairs = pairs(proof, base)
    changes = Changes(*class_space(proof, base), *of_pairs, *others(proof, base))
    kind = FullCurvature(changes, directions(proof, base, of_pairs[1]))
    return Section("Curvature in all factors at collapse", proof), kind


def full_curvature_theorem(id: str) -> Theorem:
    """The theorem for a statement about the Hessian in all factors at collapse."""
    section, kind = full_section()
    return Theorem(id, (section,), kind)
