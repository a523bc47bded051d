"""Exact rationals from a user's text, and decimals of which every digit is right."""

from __future__ import annotations

import re
from fractions import Fraction
from math import isqrt

MAX_DIGITS = 400
"""Longest numerator or denominator accepted from text; far beyond any decay that a person would write."""

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")


def rational(value: int | str | Fraction, name: str = "value") -> Fraction:
    """Return ``value`` as an exact rational.

    Text may be an integer, a quotient or a decimal with an exponent: ``"1/2000"``, ``"0.0005"`` and ``"5e-4"``
    are the same number.

    Raises:
        TypeError: for a float, which is not the decimal that was typed.
        ValueError: for text that is not a rational, a zero denominator, or more than ``MAX_DIGITS`` digits.

    >>> rational("5e-4") == rational("1/2000") == rational("0.0005")
    True
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        kind = type(value).__name__
        raise TypeError(f'{name} must be an exact rational such as "1/2000", got the {kind} {value!r}')
    if isinstance(value, int):
        return Fraction(value)
    parts = [part.strip() for part in value.split("/")]
    if len(parts) > 2 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise ValueError(f'{name} must be a rational such as 1/2000, 0.0005 or 5e-4, got "{_shorten(value)}"')
    numbers = [_decimal(part, name) for part in parts]
    if len(numbers) == 2 and numbers[1] == 0:
        raise ValueError(f'{name} has a zero denominator: "{_shorten(value)}"')
    return numbers[0] / numbers[1] if len(numbers) == 2 else numbers[0]


def _decimal(text: str, name: str) -> Fraction:
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > MAX_DIGITS or abs(int(exponent or 0)) > MAX_DIGITS:
        raise ValueError(f'{name} has more than {MAX_DIGITS} digits: "{_shorten(text)}"')
    return Fraction(mantissa) * Fraction(10) ** int(exponent or 0)


def _shorten(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else text[:limit] + "…"


def sqrt_bounds(value: Fraction, bits: int = 200) -> tuple[Fraction, Fraction]:
    """Return rationals ``low ≤ √value ≤ high`` with ``high − low ≤ 2^−bits · max(1, √value)``.

    >>> low, high = sqrt_bounds(Fraction(2))
    >>> low**2 < 2 < high**2
    True
    """
    if value < 0:
        raise ValueError(f"a square root needs a non-negative number, got {value}")
    scale = 1 << bits
    root = isqrt(value.numerator * scale * scale * value.denominator)
    exact = root * root == value.numerator * scale * scale * value.denominator
    low = Fraction(root, scale * value.denominator)
    return low, (low if exact else Fraction(root + 1, scale * value.denominator))


def enclosed_decimal(low: Fraction, high: Fraction, digits: int = 30) -> str:
    """Write a number known to lie in ``[low, high]`` with at most ``digits`` digits, each of which is right.

    A digit is printed when the truncations of both ends agree on it, so the number starts with the printed digits.
    Where the ends differ before the decimal point no digit is certain; then it is the integer nearest to the middle.

    >>> enclosed_decimal(Fraction(1, 3), Fraction(1, 3), digits=5)
    '0.33333'
    >>> enclosed_decimal(Fraction(1, 4), Fraction(1, 4))
    '0.25'
    """
    if low == high and 10**digits % low.denominator == 0:
        return _fixed(low.numerator * (10**digits // low.denominator), digits).rstrip("0").rstrip(".") or "0"
    if low == high == 0:
        return "0"
    places = digits + _leading_zeros(max(abs(low), abs(high)))
    while places > 0:
        ends = {_truncate(low, places), _truncate(high, places)}
        if len(ends) == 1 and (low > 0) == (high > 0):
            return _fixed(ends.pop(), places)
        places -= 1
    return str(_truncate(low, 0) if _truncate(low, 0) == _truncate(high, 0) else round((low + high) / 2))


def _leading_zeros(value: Fraction) -> int:
    """About how many zeros follow the decimal point."""
    return max(0, (value.denominator.bit_length() - value.numerator.bit_length()) * 30103 // 100000)


def _truncate(value: Fraction, places: int) -> int:
    scaled = abs(value.numerator) * 10**places // value.denominator
    return scaled if value >= 0 else -scaled


def _fixed(scaled: int, places: int) -> str:
    sign, digits = ("-" if scaled < 0 else ""), str(abs(scaled)).rjust(places + 1, "0")
    return sign + (digits[:-places] + "." + digits[-places:] if places else digits)
