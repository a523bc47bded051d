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
    """Deep neural collapse at a gain γ, with decays λ_l = share_l λ for the features (l = 0) and all layers.

    Hidden spaces of d dimensions; the frames U_l are the first K coordinates, or turned by reflections.
    """

    K: int
    n: int
    L: int
    d: int
    gamma: Fraction
    shares: tuple[Fraction, ...] = ()
    turn: bool = False

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
        return self.decay * (self.shares[layer] if self.shares else 1)

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
    "K ≥ 2, n ≥ 1, d ≥ K": lambda at, **_: at.K >= 2 and at.n >= 1 and at.d >= at.K,
    "L ≥ 1, a layer of 1 … L": lambda at, layer=1, **_: 1 <= layer <= at.L,
    "(2): (L−1)/L < γ < 1": lambda at, **_: Fraction(at.L - 1, at.L) < at.gamma < 1,
}

CLASSES, SAMPLES, DEPTHS = (2, 2, 3, 3, 4, 4, 5, 6, 8, 12), (1, 1, 2, 2, 3, 5), (1, 1, 2, 2, 3, 3, 4, 5, 8)
"""What is drawn: small sizes more often, since the Hessian of 12 classes and 8 layers takes a quarter of a minute."""

LAYERS = st.integers(1, 8)


@st.composite
def points(draw: st.DrawFn, largest: int = 12, equal: bool = False, turn: bool = True) -> Collapse:
    """Points of up to so many classes, ``equal`` decays or powers of 2; turned only where a dense matrix is small."""
    classes = [K for K in CLASSES if largest >= K]
    K, n, L = (draw(st.sampled_from(sizes)) for sizes in (classes, SAMPLES, DEPTHS))
    d, gamma = K + draw(st.integers(0, 2)), draw(st.sampled_from(GAINS))
    shares = st.just(()) if equal else st.sampled_from(((), tuple(Fraction(2) ** (i % 3 - 1) for i in range(L + 1))))
    return Collapse(K, n, L, d, gamma, draw(shares), turn and d * L <= 16 and draw(st.booleans()))


UNEQUAL = (Fraction(1, 2), Fraction(1), Fraction(2), Fraction(1, 3))
POINT = Collapse(3, 2, 3, 4, GAINS[0], UNEQUAL, turn=True)
WITNESS: dict[str, Any] = {"at": POINT, "layer": 2}
EDGES = (
    {"at": Collapse(2, 1, 1, 2, GAINS[1], (Fraction(1), Fraction(3))), "layer": 1},
    {"at": POINT, "layer": 3},
    {"at": Collapse(3, 2, 3, 3, GAINS[0], UNEQUAL), "layer": 1},
)


def listed(predicted: Eigenvalues, unit: Any = 1) -> list[tuple[Any, int]]:
    """Pairs of a value and its multiplicity, equal values once."""
    times: dict[Any, int] = {}
    for eigenvalue in predicted:
        times[eigenvalue.value] = times.get(eigenvalue.value, 0) + eigenvalue.multiplicity
    return [(value * unit, count) for value, count in times.items()]
