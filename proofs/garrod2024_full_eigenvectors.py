"""One matrix on class space in all factors is an eigenvector of the Hessian at collapse, for an outlier."""

from __future__ import annotations

from proofs.lemmas.full_collapse import full_curvature_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """How gradients change along the first kind of directions."""
    return full_curvature_theorem("garrod2024-full-eigenvectors")
