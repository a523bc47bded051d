"""Eigenvalues of diag(n) − nnᵀ/N that lie strictly between class sizes, enclosed by rationals.

For different sizes n_g with multiplicities m_g these are the roots of the secular function

    f(μ) = Σ_g m_g n_g / (n_g − μ),

one between every two consecutive sizes, where f increases from −∞ to ∞. Floats propose; what encloses a root is one
evaluation of f in integers and the mean value theorem: |f(x)| ≤ δ min f′ on x ± δ puts the root into x ± δ, and then
into x − f(x)/f′(ξ).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from math import ceil, floor
from typing import TYPE_CHECKING

from theory.arithmetic.intervals import Interval

if TYPE_CHECKING:
    import numpy as np

EXACT = 150
"""Up to so many different sizes roots are refined in integers; 1000 sizes would take seconds."""

SLOPE_ERROR = Fraction(1, 10**9)
"""Relative error of f′ in floats: a sum of G positive terms, each good to a few ulps, has less than (G + 10)·2⁻⁵²."""


@dataclass(frozen=True)
class Secular:
    """The secular function of sizes with multiplicities.

    Args:
        sizes: different positive integers below 2⁵³, increasing.
        multiplicities: how many classes have each size.

    >>> f = Secular((2, 6), (1, 1))
    >>> f.root(0), f.root_is(0, Fraction(3))
    (Interval(low=Fraction(3, 1), high=Fraction(3, 1)), True)
    """

    sizes: tuple[int, ...]
    multiplicities: tuple[int, ...]

    def root(self, left: int, digits: int = 30) -> Interval:
        """Enclose the root between ``sizes[left]`` and the next size to a relative width of 10^−digits."""
        origin = self.sizes[left]
        wanted = Fraction(origin, 10**digits)
        low, high, slope = self._isolate(left)
        scale = ceil(digits * 3.33) + 64
        while high - low > wanted:
            middle = Fraction(round((low + high) / 2 * 2**scale), 2**scale)
            step_low, step_high = self._step(left, middle, slope, scale)
            low, high = max(low, middle - step_high), min(high, middle - step_low)
        nearby = ((low + high) / 2).limit_denominator(10 ** max(digits // 3, 1))
        if low <= nearby <= high and self.root_is(left, origin + nearby):
            low = high = nearby
        else:
            low, high = Fraction(floor(low * 2**scale), 2**scale), Fraction(ceil(high * 2**scale), 2**scale)
        return Interval(origin + low, origin + high)

    def roots(self, digits: int = 30) -> list[Interval]:
        """Enclose all roots: to 10^−digits for up to ``EXACT`` sizes, beyond that as floats allow (about 10^−14)."""
        intervals = range(len(self.sizes) - 1)
        if len(self.sizes) <= EXACT:
            return [self.root(left, digits) for left in intervals]
        tau, delta, safe = self._isolate_all()
        return [
            Interval(
                self.sizes[i] + Fraction(tau[i]) - Fraction(delta[i]),
                self.sizes[i] + Fraction(tau[i]) + Fraction(delta[i]),
            )
            if safe[i]
            else self.root(i, 14)
            for i in intervals
        ]

    def root_is(self, left: int, value: Fraction) -> bool:
        """Whether the root between ``sizes[left]`` and the next size is exactly ``value``."""
        if not self.sizes[left] < value < self.sizes[left + 1]:
            return False
        pairs = zip(self.sizes, self.multiplicities, strict=True)
        a, b = value.as_integer_ratio()
        return sum((Fraction(m * n, n * b - a) for n, m in pairs), Fraction(0)) == 0

    def _isolate_all(self) -> tuple[list[float], list[float], list[bool]]:
        """Distances τ of all roots from the sizes to their left, with δ: where safe, the root is within τ ± δ.

        Bisection of all at once, two steps of Newton, then the mean value theorem with the rounding errors of f and f′
        counted: two roundings a term and G − 1 additions.
        """
        import numpy as np

        sizes = np.array(self.sizes)
        weights = (sizes * np.array(self.multiplicities)).astype(float)
        gaps = np.diff(sizes).astype(float)
        offsets = (sizes[None, :] - sizes[:-1, None]).astype(float)
        terms = np.empty_like(offsets)

        def evaluate(tau: np.ndarray) -> np.ndarray:
            np.subtract(offsets, tau[:, None], out=terms)
            np.divide(weights, terms, out=terms)
            return terms.sum(axis=1)

        low, high = np.zeros_like(gaps), gaps.copy()
        for _ in range(20):
            middle = (low + high) / 2
            right = evaluate(middle) < 0
            low, high = np.where(right, middle, low), np.where(right, high, middle)
        tau = (low + high) / 2
        for _ in range(3):
            value = evaluate(tau)
            slope = (terms**2 / weights).sum(axis=1)
            tau = np.clip(tau - value / slope, low, high)
        value = evaluate(tau)
        slope = (terms**2 / weights).sum(axis=1)
        rounding = (len(sizes) + 8) * np.finfo(float).eps * np.abs(terms).sum(axis=1)
        delta = 2.01 * (np.abs(value) + rounding) / slope
        safe = 8 * delta <= np.minimum(tau, gaps - tau)
        return tau.tolist(), delta.tolist(), safe.tolist()

    def _isolate(self, left: int) -> tuple[Fraction, Fraction, tuple[Fraction, Fraction]]:
        """A bracket around the root, so narrow that f′ is known on it to a small factor, with bounds on f′ there."""
        gap = self.sizes[left + 1] - self.sizes[left]
        low, high, x = Fraction(0), Fraction(gap), gap / 2
        for tries in count():
            tau = Fraction(x)
            value_low, value_high = self._value(left, tau, 80 + _leading_zero_bits(tau))
            slope = self._slope(left, x)
            delta = 2 * max(abs(value_low), abs(value_high)) / slope
            room = min(tau, gap - tau)
            if 2**20 * delta <= room or (8 * delta <= room and tries > 60):
                break
            if 8 * delta <= room:
                x -= float(value_low / slope)
                continue
            low, high = (tau, high) if value_high < 0 else (low, tau)
            # Roots crowd at the left size when the sizes differ by orders of magnitude.
            x = float(high) / 1024 if low == 0 and high * 1024 < gap else float((low + high) / 2)
        spread = delta / room
        bounds = slope * (1 - SLOPE_ERROR) / (1 + spread) ** 2, slope * (1 + SLOPE_ERROR) / (1 - spread) ** 2
        return tau - delta, tau + delta, bounds

    def _step(
        self, left: int, tau: Fraction, slope: tuple[Fraction, Fraction], scale: int
    ) -> tuple[Fraction, Fraction]:
        """Bounds on f/f′, for f′ anywhere between its bounds."""
        low, high = self._value(left, tau, scale)
        return low / slope[low > 0], high / slope[high < 0]

    def _value(self, left: int, tau: Fraction, scale: int) -> tuple[Fraction, Fraction]:
        """Bounds on f at sizes[left] + tau: each term is rounded down to a multiple of 2^−scale."""
        a, b = tau.as_integer_ratio()
        origin = self.sizes[left] * b + a
        factor = b << scale
        pairs = zip(self.sizes, self.multiplicities, strict=True)
        floor = sum(m * n * factor // (n * b - origin) for n, m in pairs)
        return Fraction(floor, 1 << scale), Fraction(floor + len(self.sizes), 1 << scale)

    def _slope(self, left: int, tau: float) -> Fraction:
        """f′ = Σ m n/(n − μ)² in floats; offsets from the left size keep the differences accurate."""
        origin = self.sizes[left]
        pairs = zip(self.sizes, self.multiplicities, strict=True)
        return Fraction(sum(m * n / ((n - origin) - tau) ** 2 for n, m in pairs))


def _leading_zero_bits(value: Fraction) -> int:
    return max(0, value.denominator.bit_length() - value.numerator.bit_length())
