"""Where collapse beats zero, for every number of layers: the profile of the gain falls, and the loss with it."""

from __future__ import annotations

from functools import cache

from proofs.kernel.facts import POSITIVE
from proofs.kernel.proof import Proof
from proofs.kernel.setting import COUNT as M
from proofs.lemmas.best_mode import p
from proofs.lemmas.collapse_setting import GAINS
from proofs.lemmas.setting import later, t
from proofs.theorem import Section, Theorem
from proofs.threshold_kinds import FALLS, LOSS, ZeroThreshold


@cache
def threshold_section() -> tuple[Section, ZeroThreshold]:
    """p(t) > p(t′) for (M−1)/(2M) < t < t′ < 1, because −t (1 − t) p′/p = 2 M t − (M − 1); and the loss over zero.

    Raises:
        Rejected: when a step is not accepted.
    """
    proof = Proof("threshold", GAINS)
    interval = [
        proof.case("t > 0", t, POSITIVE),
        proof.case("t < 1", 1 - t, POSITIVE),
        proof.case("t > (M−1)/(2M)", FALLS, POSITIVE),
    ]
    falls = proof.decreasing("p falls", p, t, later, interval, interval[-1], t * (1 - t) / p)
    worth = proof.algebra("loss over zero", 2 * LOSS - 1 + t * (M * t - (M - 1)))
    return Section("The gain of collapse", proof), ZeroThreshold(falls, worth)


def threshold_theorem(id: str) -> Theorem:
    """The theorem for a statement about the loss of collapse and of zero."""
    section, kind = threshold_section()
    return Theorem(id, (section,), kind)
