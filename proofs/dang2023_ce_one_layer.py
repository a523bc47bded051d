"""The simplex ETF is the only minimiser with cross-entropy and one layer, as Theorem 5.1 of Dang et al. 2023 has it."""

from __future__ import annotations

from proofs.lemmas.softmax import softmax_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The lower bound, its equality cases, and that it is attained."""
    return softmax_theorem("dang2023-ce-one-layer")
