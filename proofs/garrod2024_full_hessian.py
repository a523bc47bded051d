"""The Hessian in all factors at collapse: outliers, rotations, features within classes, and the rest."""

from __future__ import annotations

from proofs.lemmas.full_collapse import full_curvature_theorem
from proofs.theorem import Theorem


def theorem() -> Theorem:
    """How gradients change along four kinds of directions."""
    return full_curvature_theorem("garrod2024-full-hessian")
