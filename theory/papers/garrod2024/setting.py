"""What the statements share: sources, the point of deep neural collapse with its derivatives, and drawn points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from math import prod
from operator import matmul, mul
from typing import Any

from hypothesis import strategies as st

from theory.closed_form.curvature import Eigenvalues
from theory.curvature import Curvature, squared
from theory.ops import Expression, class_means, constant, diagonal, repeat_columns, sqrt
from theory.papers.garrod2025.structure import turned
from theory.statement import Source


def source(locator: str, provenance: str = "Q") -> Source:
    """A place in the paper."""
    return Source(
        "Garrod & Keating 2024, Unifying Low Dimensional Observations in Deep Learning",
        "arXiv 2404.06106 v1",
        locator,
        provenance,
    )


@dataclass(frozen=True)
class Collapse:
    """Deep neural collapse at a gain γ: K classes of n samples, L layers, hidden spaces of K + ``spare`` dimensions.

    Decays are λ for the features (l = 0) and all layers, or ``unequal`` multiples of it; the frames U_l are the first K
    coordinates, or turned by reflections.
    """

    K: int
    n: int
    L: int
    spare: int
    gamma: Fraction
    unequal: bool = False
    turn: bool = False

    @property
    def d(self) -> int:
        """Width of all hidden layers."""
        return self.K + self.spare

    @property
    def shares(self) -> tuple[Fraction, ...]:
        """λ_l/λ for l = 0 … L."""
        return tuple(Fraction(2) ** (layer % 3 - 1) if self.unequal else Fraction(1) for layer in range(self.L + 1))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Samples of each class."""
        return (self.n,) * self.K

    @cached_property
    def decay(self) -> Expression:
        """λ, from γ^{L−1} (1 − γ)^{L+1} = K^{L+1} n λ^{L+1} ∏ shares."""
        load = self.gamma ** (self.L - 1) * (1 - self.gamma) ** (self.L + 1) / (self.n * prod(self.shares))
        return constant(load) ** Fraction(1, self.L + 1) / self.K

    def decay_of(self, layer: int) -> Expression:
        """λ_l; λ_0 = λ_H."""
        return self.decay * self.shares[layer]

    def singular_value(self, layer: int) -> Expression:
        """σ_l = √(τ/λ_l) with τ = γ (1 − γ)/K."""
        return sqrt(self.gamma * (1 - self.gamma) / self.K / self.decay_of(layer))

    @cached_property
    def factors(self) -> tuple[Expression, ...]:
        """H, W_1, …, W_L: σ_l U_l U_{l−1}ᵀ, the features ‖μ‖ U_0 ⊗ 1ᵀ with ‖μ‖² = τ/(n λ_H)."""
        K, d = self.K, self.d
        point = {"H": repeat_columns(diagonal([self.length(1)] * K, d, K), self.sizes)}
        for layer in range(1, self.L + 1):
            rows = K if layer == self.L else d
            point[f"W_{layer}"] = diagonal([self.singular_value(layer)] * K, rows, d)
        point = turned(point, K, self.L, d) if self.turn else point
        return (point["H"], *(point[f"W_{layer}"] for layer in range(1, self.L + 1)))

    @cached_property
    def curvature(self) -> Curvature:
        """Derivatives of the data term."""
        return squared(self.factors, self.sizes)

    def means(self, layer: int) -> Expression:
        """μ_c^{(l)} as columns (d × K): what enters layer l, and the outputs for l = L + 1."""
        chain = [*reversed(self.factors[1:layer]), class_means(self.factors[0], self.sizes)]
        return reduce(matmul, chain)

    def length(self, layer: int) -> Expression:
        """‖μ_c^{(l)}‖, for each class: ‖μ^{(1)}‖ = σ_0/√n times σ_j for the layers before l."""
        norm = self.singular_value(0) / sqrt(self.n)
        return reduce(mul, [self.singular_value(j) for j in range(1, layer)], norm)

    def size(self, layer: int) -> int:
        """Entries of W_l."""
        return (self.K if layer == self.L else self.d) * self.d


GAINS = [Fraction(x) for x in ("9/10", "15/16", "24/25", "80/81")]
"""Few primes, so that exact arithmetic with their roots is quick; all above 7/8, which is (L−1)/L for L = 8."""

HYPOTHESES: dict[str, Callable[..., bool]] = {
    "K ≥ 2, n ≥ 1, d ≥ K": lambda K, n, spare, **_: K >= 2 and n >= 1 and spare >= 0,
    "L ≥ 1, a layer of 1 … L": lambda L, layer=1, **_: 1 <= layer <= L,
    "(2): (L−1)/L < γ < 1": lambda L, gamma, **_: Fraction(L - 1, L) < gamma < 1,
    "turned frames, and so dense matrices, only if small": lambda K, L, spare, turn, **_: (
        not turn or (K + spare) * L <= 16
    ),
}


def points(largest: int = 12) -> dict[str, Any]:
    """Strategies for points of up to so many classes and for a layer.

    Small sizes come more often: the Hessian of 12 classes and 8 layers takes a quarter of a minute.
    """
    return {
        "K": st.sampled_from([K for K in (2, 2, 3, 3, 4, 4, 5, 6, 8, 12) if largest >= K]),
        "n": st.sampled_from((1, 1, 2, 2, 3, 5)),
        "L": st.sampled_from((1, 1, 2, 2, 3, 3, 4, 5, 8)),
        "spare": st.integers(0, 2),
        "gamma": st.sampled_from(GAINS),
        "unequal": st.booleans(),
        "turn": st.booleans(),
    }


def at_layer(largest: int = 12) -> dict[str, Any]:
    """The same with a layer."""
    return points(largest) | {"layer": st.integers(1, 8)}


POINT: dict[str, Any] = {"K": 3, "n": 2, "L": 3, "spare": 1, "gamma": GAINS[0], "unequal": True, "turn": True}
WITNESS: dict[str, Any] = POINT | {"layer": 2}
EDGES = (
    {"K": 2, "n": 1, "L": 1, "spare": 0, "gamma": GAINS[1], "unequal": True, "turn": False, "layer": 1},
    POINT | {"layer": 3},
    POINT | {"spare": 0, "turn": False, "layer": 1},
)


def listed(predicted: Eigenvalues, unit: Any = 1) -> list[tuple[Any, int]]:
    """Pairs of a value and its multiplicity, equal values once."""
    times: dict[Any, int] = {}
    for eigenvalue in predicted:
        times[eigenvalue.value] = times.get(eigenvalue.value, 0) + eigenvalue.multiplicity
    return [(value * unit, count) for value, count in times.items()]
