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
from itertools import accumulate, pairwise
from math import inf, isfinite, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.metrics import class_means, jacot2024_nc1, jacot2024_nc2, jacot2024_nc3
from verify.empirical.networks.training import Vector


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
    def delta(self) -> float:
        """Lemma C.2: δ = (L2(L2−1)/2) ε2 r^{2(L2−1)}, which bounds ‖(W_L W_Lᵀ)^{L2} − W_{L:L1+1} W_{L:L1+1}ᵀ‖_op."""
        return self.layers * (self.layers - 1) / 2 * self.r ** (2 * (self.layers - 1)) * self.epsilon2

    def kappa_bound(self, c3: float) -> float:
        """Equation (19): c_3^{1/L2} (1 + ε)^{1/L2} + c_3^{1/L2 − 1} ε ≥ κ(W_L) for ε = δ/(s_K² − δ), c_3 ≥ ``c3``."""
        p, square = 1 / self.layers, self.least**2
        if self.delta >= square:
            return inf
        epsilon = self.delta / (square - self.delta)
        return float(c3**p * (1 + epsilon) ** p + c3 ** (p - 1) * epsilon)

    def nc2_bound(self, kappa: float) -> float:
        """Equation (20): (κ + √(K/N) rΨ)/(1 − √(K/N) rΨ), for any κ ≥ κ(W_L)."""
        load = sqrt(self.K / self.N) * self.r * self.psi
        return (kappa + load) / (1 - load) if self.applies and load < 1 else inf

    def nc3_bound(self, kappa: float) -> float:
        """Equation (21), from below: ((√N − ε1)² + N/κ² − (rΨ + √N (κ − 1/κ))²)/(2Nκ(1 + ε1)), for κ ≥ κ(W_L).

        A negative one with κ > κ(W_L) says nothing: the proof divides by a norm that it bounds by κ.
        """
        if not (self.applies and isfinite(kappa)):
            return -inf
        N, root = self.N, sqrt(self.N)
        miss = self.r * self.psi + root * (kappa - 1 / kappa)
        value = ((root - self.epsilon1) ** 2 + N / kappa**2 - miss**2) / (2 * N * kappa * (1 + self.epsilon1))
        return value if value >= 0 or kappa == self.kappa else -inf

    def numbers(self) -> dict[str, Any]:
        """Plain data; what is infinite or undefined is None."""
        conditioned = {"kappa_bound": self.kappa_bound(self.c3), "nc2_bound": self.nc2_bound(self.kappa)}
        bounds = {"nc1_bound": self.nc1_bound, "nc1_bound_sharp": self.nc1_bound_sharp, **conditioned}
        numbers = {**vars(self), "psi": self.psi, **bounds, "nc3_bound": self.nc3_bound(self.kappa)}
        finite = {name: value if np.isfinite(value) else None for name, value in numbers.items()}
        return {**finite, "applies": self.applies}


def interpolation(Z: Vector, weights: Sequence[Vector], labels: NDArray[np.int64]) -> Interpolation:
    """Measure features Z_{L1} (n × N), with labels of balanced classes, and linear layers W_{L1+1} … W_L, two or more.

    >>> found = interpolation(np.eye(2), [np.eye(2), np.eye(2)], np.array([0, 1]))
    >>> found.epsilon1, found.epsilon2, found.nc1_bound, found.kappa_bound(1), found.nc2_bound(1), found.nc3_bound(1)
    (0.0, 0.0, 0.0, 1.0, 1.0, 1.0)

    Raises:
        ValueError: for classes of different sizes, or fewer than two layers.
    """
    counts = np.bincount(labels)
    if len(set(counts)) != 1 or len(weights) < 2:
        raise ValueError(f"the theorem is for balanced classes and two linear layers, got {counts}, {len(weights)}")
    K, N = len(counts), len(labels)
    *_, before, features, outputs = forward(Z, weights)
    whole = tails(weights)[0]
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


def forward(Z: Vector, weights: Sequence[Vector]) -> list[Vector]:
    """Z_{L1}, Z_{L1+1} = W_{L1+1} Z_{L1}, …, Z_L.

    >>> [float(Z[0, 0]) for Z in forward(np.eye(2), [2 * np.eye(2), 3 * np.eye(2)])]
    [1.0, 2.0, 6.0]
    """
    return list(accumulate(weights, lambda below, W: W @ below, initial=Z))


def tails(weights: Sequence[Vector]) -> list[Vector]:
    """W_{L:ℓ} = W_L ⋯ W_ℓ of linear layers, for ℓ = L1 + 1, …, L.

    >>> [float(W[0, 0]) for W in tails([2 * np.eye(2), 3 * np.eye(2)])]
    [6.0, 3.0]
    """
    return list(accumulate(reversed(weights), lambda above, W: above @ W))[::-1]


def _norm(matrix: Vector) -> float:
    return float(np.linalg.norm(matrix, 2))
