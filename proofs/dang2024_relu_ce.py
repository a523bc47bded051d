"""With cross-entropy and features ≥ 0 class means are orthogonal, with lengths that depend on the class sizes."""

from __future__ import annotations

from proofs.lemmas.orthogonal import orthogonal_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The lower bound, its equality cases, and that it is attained."""
    return orthogonal_theorem("dang2024-relu-ce")
