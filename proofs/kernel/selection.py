"""From modes to the minimum: the schema for "this scalar function has this best point" and the choice of R modes.

A critical point gives each common eigenvector a share; a mode that is on gains γ(z) μ over one that is off, z being
any root of μ^M p(z) = c. The schema checks, formula by formula, that these premises have the form from which it
follows that the minimum takes the root beyond a = (M−1)/M where μ^M p(a) > c, zero where μ^M p(a) < c, either at
equality. Every premise must be a step of the proof, with the sign, in the cases and for the layers that are said here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from proofs.kernel.facts import NONNEGATIVE, POSITIVE, ZERO, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.scalars import Rejected, is_positive, is_zero
from proofs.kernel.setting import COUNT
from proofs.kernel.words import Matrix, Trace, trace

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


@dataclass(frozen=True)
class Letters:
    """What the symbols of a problem are called: eigenvalues β and μ, confidence z, the value f and ``total`` = 2N."""

    beta: sp.Symbol
    mu: sp.Symbol
    z: sp.Symbol
    value: sp.Symbol
    total: sp.Expr
    parameters: frozenset[sp.Symbol]
    """Symbols that are the same for all modes, M among them."""


def states(
    proof: Proof,
    fact: Fact,
    body: Any,
    sign: str = ZERO,
    cases: Sequence[tuple[Any, str]] = (),
    layers: tuple[Any, Any] | None = None,
) -> bool:
    """Whether a step of a proof says exactly this: formula, sign, layers, and no other cases than these.

    Raises:
        Rejected: for a fact that is not a step of the proof.
    """
    proof.rule_of(fact)
    if type(fact.body) is not type(body) and (
        isinstance(body, Matrix | Trace) or isinstance(fact.body, Matrix | Trace)
    ):
        return False
    if isinstance(body, Matrix) and (fact.body.rows, fact.body.columns) != (body.rows, body.columns):
        return False
    difference = fact.body - body
    same = difference.is_zero if isinstance(difference, Matrix | Trace) else is_zero(difference)
    return same and fact.sign == sign and fact.layers == layers and confined(fact, cases)


def falls(proof: Proof, fact: Fact, variable: sp.Symbol, function: sp.Expr, inside: Sequence[tuple[Any, str]]) -> bool:
    """Whether a step says that a function of a variable falls strictly on an interval."""
    if proof.rule_of(fact) != "monotone" or fact.layers is not None or fact.extra["variable"] != variable:
        return False
    return is_zero(fact.extra["function"] - function) and _describes(fact.extra["interval"], inside)


def confined(fact: Fact, cases: Sequence[tuple[Any, str]]) -> bool:
    """Whether a fact assumes nothing but some of these cases, each a formula with its sign."""
    return all(
        any(a.sign == sign and a.layers is None and is_zero(a.body - body) for body, sign in cases)
        for a in fact.assumptions
    )


def minimum(proof: Proof, given: Premises, letters: Letters, rank: Matrix) -> Minimum:
    """Check the premises and return what follows from them.

    ``rank`` is the equation that says that the rank of B is that of P = W_M ⋯ W_1, so at most the smallest width.

    Raises:
        Rejected: naming the premise that does not have the required form.
    """
    beta, mu, z, total = letters.beta, letters.mu, letters.z, letters.total
    for fact in vars(given).values():
        proof.rule_of(fact)
        _require(fact.layers is None, "premises about no particular layer")
    on, off = (beta, POSITIVE), (beta, ZERO)
    extra = given.shares.extra
    _require(
        {"total", "summand"} <= set(extra)
        and is_zero(extra["total"] - letters.value)
        and not given.shares.assumptions
        and proof.rule_of(given.shares) == "eigenvectors",
        "the value is a sum over modes",
    )
    _require(given.on.sign == given.off.sign == ZERO, "the shares")
    _require(confined(given.on, [on]) and confined(given.off, [off]), "the cases on and off")
    _require(states(proof, given.not_negative, beta, NONNEGATIVE), "β ≥ 0")
    share_off, share_on = (total * extra["summand"] - fact.body for fact in (given.off, given.on))
    _require(is_zero(share_off - mu), "the share of a mode that is off is μ")
    gain = sp.cancel(sp.expand((share_off - share_on) / mu))
    _require(is_zero(share_on - (mu - mu * gain)), "the share of a mode that is on")
    _require(confined(given.root, [on]), "the equation of a mode")
    best = best_root(proof, gain, z, given.root, mu**COUNT, given.falls, given.slope, letters.parameters)
    for fact, body in ((given.above_zero, z), (given.below_one, 1 - z)):
        _require(states(proof, fact, body, POSITIVE, [on]), "0 < z < 1 at every mode that is on")
    _require(states(proof, given.weights, rank), "the rank of B is that of P")
    return best


def best_root(
    proof: Proof,
    gain: sp.Expr,
    z: sp.Symbol,
    root: Fact,
    factor: sp.Expr,
    falls: Fact,
    slope: Fact,
    parameters: frozenset[sp.Symbol],
) -> Minimum:
    """Among z = 0 and the roots of factor · p(z) = level in (0, 1), the one with the largest gain.

    Raises:
        Rejected: naming the premise that does not have the required form.
    """
    _require(proof.rule_of(falls) == "monotone" and falls.layers is None, "p falls")
    t, profile, interval = (falls.extra[name] for name in ("variable", "function", "interval"))
    start = (COUNT - 1) / COUNT
    inside = [(t, POSITIVE), (1 - t, POSITIVE), (COUNT * (t - start), NONNEGATIVE)]
    _require(_describes(interval, inside), "the interval a ≤ t < 1, with a = (M − 1)/M")
    _require(gain.free_symbols <= {z, COUNT}, "the gain is a function of z")
    in_t = gain.xreplace({z: t})
    _require(is_zero(in_t - t * COUNT * (t - start)), "the gain has the sign of z − a")
    grows = sp.diff(in_t, t)
    _require(states(proof, slope, grows, POSITIVE, inside), "the gain grows where its slope is positive")
    _require(proof.rule_of(root) != "case" and root.sign == ZERO and root.layers is None, "the equation of a mode")
    level = sp.expand(factor * profile.xreplace({t: z}) - root.body)
    _require(level.free_symbols <= parameters, "the equation of a mode is factor · p(z) = level")
    _require(is_positive(level), "the level is positive")
    _require(profile.free_symbols <= {t, COUNT} and profile.subs(t, 1) == 0, "p(1) = 0")
    return Minimum(t, profile, level, start, in_t)


def limit(
    proof: Proof, found: Minimum, share: Fact, power: Fact, summand: sp.Expr, letters: Letters, N: sp.Symbol
) -> sp.Expr:
    """The limit of the share of a mode as N → 0: then the level falls to 0, so z rises to 1.

    ``share`` says 2 z · summand = β (1 + M z), ``power`` that β^{M+1} = c μ z² with c free of N: in the limit the
    share is (M+1)/2 (c μ)^{1/(M+1)}, while a mode that is off has the share μ/(2N) → ∞.

    Raises:
        Rejected: when the premises do not have this form.
    """
    beta, mu, z = letters.beta, letters.mu, letters.z
    on = [(beta, POSITIVE)]
    _require(states(proof, share, 2 * z * summand - beta * (1 + COUNT * z), cases=on), "2 z · share = β (1 + M z)")
    c = sp.expand((beta ** (COUNT + 1) - power.body) / (mu * z**2))
    _require(states(proof, power, beta ** (COUNT + 1) - c * mu * z**2, cases=on), "β^{M+1} = c μ z²")
    _require(is_positive(c) and c.free_symbols <= letters.parameters - {N}, "β^{M+1} = c μ z²")
    _require(is_zero(found.level.xreplace({N: 2 * N}) - 2 ** (COUNT + 1) * found.level), "the level falls to 0 with N")
    return (COUNT + 1) / 2 * (c * mu) ** (1 / (COUNT + 1))


def attained(
    proof: Proof, found: Minimum, objective: Fact, share: Fact, squared: Matrix, theta: sp.Symbol, letters: Letters
) -> None:
    """Check that the constructed factors have the objective (tr S − Σ over chosen modes of μ γ(z))/(2N).

    ``squared`` is S, θ² = μ; the setting of the proof says which diagonal letters have which entries.

    Raises:
        Rejected: when the objective of the construction is not that of the chosen modes.
    """
    z = letters.z
    for fact in (objective, share):
        proof.rule_of(fact)
        _require(fact.sign == ZERO and fact.layers is None, "equations about the construction")
    _require(isinstance(objective.body, Trace) and not objective.assumptions, "the objective of the construction")
    rest = objective.body - (Trace({}, letters.total * letters.value) - trace(squared))
    _require(is_zero(rest.constant), "the objective of the construction is 2N f − tr S and its modes")
    entries, own = proof.setting.eigenvalues, sp.Integer(0)
    for word, c in rest.terms.items():
        if not is_zero(c):
            _require(all(replace(x, power=1) in entries for x in word), "a term that is a function of its modes")
            own += c * sp.Mul(*(entries[replace(x, power=1)] ** x.power for x in word))
    chosen = [(z, POSITIVE), (1 - z, POSITIVE), (theta, POSITIVE)]
    gain = found.gain.xreplace({found.variable: z})
    _require(states(proof, share, theta**2 * gain - own, cases=chosen), "the share of a chosen mode")
    used = proof.below([objective, share])
    assumed = [step.fact for step in used if step.rule == "hypothesis"]
    equation = theta ** (2 * COUNT) * found.profile.xreplace({found.variable: z}) - found.level
    _require(
        len(assumed) == 1 and states(proof, assumed[0], equation, cases=chosen), "z is a root of the equation of a mode"
    )


def _describes(interval: Iterable[Fact], inside: Sequence[tuple[Any, str]]) -> bool:
    """Whether some cases are exactly these, each once."""
    facts = list(interval)
    return len(facts) == len(inside) and all(
        any(f.sign == sign and is_zero(f.body - body) for f in facts) for body, sign in inside
    )


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise Rejected(f"the choice of modes needs another form of: {what}")


__all__ = [
    "AXIOMS",
    "Letters",
    "Minimum",
    "Premises",
    "attained",
    "best_root",
    "confined",
    "limit",
    "minimum",
    "states",
]
