"""Label smoothing collapses to a simplex ETF with its own scale: the minimum and all minimisers."""

from __future__ import annotations

from proofs.lemmas.softmax import softmax_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """The lower bound, its equality cases, and that it is attained."""
    return softmax_theorem("losses-scale")
