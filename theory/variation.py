"""Derivatives of the data term along a line in all factors, from its values at whole steps.

Along V_l + t X_l the data term 1/(2N) ‖Z − Y‖² is a polynomial in t: its values at as many steps as the degree asks for
give its derivatives at t = 0 exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce
from operator import add

from theory.model import UnconstrainedFeatures as Model
from theory.ops import Expression, substitute, sum_squares


def data_term(model: Model, factors: Sequence[Expression]) -> Expression:
    """The model's objective without decays, where all of them are 1, at factors H, W_1, …, W_L."""
    point = dict(zip(("H", *(f"W_{layer}" for layer in range(1, model.M + 1))), factors, strict=True))
    return substitute(model.objective, point) - reduce(add, map(sum_squares, factors)) / 2


def derivative(
    model: Model, factors: Sequence[Expression], along: Sequence[Expression], order: int, degree: int
) -> Expression:
    """d/dt or d²/dt² of the data term at t = 0, a polynomial in t of a degree, from its values at whole t.

    >>> from theory.arithmetic.interpreters import Rationals
    >>> from theory.ops import ones
    >>> model, one = Model(class_sizes=(1,), decays=1), ones(1, 1)
    >>> [Rationals().evaluate(derivative(model, [2 * one, one], [one, one], order, 4)) for order in (1, 2)]
    [3, 11]
    """
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
