"""At collapse with class means at least 0 no ReLU acts, errors vanish at kinks, and the loss is the linear one."""

from __future__ import annotations

from proofs.lemmas.relu_collapse import relu_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """Inputs, errors and the loss from the critical point of the linear model."""
    return relu_theorem("garrod2024-relu-nonnegative-dnc")
