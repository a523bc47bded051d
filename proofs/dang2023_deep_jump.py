"""The confidence of a class jumps to at least (M−1)/M at its threshold."""

from __future__ import annotations

from proofs.lemmas.minimum import minimum_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """All minimisers, from which every clause of the statement follows."""
    return minimum_theorem("dang2023-deep-jump")
