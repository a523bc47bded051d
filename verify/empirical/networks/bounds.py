"""Every bound of Jacot et al. 2024 (arXiv 2410.04887) that speaks of one network, beside what it bounds.

Equations and propositions are named as in the paper; where the printed form is false, the corrected one is meant, and
says so. ε1, ε2, r, b and ‖Θ‖ are the least that the network allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import exp, inf, isfinite, log, prod, sqrt
from typing import Any

import numpy as np

from theory.metrics import jacot2024_nc2
from verify.empirical.networks.interpolation import Interpolation, tails
from verify.empirical.networks.training import Vector

LARGEST = 700.0
"""Logarithms above it are beyond floats."""
ROUNDING = 1e-9
"""Relative: norms of matrices whose condition numbers are up to a million, in floats."""


@dataclass(frozen=True)
class Bound:
    """One inequality at one network: value ≤ right, or value ≥ right where it bounds from ``below``.

    Args:
        on: what is bounded.
        known: what holds anyway, so that a bound says something only beyond it.
        applies: whether the hypotheses hold.

    >>> Bound("NC1", 0.2, 0.5, known=1.0).says, Bound("NC1", 0.2, 1.5, known=1.0).says
    (True, False)
    """

    on: str
    value: float
    right: float
    known: float
    applies: bool = True
    below: bool = False

    @property
    def says(self) -> bool:
        """The hypotheses hold, and the right side is better than what is known without them."""
        return self.applies and (self.right > self.known if self.below else self.right < self.known)

    @property
    def respected(self) -> bool:
        """The inequality, up to rounding, where the hypotheses hold."""
        slack = ROUNDING * max(abs(self.value), abs(self.right)) if isfinite(self.right) else 0.0
        over = self.right - self.value if self.below else self.value - self.right
        return not self.applies or over <= slack or self.value == self.right

    def numbers(self) -> dict[str, Any]:
        """Plain data; what is infinite is None."""
        numbers = {"value": self.value, "right": self.right}
        finite = {name: float(x) if isfinite(x) else None for name, x in numbers.items()}
        says = {"applies": self.applies, "says": self.says, "respected": self.respected}
        return {"on": self.on, **finite, **{name: bool(said) for name, said in says.items()}}


@dataclass(frozen=True)
class Start:
    """θ_0: W_1, …, W_L, Z_1 and C_0(θ_0)."""

    weights: Sequence[Vector]
    first: Vector
    misfit: float

    @property
    def lowest(self) -> list[float]:
        """λ_F = σ_min(Z_1), λ_3, …, λ_L at the start."""
        return [smallest(self.first), *map(smallest, self.weights[2:])]

    @property
    def norm(self) -> float:
        """‖θ_0‖."""
        return sqrt(sum(_squares(W) for W in self.weights))

    def assumption(self, gamma: float) -> tuple[float, float]:
        """Both sides of Assumption 4.3: λ_F λ_{3→L} min(λ_F, min_{ℓ≥3} λ_ℓ) ≥ 8γ √((2/γ)^L C_0(θ_0))."""
        return prod(self.lowest) * min(self.lowest), 8 * gamma * sqrt((2 / gamma) ** len(self.weights) * self.misfit)


@dataclass(frozen=True)
class Below:
    """The layers with an activation, of a fully connected network, and what the bounds on descent need.

    Args:
        X: samples as columns.
        weights: W_1, …, W_{L1}.
        first: Z_1.
        gradients: of C_0 by W_1, …, W_L.
        curvature: ‖∇²C_0‖_op, from below.
        slopes: γ and β of Assumption 4.2, or None for an activation outside it.
        start: ``Start``.
        moved: ‖θ − θ_0‖.
    """

    X: Vector
    weights: Sequence[Vector]
    first: Vector
    gradients: Sequence[Vector]
    curvature: float
    slopes: tuple[float, float] | None
    start: Start
    moved: float


@dataclass(frozen=True)
class WideNetwork:
    """A network at a checkpoint.

    Args:
        found: hypotheses and metrics.
        features: Z_{L1}, …, Z_L.
        linear: W_{L1+1}, …, W_L.
        scatter: tr Σ_W and tr Σ_B of Z_{L−1}.
        kernel: ‖Θ‖_op, from below.
        value: C_λ.
        decay: λ.
        labels: of the samples.
        below: the layers before, where they are matrices one behind the other.
    """

    found: Interpolation
    features: Sequence[Vector]
    linear: Sequence[Vector]
    scatter: tuple[float, float]
    kernel: float
    value: float
    decay: float
    below: Below | None

    @cached_property
    def values(self) -> Vector:
        """Singular values of W_{L:L1+1}, K of them."""
        return np.asarray(np.linalg.svd(tails(self.linear)[0], compute_uv=False), dtype=np.float64)

    def bounds(self) -> dict[str, Bound]:
        """All of them, by name."""
        parts = [interpolated(self), kernels(self)]
        if self.below is not None:
            parts[1:1] = [descended(self, self.below), minimised(self, self.below)]
        return {name: bound for part in parts for name, bound in part}


def interpolated(at: WideNetwork) -> Iterator[tuple[str, Bound]]:
    """Theorem B.1 and the steps of its proof; Lemma C.2."""
    found, K, N = at.found, at.found.K, at.found.N
    Z, W, V = at.features[-2], at.linear[-1], at.linear[-2]
    inverse, holds, within, between = np.linalg.pinv(W), found.applies, *at.scatter
    Y, rows = np.repeat(np.eye(K), N // K, axis=1), V - inverse @ (W @ V)
    gap = max(sqrt((K - 1) / K) - 2 * found.epsilon1 / sqrt(N), 0.0)
    yield "(22)", Bound("s_K(W_L)", smallest(W), _ratio(found.s_K - found.epsilon1, _norm(Z)), 0.0, holds, True)
    balance = found.width * found.epsilon2
    yield "off the row space", Bound("‖(I − W_L⁺W_L) W_{L−1}‖_F²", _squares(rows), balance, _squares(V))
    miss = sqrt(_squares(Z - inverse @ Y))
    yield "(23)", Bound("‖Z_{L−1} − W_L⁺Y‖_F", miss, found.psi, sqrt(_squares(Z)), holds)
    yield "within classes", Bound("tr Σ_W(Z_{L−1})", within, found.psi**2 / N, _squares(Z) / N, holds)
    yield "between classes", Bound("tr Σ_B(Z_{L−1})", between, _ratio(gap, found.r) ** 2, 0.0, holds, True)
    yield "(18)", Bound("NC1(Z_{L−1})", found.nc1, found.nc1_bound, 1.0, holds)
    yield "(18), sharper", Bound("NC1(Z_{L−1})", found.nc1, found.nc1_bound_sharp, 1.0, holds)
    last, whole = (np.linalg.svd(matrix, compute_uv=False)[0] for matrix in (W, tails(at.linear)[0]))
    power = np.linalg.matrix_power(W @ W.T, found.layers) - tails(at.linear)[0] @ tails(at.linear)[0].T
    known = max(last ** (2 * found.layers), whole**2)
    yield "Lemma C.2", Bound("‖(W_L W_Lᵀ)^{L2} − W_{L:L1+1} W_{L:L1+1}ᵀ‖", _norm(power), found.delta, known)
    yield "(19)", Bound("κ(W_L)", found.kappa, found.kappa_bound(found.c3), inf)
    yield "(20)", Bound("κ(Z̄_{L−1})", found.nc2, found.nc2_bound(found.kappa), inf, holds)
    yield "(21)", Bound("NC3", found.nc3, found.nc3_bound(found.kappa), -1.0, holds, True)


def descended(at: WideNetwork, below: Below) -> Iterator[tuple[str, Bound]]:
    """Section 4: Lemma C.1, (10) with α squared, (11) on the ball around the start, and the imbalance of gradients."""
    weights, N, L = [*below.weights, *at.linear], at.found.N, len(below.weights) + len(at.linear)
    gamma, beta = below.slopes or (1.0, 1.0)
    assumed = below.slopes is not None
    pyramid = assumed and len(weights[0]) >= N and all(len(a) >= len(b) for a, b in pairwise(weights[1:]))
    b, spectral = max(1.0, sqrt((below.X**2).sum(axis=0).max())), _norm(below.X)
    smooth = 5 * N * beta * b**3 * prod(max(1.0, _norm(W)) for W in weights) ** 3 * L**2.5
    yield "Lemma C.1", Bound("‖∇²C_0‖", below.curvature, smooth, inf, assumed)
    squares, misfit = sum(map(_squares, below.gradients)), (at.found.epsilon1**2) / 2
    steep = gamma ** (L - 2) * smallest(below.first) * prod(map(smallest, weights[2:]))
    yield "(10), α squared", Bound("‖∇C_0‖²", squares, 2 * steep**2 * misfit, 0.0, pyramid, True)
    full = sum(_squares(G + at.decay * W) for G, W in zip(below.gradients, weights, strict=True))
    radius, right = shifted(at, below.start, gamma, spectral)
    yield "(11), α squared", Bound("‖∇C_λ‖²", full, right, 0.0, pyramid and below.moved <= radius, True)
    pairs = list(pairwise(below.gradients[len(below.weights) :]))
    apart = max(_norm(upper.T @ upper - lower @ lower.T) for lower, upper in pairs)
    known = max(_norm(G) ** 2 for pair in pairs for G in pair)
    right = at.decay * _power(2 * at.value / at.decay, L) * spectral**2
    yield "imbalance of gradients", Bound("‖G_{ℓ+1}ᵀG_{ℓ+1} − G_ℓG_ℓᵀ‖", apart, right, known)


def shifted(at: WideNetwork, start: Start, gamma: float, spectral: float) -> tuple[float, float]:
    """r_0 and the right side of (11): (α/4)(C_λ − λm_λ), m_λ = (1 + √(4λ/α))² (‖θ_0‖ + r_0)².

    On the ball of r_0 = ½ min(λ_F/‖X‖, min_{ℓ≥3} λ_ℓ) all of λ_F, λ_3, … are at least halved, so that (10) holds with
    α = 4^{−(L−2)} (γ^{L−2} λ_F λ_{3→L})².
    """
    lambda_F, *others = start.lowest
    radius, L = min(_ratio(lambda_F, spectral), *others) / 2, len(start.weights)
    alpha = 4.0 ** (2 - L) * (gamma ** (L - 2) * prod(start.lowest)) ** 2
    if alpha == 0:
        return radius, -inf
    m = (1 + sqrt(4 * at.decay / alpha)) ** 2 * (start.norm + radius) ** 2
    return radius, alpha / 4 * (at.value - at.decay * m)


def minimised(at: WideNetwork, below: Below) -> Iterator[tuple[str, Bound]]:
    """Section 5.1: norms of the weights, (13), (14) and (15), and what (20) and (21) make of (15)."""
    found, L1, L2, s = at.found, len(below.weights), at.found.layers, at.values
    spectral, linear = _norm(below.X), sum(map(_squares, at.linear))
    rest = sum(map(_squares, below.weights))
    output = L1 * _ratio(sqrt(_squares(at.features[0])), spectral) ** (2 / L1)
    yield "norm of layers 1 … L1", Bound("‖W_1‖_F² + … + ‖W_{L1}‖_F²", rest, output, 0.0, below=True)
    on = "‖W_{L1+1}‖_F² + … + ‖W_L‖_F²"
    yield "norm of linear layers", Bound(on, linear, L2 * float((s ** (2 / L2)).sum()), 0.0, below=True)
    volume = L2 * found.K + 2 * float(np.log(s).sum()) if s[-1] > 0 else -inf
    yield "their volume", Bound(on, linear, volume, 0.0, below=True)
    first = conditioning(found, L1, spectral, linear + rest, found.epsilon1)
    second = conditioning(found, L1, spectral, 2 * at.value / at.decay, sqrt(2 * at.value))
    yield "(13), Proposition 5.1", Bound("κ(W_{L:L1+1})", found.c3, first, inf)
    yield "(14), Theorem 5.2", Bound("κ(W_{L:L1+1})", found.c3, second, inf)
    last = found.kappa_bound(second) if isfinite(second) else inf
    yield "(15), through (14) and (19)", Bound("κ(W_L)", found.kappa, last, inf)
    yield "(20), through (15)", Bound("κ(Z̄_{L−1})", found.nc2, found.nc2_bound(last), inf, found.applies)
    yield "(21), through (15)", Bound("NC3", found.nc3, found.nc3_bound(last), -1.0, found.applies, True)


def conditioning(found: Interpolation, depth: int, spectral: float, budget: float, epsilon1: float) -> float:
    """Equation (13): κ(W_{L:L1+1}) ≤ (K^{L1/2} ‖X‖_op/(s_K(Y) − ε1))^K e^{(budget − LK)/2}, which (14) is, too.

    Args:
        depth: L1, layers whose activation has |σ(x)| ≤ |x|.
        spectral: ‖X‖_op.
        budget: ‖θ‖², or for (14) 2C_λ/λ, with ε1² = 2C_λ.

    >>> from verify.empirical.networks.interpolation import interpolation
    >>> round(conditioning(interpolation(np.eye(2), [np.eye(2)] * 2, np.array([0, 1])), 1, 1.0, 6.0, 0.0), 12)
    2.0
    """
    if epsilon1 >= found.s_K:
        return inf
    exponent = (budget - (depth + found.layers) * found.K) / 2
    scale = found.K * log(found.K ** (depth / 2) * spectral / (found.s_K - epsilon1))
    return exp(scale + exponent) if scale + exponent < LARGEST else inf


def kernels(at: WideNetwork) -> Iterator[tuple[str, Bound]]:
    """Proposition 5.3: ‖Θ‖ by its core, by the floor for every network, and κ(W_{L:ℓ}) for each M."""
    found = at.found
    room, conditions = max(found.s_K - found.epsilon1, 0.0), [jacot2024_nc2(W) for W in tails(at.linear)]
    unit = _ratio(room, found.K * found.r) ** 2
    holds = room > 0
    core = unit * sum(kappa**2 for kappa in conditions) if holds else 0.0
    yield "Proposition 5.3, its core", Bound("‖Θ‖", at.kernel, core, 0.0, holds, True)
    yield "Proposition 5.3, every network", Bound("‖Θ‖", at.kernel, unit * found.layers, 0.0, holds, True)
    for M in range(1, found.layers + 1):
        right = sqrt(at.kernel / M / unit) if unit > 0 else inf
        on = "κ(W_{L:L1+1})" if M == 1 else f"the least κ(W_{{L:ℓ}}), ℓ ≤ L1 + {M}"
        yield f"Proposition 5.3, M = {M}", Bound(on, min(conditions[:M]), right, inf, holds)


def smallest(matrix: Vector) -> float:
    """The least singular value, of as many as the smaller side has.

    >>> round(smallest(np.diag([3.0, 2.0])), 12)
    2.0
    """
    return float(np.linalg.svd(matrix, compute_uv=False)[-1])


def _norm(matrix: Vector) -> float:
    return float(np.linalg.norm(matrix, 2))


def _squares(matrix: Vector) -> float:
    return float((matrix * matrix).sum())


def _ratio(a: float, b: float) -> float:
    """a/b, infinite over 0, but 0/0 = 0: no matrix is too large for a norm that is 0."""
    return a / b if b else (inf if a else 0.0)


def _power(base: float, exponent: int) -> float:
    return base**exponent if base <= 0 or exponent * log(base) < LARGEST else inf
