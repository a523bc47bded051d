"""Where ReLUs have the derivative 1, the Hessian of a layer at collapse is that of the linear model."""

from __future__ import annotations

from proofs.lemmas.relu_collapse import relu_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The Gauss–Newton matrix, class by class, with s = 1."""
    return relu_theorem("garrod2024-relu-hessian")
