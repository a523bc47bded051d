"""With cross-entropy and two classes one eigenvalue of a layer's Hessian is left at collapse."""

from __future__ import annotations

from proofs.lemmas.softmax_collapse import softmax_curvature_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The Hessian of a class's outputs, column by column; for K = 2 the top eigenvalue alone is left."""
    return softmax_curvature_theorem("garrod2024-ce-two-classes")
