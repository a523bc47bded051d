"""Programs for experiments: Deep RFM on digits with its two controls, and the kernel of ReLU features."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

import numpy as np

from verify.empirical import program
from verify.empirical.data import digits, split


@program("deep rfm")
def deep_rfm_on_digits(*, seed: int, samples: int, width: int, depth: int, kernel: str) -> Mapping[str, float]:
    """Deep RFM on scikit-learn's digits, the same without the AGOP (``plain``), and with a linear map (``linear``).

    Returns:
        ``first`` and ``last``, NC1 of the input of the first and the last layer; ``largest_factor`` of NC1 from a layer
        to the next; ``least_`` and ``largest_through_agop`` and ``through_map``, the factors of NC1 from X to M^{1/2}X
        and from there to Φ; ``test_accuracy_first`` and ``_last``; the same of the controls, after ``plain_`` and
        ``linear_``.
    """
    from verify.empirical.rfm.layers import Settings, deep_rfm, start

    task, found = split(digits(), samples, seed), {}
    for name, control in (("", {}), ("plain_", {"agop": False}), ("linear_", {"map": "linear"})):
        settings = Settings(width=width, depth=depth, kernel=kernel, seed=seed, **control)
        layers = [layer for layer, _ in deep_rfm(task, settings, start(task))]
        inputs = [layer.nc1["x"] for layer in layers]
        agop = [layer.nc1["mx"] / layer.nc1["x"] for layer in layers]
        mapped = [layer.nc1["phi"] / layer.nc1["mx"] for layer in layers]
        numbers = {
            "first": inputs[0],
            "last": inputs[-1],
            "largest_factor": max(b / a for a, b in pairwise(inputs)),
            "least_through_agop": min(agop),
            "largest_through_agop": max(agop),
            "least_through_map": min(mapped),
            "largest_through_map": max(mapped),
            "test_accuracy_first": layers[0].test_accuracy,
            "test_accuracy_last": layers[-1].test_accuracy,
        }
        found.update({name + key: value for key, value in numbers.items()})
    return found


@program("relu kernel")
def relu_kernel(*, seed: int, points: int, factor: Fraction) -> Mapping[str, float]:
    """E σ(Wx)ᵀσ(Wy), W_ij ~ N(0, 2/D), for unit vectors at 33 angles θ, by integration over the direction of a row.

    Rows are (r cos φ, r sin φ) in the plane of x and y, with E r² = 2 · 2/D, so that it is
    (2/π) ∫ max(cos φ, 0) max(cos(φ − θ), 0) dφ over the circle; nothing is drawn.

    Returns:
        ``largest_difference`` from ``factor`` (sin θ + (π − θ) cos θ)/π.
    """
    directions = 2 * np.pi * (np.arange(points) + 0.5) / points
    angles = np.linspace(0, np.pi, 33)
    integrals = [
        4 * float(np.mean(np.maximum(np.cos(directions), 0) * np.maximum(np.cos(directions - theta), 0)))
        for theta in angles
    ]
    formula = float(factor) * (np.sin(angles) + (np.pi - angles) * np.cos(angles)) / np.pi
    return {"largest_difference": float(np.abs(np.array(integrals) - formula).max())}
