"""Wide linear layers, searched in the ranges of their products: the widths become at most K.

With A_0 = X, A_m = W_m A_{m−1} and P_m the projector on the range of A_m (P_M = I), the weights P_m W_m P_{m−1} have
the same outputs and norms that are no larger, so that no point is below its own projection. Points of this form are
W_m = Q_m V_m Q_{m−1}ᵀ, X = Q_0 Z with orthonormal frames Q_m. Their gradients have the same form, and inner products of
such W are those of V: descent from a projected start in V takes the very steps that descent in W would take.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import torch

from theory.model import UnconstrainedFeatures
from verify.methods.kernels import LayeredModel
from verify.methods.minimise import Endpoints, Tensor, minimise


def narrows(model: UnconstrainedFeatures) -> bool:
    """Whether the reduction holds: rotated features must be allowed, and no activation may stand between layers."""
    return model.is_linear and model.sign == "free"


@dataclass(frozen=True)
class Ranges:
    """Frames of the ranges at some points of a wide model, and the model of their coordinates.

    >>> from theory.model import UnconstrainedFeatures
    >>> model = UnconstrainedFeatures(class_sizes=(2, 1), depth=2, widths=(9,), decays="1/20")
    >>> wide = LayeredModel(model, collapsed=True)
    >>> x = wide.gaussian_starts(torch.ones(5, dtype=torch.float64), torch.Generator().manual_seed(0))
    >>> ranges, z = Ranges.at(wide, x)
    >>> ranges.narrow.layout.size, wide.layout.size
    (12, 117)
    >>> (ranges.narrow.value_and_gradient(z)[0] <= wide.value_and_gradient(x)[0]).all()
    tensor(True)
    """

    wide: LayeredModel
    narrow: LayeredModel
    frames: tuple[Tensor, ...]
    """Q_0 … Q_{M−1}, each (B, width, rank)."""

    @classmethod
    def at(cls, wide: LayeredModel, x: Tensor) -> tuple[Ranges, Tensor]:
        """The ranges at points (B, n) of a linear model over class means, and the coordinates of the projections.

        Raises:
            ValueError: for a model with activations or with features that may not be negative.
        """
        if not narrows(wide.model):
            raise ValueError("the reduction to ranges needs linear layers and free features")
        parts = wide.layout.split(x)
        frame, layer = torch.linalg.qr(parts["X"])
        frames, coordinates = [frame], {**parts, "X": layer}
        for m in range(1, wide.model.M):
            frame, step = torch.linalg.qr(parts[f"W_{m}"] @ frames[-1])
            frames.append(frame)
            coordinates[f"W_{m}"] = step
        last = f"W_{wide.model.M}"
        coordinates[last] = parts[last] @ frames[-1]
        narrow = LayeredModel(wide.model.with_(widths=tuple(f.shape[2] for f in frames)), wide.collapsed, wide.device)
        return cls(wide, narrow, tuple(frames)), narrow.layout.join([coordinates[name] for name in parts])

    def points(self, z: Tensor) -> Tensor:
        """The points (B, n) of the wide model with coordinates (B, r), at the same objective."""
        parts = dict(self.narrow.layout.split(z))
        for m, (lower, upper) in enumerate(pairwise(self.frames), start=1):
            parts[f"W_{m}"] = upper @ parts[f"W_{m}"] @ lower.mT
        last = f"W_{self.wide.model.M}"
        parts[last] = parts[last] @ self.frames[-1].mT
        parts["X"] = self.frames[0] @ parts["X"]
        return self.wide.layout.join(list(parts.values()))


def minimise_in_ranges(wide: LayeredModel, starts: Tensor, iterations: int) -> Endpoints:
    """``minimise`` from the projections of the starts (B, n)."""
    ranges, z = Ranges.at(wide, starts)
    ends = minimise(ranges.narrow, z, iterations)
    return replace(ends, points=ranges.points(ends.points))
