"""Near-interpolation, balance and conditioning of a wide network with weight decay, and what Theorem B.1 makes of them.

Jacot et al. 2024 (arXiv 2410.04887): L1 layers with an activation, then L2 linear ones, without biases, trained on

    C_λ = ½ ‖Z_L − Y‖_F² + λ/2 ‖θ‖².

For balanced classes, ‖Z_L − Y‖_F ≤ ε1, ‖W_{ℓ+1}ᵀ W_{ℓ+1} − W_ℓ W_ℓᵀ‖_op ≤ ε2 on linear layers, operator norms at most
r, and ε1 ≤ min(s_K(Y), √((K−1)N/(4K))), the theorem bounds NC1, and with κ(W_L) also NC2 and NC3 of Z_{L−1}. Here ε1,
ε2 and r are the least that hold; a bound whose denominator is not positive, or whose hypotheses fail, says nothing: it
is infinite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, inf, log, sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils import parameters_to_vector

from theory.metrics import class_means, jacot2024_nc1, jacot2024_nc2, jacot2024_nc3
from verify.empirical.networks.training import Loss, Tensor, Vector

LARGEST = 700.0
"""Logarithms above it are beyond floats."""
POWERS = 20
"""Steps of power iteration: on trained networks the norm then has three digits."""


class WeightDecay(Loss):
    """C_λ over all parameters of a network, λ being the model's decay of the features."""

    def objective(self, factors: dict[str, Tensor]) -> Tensor:
        """½ ‖Z_L − Y‖_F² + λ/2 ‖θ‖²."""
        Z = self._outputs(factors)
        sizes = torch.tensor(self.model.class_sizes, device=Z.device)
        Y = torch.eye(self.model.K, dtype=Z.dtype, device=Z.device).repeat_interleave(sizes, dim=1)
        squares = sum((p * p).sum() for p in self.network.parameters())
        return ((Z - Y) ** 2).sum() / 2 + float(self.model.feature_decay) / 2 * squares

    def _outputs(self, factors: dict[str, Tensor]) -> Tensor:
        Z = factors["H"]
        for m in range(1, self.model.M + 1):
            Z = factors[f"W_{m}"] @ Z
        return Z

    def kernel_norm(self, parameters: Vector, steps: int = POWERS) -> float:
        """‖Θ‖_op of the neural tangent kernel Θ = J Jᵀ, J the outputs' derivative (NK × all parameters), from below.

        By power iteration, whose Rayleigh quotients are never more than the norm.
        """
        outputs, point = self._outputs(self._at(parameters)), list(self.network.parameters())
        u = torch.zeros_like(outputs, requires_grad=True)
        pulled = torch.autograd.grad(outputs, point, u, create_graph=True)  # Jᵀu, whose derivative in u is J
        generator = torch.Generator().manual_seed(0)
        v = [torch.randn(p.shape, dtype=p.dtype, generator=generator, device="cpu").to(p.device) for p in point]
        norm = 0.0
        for _ in range(steps):
            length = sum(float((part * part).sum()) for part in v) ** 0.5
            if length == 0:  # Θ = 0: all samples are zero, or all weights
                break
            (moved,) = torch.autograd.grad(pulled, u, [part / length for part in v], retain_graph=True)
            norm = float((moved * moved).sum())
            v = list(torch.autograd.grad(outputs, point, moved, retain_graph=True))
        return norm

    def linear_part(self, parameters: Vector) -> tuple[Vector, list[Vector]]:
        """Z_{L1} and W_{L1+1} … W_L: the extractor's last layer is linear, and the first of these."""
        factors, below = self.factors(parameters), self.network.extractor[:-1]
        first = parameters_to_vector(self.network.extractor[-1].parameters()).detach().cpu().numpy()
        with torch.no_grad():
            Z = below(self.images.T).T.cpu().numpy()
        return Z, [first.reshape(self.model.widths[0], -1), *(factors[f"W_{m}"] for m in range(1, self.model.M + 1))]


@dataclass(frozen=True)
class Interpolation:
    """What the theorem speaks of, at one point: K classes, N samples, the hypotheses' numbers, and metrics of Z_{L−1}.

    ``width`` is n_{L−1}, ``layers`` L2, ``last`` ‖W_L‖_op, ``kappa`` κ(W_L), ``c3`` κ(W_{L:L1+1}), ``least``
    s_K(W_{L:L1+1}).
    """

    K: int
    N: int
    width: int
    layers: int
    epsilon1: float
    epsilon2: float
    r: float
    last: float
    kappa: float
    c3: float
    least: float
    nc1: float
    nc2: float
    nc3: float

    @property
    def applies(self) -> bool:
        """Hypothesis 4, that ε1 is small; the others define ε1, ε2 and r."""
        return self.epsilon1 < min(self.s_K, sqrt((self.K - 1) * self.N / (4 * self.K)))

    @property
    def s_K(self) -> float:
        """s_K(Y) = √(N/K)."""
        return sqrt(self.N / self.K)

    @property
    def psi(self) -> float:
        """Ψ = r (ε1/(s_K(Y) − ε1) + √(n_{L−1} ε2)), which bounds ‖Z_{L−1} − W_L⁺ Y‖_F (equation 23)."""
        return self.r * (self.epsilon1 / (self.s_K - self.epsilon1) + sqrt(self.width * self.epsilon2))

    @property
    def nc1_bound(self) -> float:
        """Equation (18): (r²/N) Ψ²/(√((K−1)/K) − 2ε1/√N)²."""
        gap = sqrt((self.K - 1) / self.K) - 2 * self.epsilon1 / sqrt(self.N)
        return self.r**2 / self.N * self.psi**2 / gap**2 if self.applies and gap > 0 else inf

    @property
    def nc1_bound_sharp(self) -> float:
        """The same with each step at its best: ‖W_L‖_op for one r, orthogonal errors, n_{L−1} − K, and ε1 once."""
        errors = (self.epsilon1 / (self.s_K - self.epsilon1)) ** 2 + (self.width - self.K) * self.epsilon2
        gap = sqrt((self.K - 1) / self.K) - self.epsilon1 / sqrt(self.N)
        return self.last**2 / self.N * self.r**2 * errors / gap**2 if self.applies and gap > 0 else inf

    @property
    def kappa_bound(self) -> float:
        """Equation (19): c_3^{1/L2} (1 + ε)^{1/L2} + c_3^{1/L2 − 1} ε, ε = δ/(s_K² − δ) with Lemma C.2's δ."""
        p, square = 1 / self.layers, self.least**2
        delta = self.layers * (self.layers - 1) / 2 * self.r ** (2 * (self.layers - 1)) * self.epsilon2
        if delta >= square:
            return inf
        epsilon = delta / (square - delta)
        return self.c3**p * (1 + epsilon) ** p + self.c3 ** (p - 1) * epsilon

    @property
    def nc2_bound(self) -> float:
        """Equation (20): (κ(W_L) + √(K/N) rΨ)/(1 − √(K/N) rΨ)."""
        load = sqrt(self.K / self.N) * self.r * self.psi
        return (self.kappa + load) / (1 - load) if self.applies and load < 1 else inf

    @property
    def nc3_bound(self) -> float:
        """Equation (21), from below: ((√N − ε1)² + N/κ² − (rΨ + √N (κ − 1/κ))²)/(2Nκ(1 + ε1))."""
        N, kappa, root = self.N, self.kappa, sqrt(self.N)
        miss = self.r * self.psi + root * (kappa - 1 / kappa)
        value = ((root - self.epsilon1) ** 2 + N / kappa**2 - miss**2) / (2 * N * kappa * (1 + self.epsilon1))
        return value if self.applies else -inf

    def numbers(self) -> dict[str, Any]:
        """Plain data; what is infinite or undefined is None."""
        bounds = ("psi", "nc1_bound", "nc1_bound_sharp", "kappa_bound", "nc2_bound", "nc3_bound")
        numbers = {**vars(self), **{name: getattr(self, name) for name in bounds}}
        finite = {name: value if np.isfinite(value) else None for name, value in numbers.items()}
        return {**finite, "applies": self.applies}


def interpolation(Z: Vector, weights: Sequence[Vector], labels: NDArray[np.int64]) -> Interpolation:
    """Measure features Z_{L1} (n × N), with labels of balanced classes, and linear layers W_{L1+1} … W_L, two or more.

    >>> found = interpolation(np.eye(2), [np.eye(2), np.eye(2)], np.array([0, 1]))
    >>> found.epsilon1, found.epsilon2, found.nc1_bound, found.kappa_bound, found.nc2_bound, found.nc3_bound
    (0.0, 0.0, 0.0, 1.0, 1.0, 1.0)

    Raises:
        ValueError: for classes of different sizes, or fewer than two layers.
    """
    counts = np.bincount(labels)
    if len(set(counts)) != 1 or len(weights) < 2:
        raise ValueError(f"the theorem is for balanced classes and two linear layers, got {counts}, {len(weights)}")
    K, N = len(counts), len(labels)
    hidden = [Z]
    for W in weights:
        hidden.append(W @ hidden[-1])
    *_, before, features, outputs = hidden
    whole = weights[0]
    for W in weights[1:]:
        whole = W @ whole
    gaps = [_norm(upper.T @ upper - lower @ lower.T) for lower, upper in pairwise(weights)]
    return Interpolation(
        *(K, N, len(features), len(weights)),
        epsilon1=float(np.linalg.norm(outputs - np.eye(K)[:, labels])),
        epsilon2=max(gaps),
        r=max(map(_norm, (before, features, *weights))),
        last=_norm(weights[-1]),
        kappa=jacot2024_nc2(weights[-1]),
        c3=jacot2024_nc2(whole),
        least=float(np.linalg.svd(whole, compute_uv=False)[K - 1]) if min(whole.shape) == K else 0.0,
        nc1=jacot2024_nc1(features, labels, K),
        nc2=jacot2024_nc2(class_means(features, labels, K)),
        nc3=jacot2024_nc3(features, labels, weights[-1]),
    )


def _norm(matrix: Vector) -> float:
    return float(np.linalg.norm(matrix, 2))


def norm_bound(found: Interpolation, depth: int, spectral: float, budget: float, epsilon1: float) -> float:
    """Equation (13): κ(W_{L:L1+1}) ≤ (K^{L1/2} ‖X‖_op/(s_K(Y) − ε1))^K e^{(budget − LK)/2}, which (14) is, too.

    Args:
        depth: L1, layers whose activation has |σ(x)| ≤ |x|.
        spectral: ‖X‖_op.
        budget: ‖θ‖², or for (14) 2C_λ/λ, with ε1² = 2C_λ.

    >>> round(norm_bound(interpolation(np.eye(2), [np.eye(2)] * 2, np.array([0, 1])), 1, 1.0, 6.0, 0.0), 12)
    2.0
    """
    if epsilon1 >= found.s_K:
        return inf
    exponent = (budget - (depth + found.layers) * found.K) / 2
    scale = found.K * log(found.K ** (depth / 2) * spectral / (found.s_K - epsilon1))
    return exp(scale + exponent) if scale + exponent < LARGEST else inf


def kernel_floor(found: Interpolation, weights: Sequence[Vector]) -> float:
    """Proposition 5.3: ‖Θ‖_op ≥ (s_K(Y) − ε1)²/(K² r²) Σ_ℓ κ(W_{L:ℓ})² over the linear layers; 0 where ε1 > s_K(Y).

    >>> kernel_floor(interpolation(np.eye(2), [np.eye(2)] * 2, np.array([0, 1])), [np.eye(2)] * 2)
    0.5
    """
    product, total = np.eye(found.K), 0.0
    for W in reversed(weights):
        product = product @ W
        total += jacot2024_nc2(product) ** 2
    return max(found.s_K - found.epsilon1, 0.0) ** 2 / (found.K * found.r) ** 2 * total
