"""From modes to the minimum: the schema for "this scalar function has this best point" and the choice of R modes.

A critical point gives each common eigenvector a share; a mode that is on gains γ(z) μ over one that is off, z being
any root of μ^M p(z) = c. The schema checks, formula by formula, that these premises have the form from which it
follows that the minimum takes the root beyond a = (M−1)/M where μ^M p(a) > c, zero where μ^M p(a) < c, either at
equality.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sympy as sp

from proofs.kernel import words
from proofs.kernel.facts import NONNEGATIVE, POSITIVE, ZERO, Fact
from proofs.kernel.proof import COUNT, Proof
from proofs.kernel.scalars import Rejected, is_positive, is_zero
from proofs.kernel.words import Letter, Trace

AXIOMS = (
    "attainment",
    "critical",
    "spectral",
    "rank",
    "largest",
    "singular vectors",
    "mean value",
    "intermediate value",
)
"""The classical facts that the schema cites."""


@dataclass(frozen=True)
class Premises:
    """The steps that the schema needs, of a proof about all critical points."""

    shares: Fact
    on: Fact
    off: Fact
    not_negative: Fact
    root: Fact
    above_zero: Fact
    below_one: Fact
    falls: Fact
    slope: Fact
    weights: Fact


@dataclass(frozen=True)
class Minimum:
    """min f = (tr S − Σ of the R largest gains μ γ(z))/(2N), attained exactly along any such choice of modes.

    ``profile`` is p in the variable ``t``, ``level`` is c, ``start`` is a: a mode of weight μ is on with the only
    root of μ^M p(z) = c in (a, 1) where μ^M p(a) > c; zero and z = a tie where μ^M p(a) = c; it is zero where μ^M
    p(a) < c.
    """

    variable: sp.Symbol
    profile: sp.Expr
    level: sp.Expr
    start: sp.Expr
    gain: sp.Expr


def minimum(proof: Proof, given: Premises, mu: sp.Symbol, z: sp.Symbol, total: sp.Expr) -> Minimum:
    """Check the premises and return what follows from them; ``total`` is 2N.

    Raises:
        Rejected: naming the premise that does not have the required form.
    """
    for fact in vars(given).values():
        proof.rule_of(fact)
    share = given.shares.extra["summand"]
    (case_on,), (case_off,) = given.on.assumptions, given.off.assumptions
    beta = case_off.body
    _require(
        case_on.sign == POSITIVE and case_off.sign == ZERO and is_zero(case_on.body - beta), "the cases on and off"
    )
    _require(given.not_negative.sign == NONNEGATIVE and is_zero(given.not_negative.body - beta), "β ≥ 0")
    off, on = total * share - given.off.body, total * share - given.on.body
    _require(given.on.sign == given.off.sign == ZERO, "the shares")
    _require(is_zero(off - mu), "the share of a mode that is off is μ")
    gain = sp.cancel(sp.expand((off - on) / mu))
    best = best_root(gain, z, given.root, mu**COUNT, given.falls, given.slope)
    _require(given.root.assumptions == given.on.assumptions, "the equation of a mode")
    for fact, body in ((given.above_zero, z), (given.below_one, 1 - z)):
        _require(fact.sign == POSITIVE and is_zero(fact.body - body), "0 < z < 1")
        _require(fact.assumptions <= given.on.assumptions, "0 < z < 1 at every mode that is on")
    _require_through_all_layers(given.weights)
    return best


def best_root(
    gain: sp.Expr, z: sp.Symbol, root: Fact, factor: sp.Expr, falls: Fact, slope: Fact, known: Sequence[sp.Expr] = ()
) -> Minimum:
    """Among z = 0 and the roots of factor · p(z) = level in (0, 1), the one with the largest gain.

    Raises:
        Rejected: naming the premise that does not have the required form.
    """
    t, profile = falls.extra["variable"], falls.extra["function"]
    start = _start_of_interval(falls.extra["interval"], t)
    _require(gain.free_symbols <= {z, COUNT}, "the gain is a function of z")
    _require(is_zero(gain.subs(z, t) - t * COUNT * (t - start)), "the gain has the sign of z − a")
    _require(is_zero(sp.diff(gain.subs(z, t), t) - slope.body), "the gain grows where its slope is positive")
    level = sp.expand(factor * profile.subs(t, z) - root.body)
    _require(root.sign == ZERO and not level.has(z), "the equation of a mode is factor · p(z) = level")
    _require(is_positive(level, known) and not level.has(*(factor.free_symbols - {COUNT})), "the level is positive")
    _require(profile.subs(t, 1) == 0, "p(1) = 0")
    return Minimum(t, profile, level, start, gain.subs(z, t))


def limit(
    found: Minimum, share: Fact, power: Fact, beta: sp.Symbol, mu: sp.Symbol, z: sp.Symbol, N: sp.Symbol, total: sp.Expr
) -> sp.Expr:
    """The limit of the share of a mode as N → 0: then the level falls to 0, so z rises to 1.

    ``share`` says 2 z · share = β (1 + M z), ``power`` that β^{M+1} = c μ z² with c free of N: in the limit the share
    is (M+1)/2 (c μ)^{1/(M+1)}, while a mode that is off has the share μ/(2N) → ∞.

    Raises:
        Rejected: when the premises do not have this form.
    """
    _require(is_zero(share.body - (2 * z * total - beta * (1 + COUNT * z))), "2 z · share = β (1 + M z)")
    c = sp.expand((beta ** (COUNT + 1) - power.body) / (mu * z**2))
    _require(c.is_positive is True and not c.has(N, z, mu, beta), "β^{M+1} = c μ z²")
    _require(is_zero(found.level.subs(N, 2 * N) - 2 ** (COUNT + 1) * found.level), "the level falls to 0 with N")
    return (COUNT + 1) / 2 * (c * mu) ** (1 / (COUNT + 1))


def attained(proof: Proof, found: Minimum, objective: Fact, share: Fact, letters: dict[Letter, sp.Expr]) -> None:
    """Check that the constructed factors have the objective (tr S − Σ over chosen modes of μ γ(z))/(2N).

    Raises:
        Rejected: when the objective of the construction is not that of the chosen modes.
    """
    for fact in (objective, share):
        proof.rule_of(fact)
    body: Trace = objective.body
    rest, square = sp.Integer(0), 0
    for word, c in body.terms.items():
        if word and all(replace(x, power=1) in letters for x in word):
            rest += c * sp.Mul(*(letters[replace(x, power=1)] ** x.power for x in word))
        elif word[0].name == "S" and len(word) == 1 and is_zero(c + 1):
            square += 1
        elif not is_zero(c):
            raise Rejected("the objective of the construction has a term that is not a function of its modes")
    _require(square == 1, "the objective of the construction contains tr S once")
    theta, z = letters_symbols(share)
    _require(is_zero(share.body + rest - theta**2 * found.gain.subs(found.variable, z)), "the share of a chosen mode")
    assumed = {(str(sp.factor(a.body)), a.sign) for a in share.assumptions}
    _require(
        len(assumed) == 3 and all(sign == POSITIVE for _, sign in assumed), "0 < z < 1 and μ > 0 alone are assumed"
    )
    root = next((s.fact for s in proof.steps if s.rule == "hypothesis"), None)
    mu_power = theta ** (2 * COUNT) * found.profile.subs(found.variable, z)
    _require(
        root is not None and is_zero(root.body - (mu_power - found.level)), "z is a root of the equation of a mode"
    )


def letters_symbols(share: Fact) -> tuple[sp.Symbol, sp.Symbol]:
    """The symbols θ and z of a share, from the cases that it assumes."""
    symbols = {str(s): s for a in share.assumptions for s in a.body.free_symbols}
    return symbols["theta"], symbols["z"]


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise Rejected(f"the choice of modes needs another form of: {what}")


def _start_of_interval(interval: Sequence[Fact], t: sp.Symbol) -> sp.Expr:
    """a for the interval 0 < t, a ≤ t, t < 1."""
    strict = [f.body for f in interval if f.sign == POSITIVE]
    weak = [f.body for f in interval if f.sign == NONNEGATIVE]
    _require(len(weak) == 1 and len(strict) == 2, "the interval a ≤ t < 1")
    _require(any(is_zero(b - t) for b in strict) and any(is_zero(b - (1 - t)) for b in strict), "0 < t < 1")
    (start,) = sp.solve(weak[0], t)
    _require(is_zero(weak[0] - COUNT * (t - start)), "the lower end of the interval")
    _require(is_zero(start - (COUNT - 1) / COUNT), "a = (M − 1)/M, which lies in [0, 1)")
    return start


def _require_through_all_layers(weights: Fact) -> None:
    """Λ(1) P Pᵀ = B^M: the rank of B is that of P = W_M ⋯ W_1, so at most the smallest width."""
    words_by_name = {tuple(x.name for x in w) for w, c in weights.body.terms.items() if not is_zero(c)}
    _require(weights.sign == ZERO and words_by_name == {("Q", "Q"), ("B",)}, "the rank of B is that of P")


__all__ = ["AXIOMS", "Minimum", "Premises", "attained", "minimum", "words"]
