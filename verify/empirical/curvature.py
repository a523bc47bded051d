"""One layer's Hessian along gradient descent, as in the experiments of Garrod & Keating 2024 (arXiv 2404.06106)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from theory.model import UnconstrainedFeatures
from verify.curvature.alignment import alignment
from verify.curvature.operators import Curvature
from verify.curvature.points import along_descent
from verify.empirical import program


@program("layer curvature")
def layer_curvature(
    *, seed: int, model: UnconstrainedFeatures, layer: int, steps: int, rate: Fraction, at: tuple[int, ...] = ()
) -> Mapping[str, float]:
    """Train all factors from Gaussian entries of variance 1/d, and look at the data term's Hessian in W_layer.

    Args:
        at: increasing numbers of steps, below ``steps``, after which it is looked at on the way.

    Returns:
        At the end ``loss``, the objective; ``largest_outlier`` and ``smallest_outlier``, the first and the last of the
        outliers, which are the K² largest eigenvalues, the (K − 1)² largest for other losses than squared error,
        ``outlier_ratio`` of the two, and ``next_eigenvalue`` after them (0 where there is none); mean, least and most,
        such as ``f_mean``, of ``f``, (vᵀHv)²/(‖v‖²‖Hv‖²) over the v = μ_c^{(l+1)} ⊗ μ_{c'}^{(l)}, which is 1 for
        eigenvectors, and of the shares ⟨v, g⟩²/(‖v‖²‖g‖²) of the data gradient g, ``own`` over c = c' and ``other``
        over c ≠ c'; and ``dnc1``, ‖Σ_W Σ_B†‖_F² of the layer's input. On the way the same, with ``_1``, ``_2``, … for
        the first, second, … of ``at``.

    Raises:
        ValueError: when descent diverges, for a layer that is not there, or for ``at`` out of order.
    """
    if not 1 <= layer <= model.M:
        raise ValueError(f"layer must be one of 1 to {model.M}, got {layer}")
    if any(a >= b for a, b in zip((-1, *at), (*at, steps), strict=True)):
        raise ValueError(f"at must be increasing and below {steps} steps, got {at}")
    endings = [*(f"_{i}" for i in range(1, len(at) + 1)), ""]
    found = {}
    for ending, place in zip(endings, along_descent(model, (*at, steps), rate, seed), strict=True):
        numbers = {"loss": place.objective or 0.0, **alignment(Curvature(model, place.factors), layer).numbers()}
        found.update({name + ending: value for name, value in numbers.items()})
    return found
