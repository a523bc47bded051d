"""The scalar problem of one mode: how far its logit stays below 1 at the optimum.

Along a singular direction of the (centred) labels with squared singular value μ the logit is z = 1 − y. Of all
factorisations of z the cheapest has the regulariser (M+1) μ/(2N) z(1−z) at a stationary point (statement
``dang2023-schatten``), and stationarity is

    (1−z)^(M+1) z^(M−1) = q,    q = N^(M+1) Λ / μ^M.

On z ≥ (M−1)/M, that is y ≤ 1/M, the left side falls from q* = (M−1)^(M−1) / M^(2M) to 0. The largest root lies
there, and is the global minimum, exactly when q ≤ q*; at q = q* zero is as good (M ≥ 2), or the same point (M = 1).
In the letters of Dang et al. 2023: z = x^M/(1+x^M), and q ≤ q* says b/n ≤ T_M (``dang2023-scalar``).
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, exp, floor, log, log1p

from theory.arithmetic.intervals import Interval
from theory.arithmetic.rationals import sqrt_bounds


def critical_load(M: int) -> Fraction:
    """q* = (M−1)^(M−1) / M^(2M): a mode is zero at the optimum when its q is larger (Dang et al. 2023, §2.5).

    >>> critical_load(1), critical_load(2), critical_load(3)
    (Fraction(1, 1), Fraction(1, 16), Fraction(4, 729))
    """
    return Fraction((M - 1) ** (M - 1), M ** (2 * M))


def deficit(M: int, q: Fraction, digits: int = 30) -> Interval:
    """Enclose y = 1 − z for the largest root z of (1−z)^(M+1) z^(M−1) = q, for 0 < q ≤ q*.

    The relative width is below 10^−digits; rational roots with small denominators are exact. Both ends come from
    integer sign tests; floats only propose where to look.

    Raises:
        ValueError: when q is not in (0, q*].

    >>> deficit(1, Fraction(1, 4)), deficit(3, critical_load(3)).low
    (Interval(low=Fraction(1, 2), high=Fraction(1, 2)), Fraction(1, 3))
    >>> deficit(2, Fraction(1, 20)).decimal(12)
    '0.449511183742'
    """
    if not 0 < q <= critical_load(M):
        raise ValueError(f"q must be in (0, q*] with q* = {critical_load(M)}, got {Interval.exact(q).brief()}")
    bits = ceil(digits * log(10) / log(2)) + 8
    if M == 1:
        return _square_root(q, bits)
    if q == critical_load(M):
        return Interval.exact(Fraction(1, M))
    exponent = _log_deficit(M, q) / log(2)
    shift = bits - floor(exponent)
    guess = int(2 ** (exponent - floor(exponent)) * 2**50) << max(bits - 50, 0) >> max(50 - bits, 0)
    around = _enclose(M, q, guess, shift)
    found = Interval(around.low, min(around.high, Fraction(1, M)))
    nearby = found.middle.limit_denominator(10 ** max(digits // 3, 1))
    if found.contains(nearby) and nearby ** (M + 1) * (1 - nearby) ** (M - 1) == q:
        return Interval.exact(nearby)
    return found


def _square_root(q: Fraction, bits: int) -> Interval:
    size = max(0, q.denominator.bit_length() - q.numerator.bit_length())
    low, high = sqrt_bounds(q, bits + size)
    return Interval(low, high)


def _log_deficit(M: int, q: Fraction) -> float:
    """Solve (M+1) t + (M−1) log(1 − eᵗ) = log q for t = log y: a contraction by at most 1/(M+1) on y ≤ 1/M."""
    target = log(q.numerator) - log(q.denominator)
    t = min(target / (M + 1), -log(M))
    for _ in range(60):
        previous, t = t, min((target - (M - 1) * log1p(-exp(t))) / (M + 1), -log(M))
        if abs(t - previous) <= 1e-16 * abs(t):
            break
    return t


def _enclose(M: int, q: Fraction, guess: int, shift: int) -> Interval:
    """Integers a, a+1 with y in [a, a+1]/2^shift, found by Newton's method and settled by exact signs."""
    one, top = 1 << shift, -(-(1 << shift) // M)
    target = q.numerator << (2 * M * shift)

    def excess(a: int) -> int:
        return a ** (M + 1) * (one - a) ** (M - 1) * q.denominator - target

    a = min(max(guess, 1), top)
    for _ in range(12):
        slope = a**M * (one - a) ** (M - 2) * ((M + 1) * (one - a) - (M - 1) * a) * q.denominator
        step = -excess(a) // slope
        a = min(max(a + step, 1), top)
        if abs(step) <= 1:
            break
    low, high, width = a, a + 1, 1
    while low > 0 and excess(low) > 0:
        low, high, width = max(low - width, 0), low, 2 * width
    while high < top and excess(high) < 0:
        low, high, width = high, min(high + width, top), 2 * width
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if excess(middle) <= 0 else (low, middle)
    return Interval(Fraction(low, one), Fraction(high, one))
