"""With cross-entropy the parts of a layer's Hessian at collapse: ranks and eigenvalues."""

from __future__ import annotations

from proofs.lemmas.softmax_collapse import softmax_curvature_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The parts of the Hessian of a class's outputs, between the factors above and below the layer."""
    return softmax_curvature_theorem("garrod2024-ce-parts")
