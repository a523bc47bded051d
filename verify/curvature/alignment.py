"""How one layer's Hessian and gradient lie to the class means, and how collapsed its features are.

The metrics of Garrod & Keating 2024 (arXiv 2404.06106), Section 5, with the data term's Hessian in W_l and its gradient
g there, and v_{cc'} = μ_c^{(l+1)} ⊗ μ_{c'}^{(l)}: f_{cc'} = (vᵀHv)²/(‖v‖²‖Hv‖²) and f̃_{cc'} = ⟨v, g⟩²/(‖v‖²‖g‖²).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from theory.metrics import garrod2024_dnc1
from verify.curvature.operators import Curvature
from verify.curvature.spectrum import layer_eigenvalues

Tensor = torch.Tensor


@dataclass(frozen=True)
class Alignment:
    """One layer at one point.

    ``eigenvalues`` are the outliers and the next one (0 where there are fewer): there are K² outliers at collapse with
    squared error, (K − 1)² with other losses. ``f`` and ``shares`` (K, K) are f_{cc'}, which is
    1 for eigenvectors, and f̃_{cc'}; they are ``nan`` where Hv or g vanishes. ``dnc1`` is that of the layer's input.
    """

    eigenvalues: Tensor
    f: Tensor
    shares: Tensor
    dnc1: float

    @property
    def own(self) -> Tensor:
        """The gradient's shares for c = c' (K)."""
        return self.shares.diagonal()

    @property
    def other(self) -> Tensor:
        """The gradient's shares for c ≠ c' (K² − K)."""
        return self.shares[~torch.eye(len(self.shares), dtype=torch.bool, device=self.shares.device)]

    def numbers(self) -> dict[str, float]:
        """Named numbers: the outliers and what follows them, then f and the shares, each by mean, least and most."""
        largest, smallest = float(self.eigenvalues[0]), float(self.eigenvalues[-2])
        parts = {"f": self.f, "own": self.own, "other": self.other}
        return {
            "largest_outlier": largest,
            "smallest_outlier": smallest,
            "outlier_ratio": largest / smallest if smallest > 0 else float("inf"),
            "next_eigenvalue": float(self.eigenvalues[-1]),
            **{f"{name}_mean": float(part.mean()) for name, part in parts.items()},
            **{f"{name}_least": float(part.min()) for name, part in parts.items()},
            **{f"{name}_most": float(part.max()) for name, part in parts.items()},
            "dnc1": self.dnc1,
        }


def alignment(curvature: Curvature, layer: int) -> Alignment:
    """The metrics of layer l at the point of ``curvature``.

    >>> from theory.model import UnconstrainedFeatures
    >>> from verify.curvature.points import known_point
    >>> model = UnconstrainedFeatures(class_sizes=(2, 2), decays="1/20")
    >>> found = alignment(Curvature(model, known_point(model).factors), 1)
    >>> found.f.round(decimals=9).tolist(), found.shares.round(decimals=9).tolist()
    ([[1.0, 1.0], [1.0, 1.0]], [[0.5, 0.0], [0.0, 0.5]])
    """
    K = curvature.model.K
    count = (K if curvature.model.loss == "mse" else K - 1) ** 2 + 1
    measured = layer_eigenvalues(curvature, layer, count)[0]
    eigenvalues = torch.from_numpy(np.pad(measured, (0, count - len(measured))))
    above, below = curvature.means(layer + 1), curvature.means(layer)
    gradient = curvature.gradient(layer)
    overlaps, lengths = above.T @ gradient @ below, above.norm(dim=0)[:, None] * below.norm(dim=0)
    labels = curvature.labels.argmax(0).cpu().numpy()
    return Alignment(
        eigenvalues,
        torch.stack([_overlaps(curvature, layer, a, below) for a in above.T]).cpu(),
        ((overlaps / lengths / gradient.norm()) ** 2).cpu(),
        garrod2024_dnc1(curvature.inputs[layer - 1].cpu().numpy(), labels, K),
    )


def _overlaps(curvature: Curvature, layer: int, above: Tensor, below: Tensor) -> Tensor:
    """f (K) of one vector above with all class means below."""
    vectors = torch.einsum("r,se->ers", above, below).reshape(below.shape[1], -1)
    images = curvature.layer(layer)(vectors)
    return (vectors * images).sum(1) ** 2 / ((vectors * vectors).sum(1) * (images * images).sum(1))
