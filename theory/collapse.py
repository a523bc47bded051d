"""Deep neural collapse as factors: balanced classes, squared error or cross-entropy, turned frames or coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from math import prod
from operator import mul

from theory.closed_form.deep_softmax import critical_decay
from theory.curvature import Curvature, cross_entropy, entering, squared
from theory.frames import simplex_etf
from theory.ops import (
    Expression,
    constant,
    diagonal,
    helmert,
    identity,
    log,
    matrix,
    ones,
    repeat_columns,
    sqrt,
)

RATIOS = tuple(Fraction(x) for x in ("1", "1/2", "2", "3", "2/3", "1/3", "3/2", "4", "3/4", "5", "1/5"))
"""Ratios of decays, of the primes that drawn gains have; a prime number of them, so that patterns are cycles."""


def ratios(unequal: int, L: int) -> tuple[Fraction, ...]:
    """λ_l/λ for l = 0 … L in a pattern, 0 for equal decays: those of neighbours differ in all others.

    >>> [str(ratio) for ratio in ratios(2, 4)]
    ['2', '2/3', '3/2', '3/4', '1/5']
    """
    return tuple(RATIOS[unequal * (layer + 1) % len(RATIOS)] for layer in range(L + 1))


@dataclass(frozen=True)
class Collapse:
    """Deep neural collapse at a gain γ: K classes of n samples, L layers, hidden spaces of K + ``spare`` dimensions.

    Decays are λ for the features (l = 0) and all layers, or multiples of it: ``unequal`` is the number of a pattern of
    ``RATIOS``, 0 for equal ones. The frames U_l are the first K coordinates, or turned by reflections, or spread: in
    each hidden space one class lies along its own coordinate and a spare one, so that frames stay at least 0.

    >>> Collapse(3, 2, 4, spare=2, gamma=Fraction(9, 10), unequal=2).factors[1].shape
    (5, 5)
    """

    K: int
    n: int
    L: int
    spare: int
    gamma: Fraction
    unequal: int = 0
    turn: bool = False
    spread: bool = False

    @property
    def d(self) -> int:
        """Width of all hidden layers."""
        return self.K + self.spare

    def coordinates(self, layer: int, c: int) -> tuple[int, ...]:
        """Those along which μ_c^{(l)} lies, l = 1 … L, where frames are not turned."""
        return (c, self.K) if self.spread and c == (layer - 1) % self.K else (c,)

    @property
    def ratios(self) -> tuple[Fraction, ...]:
        """λ_l/λ for l = 0 … L."""
        return ratios(self.unequal, self.L)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Samples of each class."""
        return (self.n,) * self.K

    @cached_property
    def decay(self) -> Expression:
        """λ, from γ^{L−1} (1 − γ)^{L+1} = K^{L+1} n λ^{L+1} ∏ ratios."""
        load = self.gamma ** (self.L - 1) * (1 - self.gamma) ** (self.L + 1) / (self.n * prod(self.ratios))
        return constant(load) ** Fraction(1, self.L + 1) / self.K

    def decay_of(self, layer: int) -> Expression:
        """λ_l; λ_0 = λ_H."""
        return self.decay * self.ratios[layer]

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
        point = along(point, [rotation(d, i % K, K) for i in range(self.L)]) if self.spread else point
        return (point["H"], *(point[f"W_{layer}"] for layer in range(1, self.L + 1)))

    @cached_property
    def curvature(self) -> Curvature:
        """Derivatives of the data term."""
        return squared(self.factors, self.sizes)

    def means(self, layer: int) -> Expression:
        """μ_c^{(l)} as columns (d × K): what enters layer l, and the outputs for l = L + 1."""
        return entering(self.factors, self.sizes, layer)

    def length(self, layer: int) -> Expression:
        """‖μ_c^{(l)}‖, for each class: ‖μ^{(1)}‖ = σ_0/√n times σ_j for the layers before l."""
        norm = self.singular_value(0) / sqrt(self.n)
        return reduce(mul, [self.singular_value(j) for j in range(1, layer)], norm)

    def size(self, layer: int) -> int:
        """Entries of W_l."""
        return (self.K if layer == self.L else self.d) * self.d


@dataclass(frozen=True)
class SoftmaxCollapse:
    """Collapse with cross-entropy at the scale α = log r, where it is critical: outputs α S ⊗ 1ᵀ.

    Sizes, decays and frames as in ``Collapse``; hidden spaces may have K − 1 dimensions, ``spare`` = −1.

    >>> SoftmaxCollapse(3, 2, 4, spare=0, r=Fraction(19)).softness
    Fraction(6, 7)
    """

    K: int
    n: int
    L: int
    spare: int
    r: Fraction
    unequal: int = 0
    turn: bool = False

    @property
    def softness(self) -> Fraction:
        """κ = (1 − e^{−α})/(1 + (K − 1) e^{−α})."""
        return (self.r - 1) / (self.r + self.K - 1)

    @property
    def ratios(self) -> tuple[Fraction, ...]:
        """λ_l/λ for l = 0 … L."""
        return ratios(self.unequal, self.L)

    @cached_property
    def decay(self) -> Expression:
        """λ at which α is critical: (λ^{L+1} ∏ ratios)^{1/(L+1)} is what λ is for equal decays."""
        return critical_decay(self.K, self.L, self.n, log(self.r)) / self._mean_ratio

    @property
    def _mean_ratio(self) -> Expression:
        return constant(prod(self.ratios)) ** Fraction(1, self.L + 1)

    def decay_of(self, layer: int) -> Expression:
        """λ_l; λ_0 = λ_H."""
        return self.decay * self.ratios[layer]

    @property
    def softmax(self) -> Expression:
        """The softmax of the outputs (K × K): I's and J's multiples."""
        return ((self.r - 1) * identity(self.K) + ones(self.K, self.K)) / (self.r + self.K - 1)

    @cached_property
    def factors(self) -> tuple[Expression, ...]:
        """H, W_1, …, W_L: those for equal decays, each times √(mean ratio/its own)."""
        d = self.K + self.spare
        point = (collapse_factors if d >= self.K else narrow_factors)(self.K, self.L, self.n, log(self.r), d)
        point = turned(point, self.K, self.L, d) if self.turn else point
        names = ("H", *(f"W_{layer}" for layer in range(1, self.L + 1)))
        return tuple(
            sqrt(self._mean_ratio / ratio) * point[name] for name, ratio in zip(names, self.ratios, strict=True)
        )

    def means(self, layer: int) -> Expression:
        """μ_c^{(l)} as columns: what enters layer l, and the outputs for l = L + 1."""
        return entering(self.factors, (self.n,) * self.K, layer)

    @cached_property
    def curvature(self) -> Curvature:
        """Derivatives of the data term."""
        return cross_entropy(self.factors, (self.n,) * self.K, self.softmax)


def collapse_factors(K: int, L: int, n: int, alpha: Expression, d: int) -> dict[str, Expression]:
    """Definition 2 of Garrod & Keating 2025, all U_l the first K coordinates: every factor s S, s = (α√n)^{1/(L+1)}.

    The outputs are α S ⊗ 1ᵀ.
    """
    s, S = (alpha * sqrt(n)) ** Fraction(1, L + 1), simplex_etf(K)
    weights = {f"W_{layer}": padded(s * S, (K if layer == L else d, d)) for layer in range(1, L + 1)}
    return weights | {"H": repeat_columns(padded(s / sqrt(n) * S, (d, K)), (n,) * K)}


def narrow_factors(K: int, L: int, n: int, alpha: Expression, d: int) -> dict[str, Expression]:
    """The same in hidden spaces of d = K − 1 dimensions, where U Uᵀ = S for the last factor and the features."""
    s, U = (alpha * sqrt(n)) ** Fraction(1, L + 1), helmert(K)
    weights = {f"W_{layer}": s * (U if layer == L else identity(d)) for layer in range(1, L + 1)}
    return weights | {"H": repeat_columns(s / sqrt(n) * U.T, (n,) * K)}


def padded(matrix: Expression, shape: tuple[int, int]) -> Expression:
    """The matrix in the upper left corner of a larger one of zeros."""
    rows, columns = matrix.shape
    left = matrix if shape[0] == rows else diagonal([1] * rows, shape[0], rows) @ matrix
    return left if shape[1] == columns else left @ diagonal([1] * columns, columns, shape[1])


def reflection(size: int, seed: int) -> Expression:
    """I − 2vvᵀ/vᵀv for a vector of small integers: a rational orthogonal matrix."""
    v = [(3 * i + seed) % 5 - 2 for i in range(size)]
    v[0] = v[0] or 1
    norm = sum(x * x for x in v)
    return matrix(
        [[Fraction(int(i == j)) - Fraction(2 * x * y, norm) for j, y in enumerate(v)] for i, x in enumerate(v)]
    )


def turned(point: Mapping[str, Expression], K: int, L: int, d: int) -> dict[str, Expression]:
    """The same point with all hidden spaces turned by rational reflections."""
    return along(point, [reflection(d, layer) for layer in range(L)])


def rotation(size: int, i: int, j: int) -> Expression:
    """The identity, but for the coordinate i, which goes to 3/5 of itself and 4/5 of j, and j accordingly."""
    turn = {(i, i): Fraction(3, 5), (j, i): Fraction(4, 5), (i, j): Fraction(-4, 5), (j, j): Fraction(3, 5)}
    return matrix([[turn.get((a, b), Fraction(int(a == b))) for b in range(size)] for a in range(size)])


def along(point: Mapping[str, Expression], frames: Sequence[Expression]) -> dict[str, Expression]:
    """The same point with orthogonal matrices applied to hidden spaces, in the order in which the layers act."""
    L, bases = len(frames), [*frames, identity(point[f"W_{len(frames)}"].shape[0])]
    weights = {f"W_{layer}": bases[layer] @ point[f"W_{layer}"] @ bases[layer - 1].T for layer in range(1, L + 1)}
    return {**weights, "H": bases[0] @ point["H"]}
