"""Theorems about every critical point, as equations between the factors."""

from __future__ import annotations

from functools import cache

from proofs.kernel.proof import Proof
from proofs.kinds import Balanced
from proofs.lemmas.bias import bias_section
from proofs.lemmas.critical_points import neighbours
from proofs.lemmas.setting import CRITICAL_POINT
from proofs.theorem import Section, Theorem


@cache
def balance_section() -> tuple[Section, Balanced]:
    """Balancedness of neighbouring factors.

    Raises:
        Rejected: when a step is not accepted.
    """
    proof = Proof("balancedness", CRITICAL_POINT)
    balanced = Balanced(neighbours(proof))
    return Section("Neighbouring layers", proof), balanced


def balance_theorem(id: str) -> Theorem:
    """λ_{m+1} W_{m+1}ᵀ W_{m+1} = λ_m W_m W_mᵀ for all m, W_0 = H."""
    section, balanced = balance_section()
    return Theorem(id, (section,), balanced)


def bias_theorem(id: str) -> Theorem:
    """b = n/N and H 1 = 0."""
    section, centred = bias_section()
    return Theorem(id, (section,), centred)
