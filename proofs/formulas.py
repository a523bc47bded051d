"""When two formulas are the same: sums of multiples of the same parts, with numbers that are exactly equal."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from proofs.entailment import NotEntailed, sign
from theory.arithmetic.algebraic import AlgebraicNumbers
from theory.arithmetic.interpreters import Balls, Undecidable, precision
from theory.ops import Expression, constant

BITS = 256
"""At which numbers are told from none."""


def same(left: Expression, right: Expression) -> bool:
    """Whether two formulas are the same sum of multiples of the same parts; numbers are multiples of 1.

    >>> from theory.ops import identity, ones, sqrt
    >>> one, J = identity(2), ones(2, 2)
    >>> same(sqrt(8) * one + J @ (2 * J), J @ J + J @ J + 2 * (sqrt(2) * one)), same(one, J)
    (True, False)
    """
    if left is right or left.shape != right.shape:
        return left is right
    a, b, none = summed(left), summed(right), constant(0)
    return all(vanishes(a.get(part, none) - b.get(part, none)) for part in {**a, **b})


def summed(formula: Expression) -> dict[Expression, Expression]:
    """The parts of a formula that are neither sums nor multiples, each with its constant factor."""
    total: dict[Expression, Expression] = {}
    for part, factor in _parts(formula):
        total[part] = total[part] + factor if part in total else factor
    return total


def _parts(formula: Expression) -> list[tuple[Expression, Expression]]:
    """The parts with their factors, one after the other: a sum of many terms is a deep formula."""
    found, rest = [], [(formula, constant(1))]
    while rest:
        part, factor = rest.pop()
        if not part.shape and not part.variables:
            found.append((constant(1), factor * part))
        elif part.op == "add":
            rest += [(arg, factor) for arg in reversed(part.args)]
        elif part.op == "scale" and not part.args[0].variables:
            rest.append((part.args[1], factor * part.args[0]))
        elif part.op == "matmul":
            (left, a), (right, b) = map(_unscaled, part.args)
            found.append((left @ right, factor * a * b))
        else:
            found.append((part, factor))
    return found


def _unscaled(matrix: Expression) -> tuple[Expression, Expression]:
    """A matrix without its constant factor, and the factor."""
    factor = constant(1)
    while matrix.op == "scale" and not matrix.args[0].variables:
        factor, matrix = factor * matrix.args[0], matrix.args[1]
    return matrix, factor


@lru_cache(maxsize=4096)
def vanishes(formula: Expression) -> bool:
    """Whether a constant formula is exactly zero, in every entry; False where that is not decided."""
    if formula.op == "rational":
        return formula.data == 0
    field = AlgebraicNumbers([formula])
    try:
        value = field.evaluate(formula)
        entries = [x for row in value for x in row] if formula.shape else [value]
        return all(field.is_zero(field.number(Fraction(0)) + x) for x in entries)
    except Undecidable:
        return False


def is_defined(number: Expression) -> bool:
    """Whether a constant number is one: it divides by nothing that may be 0, and takes no root of what may be negative.

    >>> from theory.ops import sqrt
    >>> is_defined(sqrt(2) / 3), is_defined(1 / constant(0)), is_defined(sqrt(constant(-1)))
    (True, False, False)
    """
    try:
        with precision(BITS):
            return bool((Balls().number(Fraction(0)) + Balls().evaluate(number)).is_finite())
    except Undecidable:
        return False


def is_positive(number: Expression) -> bool:
    """Whether a constant number is positive; False where that is not decided."""
    field = AlgebraicNumbers([number])
    try:
        return sign(field, field.number(Fraction(0)) + field.evaluate(number)) > 0
    except (NotEntailed, Undecidable):
        return False


def signs(matrix: Expression) -> list[list[int]]:
    """The sign of each entry of a constant matrix.

    >>> from theory.ops import identity, sqrt
    >>> signs(identity(2) - sqrt(2) * identity(2))
    [[-1, 0], [0, -1]]

    Raises:
        NotEntailed: where one is not decided.
    """
    field = AlgebraicNumbers([matrix])
    try:
        return [[sign(field, field.number(Fraction(0)) + x) for x in row] for row in field.evaluate(matrix)]
    except Undecidable as reason:
        raise NotEntailed("a sign could not be decided") from reason
