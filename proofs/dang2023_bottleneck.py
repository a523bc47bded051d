"""A width below the number of classes keeps the largest ones."""

from __future__ import annotations

from proofs.lemmas.minimum import minimum_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """All minimisers, from which every clause of the statement follows."""
    return minimum_theorem("dang2023-bottleneck")
