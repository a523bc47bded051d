"""Norms and angles of active classes in the plain model."""

from __future__ import annotations

from proofs.lemmas.minimum import minimum_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """All minimisers, from which every clause of the statement follows."""
    return minimum_theorem("dang2023-norms-angles")
