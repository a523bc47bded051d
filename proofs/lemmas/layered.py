"""The layered regulariser is at least a Schatten quasi-norm of the product, for any number of layers.

Factors with product Z have the objective ρ/2 for the target Z, at any N: so ρ/2 is at least the minimum, a sum of
shares of modes with μ = σ(Z)². As N → 0 each share tends to (M+1)/2 (Λ μ)^{1/(M+1)}.
"""

from __future__ import annotations

from typing import Any

from proofs.kernel.facts import Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.kinds import LayeredBound
from proofs.lemmas.critical_points import Modes
from proofs.lemmas.setting import Lambda, N, beta, mu, z
from proofs.theorem import Theorem


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


def layered_theorem(id: str) -> Theorem:
    """The theorem for a statement about the layered regulariser."""
    from proofs.lemmas.minimum import solve

    solved = solve()
    return Theorem(id, solved.sections, LayeredBound(solved.minimum, *solved.small))
