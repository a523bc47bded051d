"""C_λ = ½ ‖Z_L − Y‖_F² + λ/2 ‖θ‖² over all weights of a network, with its curvature, tangent kernel and layers.

Jacot et al. 2024 (arXiv 2410.04887): L1 layers with an activation, then L2 linear ones, without biases, and Y one-hot.
The first L1 layers and one linear layer are the extractor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import torch
from torch.nn.utils import parameters_to_vector

from theory.model import UnconstrainedFeatures
from verify.empirical.networks.extractors import Tensor
from verify.empirical.networks.network import Network
from verify.empirical.networks.training import Loss, Vector

POWERS = 20
"""Steps of power iteration: on trained networks the norm then has three digits."""


class WeightDecay(Loss):
    """C_λ over all parameters of a network, λ being the model's decay of the features.

    ``begun`` has the parameters that the network had when this was made.
    """

    def __init__(self, network: Network, images: Vector, model: UnconstrainedFeatures, device: str = "cpu") -> None:
        super().__init__(network, images, model, device)
        self.begun = self.start().parameters
        sizes = torch.tensor(model.class_sizes, device=device)
        self.Y = torch.eye(model.K, dtype=torch.float64, device=device).repeat_interleave(sizes, dim=1)

    def objective(self, factors: dict[str, Tensor]) -> Tensor:
        """½ ‖Z_L − Y‖_F² + λ/2 ‖θ‖²."""
        squares = sum((p * p).sum() for p in self.network.parameters())
        return self._misfit(factors) + float(self.model.feature_decay) / 2 * squares

    def _misfit(self, factors: dict[str, Tensor]) -> Tensor:
        """C_0 = ½ ‖Z_L − Y‖_F²."""
        return ((self._outputs(factors) - self.Y) ** 2).sum() / 2

    def _outputs(self, factors: dict[str, Tensor]) -> Tensor:
        Z = factors["H"]
        for m in range(1, self.model.M + 1):
            Z = factors[f"W_{m}"] @ Z
        return Z

    def misfit(self, parameters: Vector) -> float:
        """C_0 at a point."""
        with torch.no_grad():
            return float(self._misfit(self._at(parameters)))

    def kernel_norm(self, parameters: Vector, steps: int = POWERS) -> float:
        """‖Θ‖_op of the neural tangent kernel Θ = J Jᵀ, J the outputs' derivative (NK × all parameters), from below.

        By power iteration, whose Rayleigh quotients are never more than the norm.
        """
        outputs, point = self._outputs(self._at(parameters)), list(self.network.parameters())
        u = torch.zeros_like(outputs, requires_grad=True)
        pulled = torch.autograd.grad(outputs, point, u, create_graph=True)  # Jᵀu, whose derivative in u is J

        def gram(v: Sequence[Tensor]) -> Sequence[Tensor]:
            (moved,) = torch.autograd.grad(pulled, u, v, retain_graph=True)
            return torch.autograd.grad(outputs, point, moved, retain_graph=True)

        return self._largest(gram, steps)

    def curvature(self, parameters: Vector, steps: int = POWERS) -> float:
        """‖∇²C_0‖_op from below, by power iteration."""
        misfit, point = self._misfit(self._at(parameters)), list(self.network.parameters())
        slope = torch.autograd.grad(misfit, point, create_graph=True)

        def hessian(v: Sequence[Tensor]) -> Sequence[Tensor]:
            return torch.autograd.grad(slope, point, v, retain_graph=True)

        return self._largest(hessian, steps)

    def _largest(self, operator: Callable[[Sequence[Tensor]], Sequence[Tensor]], steps: int) -> float:
        """The largest ‖Av‖/‖v‖ of a symmetric operator that power iteration meets, from a start of its own."""
        generator, norm = torch.Generator().manual_seed(0), 0.0
        point = self.network.parameters()
        v = [torch.randn(p.shape, dtype=p.dtype, generator=generator, device="cpu").to(p.device) for p in point]
        for _ in range(steps):
            length = _length(v)
            if length == 0:  # the operator is 0: all samples are zero, say, or all weights
                break
            v = list(operator([part / length for part in v]))
            norm = max(norm, _length(v))
        return norm

    def linear_part(self, parameters: Vector) -> tuple[Vector, list[Vector]]:
        """Z_{L1} and W_{L1+1} … W_L: the extractor's last layer is linear, and the first of these."""
        factors, below = self.factors(parameters), self.network.extractor[:-1]
        first = parameters_to_vector(self.network.extractor[-1].parameters()).detach().cpu().numpy()
        with torch.no_grad():
            Z = below(self.images.T).T.cpu().numpy()
        return Z, [first.reshape(self.model.widths[0], -1), *(factors[f"W_{m}"] for m in range(1, self.model.M + 1))]

    def matrices(self, parameters: Vector) -> list[Vector]:
        """W_1 … W_L of a fully connected network, or anything as long as them (a gradient), as matrices."""
        shapes = [tuple(p.shape) for p in self.network.parameters()]
        ends = list(accumulate(rows * columns for rows, columns in shapes))
        starts = [0, *ends[:-1]]
        return [parameters[a:b].reshape(shape) for a, b, shape in zip(starts, ends, shapes, strict=True)]

    def first_features(self, parameters: Vector) -> Vector:
        """Z_1 = σ(W_1 X) of a fully connected network."""
        self._at(parameters)
        with torch.no_grad():
            found: Vector = self.network.extractor[:2](self.images.T).T.cpu().numpy()
        return found


def _length(v: Sequence[Tensor]) -> float:
    return sum(float((part * part).sum()) for part in v) ** 0.5
