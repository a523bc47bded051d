"""The published constants of Dang et al. 2023 on symbols: x, s, b, c and T_M against the confidence z of a mode.

x^M = z/(1 − z), λ_1 s² = β, c = λ_1^M λ_H/Λ, b = M N (N Λ)^{1/M}, T_M = (M−1)^{(M−1)/M}/M; p = c s^{2M}, r = N λ_H.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from proofs.kernel.facts import POSITIVE, Combination, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.lemmas.best_mode import p as profile
from proofs.lemmas.critical_points import Modes
from proofs.lemmas.setting import Lam, Lambda, N, beta, lam, mu, r, s, t, x, z

b = M * N * (N * Lambda) ** (1 / M)
c = lam(1) ** M * lam(0) / Lambda
p = c * s ** (2 * M)


def published_constants(proof: Proof, modes: Modes) -> dict[str, Fact]:
    """Each published constant of a mode that is on, shown to be the derived one, for all M."""
    step = {found.fact.name: found.fact for found in proof.steps}
    on = [modes.on, modes.above_zero, modes.below_one, modes.positive_target]
    odds = z / (1 - z)
    x_is = proof.definition("x", x, odds ** (1 / M), given=on)
    x_above = proof.positive("x > 0", x, POSITIVE, [(odds ** (1 / M), [], 1)], known=on, given=1 * x_is)
    known = [*on, x_above]
    x_power = proof.raised("x^M", x_is, x, odds ** (1 / M), M, known=known)
    s_is = proof.definition("s", s, sp.sqrt(beta / lam(1)), given=on)
    s_above = proof.positive("s > 0", s, POSITIVE, [(sp.sqrt(beta / lam(1)), [], 1)], known=on, given=1 * s_is)
    s_power = proof.raised("s^{2M}", s_is, s, sp.sqrt(beta / lam(1)), 2 * M, known=[*on, s_above])
    size = proof.algebra(
        "c s^{2M} = N λ_H x^M",
        p - r * x**M,
        c * s_power + lam(0) / (Lambda * (1 - z)) * step["odds"] - r * x_power,
        known=[*known, s_above],
    )
    p_is = proof.algebra("c s^{2M} from z", p - r * odds, size + r * x_power, known=[*known, s_above])
    known = [*known, s_above]
    found = {"size": size}
    found["weights"] = proof.algebra(
        "eigenvalue of P Pᵀ",
        beta**M / Lam(1) - p,
        1 / (Lam(1) * (1 - z)) * step["odds"] - p_is + (N * odds / Lam(1)) * step["all decays"],
        known=known,
    )
    found["logits"] = proof.algebra(
        "eigenvalue of P H̄", z - p / (p + r), -_replaced(lambda u: u / (u + r), p_is, p, r * odds), known=known
    )
    found["features"] = proof.algebra(
        "eigenvalue of H̄ᵀH̄",
        z * (1 - z) / r - p / (p + r) ** 2,
        -_replaced(lambda u: u / (u + r) ** 2, p_is, p, r * odds),
        known=known,
    )
    b_root = proof.raised(
        "M-th root of the equation",
        modes.root,
        mu**M * z ** (M - 1) * (1 - z) ** (M + 1),
        N ** (M + 1) * Lambda,
        1 / M,
        known=known,
    )
    x_lower = proof.raised("x^{M−1}", x_is, x, odds ** (1 / M), M - 1, known=known)
    found["stationarity"] = proof.algebra(
        "b/μ = M x^{M−1}/(1 + x^M)²",
        b / mu - M * x ** (M - 1) / (1 + x**M) ** 2,
        -M * x ** (M - 1) * _replaced(lambda u: 1 / (1 + u) ** 2, x_power, x**M, odds)
        - (M * (1 - z) ** 2) * x_lower
        - M / mu * b_root,
        known=known,
    )
    found["share"] = proof.algebra(
        "g(x) = (1 − z)(1 + M z)",
        1 / (1 + x**M) + b / mu * x - (1 - z) * (1 + M * z),
        x * found["stationarity"] + _replaced(lambda u: 1 / (1 + u) + M * u / (1 + u) ** 2, x_power, x**M, odds),
        known=known,
    )
    deep = proof.case("M ≥ 2", M - 1, POSITIVE)
    start = (M - 1) / M
    found["threshold"] = proof.algebra(
        "T_M^M = M^M p((M−1)/M)",
        ((M - 1) ** ((M - 1) / M) / M) ** M - M**M * profile.subs(t, start),
        known=[deep],
    )
    return found


def _replaced(function: Callable[[Any], Any], equation: Fact, left: Any, right: Any) -> Combination:
    """function(left) − function(right) as a multiple of the equation left = right."""
    u, v = sp.symbols("u v", positive=True)
    quotient = sp.cancel((function(u) - function(v)) / (u - v))
    return quotient.subs({u: left, v: right}, simultaneous=True) * equation
