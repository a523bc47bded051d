"""Collapse is no global minimum for K ≥ 4 and L ≥ 3, nor for K ≥ 6 and L = 2: pairs are lower."""

from __future__ import annotations

from proofs.lemmas.pairs import pairs_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """Pairs at one scale, and the factors that attain their loss."""
    return pairs_theorem("garrod2025-dnc-not-global")
