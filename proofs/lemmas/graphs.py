"""The factors of the solution on a complete graph, as families: for every number of vertices r and every depth L.

K = r(r−1)/2 classes are the edges. M_1 and W_1 are square roots of the incidence matrix T along its singular vectors,
W_2 … W_{L−2} identities, W_{L−1} = 2 Tᵀ − J and W_L = I/2.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from proofs.graphs import GraphProof
from proofs.kernel.facts import Fact
from proofs.reading import Where
from theory.families import (
    EDGES,
    VERTICES,
    Family,
    chain,
    eye,
    family,
    hole,
    indexed,
    labels,
    named,
    nuclear_norm,
    ones,
    product,
    put,
    relu,
    sqrt,
    step,
    sum_squares,
)
from theory.families import classes as K
from theory.families import depth as L
from theory.families import incidence_family as T
from theory.families import vertices as r

HALF = Fraction(1, 2)

e = eye(EDGES)
J = ones(EDGES, EDGES)

APART = 2 * T.T - ones(EDGES, VERTICES)
"""W_{L−1} = 2 Tᵀ − J: each edge against the vertices that it does not join."""

LAST = HALF * e
"""W_L = I/2."""

NORM = named("ν", sqrt(2 * (r - 1)) + (r - 1) * sqrt(r - 2))
"""‖T‖_* = √(2(r−1)) + (r−1) √(r−2)."""

centred = eye(VERTICES) - ones(VERTICES, VERTICES) / r
a, b = (r - 2) ** Fraction(1, 4), (2 * (r - 1)) ** Fraction(1, 4)

FIRST = named("W_1", a * centred + b / r * ones(VERTICES, VERTICES))
"""W_1 = (T Tᵀ)^{1/4}."""

FEATURES = named("M_1", (centred / a + ones(VERTICES, VERTICES) / (b * r)) @ T)
"""M_1 = (T Tᵀ)^{−1/4} T."""

HIDDEN = chain(T, relu(eye(VERTICES) @ hole(VERTICES, EDGES)), L - 2)
"""The features behind L − 2 layers with W = I."""

NORMS = chain(sum_squares(FEATURES) * sum_squares(FIRST), hole() * sum_squares(eye(VERTICES)), L - 3)
"""‖M_1‖² ‖W_1‖² ‖W_2‖² ⋯ ‖W_{L−2}‖²."""

PRODUCT = NORMS * sum_squares(APART) * sum_squares(LAST)
"""The product of the squared norms of all factors."""

WIN = NORM**2 * r ** (L - 2) / 4
"""‖T‖_*² r^{L−2}/4, which is C^{L+1}/K²."""


def norm_of_incidence(proof: GraphProof) -> Fact:
    """‖T‖_*, from the square root (T Tᵀ)^{1/2} = W_1 W_1ᵀ."""
    root = proof.nuclear("nuclear norm by a square root", T, FIRST)
    return proof.equation("‖T‖_*", nuclear_norm(T), NORM, [root])


def condition(proof: GraphProof) -> Fact:
    """‖T‖_*² r^{L−2}/4 < K^{L−1} for L ≥ 4: at L = 4 by √x √y = (x + y)/2 − (√x − √y)²/2, and r ≤ K.

    Here x = 2(r−1) and y = r−2: what is left at L = 4 is r² (r−1)/8 · r (r² − 4r + 1), which is positive for r ≥ 4.
    """
    u, v, bound = 2 * (r - 1), r - 2, K ** (L - 1)
    rest = K**3 - r**2 / 4 * (u + (r - 1) ** 2 * v + (r - 1) * (u + v))
    square = r**2 / 4 * (r - 1) * (sqrt(u) - sqrt(v)) ** 2
    left, right = (put(side, family(4), L) for side in (WIN, bound))
    four = proof.less("the condition at L = 4", left, right, rest + square, where=Where(depth=4))
    return proof.deeper("the condition", four, WIN, bound, (r, K))


def first_pair(proof: GraphProof) -> list[Fact]:
    """W_1 M_1 = T, and both factors have the squared norm ‖T‖_*."""
    return [
        proof.equation("W_1 M_1", FIRST @ FEATURES, T),
        proof.equation("‖M_1‖²", sum_squares(FEATURES), NORM),
        proof.equation("‖W_1‖²", sum_squares(FIRST), NORM),
    ]


def product_of_norms(proof: GraphProof) -> Fact:
    """C^{L+1} = ‖T‖_*² r^{L−2} K²/4, by induction on the layers with W = I."""
    start = sum_squares(FEATURES) * sum_squares(FIRST)
    middle = proof.induction("norms of the middle layers", NORMS, start * r**step)
    return proof.equation("C", PRODUCT, NORM**2 * r ** (L - 2) * (K**2 / 4), [middle])


# ------------------------------------------------------------------------------------- scaled so that it is balanced


y = indexed("y", 0)
"""The outputs are y^{L+1} I."""

LOAD = named("c", (NORM**2 * r ** (L - 2) * (K**2 / 4) * product("decays", L)) ** (1 / (L + 1)))
"""C Λ̄, with C^{L+1} = ‖T‖_*² r^{L−2} K²/4 and Λ̄ the geometric mean of the decays."""


def scaled(name: str, factor: Family, layer: Any, square: Any) -> Family:
    """A factor of squared norm ``square``, scaled to C Λ̄ y²/λ."""
    return named(name, y * sqrt(LOAD / (indexed("decays", layer) * square)) * factor)


SCALED_FEATURES, SCALED_FIRST = scaled("S_0", FEATURES, 0, NORM), scaled("S_1", FIRST, 1, NORM)
SCALED_MIDDLE = scaled("S_{n+2}", eye(VERTICES), step + 2, r)
SCALED_APART, SCALED_LAST = scaled("S_{L-1}", APART, L - 1, r * K), scaled("S_L", LAST, L, K / 4)

SCALED_HIDDEN = chain(relu(SCALED_FIRST @ SCALED_FEATURES), relu(SCALED_MIDDLE @ hole(VERTICES, EDGES)), L - 3)
SCALED_OUTPUTS = SCALED_LAST @ relu(SCALED_APART @ SCALED_HIDDEN)


def cost(factor: Family, layer: Any) -> Family:
    """λ/2 ‖factor‖²."""
    return indexed("decays", layer) / 2 * sum_squares(factor)


COSTS = chain(cost(SCALED_FIRST, 1), hole() + cost(SCALED_MIDDLE, step + 2), L - 3)
"""The regulariser of W_1, …, W_{L−2}."""

FIT = sum_squares(SCALED_OUTPUTS - labels) / (2 * K)
LOSS = FIT + (COSTS + cost(SCALED_APART, L - 1) + cost(SCALED_LAST, L)) + cost(SCALED_FEATURES, 0)
"""The objective of the model."""


def scaled_outputs(proof: GraphProof) -> tuple[Fact, Fact]:
    """What the hidden layers are, and the outputs y^{L+1} I."""
    decays = sqrt(product("decays", step + 1))
    kept = y ** (step + 2) * LOAD ** ((step + 2) / 2) / (decays * NORM * r ** (step / 2)) * T
    hidden = proof.induction("the hidden layers are multiples of T", SCALED_HIDDEN, kept)
    return hidden, proof.equation("outputs", SCALED_OUTPUTS, y ** (L + 1) * e, [hidden])


def scaled_loss(proof: GraphProof, hidden: Fact) -> Fact:
    """(1−p)²/2 + (L+1)/2 C Λ̄ y², as every factor costs C Λ̄ y²/2."""
    costs = proof.induction("the middle layers cost the same", COSTS, (step + 1) * LOAD * y**2 / 2)
    value = (1 - y ** (L + 1)) ** 2 / 2 + (L + 1) / 2 * LOAD * y**2
    return proof.equation("loss", LOSS, value, [hidden, costs])
