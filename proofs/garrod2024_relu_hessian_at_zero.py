"""With the derivative s of ReLUs at 0, K (K−1) of the K² eigenvalues carry s^{2(L−l)}."""

from __future__ import annotations

from proofs.lemmas.relu_collapse import relu_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The Gauss–Newton matrix, class by class."""
    return relu_theorem("garrod2024-relu-hessian-at-zero")
