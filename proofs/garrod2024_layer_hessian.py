"""The Hessian of a layer at collapse has K² equal eigenvalues, and no others but 0."""

from __future__ import annotations

from proofs.lemmas.collapse import curvature_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The operator X ↦ AᵀA X B Bᵀ/N on the matrices Aᵀ E Y Bᵀ, and on all others."""
    return curvature_theorem("garrod2024-layer-hessian")
