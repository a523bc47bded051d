"""The layered regulariser against the Schatten quasi-norm of the product, for any number of layers."""

from __future__ import annotations

from proofs.lemmas.layered import layered_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The inequality for all factors, from the minimum of the model at every N."""
    return layered_theorem("dang2023-schatten")
