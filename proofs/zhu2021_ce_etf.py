"""The simplex ETF is the only minimiser with cross-entropy, one layer and balanced classes."""

from __future__ import annotations

from proofs.lemmas.softmax import softmax_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The lower bound, its equality cases, and that it is attained."""
    return softmax_theorem("zhu2021-ce-etf")
