"""At every point gradient and Hessian in all factors are those of the block formulas."""

from __future__ import annotations

from proofs.lemmas.variation import variation_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """First and second derivatives along any line."""
    return variation_theorem("garrod2024-second-variation")
