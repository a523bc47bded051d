"""Balanced classes above the threshold: zero alone."""

from __future__ import annotations

from proofs.lemmas.minimum import minimum_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """All minimisers, from which every clause of the statement follows."""
    return minimum_theorem("dang2023-mse-balanced-trivial", with_bias=True)
