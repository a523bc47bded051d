"""The global minimum of the deep linear model with squared error, for all K, M, widths, decays and targets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from proofs.entailment import entailed
from proofs.kernel import selection
from proofs.kernel.proof import Proof
from proofs.kernel.words import Letter, Matrix
from proofs.lemmas import construction
from proofs.lemmas.best_mode import falling
from proofs.lemmas.bias import bias_proof
from proofs.lemmas.critical_points import Geometry, Modes, geometry_of, modes_of, value_of
from proofs.lemmas.layered import shares_at_small_N
from proofs.lemmas.published import published_constants
from proofs.lemmas.setting import CONSTRUCTION, CRITICAL_POINT, N, beta, delta, mu, root, target_root, theta, z
from proofs.theorem import Theorem


@dataclass(frozen=True)
class Solved:
    """The two proofs, every critical point and the construction, and the minimum that follows from both."""

    critical: Proof
    construction: Proof
    modes: Modes
    geometry: Geometry
    minimum: selection.Minimum


@cache
def solve() -> Solved:
    """All minimisers of the deep linear model.

    Raises:
        Rejected: when a step is not accepted.
    """
    critical = Proof("every critical point", CRITICAL_POINT)
    modes = modes_of(critical)
    shares, on, off = value_of(critical, modes)
    geometry = geometry_of(critical, modes.spectrum)
    falls, slope = falling(critical)
    s = modes.spectrum
    premises = selection.Premises(
        shares, on, off, s.not_negative, modes.root, modes.above_zero, modes.below_one, falls, slope, s.chain.weights
    )
    found = selection.minimum(critical, premises, mu, z, 2 * N)
    published = published_constants(critical, modes)
    small = shares_at_small_N(critical, modes, on, shares.extra["summand"])
    selection.limit(found, *small, beta, mu, z, N, shares.extra["summand"])
    builder = Proof("the minimum is attained", CONSTRUCTION)
    objective, share = construction.attained(builder)
    selection.attained(builder, found, objective, share, {_only(root): delta, _only(target_root): theta})
    critical.require_all_used(
        [
            *vars(premises).values(),
            *published.values(),
            *small,
            geometry.aligned,
            geometry.squares,
            geometry.orthonormal,
            geometry.nc1,
            geometry.means,
        ]
    )
    builder.require_all_used([objective, share])
    return Solved(critical, builder, modes, geometry, found)


def _only(matrix: Matrix) -> Letter:
    ((letter,),) = matrix.terms
    return letter


MINIMUM = """\
Let S = T Tᵀ, with T = Y without bias, T = Y − b 1ᵀ with b = n/N where there is one: its eigenvalues μ are the n_k, or
n (K − 1 times) and 0 for balanced classes with a bias. A mode of weight μ is on where N^{M+1} Λ/μ^M <
(M−1)^{M−1}/M^{2M}, with confidence z, the only root of z^{M−1} (1 − z)^{M+1} = N^{M+1} Λ/μ^M beyond (M−1)/M; it is
off where that is larger, and for M ≥ 2 at equality both have the same value (z = (M−1)/M). At most R modes are on,
those of largest gain μ z (M z − (M−1)), which grows with μ; ties may be on along any subspace. The minimum is (tr S −
Σ gains)/(2N). At every minimiser √λ_m W_m = V_{m+1} Δ V_mᵀ with orthonormal V_m, N Δ² = μ z (1 − z), and H̄ = Pᵀ (P
Pᵀ + N λ_H)⁻¹ T̄, H = H̄ Y. All this follows from
the steps by the schema of `proofs/kernel/selection.py`, which checks that they have the form it needs; the minimum is
attained because the objective is at least half the sum of λ ‖factor‖² over all factors, with every λ > 0."""


def minimum_theorem(id: str, with_bias: bool = False) -> Theorem:
    """The theorem for a statement about all minimisers of the model."""
    solved = solve()
    sections = [("Every critical point", solved.critical), ("The minimum is attained", solved.construction)]
    if with_bias:
        sections.insert(0, ("The bias", bias_proof()))
    return Theorem(id, tuple(sections), MINIMUM, selection.AXIOMS, entailed)
