"""Spaces that variables come from: each is a formula over a free matrix, in which a search and a witness can move.

A claim about a variable of a space is recorded as one about its free matrix. Each space is the closure of the values
at rational free matrices, so that what fails strictly somewhere fails at a rational one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from theory.ops import Expression, ShapeError, relu

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Space:
    """All matrices of a kind and shape: the values of a formula over all matrices X of that shape."""

    kind: str
    shape: tuple[int, int]

    def of(self, free: Expression) -> Expression:
        """The element of the space that belongs to a free matrix."""
        return PARAMETRISATIONS[self.kind](free)


PARAMETRISATIONS: dict[str, Callable[[Expression], Expression]] = {
    "symmetric": lambda X: HALF * (X + X.T),
    "psd": lambda X: X @ X.T,
    "nonnegative": relu,
}


def symmetric(n: int) -> Space:
    """Symmetric n × n matrices, (X + Xᵀ)/2.

    Raises:
        ShapeError: for a size that is not a positive integer.

    >>> symmetric(2).shape
    (2, 2)
    """
    return Space("symmetric", (_size("symmetric(n)", n), n))


def psd(n: int) -> Space:
    """Symmetric positive semidefinite n × n matrices, X Xᵀ.

    Raises:
        ShapeError: for a size that is not a positive integer.

    >>> from theory.ops import variable
    >>> X = variable("X", (2, 2))
    >>> psd(2).of(X) is X @ X.T
    True
    """
    return Space("psd", (_size("psd(n)", n), n))


def nonnegative(m: int, n: int) -> Space:
    """m × n matrices without negative entries, max(X, 0) entrywise.

    Raises:
        ShapeError: for sizes that are not positive integers.

    >>> nonnegative(2, 0)
    Traceback (most recent call last):
    ...
    theory.ops.ShapeError: nonnegative(m, n) needs positive integers, got 0
    """
    return Space("nonnegative", (_size("nonnegative(m, n)", m), _size("nonnegative(m, n)", n)))


def _size(space: str, size: Any) -> int:
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        needed = "positive integers" if "," in space else "a positive integer"
        raise ShapeError(f"{space} needs {needed}, got {size!r}")
    return size
