"""The scalar problem of a class with ReLU layers, for symbolic L and load."""

from __future__ import annotations

from proofs.lemmas.scales import scale_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """Existence and place of the minimiser, the threshold, and the comparison with zero."""
    return scale_theorem("sukenik2023-scalar")
