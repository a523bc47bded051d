"""An unregularised last-layer bias is b = Y 1/N at every critical point, and the features sum to zero.

So the outputs without the bias face the target T = Y − b 1ᵀ, which is fixed: everything else is as without a bias.
"""

from __future__ import annotations

from functools import cache

from proofs.kernel.proof import Proof
from proofs.kinds import CentredBias
from proofs.lemmas.setting import BIASED, H, N, P, Y, b, lam, ones
from proofs.theorem import Section


@cache
def bias_section() -> tuple[Section, CentredBias]:
    """N b = Y 1 and H 1 = 0 at every critical point.

    Raises:
        Rejected: when a step is not accepted.
    """
    proof = Proof("bias", BIASED)
    by_bias = proof.gradient("gradient by the bias", P @ H, b)
    by_features = proof.gradient("gradient by the features", P @ H, H)
    count = proof.meaning("number of samples")
    summed = proof.algebra("features summed", lam(0) * (H @ ones), by_features @ ones - P.T @ by_bias)
    centred = proof.divided("features centred", summed, lam(0), H @ ones)
    bias = proof.algebra("bias", N * b - Y @ ones, N * by_bias - P @ centred - b @ count)
    return Section("The bias", proof), CentredBias(bias, centred)
