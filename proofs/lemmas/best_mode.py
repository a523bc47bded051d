"""The scalar problem of a mode for symbolic M: which root of its equation is best, and when zero is better.

p(z) = z^{M−1}(1 − z)^{M+1} falls strictly on [(M−1)/M, 1), from (M−1)^{M−1}/M^{2M} to 0. A root z gains z (M z −
(M−1)) over zero, which is positive only beyond (M−1)/M; there it grows with z.
"""

from __future__ import annotations

from proofs.kernel.facts import NONNEGATIVE, POSITIVE, Fact
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.lemmas.setting import later, t

p = t ** (M - 1) * (1 - t) ** (M + 1)
gain = t * (M * t - (M - 1))


def falling(proof: Proof) -> tuple[Fact, Fact]:
    """p(t) > p(t′) for (M−1)/M ≤ t < t′ < 1, because −t (1 − t) p′/p = 2 M t − (M − 1) > 0; and gain′ is the same."""
    above_zero = proof.case("t > 0", t, POSITIVE)
    below_one = proof.case("t < 1", 1 - t, POSITIVE)
    beyond = proof.case("t ≥ (M−1)/M", M * t - (M - 1), NONNEGATIVE)
    slope = proof.positive("slope", 2 * M * t - (M - 1), POSITIVE, [(1, [beyond], 1), (M, [above_zero], 1)])
    interval = [above_zero, below_one, beyond]
    return proof.decreasing("p falls", p, t, later, interval, slope, t * (1 - t) / p), slope
