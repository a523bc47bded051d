"""The gradient of a layer's data term is along K of the K² products of class means, equally."""

from __future__ import annotations

from proofs.lemmas.collapse import curvature_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """Weights along class means, and the operator X ↦ AᵀA X B Bᵀ/N on the matrices Aᵀ E Y Bᵀ."""
    return curvature_theorem("garrod2024-gradient-alignment")
