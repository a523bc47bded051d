"""With cross-entropy the Hessian of a layer at collapse has K outliers, in two values, a mini-bulk, and 0."""

from __future__ import annotations

from proofs.lemmas.softmax_collapse import softmax_curvature_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The Hessian of a class's outputs, column by column, between the factors above and below the layer."""
    return softmax_curvature_theorem("garrod2024-ce-layer-spectrum")
