"""At every point the Hessian of a layer with cross-entropy is the sum of its four parts."""

from __future__ import annotations

from proofs.lemmas.covariance import covariance_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The law of total covariance."""
    return covariance_theorem("garrod2024-ce-split")
