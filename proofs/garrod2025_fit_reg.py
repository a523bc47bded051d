"""Fit and regulariser of pairs against those of collapse, at one scale, for all K, L and n."""

from __future__ import annotations

from proofs.lemmas.pairs import pairs_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """What is ordered at one scale, and for which K and L."""
    return pairs_theorem("garrod2025-fit-reg")
