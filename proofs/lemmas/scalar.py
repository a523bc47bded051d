"""The scalar problem of Dang et al. 2023, section 2.5: min over x ≥ 0 of g(x) = 1/(1 + x^M) + β x, for symbolic M.

With z = x^M/(1 + x^M) a stationary point satisfies M^M z^{M−1}(1 − z)^{M+1} = β^M, and g there is (1 − z)(1 + M z).
"""

from __future__ import annotations

from functools import cache

from proofs.kernel.facts import POSITIVE, ZERO
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.kinds import ScalarMinimum
from proofs.lemmas.best_mode import falling
from proofs.lemmas.setting import STATIONARY, g, slope_of_g, x, z
from proofs.theorem import Section, Theorem


@cache
def scalar_section() -> tuple[Section, ScalarMinimum]:
    """Which stationary point of g is its minimum, for all M and β.

    Raises:
        Rejected: when a step is not accepted.
    """
    proof = Proof("the scalar problem", STATIONARY)
    inside = proof.case("x > 0", x, POSITIVE)
    zero = proof.case("x = 0", x, ZERO)
    stationary = proof.stationary("stationarity", x, inside)
    confidence = proof.definition("confidence", z, x**M / (1 + x**M), given=[inside])
    whole = 1 + x**M
    above = proof.positive("z > 0", z, POSITIVE, [(x**M, [], 1)], times=whole, known=[inside], given=whole * confidence)
    below = proof.positive(
        "z < 1", 1 - z, POSITIVE, [(1, [], 1)], times=whole, known=[inside], given=-(whole * confidence)
    )
    known = [inside, above, below]
    balance = proof.algebra("β from x", slope_of_g - M * x ** (M - 1) / whole**2, 1 * stationary, known=[inside])
    # g − (1 − z)(1 + M z), first with β from x, then with z from x
    ratio = x**M / whole
    value = proof.algebra(
        "value at a stationary point",
        g - (1 - z) * (1 + M * z),
        x * balance - ((M - 1) - M * (z + ratio)) * confidence,
        known=known,
    )
    at_zero = proof.algebra("value at zero", g - 1, (slope_of_g - x ** (M - 1) / whole) * zero)
    powers = proof.raised("β^M from x", balance, slope_of_g, M * x ** (M - 1) / whole**2, M, known=[inside])
    lower = proof.raised("z^{M−1}", confidence, z, ratio, M - 1, known=known)
    rest = proof.algebra("1 − z from x", (1 - z) - 1 / whole, -confidence, known=known)
    upper = proof.raised("(1 − z)^{M+1}", rest, 1 - z, 1 / whole, M + 1, known=known)
    root = proof.algebra(
        "equation of a stationary point",
        M**M * z ** (M - 1) * (1 - z) ** (M + 1) - slope_of_g**M,
        M**M * (1 - z) ** (M + 1) * lower + M**M * ratio ** (M - 1) * upper - powers,
        known=known,
    )
    falls, slope = falling(proof)
    minimum = ScalarMinimum(value, at_zero, above, below, root, falls, slope)
    return Section("The scalar problem", proof), minimum


def scalar_theorem(id: str) -> Theorem:
    """The theorem for a statement about min g."""
    section, minimum = scalar_section()
    return Theorem(id, (section,), minimum)
