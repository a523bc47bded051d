"""A small pyramidal network with weight decay under plain gradient descent, to the end of both phases.

Jacot et al. 2024 (arXiv 2410.04887), section 4: L1 layers with a smooth leaky ReLU, L2 linear ones, no biases, steps of
length η on C_λ = ½ ‖Z_L − Y‖_F² + λ/2 ‖θ‖². Imbalances of neighbouring linear layers decay as (1 − ηλ)^{2k}, down to
about η ‖GGᵀ‖/(2λ), which what two steps add to them leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from math import log

import numpy as np
from numpy.typing import NDArray

from verify.empirical import program
from verify.empirical.networks.interpolation import interpolation

Array = NDArray[np.float64]


class Pyramid:
    """The network: widths n_0 … n_L, the first ``nonlinear`` layers with σ(x) = γx + (1 − γ)(log(1 + e^x) − log 2).

    >>> net = Pyramid((2, 3, 2), 1, 0.3)
    >>> net.features([np.zeros((3, 2)), np.zeros((2, 3))], np.ones((2, 4)))[-1].shape
    (2, 4)
    """

    def __init__(self, widths: Sequence[int], nonlinear: int, gamma: float) -> None:
        self.widths, self.nonlinear, self.gamma = tuple(widths), nonlinear, gamma

    def start(self, draw: np.random.Generator) -> list[Array]:
        """Gaussian weights of variance 1/n_{ℓ−1} (LeCun)."""
        return [draw.normal(size=(b, a)) / a**0.5 for a, b in zip(self.widths, self.widths[1:], strict=False)]

    def features(self, weights: Sequence[Array], X: Array) -> list[Array]:
        """Z_0 = X, Z_1, …, Z_L."""
        return self._forward(weights, X)[0]

    def gradients(self, weights: Sequence[Array], X: Array, Y: Array) -> list[Array]:
        """Those of ½ ‖Z_L − Y‖_F² in W_1 … W_L."""
        Z, slopes = self._forward(weights, X)
        back = Z[-1] - Y
        found = [back @ Z[-2].T]
        for layer in reversed(range(len(weights) - 1)):
            back = weights[layer + 1].T @ back
            if layer < self.nonlinear:
                back *= slopes[layer]
            found.append(back @ Z[layer].T)
        return found[::-1]

    def descend(self, weights: Sequence[Array], X: Array, Y: Array, decay: float, rate: float, steps: int) -> None:
        """So many steps of gradient descent on C_λ, in place."""
        for _ in range(steps):
            for W, G in zip(weights, self.gradients(weights, X, Y), strict=True):
                W *= 1 - rate * decay
                W -= rate * G

    def _forward(self, weights: Sequence[Array], X: Array) -> tuple[list[Array], list[Array]]:
        """Z_0 … Z_L, and σ' where σ is."""
        Z, slopes = [X], []
        for layer, W in enumerate(weights):
            A = W @ Z[-1]
            if layer < self.nonlinear:
                grown = np.exp(A)
                slopes.append(self.gamma + (1 - self.gamma) * grown / (1 + grown))
                A = self.gamma * A + (1 - self.gamma) * (np.log1p(grown) - log(2))
            Z.append(A)
        return Z, slopes


@program("pyramid descent")
@lru_cache(maxsize=4)
def pyramid_descent(
    *,
    seed: int,
    widths: tuple[int, ...],
    nonlinear: int,
    gamma: Fraction,
    samples: int,
    runs: tuple[tuple[Fraction, Fraction], ...],
    time: int,
) -> Mapping[str, float]:
    """Descend from LeCun's start for Gaussian samples of balanced classes, and measure what Theorem B.1 speaks of.

    It keeps what it found last: wrong versions of a statement ask for the same runs.

    Args:
        widths: n_0 … n_L, of which n_L is the number of classes.
        nonlinear: L1.
        samples: of each class.
        runs: pairs of λ and η, all of them from the same start.
        time: ηλk, which gives the number k of steps.

    Returns:
        For each run, with ``_1``, ``_2``, …: ``epsilon1``, ``epsilon2``, ``kappa``, κ(W_L), ``c3``, κ(W_{L:L1+1}),
        ``nc1``, ``nc2`` and ``nc3`` of Z_{L−1}; ``nc1_ratio`` and ``nc2_ratio``, of these and the bounds (18) and (20),
        0 where they say nothing; and ``nc3_bound``, (21), or −1.
    """
    draw, K = np.random.default_rng(seed), widths[-1]
    X, labels = draw.normal(size=(widths[0], K * samples)), np.repeat(np.arange(K), samples)
    net = Pyramid(widths, nonlinear, float(gamma))
    start = net.start(draw)
    found: dict[str, float] = {}
    for index, (decay, rate) in enumerate(runs, start=1):
        weights = [W.copy() for W in start]
        net.descend(weights, X, np.eye(K)[:, labels], float(decay), float(rate), round(time / (decay * rate)))
        at = interpolation(net.features(weights, X)[nonlinear], weights[nonlinear:], labels)
        numbers = {name: getattr(at, name) for name in ("epsilon1", "epsilon2", "kappa", "c3", "nc1", "nc2", "nc3")}
        numbers |= {"nc1_ratio": at.nc1 / at.nc1_bound, "nc2_ratio": at.nc2 / at.nc2_bound(at.kappa)}
        numbers["nc3_bound"] = max(at.nc3_bound(at.kappa), -1)
        found |= {f"{name}_{index}": float(value) for name, value in numbers.items()}
    return found
