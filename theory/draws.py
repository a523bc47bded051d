"""Factors and probabilities that are drawn from a seed, for statements about every point."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random

from theory.ops import Expression, matrix


def integer_factors(K: int, n: int, widths: Sequence[int], seed: int) -> tuple[Expression, ...]:
    """H, W_1, …, W_L with entries −2 … 2 that are drawn from a seed; W_l has d_l columns.

    >>> [factor.shape for factor in integer_factors(3, 2, (4, 5), seed=1)]
    [(4, 6), (5, 4), (3, 5)]
    """
    draw, (first, *others) = Random(seed), widths
    shapes = [(first, K * n), *zip((*others, K), widths, strict=True)]
    return tuple(matrix([[Fraction(draw.randint(-2, 2)) for _ in range(c)] for _ in range(r)]) for r, c in shapes)


def probabilities(K: int, samples: int, seed: int) -> Expression:
    """Probabilities (K × samples) that are drawn from a seed, different from sample to sample.

    >>> probabilities(2, 3, seed=1).shape
    (2, 3)
    """
    draw = Random(seed)
    raw = [[draw.randint(1, 7) for _ in range(samples)] for _ in range(K)]
    totals = [sum(row[j] for row in raw) for j in range(samples)]
    return matrix([[Fraction(x, total) for x, total in zip(row, totals, strict=True)] for row in raw])
