"""At every point the Hessian of a layer is A^{(l+1)ᵀ} A^{(l+1)} ⊗ Av h hᵀ, as the data term's second derivative."""

from __future__ import annotations

from proofs.lemmas.variation import variation_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """First and second derivatives along any line."""
    return variation_theorem("garrod2024-layer-hessian-kron")
