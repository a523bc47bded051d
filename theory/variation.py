"""Derivatives of the data term along a line in all factors, from its values at whole steps.

Along V_l + t X_l the data term 1/(2N) ‖Z − Y‖² is a polynomial in t: its values at as many steps as the degree asks for
give its derivatives at t = 0 exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from operator import add
from random import Random

from theory.model import UnconstrainedFeatures as Model
from theory.ops import Expression, matrix, substitute, sum_squares


def integer_factors(K: int, n: int, widths: Sequence[int], seed: int) -> tuple[Expression, ...]:
    """H, W_1, …, W_L with entries −2 … 2 that are drawn from a seed; W_l has d_l columns.

    >>> [factor.shape for factor in integer_factors(3, 2, (4, 5), seed=1)]
    [(4, 6), (5, 4), (3, 5)]
    """
    draw, (first, *others) = Random(seed), widths
    shapes = [(first, K * n), *zip((*others, K), widths, strict=True)]
    return tuple(matrix([[Fraction(draw.randint(-2, 2)) for _ in range(c)] for _ in range(r)]) for r, c in shapes)


def data_term(model: Model, factors: Sequence[Expression]) -> Expression:
    """The model's objective, all decays 1, without them."""
    point = dict(zip(("H", *(f"W_{layer}" for layer in range(1, model.M + 1))), factors, strict=True))
    return substitute(model.objective, point) - reduce(add, map(sum_squares, factors)) / 2


def derivative(
    model: Model, factors: Sequence[Expression], along: Sequence[Expression], order: int, degree: int
) -> Expression:
    """d/dt or d²/dt² of the data term at t = 0, a polynomial in t of a degree, from its values at whole t."""
    values = [
        weight * data_term(model, [V + t * X for V, X in zip(factors, along, strict=True)])
        for t, weight in stencil(degree, order)
    ]
    return reduce(add, values)


def stencil(degree: int, order: int) -> list[tuple[int, Fraction]]:
    """Steps t and weights w with Σ w p(t) = p^(order)(0) for every polynomial p of at most a degree, order ≤ 2.

    >>> stencil(2, 2)
    [(-1, Fraction(1, 1)), (0, Fraction(-2, 1)), (1, Fraction(1, 1))]
    """
    reach = (degree + 1) // 2
    steps = range(-reach, reach + 1)
    found = []
    for t in steps:
        product = [Fraction(1)]  # ∏ (x − s)/(t − s), constant term first
        for s in steps:
            if s != t:
                longer = [Fraction(0), *product]
                for i, c in enumerate(product):
                    longer[i] -= s * c
                product = [c / (t - s) for c in longer]
        found.append((t, product[order] * (2 if order == 2 else 1)))
    return found
