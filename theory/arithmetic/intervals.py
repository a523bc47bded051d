"""Rational intervals: a number known exactly, or enclosed between two rationals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Context
from fractions import Fraction
from math import ceil, floor

from theory.arithmetic.rationals import enclosed_decimal


@dataclass(frozen=True)
class Interval:
    """All real numbers between two rationals; a number known exactly where both are equal.

    Raises:
        ValueError: when ``low > high``.

    >>> third = Interval(Fraction(333, 1000), Fraction(334, 1000))
    >>> (third + third).decimal(), (third * 3).contains(1), (1 / Interval.exact(2)).low, (third / third).contains(1)
    ('0.66', True, Fraction(1, 2), True)
    """

    low: Fraction
    high: Fraction

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"an interval needs low ≤ high, got {float(self.low)} > {float(self.high)}")

    @classmethod
    def exact(cls, value: int | Fraction) -> Interval:
        """The interval that holds one number."""
        return cls(Fraction(value), Fraction(value))

    def __add__(self, other: Interval | int | Fraction) -> Interval:
        right = _interval(other)
        return Interval(self.low + right.low, self.high + right.high)

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __sub__(self, other: Interval | int | Fraction) -> Interval:
        return self + (-_interval(other))

    def __mul__(self, other: Interval | int | Fraction) -> Interval:
        right = _interval(other)
        if self.low >= 0 and right.low >= 0:
            return Interval(self.low * right.low, self.high * right.high)
        ends = [a * b for a in (self.low, self.high) for b in (right.low, right.high)]
        return Interval(min(ends), max(ends))

    def inverse(self) -> Interval:
        """1/x for all x in the interval.

        Raises:
            ZeroDivisionError: when the interval contains 0.
        """
        if self.contains(0):
            raise ZeroDivisionError("the interval contains 0")
        return Interval(1 / self.high, 1 / self.low)

    def __truediv__(self, other: Interval | int | Fraction) -> Interval:
        return self * _interval(other).inverse()

    def __rtruediv__(self, other: int | Fraction) -> Interval:
        return self.inverse() * other

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: int | Fraction) -> Interval:
        return _interval(other) - self

    def __float__(self) -> float:
        return float(self.middle)

    @property
    def middle(self) -> Fraction:
        """The midpoint."""
        return (self.low + self.high) / 2

    @property
    def width(self) -> Fraction:
        """high − low."""
        return self.high - self.low

    @property
    def is_exact(self) -> bool:
        """Whether the number is known exactly."""
        return self.low == self.high

    def contains(self, value: int | Fraction) -> bool:
        """Whether the value lies in the interval."""
        return self.low <= value <= self.high

    def rounded(self, bits: int) -> Interval:
        """A slightly larger interval, with ends of at most about ``bits`` significant bits.

        >>> Interval.exact(Fraction(1, 3)).rounded(4)
        Interval(low=Fraction(5, 16), high=Fraction(11, 32))
        """
        return Interval(_rounded(self.low, bits, floor), _rounded(self.high, bits, ceil))

    def decimal(self, digits: int = 30) -> str:
        """The number with at most ``digits`` digits, each of which is right."""
        # Python refuses to write integers of more than 4300 digits.
        small = max(end.denominator.bit_length() for end in (self.low, self.high)) < 8000
        shown = self if small else self.rounded(4 * digits + 64)
        return enclosed_decimal(shown.low, shown.high, digits)

    def brief(self, digits: int = 6) -> str:
        """The midpoint to a few digits, for people; also beyond the range of floats.

        >>> Interval.exact(Fraction(1, 3)).brief(), Interval.exact(Fraction(1, 10**400)).brief()
        ('0.333333', '1e-400')
        """
        exact = Context(prec=digits + 20, Emin=-(10**9), Emax=10**9)
        quotient = exact.divide(*map(exact.create_decimal, self.middle.as_integer_ratio()))
        rounded = quotient.normalize(Context(prec=digits, Emin=-(10**9), Emax=10**9))
        return f"{rounded:g}".replace("e+", "e") if quotient else "0"


def total(values: Iterable[Interval]) -> Interval:
    """The sum of intervals; 0 for none."""
    items = list(values)
    return Interval(sum((v.low for v in items), Fraction(0)), sum((v.high for v in items), Fraction(0)))


def _interval(value: Interval | int | Fraction) -> Interval:
    return value if isinstance(value, Interval) else Interval.exact(value)


def _rounded(value: Fraction, bits: int, towards: Callable[[Fraction], int]) -> Fraction:
    shift = bits - value.numerator.bit_length() + value.denominator.bit_length()
    return Fraction(towards(value * Fraction(2) ** shift)) / Fraction(2) ** shift
