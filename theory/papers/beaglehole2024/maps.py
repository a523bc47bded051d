"""Appendix A: what a layer of random ReLU features does to distances between unit vectors.

For unit vectors at the angle θ and W_ij ~ N(0, 2/D), E σ(Wx)ᵀσ(Wy) = J(θ) = (sin θ + (π − θ) cos θ)/π, so that the
mean squared distance is 2 − 2cos θ before the map and 2 − 2J after it. Angles are q π here, with sines and cosines in
radicals: J = (1 − q) cos θ + sin(θ)/π, and 333/106 < π < 22/7.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import strategies as st

from theory.claims import Experiment, Identity, at_most, clause, less
from theory.ops import Expression, constant, sqrt, variable
from theory.papers.beaglehole2024.setting import source
from theory.statement import Expected, theorem

F = Fraction
BELOW_INVERSE, ABOVE_INVERSE = F(7, 22), F(106, 333)
"""Rational numbers around 1/π."""

COSINES: dict[Fraction, Expression] = {
    F(1, 6): sqrt(3) / 2,
    F(1, 4): sqrt(2) / 2,
    F(1, 3): constant(F(1, 2)),
    F(1, 2): constant(0),
    F(2, 3): constant(F(-1, 2)),
    F(3, 4): -sqrt(2) / 2,
    F(5, 6): -sqrt(3) / 2,
    F(1): constant(-1),
}
"""cos(q π)."""


def before(q: Fraction) -> Expression:
    """‖x − y‖² = 2 − 2cos θ."""
    return 2 - 2 * COSINES[q]


def after(q: Fraction, inverse: Fraction) -> Expression:
    """2 − 2J with a bound in place of 1/π: below it gives a bound above, and the other way round."""
    sine = sqrt(1 - COSINES[q] ** 2) if q != 1 else constant(0)
    return 2 - 2 * ((1 - q) * COSINES[q] + inverse * sine)


@theorem(
    "beaglehole2024-cho-saul",
    source=source("Proposition A.1 (Cho and Saul)"),
    expected=Expected("holds", "numerical", "π and angles are not in the vocabulary of formulas: a program integrates"),
    points=st.sampled_from((20_000, 50_000)),
    witness={"points": 20_000},
    wrong={"1/(2π)": {"factor": F(1, 2)}},
)
def cho_saul(points: int, factor: Fraction = Fraction(1)) -> Experiment:
    """E σ(Wx)ᵀσ(Wy) = (sin θ + (π − θ) cos θ)/π for unit vectors at the angle θ.

    A program integrates over the direction of a row of W, at ``points`` angles, for θ from 0 to π: the difference is
    at most 10/points², the order of the midpoint rule at the kinks.
    """
    error = clause("formula", at_most(variable("largest_difference"), F(10, points**2)))
    return Experiment("relu kernel", {"points": points, "factor": factor}, (error,))


@theorem(
    "beaglehole2024-relu-distances",
    source=source("Appendix A, conclusion"),
    expected=Expected(
        "refuted",
        "certified",
        "by Proposition A.1 itself distances shrink in the mean, J − cos θ = (sin θ − θ cos θ)/π > 0 for θ > 0; "
        "opposite vectors end at half of their squared distance. What grows is the ratio of small distances to large "
        "ones (beaglehole2024-relu-distances-shrink)",
    ),
    hypotheses={"0 < θ ≤ π": lambda q, **_: q in COSINES},
    q=st.sampled_from(sorted(COSINES)),
    witness={"q": F(1)},
    wrong={"by a half at least": {"factor": F(3, 2)}},
)
def relu_distances(q: Fraction, factor: Fraction = Fraction(1)) -> Identity:
    """The mean distance of unit vectors increases under random ReLU features. False: it decreases at every angle.

    The mean squared distance after the map is replaced by something larger, with 7/22 < 1/π.
    """
    return Identity((clause("increase", at_most(factor * before(q), after(q, BELOW_INVERSE))),))


@theorem(
    "beaglehole2024-relu-distances-shrink",
    source=source("Appendix A, conclusion corrected", "X"),
    hypotheses={"0 < θ ≤ π": lambda q, **_: q in COSINES},
    q=st.sampled_from(sorted(COSINES)),
    witness={"q": F(1, 3)},
    wrong={"by a half at least": {"factor": F(1, 2)}, "small distances most": {"backwards": True}},
)
def relu_distances_shrink(q: Fraction, factor: Fraction = Fraction(1), backwards: bool = False) -> Identity:
    """Mean squared distances shrink under random ReLU features, by a half at most, and large ones more than small ones.

    The factor (2 − 2J)/(2 − 2cos θ) falls from 1 at θ = 0 to 1/2 at θ = π: distances within classes, which are small,
    grow relative to those between them, as the experiments' Φ raises NC1.
    """
    pairs = [(a, b) for a, b in pairwise(sorted(COSINES)) if q in (a, b)]
    falling = [
        less(after(b, BELOW_INVERSE) * before(a), after(a, ABOVE_INVERSE) * before(b))
        if not backwards
        else less(after(a, BELOW_INVERSE) * before(b), after(b, ABOVE_INVERSE) * before(a))
        for a, b in pairs
    ]
    return Identity(
        (
            clause("shrinks", less(after(q, BELOW_INVERSE), factor * before(q))),
            clause("by a half at most", at_most(before(q) / 2, after(q, ABOVE_INVERSE))),
            clause("large ones more", *falling),
        )
    )
