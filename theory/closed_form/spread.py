"""A lower bound on the minimum with ReLU layers, from what the last of them must spread: all classes.

Let B be the class means before the last ReLU and A = σ(B) those behind it, with singular values s_1 ≥ … ≥ s_K.

Lemma. For any real matrix B, ‖B‖_* ≥ N(s) = Σ_i s_i²/(2 s_1) · (3 − s_i²/s_1²); this is K s where all s_i are s.
Proof. Y = A (3 I − AᵀA/s_1²)/(2 s_1) has the singular values u_i (3 − u_i²)/2 with u_i = s_i/s_1 ≤ 1, all of them in
[0, 1], so that ‖B‖_* ≥ ⟨B, Y⟩. Where A > 0, B is A. Where A is 0, B ≤ 0, and Y ≤ 0 since AᵀA has no negative entry. So
⟨B, Y⟩ ≥ ⟨A, Y⟩ = N(s).  ∎

Since B = W_{M−1} σ(⋯), ‖B‖_* is at most the product of the norms of all factors below W_M. As in ``norm_chain``, min
over W_M of fit and decay is Σ_i λ_M/(2 (s_i² + K λ_M)), and M factors of a given product cost at least a geometric
mean. In units of √(K λ_M), with z = s_1², y_i = s_i²/s_1² and μ = N Λ, every point has an objective of at least

    1/(2K) · Σ_i 1/(1 + z y_i) + M/2 · (μ z)^{1/M} · (Σ_i q(y_i))^{2/M},   q(y) = y (3 − y)/2,   y_1 = 1.

The minimum is attained with y_2 = … = y_K: as a function of q, 1/(1 + z y) is convex up to y = t = max(0, 1 − 1/(2z)),
and beyond at least its chord from t to 1 (which is tangent at t, or starts at 0). While S = Σ q_i, i ≥ 2, is below
(K − 1) q(t), the first sum is least at equal q_i. Above, it is at least linear in S, and the other term is concave in
S, so that an end is best: all t, or all 1. What is left is a function of z and y = y_2. Rectangles are bounded by their
corners, as the first term falls and the second rises in both, or by the value at the centre and the slopes, and then
bisected.
"""

from __future__ import annotations

from fractions import Fraction
from heapq import heappop, heappush
from math import floor

from theory.arithmetic.intervals import Interval
from theory.model import UnconstrainedFeatures

HALF = Fraction(1, 2)

PRECISE = Fraction(1, 1000)
"""How far, relative to it, the bound may stay below what the lemma gives."""

MOST_BOXES = 3_000
"""Rectangles that are split at most: a thousand are enough for ten classes, and fewer leave a lower bound."""

BITS = 30
"""Of the rationals that are used."""


def spread_bound(model: UnconstrainedFeatures, enough: Fraction | None = None) -> Fraction:
    """A rational that the objective of a balanced model without a bias is nowhere below, for two layers or more.

    Args:
        enough: a number; the search ends where the bound is above it, or cannot be.

    Raises:
        ValueError: for classes of different sizes, a bias, or one layer.

    >>> from theory.closed_form.optimum import optimum
    >>> from theory.closed_form.relu import norm_chain
    >>> model = UnconstrainedFeatures(class_sizes=(1, 1, 1), depth=2, decays="1/50", activation="relu")
    >>> linear = model.with_(activation="linear")  # whose optimum is collapse
    >>> bounds = norm_chain(model).low, spread_bound(model), optimum(linear).objective.low
    >>> [float(round(bound, 4)) for bound in bounds]
    [0.0615, 0.0856, 0.0882]
    """
    if model.has_bias or not model.balanced or model.M < 2:
        raise ValueError("the bound by spread is for two layers or more, classes of equal size and no bias")
    return _Boxes(model.K, model.M, model.N * model.Lambda).bound(enough)


class _Boxes:
    """The function above over rectangles of z and y, of which the one with the least lower bound is split."""

    def __init__(self, K: int, M: int, mu: Fraction) -> None:
        self.K, self.M, self.mu = K, M, mu
        self.best = HALF
        """The least value seen, which the bound cannot exceed."""

    def bound(self, enough: Fraction | None = None) -> Fraction:
        """At z = 0 the objective is ½, and not below ½ up to z^{M−1} = M^M K² μ nor from z = 1/(M^M μ) on."""
        low = root_below(self.M**self.M * self.K**2 * self.mu, self.M - 1)
        high = 1 / (self.M**self.M * self.mu)
        if not 0 < low < high:
            return HALF if low else Fraction(0)
        boxes = [self._box(low, high, Fraction(0), Fraction(1))]
        for _ in range(MOST_BOXES):
            least, *box = boxes[0]
            if least >= min(HALF, (1 - PRECISE) * self.best):
                break
            if enough is not None and not least <= enough < self.best:
                break
            heappop(boxes)
            for part in _halves(*box):
                heappush(boxes, self._box(*part))
        return min(HALF, boxes[0][0])

    def _box(self, *sides: Fraction) -> tuple[Fraction, ...]:
        """A lower bound on a rectangle, the better one of two, and its sides."""
        z_0, z_1, y_0, y_1 = sides
        z, y = _middle(z_0, z_1), (y_0 + y_1) / 2
        centre = self._falling(z, y) + self._rising(z, y).low
        self.best = min(self.best, self._falling(z, y) + self._rising(z, y).high)
        along_z, along_y = self._slopes(Interval(z_0, z_1), Interval(y_0, y_1))
        ratio = max(z_1 / z, z / z_0) - 1  # at least the logarithm of the ratio
        by_slopes = centre - _size(along_z) * ratio - _size(along_y) * (y_1 - y_0) / 2
        by_corners = self._falling(z_1, y_1) + self._rising(z_0, y_0).low
        return (_down(max(by_slopes, by_corners, Fraction(0))), *sides)

    def _falling(self, z: Fraction, y: Fraction) -> Fraction:
        return (1 / (1 + z) + (self.K - 1) / (1 + z * y)) / (2 * self.K)

    def _rising(self, z: Fraction, y: Fraction) -> Interval:
        x = self.mu * z * (1 + (self.K - 1) * y * (3 - y) / 2) ** 2
        return Interval(root_below(x, self.M), 1 / root_below(1 / x, self.M)) * Fraction(self.M, 2)

    def _slopes(self, z: Interval, y: Interval) -> tuple[Interval, Interval]:
        """The derivatives by log z and by y over a rectangle."""
        K, M = self.K, self.M
        rising = Interval(self._rising(z.low, y.low).low, self._rising(z.high, y.high).high)
        u, w = (z + 1).inverse(), (z * y + 1).inverse()
        spread = Interval(*(1 + (K - 1) * x * (3 - x) / 2 for x in (y.low, y.high)))
        along_z = rising * Fraction(1, M) - (u * (1 - u) + w * (1 - w) * (K - 1)) * Fraction(1, 2 * K)
        along_y = rising * Fraction(2 * (K - 1), M) * (Fraction(3, 2) - y) * spread.inverse()
        return along_z.rounded(BITS), (along_y - z * w * w * Fraction(K - 1, 2 * K)).rounded(BITS)


def _size(x: Interval) -> Fraction:
    return max(abs(x.low), abs(x.high))


def _middle(low: Fraction, high: Fraction) -> Fraction:
    """About the geometric mean."""
    middle = _down(low * root_below(high / low, 2))
    return middle if low < middle < high else (low + high) / 2


def _halves(z_0: Fraction, z_1: Fraction, y_0: Fraction, y_1: Fraction) -> list[tuple[Fraction, ...]]:
    """The rectangle split where it is longer: z in ratio, y in length."""
    if z_1 / z_0 - 1 > y_1 - y_0:
        z = _middle(z_0, z_1)
        return [(z_0, z, y_0, y_1), (z, z_1, y_0, y_1)]
    y = (y_0 + y_1) / 2
    return [(z_0, z_1, y_0, y), (z_0, z_1, y, y_1)]


def root_below(x: Fraction, n: int) -> Fraction:
    """A rational of few digits that is at most the n-th root of x ≥ 0 and close to it; 0 beyond the range of floats.

    >>> root_below(Fraction(2), 2) ** 2 <= 2, float(root_below(Fraction(27), 3))
    (True, 3.0)
    """
    try:
        guess = Fraction(float(x) ** (1 / n))
    except OverflowError:
        return Fraction(0)
    found = _down(guess)
    while found**n > x:
        found = _down(found * (1 - Fraction(1, 2**BITS)))
    return found


def _down(x: Fraction) -> Fraction:
    """The number rounded down to about ``BITS`` bits."""
    shift = BITS - x.numerator.bit_length() + x.denominator.bit_length()
    scale = Fraction(2) ** shift
    return floor(x * scale) / scale
