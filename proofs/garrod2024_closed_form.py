"""Inside condition (2) the minimum is at collapse, with the gain that is the root nearest 1."""

from __future__ import annotations

from proofs.lemmas.minimum import minimum_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The global minimum of the deep linear model, with equal classes."""
    return minimum_theorem("garrod2024-closed-form")
