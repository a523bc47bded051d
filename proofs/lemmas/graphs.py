"""The factors of the solution on a complete graph, as families: for every number of vertices r and every depth L.

K = r(r−1)/2 classes are the edges. M_1 and W_1 are square roots of the incidence matrix T along its singular vectors,
W_2 … W_{L−2} identities, W_{L−1} = 2 Tᵀ − J and W_L = I/2.
"""

from __future__ import annotations

from fractions import Fraction

from proofs.graphs import GraphProof
from proofs.kernel.facts import Fact
from theory.families import (
    EDGES,
    VERTICES,
    chain,
    eye,
    hole,
    nuclear_norm,
    ones,
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

NORM = sqrt(2 * (r - 1)) + (r - 1) * sqrt(r - 2)
"""‖T‖_* = √(2(r−1)) + (r−1) √(r−2)."""

centred = eye(VERTICES) - ones(VERTICES, VERTICES) / r
a, b = (r - 2) ** Fraction(1, 4), (2 * (r - 1)) ** Fraction(1, 4)

FIRST = a * centred + b / r * ones(VERTICES, VERTICES)
"""W_1 = (T Tᵀ)^{1/4}."""

FEATURES = (centred / a + ones(VERTICES, VERTICES) / (b * r)) @ T
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
