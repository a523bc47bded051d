"""The objective is at least the average over samples of φ(t) + c |t|, for any contrastive loss."""

from __future__ import annotations

from proofs.lemmas.contrast import contrastive_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The property at one sample, and what follows for all points of the model."""
    return contrastive_theorem("losses-reduction")
