"""The scalar problem of one class, for symbolic M and β."""

from __future__ import annotations

from proofs.lemmas.scalar import scalar_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """Existence and place of the minimiser, the threshold, and the comparison with zero."""
    return scalar_theorem("dang2023-scalar")
