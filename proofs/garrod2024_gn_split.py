"""At every point the Hessian of a layer is the sum of its three Gauss–Newton parts."""

from __future__ import annotations

from proofs.lemmas.parts import parts_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The three parts, and that they add up to the Hessian: all terms cancel."""
    return parts_theorem("garrod2024-gn-split")
