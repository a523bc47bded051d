"""The loss of a fit by its scale y and its load c = C Λ̄, for symbolic depth M.

At a root y of (1 − y^{M+1}) y^{M−1} = c, with p = y^{M+1}, the loss is (1 − p)(1 + M p)/2 and c^{M+1} = p^{M−1} (1 −
p)^{M+1}. Both fall strictly in p beyond (M−1)/M: there is one best scale, and the loss there grows with c.
"""

from __future__ import annotations

from functools import cache

import sympy as sp

from proofs.graph_kinds import ScaledLosses
from proofs.kernel.facts import POSITIVE, ZERO
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.lemmas.best_mode import falling
from proofs.lemmas.setting import SCALE, SCALED, fit, later, load, t, x, y, z
from proofs.scalar_kinds import ScaleMinimum
from proofs.theorem import Section, Theorem


def scales() -> tuple[Section, ScaledLosses]:
    """The value and the load at a root, and that both fall in p.

    Raises:
        Rejected: when a step is not accepted.
    """
    proof, p = Proof("scales", SCALED), y ** (M + 1)
    root = proof.hypothesis("root")
    below = proof.case("p < 1", 1 - p, POSITIVE)
    value = proof.algebra(
        "loss at a root",
        (1 - p) ** 2 / 2 + (M + 1) / 2 * load * y**2 - (1 - p) * (1 + M * p) / 2,
        -(M + 1) / 2 * y**2 * root,
    )
    level = proof.raised("load at a root", root, (1 - p) * y ** (M - 1), load, M + 1, known=[below])
    falls, slope = falling(proof)
    loss = (1 - t) * (1 + M * t) / 2
    loses = proof.decreasing("the loss falls", loss, t, later, falls.extra["interval"], slope, 2)
    return Section("The loss as a function of the load", proof), ScaledLosses(value, level, falls, loses)


@cache
def best_scale() -> tuple[Section, ScaleMinimum]:
    """Which stationary point of the loss is its minimum, for all M and c.

    Raises:
        Rejected: when a step is not accepted.
    """
    proof, p, half = Proof("the best scale", SCALE), x ** (M + 1), sp.Rational(1, 2)
    inside = proof.case("x > 0", x, POSITIVE)
    zero = proof.case("x = 0", x, ZERO)
    stationary = proof.stationary("stationarity", x, inside)
    outputs = proof.definition("outputs", z, p, given=[inside])
    equation = load - (1 - z) * x ** (M - 1)
    level = proof.algebra(
        "load at a stationary point",
        equation,
        1 / ((M + 1) * x) * stationary + x ** (M - 1) * outputs,
        known=[inside],
    )
    above = proof.positive("z > 0", z, POSITIVE, [(p, [], 1)], known=[inside], given=1 * outputs)
    below = proof.positive(
        "z < 1", 1 - z, POSITIVE, [(load, [], 1)], times=x ** (M - 1), known=[inside], given=-1 * level
    )
    value = proof.algebra(
        "loss at a stationary point",
        fit - (1 - z) * (1 + M * z) / 2,
        (M + 1) / 2 * x**2 * level + ((1 - z) * (1 - M) / 2 + (z - p) / 2) * outputs,
        known=[inside],
    )
    at_zero = proof.algebra("loss at zero", fit - half, ((M + 1) / 2 * load * x - x**M + x ** (2 * M + 1) / 2) * zero)
    known = [inside, above, below]
    powers = proof.raised("c^{M+1}", level, load, (1 - z) * x ** (M - 1), M + 1, known=known)
    factor = proof.raised("z^{M−1}", outputs, z, p, M - 1, known=known)
    root = proof.algebra(
        "equation of a stationary point",
        z ** (M - 1) * (1 - z) ** (M + 1) - load ** (M + 1),
        (1 - z) ** (M + 1) * factor - powers,
        known=known,
    )
    falls, slope = falling(proof)
    minimum = ScaleMinimum(value, at_zero, outputs, above, below, root, falls, slope)
    return Section("The best scale", proof), minimum


def scale_theorem(id: str) -> Theorem:
    """The theorem for a statement about the best scale of a fit."""
    section, minimum = best_scale()
    return Theorem(id, (section,), minimum)
