"""Collapse has a lower loss than zero exactly inside condition (2)."""

from __future__ import annotations

from proofs.lemmas.threshold import threshold_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The profile of the gain falls, and the loss has the sign of its distance from (L−1)/L."""
    return threshold_theorem("garrod2024-zero-threshold")
