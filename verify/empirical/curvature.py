"""One layer's Hessian after gradient descent, as in the experiments of Garrod & Keating 2024 (arXiv 2404.06106)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import torch

from theory.model import UnconstrainedFeatures
from verify.curvature.operators import Curvature
from verify.curvature.points import after_descent
from verify.curvature.spectrum import layer_eigenvalues
from verify.empirical import program

Tensor = torch.Tensor


@program("layer curvature")
def layer_curvature(
    *, seed: int, model: UnconstrainedFeatures, layer: int, steps: int, rate: Fraction
) -> Mapping[str, float]:
    """Train all factors from Gaussian entries of variance 1/d, and look at the data term's Hessian in W_layer.

    Returns:
        ``loss``, the objective at the end; ``largest_outlier`` and ``smallest_outlier``, the first and the K²-th
        eigenvalue, ``outlier_ratio`` of the two, and ``next_eigenvalue`` after them (0 where there is none); ``f_mean``
        and ``f_least`` of (vᵀHv)²/(‖v‖²‖Hv‖²), which is 1 for eigenvectors, over the v = μ_c^{(l+1)} ⊗ μ_{c'}^{(l)};
        and shares ⟨v, g⟩²/(‖v‖²‖g‖²) of the data gradient g: ``own_mean``, ``own_least``, ``own_most`` over c = c', and
        ``other_most`` over c ≠ c'.

    Raises:
        ValueError: when descent diverges, or for a layer that is not there.
    """
    if not 1 <= layer <= model.M:
        raise ValueError(f"layer must be one of 1 to {model.M}, got {layer}")
    place, K = after_descent(model, steps, rate, seed), model.K
    curvature = Curvature(model, place.factors)
    eigenvalues = [*layer_eigenvalues(curvature, layer, K * K + 1)[0].tolist(), 0.0]
    vectors = mean_products(curvature, layer)
    images = curvature.layer(layer)(vectors)
    f = _squared_cosine(vectors, images)
    shares = _squared_cosine(vectors, curvature.gradient(layer).reshape(1, -1)).reshape(K, K)
    own, other = shares.diagonal(), shares - torch.diag(shares.diagonal())
    return {
        "loss": place.objective or 0.0,
        "largest_outlier": eigenvalues[0],
        "smallest_outlier": eigenvalues[K * K - 1],
        "outlier_ratio": eigenvalues[0] / eigenvalues[K * K - 1] if eigenvalues[K * K - 1] > 0 else float("inf"),
        "next_eigenvalue": eigenvalues[K * K],
        "f_mean": float(f.mean()),
        "f_least": float(f.min()),
        "own_mean": float(own.mean()),
        "own_least": float(own.min()),
        "own_most": float(own.max()),
        "other_most": float(other.max()),
    }


def mean_products(curvature: Curvature, layer: int) -> Tensor:
    """The vectors μ_c^{(l+1)} ⊗ μ_{c'}^{(l)} (K², size), c before c'; e_c for l = M in place of the first."""
    above, below = curvature.means(layer + 1), curvature.means(layer)
    return torch.einsum("rc,se->cers", above, below).reshape(curvature.model.K**2, -1)


def _squared_cosine(a: Tensor, b: Tensor) -> Tensor:
    """⟨a, b⟩²/(‖a‖²‖b‖²) of rows."""
    return (a * b).sum(1) ** 2 / ((a * a).sum(1) * (b * b).sum(1))
