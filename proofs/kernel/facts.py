"""Facts that a proof has established, and combinations of them that are facts for that reason.

A fact is a matrix, trace or scalar formula that is zero (or positive, or not negative). Facts of the form "= 0" can be
multiplied and added. A combination only records how: the kernel works out the formula itself, from the steps that it
accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from proofs.kernel.scalars import Rejected
from proofs.kernel.words import Matrix, Trace

ZERO, POSITIVE, NONNEGATIVE = "= 0", "> 0", "≥ 0"

SCALE, TIMES, LEFT, RIGHT, TRANSPOSE, TRACE = "scale", "times", "left", "right", "transpose", "trace"
"""What can be done to an equation: a scalar times it; it (a scalar) times a formula; products; transpose; trace."""


@dataclass(frozen=True, eq=False)
class Part:
    """A fact and what is done to it, in order."""

    fact: Fact
    operations: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, eq=False)
class Combination:
    """A sum of facts "= 0", each multiplied by formulas."""

    parts: tuple[Part, ...]

    def _each(self, operation: str, value: Any = None) -> Combination:
        return Combination(tuple(Part(p.fact, (*p.operations, (operation, value))) for p in self.parts))

    def __add__(self, other: Combination | Fact) -> Combination:
        return Combination(self.parts + combination(other).parts)

    def __neg__(self) -> Combination:
        return -1 * self

    def __sub__(self, other: Combination | Fact) -> Combination:
        return self + (-combination(other))

    def __rmul__(self, factor: Any) -> Combination:
        return self._each(SCALE, factor)

    def __mul__(self, other: Any) -> Combination:
        """A scalar that is zero times any scalar or matrix."""
        return self._each(TIMES, other)

    def __matmul__(self, other: Matrix) -> Combination:
        return self._each(RIGHT, other)

    def __rmatmul__(self, other: Matrix) -> Combination:
        return self._each(LEFT, other)

    @property
    def T(self) -> Combination:
        """The transpose."""
        return self._each(TRANSPOSE)

    @property
    def trace(self) -> Combination:
        """The trace of a matrix that is zero."""
        return self._each(TRACE)


def coefficients(body: Any) -> list[Any]:
    """The scalars in a formula: its coefficients, or itself."""
    if isinstance(body, Matrix):
        return list(body.terms.values())
    return [*body.terms.values(), body.constant] if isinstance(body, Trace) else [sp.sympify(body)]


@dataclass(frozen=True, eq=False)
class Fact:
    """One formula with its sign, as accepted by a rule; ``assumptions`` are the cases that it is confined to."""

    name: str
    body: Any
    sign: str = ZERO
    assumptions: frozenset[Fact] = frozenset()
    layers: tuple[Any, Any] | None = None
    """First and last value of the index m for which it holds, where it has one."""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def _combination(self) -> Combination:
        if self.sign != ZERO:
            raise Rejected(f"{self.name} is an inequality; only equations can be combined")
        return Combination((Part(self),))

    def __add__(self, other: Any) -> Combination:
        return self._combination() + other

    def __sub__(self, other: Any) -> Combination:
        return self._combination() - other

    def __neg__(self) -> Combination:
        return -self._combination()

    def __rmul__(self, factor: Any) -> Combination:
        return factor * self._combination()

    def __mul__(self, other: Any) -> Combination:
        return self._combination() * other

    def __matmul__(self, other: Matrix) -> Combination:
        return self._combination() @ other

    def __rmatmul__(self, other: Matrix) -> Combination:
        return other @ self._combination()

    @property
    def T(self) -> Combination:
        """The transpose."""
        return self._combination().T

    @property
    def trace(self) -> Combination:
        """The trace."""
        return self._combination().trace


def combination(value: Combination | Fact) -> Combination:
    """A fact or a combination as a combination.

    Raises:
        Rejected: for an inequality, or anything else.
    """
    if type(value) is Fact:
        return value._combination()
    if type(value) is not Combination:
        raise Rejected(f"{value!r} is not a combination of facts")
    return value
