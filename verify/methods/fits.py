"""Exact fits: weights with outputs that are exactly the labels, compared by the product of squared norms.

By positive homogeneity the best rescaling of such weights has a value that depends on C = (∏ ‖factor‖²)^{1/(M+1)} only,
and increases with it; collapse has C = K. So a smaller product beats collapse at all decays at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import torch

from theory.model import UnconstrainedFeatures
from verify.methods.kernels import LayeredModel
from verify.methods.minimise import Formula, Layout, lbfgs

Tensor = torch.Tensor

SILENT = 1e-6
"""Neurons whose largest activation is below this fraction of their layer's are not in use."""

RIDGE = 1e-9
"""Added to the Gram matrix of the last hidden means, relative to its trace, so that its inverse exists on the way."""

ITERATIONS = 600
"""Of L-BFGS: a product below that of collapse is needed, not the smallest one."""


def trimmed(kernel: LayeredModel, point: Tensor) -> list[Tensor]:
    """X, W_1 … W_M of one point, without the hidden neurons that are silent on all classes; X in all its directions."""
    parts = {name: part[0] for name, part in kernel.layout.split(point[None]).items()}
    model, lower = kernel.model, parts["X"]
    factors, kept = [lower], torch.arange(lower.shape[0])
    for m in range(1, model.M + 1):
        W = parts[f"W_{m}"][:, kept]
        upper = W @ lower
        if m < model.M and not model.is_linear:
            upper = upper.clamp(min=0.0)
            loud = (upper.amax(1) > SILENT * upper.max()).nonzero()[:, 0]
            W, upper, kept = W[loud], upper[loud], loud
        factors.append(W)
        lower = upper
    return factors


def fitted(model: UnconstrainedFeatures, factors: Sequence[Tensor]) -> list[Tensor] | None:
    """X, W_1 … W_{M−1} near the given ones with the smallest product of squared norms, the last layer solved for.

    None where the loss is not squared error, the model not balanced or with a bias, or the product not below that of
    collapse.
    """
    if model.loss != "mse" or model.has_bias or not model.balanced or model.M < 2:
        return None
    hidden = list(factors[:-1])
    layout = Layout({str(i): tuple(part.shape) for i, part in enumerate(hidden)})
    objective = Formula(lambda x: _log_ratio(model, list(layout.split(x).values())))
    start = layout.join([part[None] / part.norm() for part in hidden])
    end = lbfgs(objective, start, ITERATIONS, tolerance=1e-12)
    if not float(objective.value_and_gradient(end)[0][0]) < 0:
        return None
    parts = [part[0] for part in layout.split(end).values()]
    return [part / part.abs().max() for part in parts]


def _log_ratio(model: UnconstrainedFeatures, hidden: list[Tensor]) -> Tensor:
    """log(∏ ‖factor‖²/K^{M+1}) with W_M = (AᵀA)⁻¹Aᵀ, of squared norm tr (AᵀA)⁻¹."""
    norms = [(part * part).sum((1, 2)).clamp(min=1e-300) for part in hidden]
    lower = hidden[0]
    for W in hidden[1:]:
        upper = W @ lower
        lower = upper if model.is_linear else upper.clamp(min=0.0)
    gram = lower.mT @ lower
    size = gram.diagonal(dim1=1, dim2=2).sum(1).clamp(min=1e-300)
    eye = torch.eye(model.K, dtype=gram.dtype)
    inverse = torch.linalg.inv_ex(gram / size[:, None, None] + RIDGE * eye)[0]
    last = inverse.diagonal(dim1=1, dim2=2).sum(1) / size
    logs = [norm.log() for norm in (*norms, last.clamp(min=1e-300))]
    return torch.stack(logs).sum(0) - (model.M + 1) * log(model.K)
