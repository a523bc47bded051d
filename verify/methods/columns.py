"""Steps of gradient descent on narrow models on a GPU: points as columns (size, B), so that threads are restarts.

Batched products of tiny matrices leave a GPU idle. With restarts along the last axis every product is a few entrywise
ones with a sum, which ``torch.compile`` makes one pass over the memory; in (size, B) that pass is contiguous.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from verify.methods.kernels import LayeredModel

Tensor = torch.Tensor

NARROW = 8
"""Up to this width columns are faster: on an H200 4 times at width 4, and slower at 16."""


def fits(kernel: LayeredModel) -> bool:
    """Whether a model is narrow, with squared error, free features and no bias."""
    model = kernel.model
    plain = model.loss == "mse" and model.sign == "free" and not model.has_bias
    return plain and max(*model.widths, model.K) <= NARROW


def gradient(kernel: LayeredModel) -> Callable[[Tensor], Tensor]:
    """The gradient (size, B) at points (size, B), as ``LayeredModel`` has it in rows.

    >>> from theory.model import UnconstrainedFeatures
    >>> from verify.methods.kernels import LayeredModel
    >>> kernel = LayeredModel(UnconstrainedFeatures(class_sizes=(1, 1), depth=1, decays=1), collapsed=False)
    >>> x = torch.ones(3, 8, dtype=torch.float64)
    >>> bool((gradient(kernel)(x.T).T - kernel.value_and_gradient(x)[1]).abs().max() < 1e-15)
    True
    """
    shapes = list(kernel.layout.shapes.values())
    sizes = [rows * columns for rows, columns in shapes]
    target, rho, kappa, N = kernel.target[..., None], kernel.rho, kernel.kappa, kernel.model.N
    depth, relu = len(shapes) - 1, not kernel.model.is_linear

    def slopes(x: Tensor) -> Tensor:
        *weights, features = (p.reshape(*s, -1) for p, s in zip(torch.split(x, sizes), shapes, strict=True))
        layers = [features]
        for m, W in enumerate(weights, start=1):
            upper = (W[:, :, None] * layers[-1][None]).sum(1)
            layers.append(upper.clamp(min=0.0) if relu and m < depth else upper)
        upper = (rho * layers[-1] - target) * (rho / N)
        parts: list[Tensor] = []
        for m in range(depth - 1, -1, -1):
            parts.insert(0, (upper[:, None] * layers[m][None]).sum(2))
            lower = (weights[m][:, :, None] * upper[:, None]).sum(0)
            upper = torch.where(layers[m] > 0, lower, torch.zeros_like(lower)) if relu and m else lower
        return torch.cat([part.reshape(-1, x.shape[1]) for part in (*parts, upper)]) + kappa * x

    return slopes


def steps(
    kernel: LayeredModel,
    x: Tensor,
    velocity: Tensor,
    rate: Tensor | float,
    count: int,
    momentum: float,
    repeat: Callable[[Callable[[], None], int, torch.device], None],
) -> tuple[Tensor, Tensor]:
    """Points and velocities (B, size) after so many steps, by compiled ones that ``repeat`` does again and again."""
    slopes = gradient(kernel)
    rates = rate.T.contiguous() if isinstance(rate, Tensor) else rate
    points, speeds = x.T.contiguous(), velocity.T.contiguous()

    @torch.compile
    def moved(points: Tensor, speeds: Tensor) -> tuple[Tensor, Tensor]:
        speeds = momentum * speeds - rates * slopes(points)
        return points + speeds, speeds

    def step() -> None:
        further, faster = moved(points, speeds)
        points.copy_(further)
        speeds.copy_(faster)

    if count:
        repeat(step, count, kernel.device)
    return points.T.contiguous(), speeds.T.contiguous()
