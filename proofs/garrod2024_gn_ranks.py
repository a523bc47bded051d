"""The three parts of a layer's Hessian at collapse have ranks 0, K(K−1) and K, with one non-zero eigenvalue."""

from __future__ import annotations

from proofs.lemmas.collapse import curvature_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """Weights along class means, and the operator X ↦ AᵀA X B Bᵀ/N on the matrices Aᵀ E Y Bᵀ."""
    return curvature_theorem("garrod2024-gn-ranks")
