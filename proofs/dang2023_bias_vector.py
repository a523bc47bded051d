"""The bias vector and the centred features at every critical point."""

from __future__ import annotations

from proofs.lemmas.identities import bias_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """Equations that follow from the gradient alone."""
    return bias_theorem("dang2023-bias-vector")
