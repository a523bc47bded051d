"""The layered regulariser is at least a Schatten quasi-norm of the product, for any number of layers.

Factors with product Z have the objective ρ/2 for the target Z, at any N: so ρ/2 is at least the minimum, a sum of
shares of modes with μ = σ(Z)². As N → 0 each share tends to (M+1)/2 (Λ μ)^{1/(M+1)}.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import reduce
from typing import Any

from proofs.entailment import NotEntailed
from proofs.kernel import selection
from proofs.kernel.facts import Fact
from proofs.kernel.proof import COUNT as M
from proofs.kernel.proof import Proof
from proofs.lemmas.critical_points import Modes
from proofs.lemmas.setting import Lambda, N, beta, mu, z
from proofs.theorem import Theorem
from theory.claims import Inequality
from theory.ops import Expression, constant, schatten, sum_squares, variable


def shares_at_small_N(proof: Proof, modes: Modes, share: Fact, total: Any) -> tuple[Fact, Fact]:
    """2 z · share = β (1 + M z), and β^{M+1} = Λ μ z², at every mode that is on."""
    known = [modes.on, modes.above_zero, modes.below_one, modes.positive_target]
    odds = next(step.fact for step in proof.steps if step.fact.name == "odds")
    share_of_energy = proof.algebra(
        "share from the energy",
        2 * z * total - beta * (1 + M * z),
        z / N * share - (1 + M * z) / N * modes.energy,
        known=known,
    )
    power = proof.algebra(
        "power of the energy",
        beta ** (M + 1) - Lambda * mu * z**2,
        beta / (1 - z) * odds + Lambda * z / (1 - z) * modes.energy,
        known=known,
    )
    return share_of_energy, power


CONCLUSION = """\
For all factors with product Z = W_M ⋯ W_1 H: Σ λ_m/2 ‖W_m‖² + λ_H/2 ‖H‖² ≥ (M+1)/2 Λ^{1/(M+1)} Σ_j σ_j(Z)^{2/(M+1)},
with equality at factors along the singular vectors of Z with λ_m s_m² = (Λ σ²)^{1/(M+1)} in every layer."""


def layered_theorem(id: str) -> Theorem:
    """The theorem for a statement about the layered regulariser."""
    from proofs.lemmas.minimum import solve

    solved = solve()
    sections = (("Every critical point", solved.critical), ("Equality is attained", solved.construction))
    return Theorem(id, sections, CONCLUSION, (*selection.AXIOMS, "limit"), entailed)


def entailed(claim: Inequality, _: Any, __: Mapping[Any, Any]) -> dict[str, str]:
    """The inequality, if its sides are literally those of the theorem for factors of some shapes and decays.

    Raises:
        NotEntailed: when they are not.
    """
    factors = _factors(claim.right)
    names = {str(V.data) for V, _ in factors}
    if names != set(claim.variables) or any(claim.variables[str(V.data)] is not V for V, _ in factors):
        raise NotEntailed("the regulariser does not hold every variable once")
    *weights, (features, feature_decay) = factors
    product = reduce(lambda upper, lower: upper @ lower, [V for V, _ in reversed(weights)])
    decay = feature_decay
    for _V, c in weights:
        decay *= c
    L = len(factors)
    bound = Fraction(L, 2) * constant(decay) ** Fraction(1, L) * schatten(product @ features, Fraction(2, L))
    if claim.left is not bound or min(c for _, c in factors) <= 0:
        raise NotEntailed("the left side is not the bound of the theorem")
    return {"inequality": ""}


def _factors(regulariser: Expression) -> list[tuple[Expression, Fraction]]:
    """The factors and decays of λ_1/2 ‖W_1‖² + ⋯ + λ_H/2 ‖H‖², in this order."""
    found: list[tuple[Expression, Fraction]] = []
    rest, terms = regulariser, []
    while rest.op == "add":
        rest, last = rest.args
        terms.append(last)
    for term in [rest, *reversed(terms)]:
        if term.op != "scale" or term.args[1].op != "sum_squares" or not isinstance(term.args[0].data, Fraction):
            raise NotEntailed("the right side is not a sum of squared norms")
        V = term.args[1].args[0]
        if V is not variable(str(V.data), V.shape) or sum_squares(V) is not term.args[1]:
            raise NotEntailed("a squared norm is not that of a variable")
        found.append((V, 2 * term.args[0].data))
    return found
