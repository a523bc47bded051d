"""Neighbouring factors are balanced at every critical point."""

from __future__ import annotations

from proofs.lemmas.identities import balance_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """Equations that follow from the gradient alone."""
    return balance_theorem("dang2023-balancedness")
