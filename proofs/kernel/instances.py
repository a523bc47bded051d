"""Instances of a setting: values in balls for all its symbols and letters, on which every formula is evaluated.

A formula that fails on one instance is rejected; passing on all of them accepts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from math import prod
from types import MappingProxyType
from typing import Any

import sympy as sp

from proofs.kernel.scalars import Rejected
from proofs.kernel.words import Letter, Matrix, Trace

BITS = 256
"""Precision of the balls."""

WIDEST = Fraction(1, 2**64)
"""A residual must be enclosed at least this tightly before "contains zero" says anything."""


@dataclass(frozen=True)
class Instance:
    """Values for one instance: scalars by symbol, indexed constants and letters by name, dimensions by space."""

    scalars: Mapping[sp.Expr, Any]
    constants: Mapping[str, Callable[[int], Any]] = field(default_factory=dict)
    letters: Mapping[str, Callable[[int | None], Any]] = field(default_factory=dict)
    spaces: Callable[[sp.Expr], int] = lambda space: 0

    def __post_init__(self) -> None:
        for name in ("scalars", "constants", "letters"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def scalar(self, expression: Any) -> Any:
        """A scalar in a ball."""
        from flint import arb, fmpq

        node = sp.sympify(expression)
        if node.is_Rational:
            return arb(fmpq(int(node.p), int(node.q)))
        if node in self.scalars:
            return arb(self.scalars[node])
        if isinstance(node, sp.core.function.AppliedUndef):
            return self.constants[node.func.__name__](self.integer(node.args[0]))
        if node.is_Add:
            return sum((self.scalar(arg) for arg in node.args), arb(0))
        if node.is_Mul:
            product = arb(1)
            for arg in node.args:
                product *= self.scalar(arg)
            return product
        if node.is_Pow:
            return self._power(self.scalar(node.base), node.exp)
        raise Rejected(f"no value for {node}")

    def _power(self, base: Any, exponent: sp.Expr) -> Any:
        from flint import fmpq

        value = self.rational(exponent)
        return base ** fmpq(value.numerator, value.denominator)

    def rational(self, expression: sp.Expr) -> Fraction:
        """An index or exponent: a rational function of the integers M, m and N."""
        if expression.is_Rational:
            return Fraction(int(expression.p), int(expression.q))
        if expression in self.scalars and isinstance(self.scalars[expression], int):
            return Fraction(self.scalars[expression])
        if expression.is_Pow and expression.exp.is_Integer:
            return self.rational(expression.base) ** int(expression.exp)
        parts = [self.rational(arg) for arg in expression.args]
        if expression.is_Add:
            return sum(parts, Fraction(0))
        if expression.is_Mul:
            return prod(parts, start=Fraction(1))
        raise Rejected(f"{expression} is not an index or an exponent")

    def integer(self, index: Any) -> int:
        """The value of an index."""
        value = self.rational(sp.sympify(index))
        if value.denominator != 1:
            raise Rejected(f"{index} is not an integer")
        return int(value)

    def letter(self, letter: Letter) -> Any:
        """The value of a letter."""
        from flint import arb_mat

        if letter.name == "I":
            return _identity(self.spaces(letter.rows))
        value = self.letters[letter.name](None if letter.index is None else self.integer(letter.index))
        exponent = self.integer(letter.power)
        if exponent < 0:
            raise Rejected(f"a negative power of {letter.name}")
        result: Any = value if exponent else _identity(value.nrows())
        for _ in range(exponent - 1):
            result = result * value
        return arb_mat(result).transpose() if letter.turned else result

    def matrix(self, polynomial: Matrix) -> Any:
        """The value of a polynomial in letters."""
        from flint import arb_mat

        total = arb_mat(self.spaces(polynomial.rows), self.spaces(polynomial.columns))
        for word, c in polynomial.terms.items():
            product = _identity(self.spaces(polynomial.rows))
            for letter in word:
                product = product * self.letter(letter)
            total = total + product * self.scalar(c)
        return total

    def trace(self, value: Trace) -> Any:
        """The value of a sum of traces."""
        total = self.scalar(value.constant)
        for word, c in value.terms.items():
            product = reduce(lambda left, right: left * right, map(self.letter, word))
            total += self.scalar(c) * sum((product[i, i] for i in range(product.nrows())), self.scalar(0))
        return total


def _identity(size: int) -> Any:
    from flint import arb_mat

    return arb_mat(size, size, [int(i == j) for i in range(size) for j in range(size)])


def vanishes(ball: Any) -> bool:
    """Whether a ball contains 0 and is narrow; a wide one decides nothing.

    Raises:
        Rejected: for a ball that is too wide to tell.
    """
    if ball.contains(0) and not ball.rad() < float(WIDEST):
        raise Rejected("an instance could not be evaluated to enough digits")
    return bool(ball.contains(0))
