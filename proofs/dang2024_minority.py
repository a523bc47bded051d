"""With cross-entropy and features ≥ 0 a class collapses to zero from a threshold of its size on."""

from __future__ import annotations

from proofs.lemmas.orthogonal import orthogonal_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The lower bound, its equality cases, and that it is attained."""
    return orthogonal_theorem("dang2024-minority")
