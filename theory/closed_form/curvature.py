"""Eigenvalues of the Hessian at deep neural collapse, in units of the decay λ, with their multiplicities.

Balanced classes, linear layers, no bias; K classes of n samples, L weight matrices, widths d ≥ K. With squared error
W_L ⋯ W_1 H = γ Y, where γ^{L−1} (1 − γ)^{L+1} = K^{L+1} n λ_H λ_1 ⋯ λ_L; with cross-entropy the outputs are α S ⊗ 1ᵀ,
S = I − 11ᵀ/K. Values may be of any kind of number that has +, −, × and /. Source: Garrod & Keating 2024 (arXiv
2404.06106), Theorem 4.1; what goes beyond it was derived and is marked in ``theory.papers.garrod2024``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Eigenvalue:
    """A value in units of the decay, how many times it occurs, and what its eigenvectors are."""

    part: str
    value: Any
    multiplicity: int


Eigenvalues = Sequence[Eigenvalue]


def layer_spectrum(
    K: int, size: int, gamma: Any, regularised: bool = False, outliers: int | None = None
) -> Eigenvalues:
    """The Hessian in the weights of one layer, of ``size`` entries, in units of that layer's decay.

    Args:
        K: classes.
        size: entries of the layer.
        gamma: the gain.
        regularised: with the decay.
        outliers: how many there are; K². Below a ReLU whose derivative at 0 is 0 only K are left.

    >>> [(e.part, e.multiplicity) for e in layer_spectrum(3, 16, 0.9)]
    [('outliers', 9), ('bulk', 7)]
    """
    ridge, many = int(regularised), K * K if outliers is None else outliers
    return _present(
        Eigenvalue("outliers", gamma / (1 - gamma) + ridge, many),
        Eigenvalue("bulk", ridge, size - many),
    )


def full_spectrum(K: int, n: int, L: int, d: int, gamma: Any, regularised: bool = True) -> Eigenvalues:
    """The Hessian in all weights and features, all decays equal, all widths d; K n samples.

    >>> sum(e.multiplicity for e in full_spectrum(3, 2, 2, 4, 0.9)) == 3 * 4 + 4 * 4 + 4 * 3 * 2
    True
    """
    data, symmetric, antisymmetric = int(not regularised), K * (K + 1) // 2, K * (K - 1) // 2
    return _present(
        Eigenvalue("outliers, symmetric", 2 - data + (L + 1) * (gamma / (1 - gamma) - 1), symmetric),
        Eigenvalue("outliers, antisymmetric", (L + 1) / (1 - gamma) - data, antisymmetric),
        Eigenvalue("bulk between factors", 2 - data, L * symmetric),
        Eigenvalue("rotations", 0 - data, L * antisymmetric),
        Eigenvalue("between range and complement", 2 - data, L * K * (d - K)),
        Eigenvalue("rotations out of the range", 0 - data, L * K * (d - K)),
        Eigenvalue("features within classes", 1 / (1 - gamma) - data, K * K * (n - 1)),
        Eigenvalue("complement", 1 - data, (L - 1) * (d - K) ** 2 + K * (n - 1) * (d - K)),
    )


def softmax_layer_spectrum(K: int, size: int, alpha: Any, softness: Any) -> Eigenvalues:
    """The same as ``layer_spectrum`` with cross-entropy, for the data term.

    Args:
        K: classes.
        size: entries of the layer.
        alpha: the scale of the outputs.
        softness: κ = (1 − e^{−α})/(1 + (K − 1) e^{−α}).

    With two classes only the largest one is there, which is all of (K − 1)².

    >>> [(e.part, e.multiplicity) for e in softmax_layer_spectrum(2, 4, 1.0, 0.5)]
    [('outlier', 1), ('bulk', 3)]
    """
    return _present(
        Eigenvalue("mini-bulk", alpha / K, max(K * K - 3 * K + 1, 0)),
        Eigenvalue("outliers", alpha / K + alpha * softness * (K - 2) / K, K - 1 if K > 2 else 0),
        Eigenvalue("outlier", alpha / K + alpha * softness * (K - 1) / K, 1),
        Eigenvalue("bulk", 0, size - (K - 1) ** 2),
    )


def layer_part(part: str, K: int, size: int, gamma: Any) -> Eigenvalues:
    """Papyan's parts of ``layer_spectrum``, ``within``, ``cross`` and ``class``: see ``theory.curvature.split``.

    >>> [(e.part, e.multiplicity) for e in layer_part("cross", 3, 16, 0.9)]
    [('outliers', 6), ('bulk', 10)]
    """
    rank = {"within": 0, "cross": K * (K - 1), "class": K}[part]
    return _present(Eigenvalue("outliers", gamma / (1 - gamma), rank), Eigenvalue("bulk", 0, size - rank))


def softmax_layer_part(part: str, K: int, size: int, alpha: Any, softness: Any) -> Eigenvalues:
    """The same of ``softmax_layer_spectrum``, with ``own`` besides: see ``theory.curvature.softmax_split``.

    With the probability p = (1 + (K − 1)κ)/K of the own class, ``class`` has the share p of what both have in common,
    ``own`` 1 − p.

    >>> [(e.part, e.multiplicity) for e in softmax_layer_part("cross", 4, 25, 1.0, 0.5)]
    [('mini-bulk', 5), ('outliers', 3), ('bulk', 17)]
    """
    few, p = K - 1 if K > 2 else 0, (1 + (K - 1) * softness) / K
    if part == "within":
        return _present(Eigenvalue("bulk", 0, size))
    if part == "cross":
        return _present(
            Eigenvalue("mini-bulk", alpha / K, max(K * K - 3 * K + 1, 0)),
            Eigenvalue("outliers", alpha / (K * (K - 1)), few),
            Eigenvalue("bulk", 0, size - K * (K - 2)),
        )
    top = alpha * p * {"class": p, "own": 1 - p}[part]
    return _present(
        Eigenvalue("outliers", top * (K - 2) / (K - 1), few),
        Eigenvalue("outlier", top, 1),
        Eigenvalue("bulk", 0, size - few - 1),
    )


def _present(*eigenvalues: Eigenvalue) -> Eigenvalues:
    return tuple(e for e in eigenvalues if e.multiplicity)
