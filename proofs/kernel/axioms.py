"""The classical facts that proofs may cite, each with its equality case where it is an inequality.

They are not proved here. ``tests/test_axioms.py`` attacks each one by sampling and descent.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_TEXTS = {
    "attainment": "A continuous function that tends to infinity with its argument attains its minimum.",
    "critical": "At a critical point of a differentiable function, so at a minimum, all partial derivatives are zero.",
    "spectral": "Commuting symmetric matrices have a common orthonormal basis of eigenvectors.",
    "commutant": "A positive semidefinite X has the eigenspaces of Xʲ, j ≥ 1: what commutes with Xʲ commutes with X.",
    "definite": "XᵀX + r I with r > 0 is invertible.",
    "rank": "The rank of a product is at most the smallest dimension that it passes through.",
    "mean value": "A differentiable function with negative derivative on an interval is strictly decreasing there.",
    "intermediate value": "A continuous function takes every value between two of its values.",
    "largest": "The sum of at most R of given non-negative numbers is at most the sum of the R largest, with equality "
    "exactly if what is left out could not raise it.",
    "limit": "A lower bound that holds for all N > 0 holds in the limit N → 0.",
    "singular vectors": "For orthonormal eigenvectors u of T Tᵀ with eigenvalues μ > 0 the vectors "
    "Tᵀ u/√μ are orthonormal.",
    "tangent": "log Σ_j e^{z_j} is convex: it is at least its value at z* plus ⟨p, z − z*⟩, p the softmax of z*, with "
    "equality exactly if z − z* is a multiple of 1.",
    "nonnegative": "A sum of numbers that are at least zero is at least zero, and zero exactly if all of them are.",
    "average": "The average of numbers that are at least v is at least v, with equality exactly if all of them are v.",
    "logarithm": "The logarithm is strictly increasing.",
    "powers": "For e > 0, x^e strictly increases with x ≥ 0; for x ≥ 1, x^e does not fall as e grows.",
    "square root": "A positive semidefinite matrix has exactly one positive semidefinite square root; that of X Xᵀ has "
    "the trace ‖X‖_*.",
}

AXIOMS: Mapping[str, str] = MappingProxyType(_TEXTS)
"""Each classical fact by its name; proofs cannot add to it."""
