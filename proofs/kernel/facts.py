"""Facts that a proof has established, and combinations of them that are facts for that reason.

A fact is a matrix, trace or scalar formula that is zero (or positive, or not negative). Facts of the form "= 0" can be
multiplied and added; the combination remembers which facts it uses. Whether they were accepted is for the proof to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from proofs.kernel.scalars import Rejected
from proofs.kernel.words import Matrix, Trace, trace

ZERO, POSITIVE, NONNEGATIVE = "= 0", "> 0", "≥ 0"


@dataclass(frozen=True, eq=False)
class Combination:
    """A formula that is zero because the facts that it uses are; ``factors`` are all scalars that multiply them.

    The factors are kept because a factor that is undefined, such as 1/β where β = 0, may cancel from the formula.
    """

    body: Any
    uses: tuple[Fact, ...]
    factors: tuple[sp.Expr, ...] = ()

    def __add__(self, other: Combination | Fact) -> Combination:
        right = combination(other)
        return Combination(self.body + right.body, self.uses + right.uses, self.factors + right.factors)

    def __neg__(self) -> Combination:
        return -1 * self

    def __sub__(self, other: Combination | Fact) -> Combination:
        return self + (-combination(other))

    def __rmul__(self, factor: Any) -> Combination:
        scalar = sp.sympify(factor)
        return Combination(scalar * self.body, self.uses, (*self.factors, scalar))

    def __mul__(self, other: Any) -> Combination:
        """A scalar that is zero times any scalar or matrix."""
        if isinstance(self.body, Matrix | Trace):
            raise Rejected("write the scalar on the left")
        return Combination(self.body * other, self.uses, (*self.factors, *coefficients(other)))

    def __matmul__(self, other: Matrix) -> Combination:
        return Combination(self.body @ other, self.uses, (*self.factors, *coefficients(other)))

    def __rmatmul__(self, other: Matrix) -> Combination:
        return Combination(other @ self.body, self.uses, (*self.factors, *coefficients(other)))

    @property
    def T(self) -> Combination:
        """The transpose."""
        return Combination(self.body.T, self.uses, self.factors)

    @property
    def trace(self) -> Combination:
        """The trace of a matrix that is zero."""
        return Combination(trace(self.body), self.uses, self.factors)


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
        return Combination(self.body, (self,))

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
    """A fact or a combination as a combination."""
    return value._combination() if isinstance(value, Fact) else value
