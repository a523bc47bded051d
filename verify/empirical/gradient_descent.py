"""Plain gradient descent on a model with free features, as one would train it: does it end in collapse?"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import torch

from theory.metrics import dang2023_nc1
from theory.model import UnconstrainedFeatures
from verify.empirical import program
from verify.empirical.training import descend
from verify.methods.kernels import LayeredModel


@program("gradient descent")
def gradient_descent(
    *, seed: int, model: UnconstrainedFeatures, steps: int, rate: Fraction = Fraction(1, 2)
) -> Mapping[str, float]:
    """Train all factors from a Gaussian start by ``steps`` steps of one length.

    Args:
        rate: the step's length, in units in which all factors have order one (``LayeredModel``).

    Returns:
        At the end ``objective``, ``gradient`` (its norm in the same units) and ``dang2023_nc1`` of the features, which
        is ``nan`` where all class means coincide; and ``start``, the objective at the start.
    """
    kernel = LayeredModel(model, collapsed=False)
    generator = torch.Generator().manual_seed(seed)
    x = kernel.gaussian_starts(torch.ones(1, dtype=torch.float64), generator)
    start = float(kernel.value_and_gradient(x)[0])
    x = descend(kernel, x, float(rate), steps)
    value, gradient = kernel.value_and_gradient(x)
    features = kernel.factors(x)["H"][0].numpy()
    labels = np.repeat(np.arange(model.K), model.class_sizes)
    return {
        "objective": float(value),
        "gradient": float(gradient.norm()),
        "start": start,
        "dang2023_nc1": dang2023_nc1(features, labels, model.K) if np.isfinite(features).all() else float("nan"),
    }
