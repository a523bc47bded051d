"""Where ReLUs have the derivative 1, the Hessian of a layer at collapse is that of the linear model."""

from __future__ import annotations

from proofs.lemmas.collapse import curvature_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The operator X ↦ AᵀA X B Bᵀ/N, as a sum over classes."""
    return curvature_theorem("garrod2024-relu-hessian")
